//! Runs the statements of analyses, as the caller.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use retail_domain::ports::{Clock, QueryRunner, SystemClock};
use retail_domain::{
    Error, ErrorCode, JsonRow, Principal, QueryLimits, Scope, SqlText, Visibility,
};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::analysis::{Provenance, StatementRun};
use crate::calendar::{CompanyCalendar, Period, PeriodError};
use crate::figure::{self, Sums};
use crate::literal;
use crate::metric::{Formula, Metric};
use crate::names::Names;
use crate::statement::{Ask, Filter, Statement};

/// Answers questions about the business. Each of its statements goes through the [`QueryRunner`], as if the caller had
/// written it: nothing is read that the caller could not read.
#[derive(Clone)]
pub struct Analyst {
    runner: Arc<dyn QueryRunner>,
    clock: Arc<dyn Clock>,
    calendar: CompanyCalendar,
    limits: QueryLimits,
}

impl fmt::Debug for Analyst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyst").field("calendar", &self.calendar).finish_non_exhaustive()
    }
}

impl Analyst {
    /// An analyst with the computer's clock and the default limits.
    pub fn new(runner: Arc<dyn QueryRunner>, calendar: CompanyCalendar) -> Self {
        Self { runner, clock: Arc::new(SystemClock), calendar, limits: QueryLimits::default() }
    }

    /// With another clock, which says what "last month" is.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other limits for each statement.
    #[must_use]
    pub fn with_limits(mut self, limits: QueryLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The company's calendar.
    pub fn calendar(&self) -> CompanyCalendar {
        self.calendar
    }

    /// Today, where the company is.
    pub fn today(&self) -> NaiveDate {
        self.calendar.today(self.clock.now())
    }

    /// What a phrase such as `last quarter` means today.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] with what it may have meant.
    pub fn period(&self, phrase: &str) -> Result<Period, Error> {
        let resolved = self.calendar.resolve(phrase, self.today());
        // Of days from 'start_date' or 'days', too, so the text names no argument.
        resolved.map_err(|error| unusable("period", error.to_string(), &error))
    }

    /// The period that `period` is to be compared with.
    ///
    /// # Errors
    /// As [`Self::period`].
    pub fn compared(&self, period: &Period, phrase: &str) -> Result<Period, Error> {
        let compared = self.calendar.compare(period, phrase, self.today());
        compared.map_err(|error| unusable("compare_to", error.about("compare_to"), &error))
    }

    /// Runs a statement and reads its groups.
    pub(crate) async fn groups(
        &self,
        principal: &Principal,
        purpose: &'static str,
        ask: &Ask<'_>,
        provenance: &mut Provenance,
    ) -> Result<Groups, Error> {
        let statement = ask.compile(self.calendar)?;
        let rows = self.rows(principal, purpose, &statement.sql, provenance).await?;
        let groups = Groups::read(&statement, rows, ask.limit)?;
        provenance.rows_behind += groups.rows_behind;
        Ok(groups)
    }

    /// Runs a statement.
    pub(crate) async fn rows(
        &self,
        principal: &Principal,
        purpose: &'static str,
        sql: &SqlText,
        provenance: &mut Provenance,
    ) -> Result<Vec<JsonRow>, Error> {
        let answer = self.runner.run(principal, sql, &self.limits).await?;
        if answer.truncation.is_some() {
            let message = "the answer would have more rows than a statement may give";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("ask for a shorter period, a coarser 'by', or one category"));
        }
        provenance.elapsed += answer.elapsed;
        provenance.as_of =
            Some(provenance.as_of.map_or(answer.as_of, |as_of| as_of.min(answer.as_of)));
        let freshness = &mut provenance.freshness;
        freshness.cached |= answer.freshness.cached;
        freshness.stale |= answer.freshness.stale;
        freshness.age = freshness.age.max(answer.freshness.age);
        provenance.statements.push(StatementRun {
            purpose,
            fingerprint: answer.statement.fingerprint,
            tables: answer.statement.tables,
            sql: sql.as_str().to_owned(),
        });
        answer.rows.to_vec()
    }

