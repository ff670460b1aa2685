//! `retail://store`: who asks, what they see and may do, and how new the data are.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use retail_domain::{
    Error, JsonRow, Principal, QueryAnswer, Scope, SqlText, StatementSummary, Visibility,
};
use serde::Serialize;
use serde_json::Value;

use super::Found;
use crate::server::Shared;

/// One row: what a description of the tables says as well, and no figures of the business.
const SQL: &str = "SELECT (SELECT min(d.order_date) FROM retail.sales_by_day d) AS first_order, \
    (SELECT max(d.order_date) FROM retail.sales_by_day d) AS newest_order, \
    (SELECT count(*) FROM retail.inventory i) AS stocked_products";

#[derive(Serialize)]
struct Place<'a> {
    /// The caller's store, or `all stores`.
    store: &'a str,
    sees: &'static str,
    scopes: &'a BTreeSet<Scope>,
    tools: Vec<Cow<'static, str>>,
    today: NaiveDate,
    time_zone: &'static str,
    data: Data,
    limits: Limits,
}

#[derive(Serialize)]
struct Data {
    first_order: Value,
    newest_order: Value,
    /// A product in a store counts once for each store.
    stocked_products: Value,
    /// Stock has no date of its own: it is that of this moment.
    as_of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
}

/// What one statement may take.
#[derive(Serialize)]
struct Limits {
    max_rows: u32,
    max_bytes: u32,
    statement_seconds: f64,
}

/// The caller's place, as JSON. The statement runs as the caller, like one that they wrote.
pub(super) async fn read(shared: &Shared, principal: &Principal) -> Result<Found, Error> {
    let library = &shared.library;
    let sql = SqlText::new(SQL)?;
    let answer = library.query_runner.run(principal, &sql, &library.limits).await?;
    let place = Place {
        store: principal.visibility().label(),
        sees: match principal.visibility() {
            Visibility::Store(_) => "the rows of this store; what other stores have is not visible",
            Visibility::AllStores => "the rows of all stores",
        },
        scopes: principal.scopes(),
        tools: shared.tools.visible_to(principal).into_iter().map(|tool| tool.name).collect(),
        today: library.analyst.today(),
        time_zone: library.analyst.calendar().time_zone().name(),
        data: data(&answer)?,
        limits: Limits {
            max_rows: library.limits.max_rows,
            max_bytes: library.limits.max_bytes,
            statement_seconds: library.limits.statement_timeout.as_secs_f64(),
        },
    };
    let text = serde_json::to_string_pretty(&place).map_err(Error::internal)?;
    Ok(Found { text, rows: Some(1), statement: Some(answer.statement) })
}

fn data(answer: &QueryAnswer) -> Result<Data, Error> {
    let row: JsonRow = answer.rows.to_vec()?.into_iter().next().unwrap_or_default();
    let mut values = row.into_iter();
    let mut next = || values.next().unwrap_or_default();
    Ok(Data {
        first_order: next(),
        newest_order: next(),
        stocked_products: next(),
        as_of: written(answer.as_of),
        stale: answer.freshness.stale.then_some(true),
    })
}

fn written(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What is in the audit log of a read that the database did not get to answer.
pub(super) fn statement() -> StatementSummary {
    let tables = ["retail.inventory", "retail.sales_by_day"].map(str::to_owned).into();
    StatementSummary { fingerprint: "store".to_owned(), tables }
}
