//! The sample data: loading and verifying it in a database.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use retail_sample_data::verify::{self, CategoryMonth, Observed, StoreSales, Targets, YearOrders};
use retail_sample_data::{Dataset, Spec, Table};
use retail_storage::{Admin, CopyTable, LoadRecord};
use tracing::info;

/// Loads a data set, and shows how far it is.
pub(crate) async fn load(admin: &mut Admin, spec: Spec, replace: bool) -> anyhow::Result<()> {
    let dataset = Dataset::new(spec)?;
    let total_rows: u64 =
        Table::ALL.into_iter().map(|table| dataset.row_count(table).value()).sum();
    let mut progress = Progress::new(total_rows)?;
    let started = Instant::now();
    let tables = Table::ALL.into_iter().map(|table| CopyTable {
        table: table.name(),
        columns: table.columns(),
        chunks: Box::new(dataset.copy_chunks(table)),
    });
    let record = LoadRecord { seed: spec.seed, scale: spec.scale.to_string(), until: spec.until };
    admin.load(tables, &record, replace, &mut |table, rows| progress.advance(table, rows)).await?;
    progress.finish();
    info!(
        rows = total_rows,
        scale = %spec.scale,
        until = %spec.until,
        duration_s = started.elapsed().as_secs_f64(),
        "loaded the sample data"
    );
    Ok(())
}

/// How often a log says how far it is.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal; elsewhere a log line for each step, and for long ones more.
struct Progress {
    bar: ProgressBar,
    step: String,
    /// Rows so far, and of how many.
    rows: u64,
    total_rows: u64,
    logged: Instant,
}

impl Progress {
    fn new(total_rows: u64) -> anyhow::Result<Self> {
        let bar = if std::io::stderr().is_terminal() {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // A terminal that cannot be written to shows no bar.
                let _ = write!(out, "{:.0} rows/s", state.per_sec());
            };
            let template = "{msg:22} {wide_bar} {human_pos}/{human_len}  {rate}";
            ProgressBar::new(total_rows)
                .with_style(ProgressStyle::with_template(template)?.with_key("rate", rate))
        } else {
            ProgressBar::hidden()
        };
        Ok(Self { bar, step: String::new(), rows: 0, total_rows, logged: Instant::now() })
    }

    fn advance(&mut self, step: &str, rows: u64) {
        self.rows += rows;
        let is_new = self.step != step;
        if is_new {
            step.clone_into(&mut self.step);
            self.bar.set_message(self.step.clone());
        }
        if self.bar.is_hidden() && (is_new || self.logged.elapsed() > LOG_EVERY) {
            self.logged = Instant::now();
            info!(step, rows = self.rows, of = self.total_rows, "loading");
        }
        self.bar.inc(rows);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Measures the loaded data against its targets. Gives the report and whether all holds.
pub(crate) async fn verify(admin: &mut Admin, spec: Spec) -> anyhow::Result<(String, bool)> {
    let targets = Targets::new(&Dataset::new(spec)?)?;
    let mut observed = Observed::default();
    for query in verify::queries() {
        let rows = admin.measure(query.sql).await?;
        for row in &rows {
            observe(&mut observed, query.name, &Cells(row))
                .with_context(|| format!("the query {}", query.name))?;
        }
    }
    let report = targets.check(&observed);
    let mut text = String::new();
    writeln!(text, "{report}")?;
    Ok((text, report.ok()))
}

/// The values of a row, as text.
struct Cells<'a>(&'a [Option<String>]);

impl Cells<'_> {
    fn text(&self, index: usize) -> anyhow::Result<&str> {
        self.0.get(index).and_then(Option::as_deref).with_context(|| format!("column {index}"))
    }

    fn parse<T: std::str::FromStr>(&self, index: usize) -> anyhow::Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.text(index)?.parse().with_context(|| format!("column {index}"))
    }
}

fn observe(observed: &mut Observed, query: &str, row: &Cells<'_>) -> anyhow::Result<()> {
    match query {
        "totals" => {
            observed.stores = row.parse(0)?;
            observed.categories = row.parse(1)?;
            observed.product_types = row.parse(2)?;
            observed.products = row.parse(3)?;
            observed.customers = row.parse(4)?;
            observed.inventory = row.parse(5)?;
            observed.orders = row.parse(6)?;
            observed.order_items = row.parse(7)?;
            observed.first_order_date = row.parse(8).ok();
            observed.last_order_date = row.parse(9).ok();
        }
        "store_sales" => observed.store_sales.push(StoreSales {
            store_name: row.text(0)?.to_owned(),
            orders: row.parse(1)?,
            mean_order_value: row.parse(2)?,
            stddev_order_value: row.parse(3)?,
        }),
        "year_orders" => {
            observed.year_orders.push(YearOrders { year: row.parse(0)?, orders: row.parse(1)? });
        }
        "category_months" => observed.category_months.push(CategoryMonth {
            category_name: row.text(0)?.to_owned(),
            year: row.parse(1)?,
            month: row.parse(2)?,
            units: row.parse(3)?,
        }),
        other => anyhow::bail!("the query {other} is not known"),
    }
    Ok(())
}