    /// The names that a filter asks for, as they stand in the data.
    pub(crate) async fn filter(
        &self,
        principal: &Principal,
        asked: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Filter, Error> {
        if *asked == Filter::default() {
            return Ok(Filter::default());
        }
        let names = self.names_into(principal, provenance).await?;
        let mut filter = names.filter(asked, principal.visibility())?;
        if let Some(sku) = &asked.sku {
            filter.sku = Some(self.sku(principal, sku, provenance).await?);
        }
        Ok(filter)
    }

    /// A product's SKU as it stands in the data.
    async fn sku(
        &self,
        principal: &Principal,
        asked: &str,
        provenance: &mut Provenance,
    ) -> Result<String, Error> {
        let sql = SqlText::new(&format!(
            "SELECT p.sku FROM retail.products p WHERE upper(p.sku) = upper({}) ORDER BY 1 LIMIT 1",
            literal::text(asked.trim())
        ))?;
        let before = provenance.statements.len();
        let rows = self.rows(principal, "the product", &sql, provenance).await?;
        provenance.statements.truncate(before);
        let found = rows.first().and_then(|row| row.first()).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "'sku' is no product's")
                .with_hint("find the product with hybrid_product_search, which gives SKUs")
        })
    }

    /// The names that the caller may use in filters: stores, categories, product types.
    ///
    /// # Errors
    /// Those of [`QueryRunner::run`].
    pub async fn names(&self, principal: &Principal) -> Result<Names, Error> {
        self.names_into(principal, &mut Provenance::default()).await
    }

    async fn names_into(
        &self,
        principal: &Principal,
        provenance: &mut Provenance,
    ) -> Result<Names, Error> {
        let sql = SqlText::new(Names::SQL)?;
        let before = provenance.statements.len();
        let rows = self.rows(principal, "names", &sql, provenance).await?;
        // What it is called is no figure.
        provenance.statements.truncate(before);
        Names::read(rows)
    }
}

/// Refuses a metric that the caller may not see.
pub(crate) fn check_scope(metric: &Metric, principal: &Principal) -> Result<(), Error> {
    match metric.scope {
        Some(scope) if !principal.has_scope(scope) => {
            let message = format!("'{}' needs the right {scope}", metric.name);
            let hint = match scope {
                Scope::Costs => "costs and margins are shown to those alone who hold it",
                _ => "ask for a token with it",
            };
            Err(Error::new(ErrorCode::Forbidden, message).with_hint(hint))
        }
        _ => Ok(()),
    }
}

/// Refuses what only head office has.
pub(crate) fn sees_all(principal: &Principal) -> bool {
    matches!(principal.visibility(), Visibility::AllStores)
}

fn unusable(argument: &'static str, text: String, error: &PeriodError) -> Error {
    let refused = Error::new(ErrorCode::InvalidArgument, text).with_hint(
        "say a period such as 'last month', '2026-Q3', 'season to date' or '2026-07-01..2026-09-30'",
    );
    match error {
        PeriodError::Ambiguous { choices, .. } => refused
            .with_choices(argument, choices.iter().map(|choice| choice.label.clone()).collect()),
        _ => refused,
    }
}

/// One group of a statement: its name, and its sums in one period or two.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) key: Vec<Value>,
    pub(crate) now: Sums,
    pub(crate) before: Sums,
}

/// The groups of a statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    pub(crate) list: Vec<Group>,
    /// All groups together, those left out too.
    pub(crate) total: Option<Group>,
    /// Whether groups were left out.
    pub(crate) truncated: bool,
    rows_behind: u64,
}

impl Groups {
    fn read(statement: &Statement, rows: Vec<JsonRow>, limit: u32) -> Result<Self, Error> {
        let mut found = Self::default();
        for row in rows {
            let mut values = row.into_iter();
            let is_total = statement.has_total
                && values.next().as_ref().and_then(Value::as_i64).unwrap_or(0) != 0;
            let key: Vec<Value> = values.by_ref().take(statement.keys.len()).collect();
            let mut sums = || -> Result<Sums, Error> {
                statement
                    .measures
                    .iter()
                    .map(|measure| {
                        let value = values.next().unwrap_or(Value::Null);
                        Ok((*measure, figure::decimal(&value)?.unwrap_or_default()))
                    })
                    .collect()
            };
            let now = sums()?;
            let before = if statement.has_before { sums()? } else { Sums::new() };
            let lines = match values.next() {
                Some(value) if statement.counts_rows => figure::decimal(&value)?,
                _ => None,
            };
            let lines = lines.and_then(|lines: Decimal| u64::try_from(lines).ok()).unwrap_or(0);
            let group = Group { key, now, before };
            if is_total {
                found.rows_behind = lines;
                found.total = Some(group);
            } else {
                if !statement.has_total {
                    found.rows_behind += lines;
                }
                found.list.push(group);
            }
        }
        if found.list.len() > limit as usize {
            found.list.truncate(limit as usize);
            found.truncated = true;
        }
        if statement.keys.is_empty() {
            found.total = found.list.first().cloned();
        }
        Ok(found)
    }

    /// Puts the groups with the most first, and keeps so many.
    pub(crate) fn sort_by_most(&mut self, most: Formula, limit: u32) {
        // The order of equal ones stays, which is that of their names.
        self.list.sort_by_key(|group| std::cmp::Reverse(figure::value(most, &group.now)));
        if self.list.len() > limit as usize {
            self.list.truncate(limit as usize);
            self.truncated = true;
        }
    }
}
