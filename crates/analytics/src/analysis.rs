//! What an analysis gives: tables of figures, findings in words, and where each of them comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use retail_domain::Freshness;
use serde::Serialize;
use serde_json::Value;

use crate::calendar::Period;
use crate::metric::{Metric, Unit};

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableColumn {
    /// Name, such as `net_sales`.
    pub name: String,
    /// Unit of its figures. None for names and dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

impl TableColumn {
    /// A column of names or dates.
    pub fn name(name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: None }
    }

    /// A column of figures.
    pub fn figure(name: impl Into<String>, unit: Unit) -> Self {
        Self { name: name.into(), unit: Some(unit) }
    }
}

/// Figures in rows. Amounts and rates are texts with all their decimals, counts are numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Table {
    /// What it is about, such as `drivers`.
    pub name: &'static str,
    /// The columns.
    pub columns: Vec<TableColumn>,
    /// The rows, each with as many values as there are columns.
    pub rows: Vec<Vec<Value>>,
    /// The same columns over all rows, those left out too. The first value is `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Vec<Value>>,
    /// Whether there are more rows than these.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// What one row is: a point in time, or a thing.
    #[serde(skip)]
    pub is_series: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Table {
    /// A table without a total.
    pub fn new(name: &'static str, columns: Vec<TableColumn>, rows: Vec<Vec<Value>>) -> Self {
        Self { name, columns, rows, total: None, truncated: false, is_series: false }
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// One statement that was run for an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementRun {
    /// What it gave, such as `sales by product in both periods`.
    pub purpose: &'static str,
    /// Fingerprint: the same for the same statement with other literals.
    pub fingerprint: String,
    /// Full names of the tables that it reads.
    pub tables: Vec<String>,
    /// The statement itself.
    pub sql: String,
}

/// Where the figures come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provenance {
    /// The metrics, as `name@version`.
    pub metrics: BTreeSet<String>,
    /// The statements, in the order in which they ran.
    pub statements: Vec<StatementRun>,
    /// Lines of orders, orders or products in stores that the figures are made of.
    pub rows_behind: u64,
    /// The figures are as of this time: that of the oldest statement.
    pub as_of: Option<DateTime<Utc>>,
    /// Whether all, or a part of it, came from a cache, and how old it is at most.
    pub freshness: Freshness,
    /// Time that the statements took together.
    pub elapsed: Duration,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// What it is, in a line.
    pub title: String,
    /// The period that it is about.
    pub period: Option<Period>,
    /// The period that it is compared with.
    pub compared_with: Option<Period>,
    /// The main table.
    pub table: Table,
    /// Further tables.
    pub more: Vec<Table>,
    /// What stands out, in sentences. Names in them are data.
    pub findings: Vec<String>,
    /// How the question was read, and what to know before drawing conclusions.
    pub notes: Vec<String>,
    /// Where the figures come from.
    pub provenance: Provenance,
}

impl Analysis {
    /// An analysis with one table.
    pub fn new(title: impl Into<String>, table: Table) -> Self {
        Self {
            title: title.into(),
            period: None,
            compared_with: None,
            table,
            more: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            provenance: Provenance::default(),
        }
    }

    /// Rows in all tables.
    pub fn row_count(&self) -> usize {
        self.table.rows.len() + self.more.iter().map(|table| table.rows.len()).sum::<usize>()
    }

    /// Names a metric, with its version.
    pub(crate) fn uses(&mut self, metric: &Metric) {
        self.provenance.metrics.insert(format!("{}@{}", metric.name, metric.version));
    }

    /// Names a metric, with its version and what to know about it.
    pub(crate) fn is_about(&mut self, metric: &Metric) {
        self.uses(metric);
        for caveat in metric.caveats {
            self.note(*caveat);
        }
    }

    /// Adds a note, once.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
