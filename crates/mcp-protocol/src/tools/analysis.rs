//! What the analytics tools share: their arguments and the two forms of their answers.

mod period;
mod sealed;

use std::borrow::Cow;
use std::sync::Arc;

use retail_analytics::calendar::Period;
use retail_analytics::{Analysis, Analyst, Filter, Table};
use retail_domain::ports::ReceiptSeal;
use retail_domain::{Error, Principal, StatementSummary};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Answered;
use super::receipt::Receipt;

pub(crate) use period::{Asked, PeriodArguments};
pub(crate) use sealed::SealedQuestion;
pub use sealed::{AnswerReceipt, Drift};

/// What all analytics tools are made of.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) analyst: Analyst,
    pub(crate) seal: Option<Arc<dyn ReceiptSeal>>,
}

/// A period as it was read.
#[derive(Debug, Serialize)]
struct PeriodAnswer {
    label: String,
    from: String,
    to: String,
}

impl PeriodAnswer {
    fn new(period: &Period) -> Self {
        Self {
            label: period.label.clone(),
            from: period.range.first().to_string(),
            to: period.range.last().to_string(),
        }
    }
}

/// Where the figures come from.
#[derive(Debug, Serialize)]
struct ProvenanceAnswer {
    metrics: Vec<String>,
    rows_behind: u64,
    as_of: Option<String>,
    statements: Vec<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// The structured content of all analytics tools.
#[derive(Debug, Serialize)]
pub(crate) struct AnalysisAnswer {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PeriodAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_with: Option<PeriodAnswer>,
    table: Table,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<Table>,
    findings: Vec<String>,
    notes: Vec<String>,
    provenance: ProvenanceAnswer,
    receipt: Receipt,
    /// The chart that was drawn, for hosts that draw it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chart: Option<Value>,
}

/// By hand, and short: a list of tools has it once for each of them.
impl JsonSchema for AnalysisAnswer {
    fn schema_name() -> Cow<'static, str> {
        "Analysis".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "title": { "type": "string" },
                "period": { "type": "object" },
                "compared_with": { "type": "object" },
                "table": { "type": "object", "description": "name, columns (name, unit), rows, total" },
                "more": { "type": "array", "description": "further tables" },
                "findings": { "type": "array" },
                "notes": { "type": "array" },
                "provenance": {
                    "type": "object",
                    "description": "metrics, rows_behind, as_of, statements, receipt (for replay)"
                },
                "receipt": { "type": "object" }
            },
            "required": ["title", "table", "findings", "notes", "provenance", "receipt"]
        })
    }
}

/// Names that rows are confined to, as arguments have them.
pub(crate) fn filter(
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    sku: Option<String>,
) -> Filter {
    let given = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
    let mut filter = Filter::default();
    filter.store = given(store);
    filter.category = given(category);
    filter.product_type = given(product_type);
    filter.sku = given(sku);
    filter
}

/// An analysis in both forms.
pub(crate) fn answered(
    desk: &Desk,
    principal: &Principal,
    analysis: Analysis,
    asked: &SealedQuestion<'_>,
    show_sql: bool,
) -> Result<Answered<AnalysisAnswer>, Error> {
    let text = text(&analysis)?;
    let rows = analysis.row_count();
    let statement = summary(&analysis);
    let provenance = &analysis.provenance;
    let receipt_text = match &desk.seal {
        Some(seal) => Some(asked.seal(seal.as_ref(), principal, &analysis)?),
        None => None,
    };
    let statements = provenance
        .statements
        .iter()
        .map(|run| {
            let mut statement = Map::new();
            statement.insert("purpose".to_owned(), json!(run.purpose));
            statement.insert("fingerprint".to_owned(), json!(run.fingerprint));
            if show_sql {
                statement.insert("sql".to_owned(), json!(run.sql));
            }
            statement
        })
        .collect();
    let as_of = provenance.as_of.unwrap_or_default();
    let limit = u32::try_from(rows).unwrap_or(u32::MAX);
    let mut receipt = Receipt::new(
        principal.visibility(),
        rows,
        limit,
        as_of,
        provenance.elapsed,
        provenance.freshness,
    );
    receipt.truncated =
        analysis.table.truncated || analysis.more.iter().any(|table| table.truncated);
    let structured = AnalysisAnswer {
        title: analysis.title.clone(),
        period: analysis.period.as_ref().map(PeriodAnswer::new),
        compared_with: analysis.compared_with.as_ref().map(PeriodAnswer::new),
        provenance: ProvenanceAnswer {
            metrics: provenance.metrics.iter().cloned().collect(),
            rows_behind: provenance.rows_behind,
            as_of: provenance.as_of.map(|_| receipt.as_of.clone()),
            statements,
            receipt: receipt_text,
        },
        table: analysis.table,
        more: analysis.more,
        findings: analysis.findings,
        notes: analysis.notes,
        receipt,
        chart: None,
    };
    let answered = Answered::new(text, structured).with_rows(rows);
    Ok(match statement {
        Some(statement) => answered.with_statement(statement),
        None => answered,
    })
}

/// What the audit log says: all tables that were read, under the fingerprint of the first statement.
fn summary(analysis: &Analysis) -> Option<StatementSummary> {
    let statements = &analysis.provenance.statements;
    let fingerprint = statements.first()?.fingerprint.clone();
    let mut tables: Vec<String> =
        statements.iter().flat_map(|run| run.tables.iter().cloned()).collect();
    tables.sort_unstable();
    tables.dedup();
    Some(StatementSummary { fingerprint, tables })
}

/// The compact text for models, with the short keys of `execute_sales_query`.
pub(crate) fn text(analysis: &Analysis) -> Result<String, Error> {
    let mut envelope = Map::new();
    envelope.insert("title".to_owned(), json!(analysis.title));
    let dates = |period: &Period| {
        json!([period.range.first().to_string(), period.range.last().to_string()])
    };
    if let Some(period) = &analysis.period {
        envelope.insert("period".to_owned(), dates(period));
    }
    if let Some(period) = &analysis.compared_with {
        envelope.insert("before".to_owned(), dates(period));
    }
    envelope.extend(table(&analysis.table));
    envelope.insert("n".to_owned(), json!(analysis.table.rows.len()));
    if !analysis.more.is_empty() {
        let more: Map<String, Value> = analysis
            .more
            .iter()
            .map(|more| (more.name.to_owned(), Value::Object(table(more))))
            .collect();
        envelope.insert("more".to_owned(), Value::Object(more));
    }
    envelope.insert("findings".to_owned(), json!(analysis.findings));
    envelope.insert("notes".to_owned(), json!(analysis.notes));
    let metrics: Vec<&String> = analysis.provenance.metrics.iter().collect();
    envelope.insert("metrics".to_owned(), json!(metrics));
    serde_json::to_string(&envelope).map_err(Error::internal)
}

fn table(table: &Table) -> Map<String, Value> {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut envelope = Map::new();
    envelope.insert("c".to_owned(), json!(columns));
    envelope.insert("r".to_owned(), json!(table.rows));
    if let Some(total) = &table.total {
        envelope.insert("total".to_owned(), json!(total));
    }
    if table.truncated {
        envelope.insert("truncated".to_owned(), json!(true));
    }
    envelope
}
