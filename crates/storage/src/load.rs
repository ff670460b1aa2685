//! Bulk loading by COPY.

mod put_off;

use bytes::Bytes;
use chrono::NaiveDate;
use sqlx::Row;
use tracing::debug;

use crate::admin::failed;
use crate::{Admin, Restate, StorageError};

/// One table's rows in COPY text format.
pub struct CopyTable<'a> {
    /// Name with schema, for example `retail.orders`.
    pub table: &'a str,
    /// The columns, in the order of the values.
    pub columns: &'a [&'a str],
    /// The rows, in pieces of any size.
    pub chunks: Box<dyn Iterator<Item = Bytes> + Send + 'a>,
}

impl std::fmt::Debug for CopyTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CopyTable({})", self.table)
    }
}

/// Which sample data a database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadRecord {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Size, as its name.
    pub scale: String,
    /// Day of the last order.
    pub until: NaiveDate,
}

/// The tables with rows, so that children come before parents.
const TABLES: [&str; 14] = [
    "store_benchmark",
    "sales_by_order",
    "sales_by_product_day",
    "sales_by_day",
    "product_image_embeddings",
    "product_description_embeddings",
    "order_items",
    "orders",
    "inventory",
    "customers",
    "products",
    "product_types",
    "categories",
    "stores",
];

/// What is kept of the products elsewhere. Triggers fill the texts and the words.
const OF_PRODUCTS: [&str; 3] =
    ["retail_mcp.product_embeddings", "retail_mcp.product_texts", "retail_mcp.search_words"];

/// Which months the store benchmarks are there for.
const BENCHMARK_MONTHS: &str = "retail_mcp.benchmark_month";

/// Enough to sort and join what is loaded, whatever its size: more goes to temporary files.
/// A statement has several hash tables, each of twice `work_mem`, and sorts: an embedded server's process has 512 MiB in all.
const SETTINGS: &str = "SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '64MB'";
const RENEW_DATA_EPOCH: &str = "SELECT retail_mcp.renew_data_epoch()";

impl Admin {
    /// Ends all answers that any server keeps.
    ///
    /// # Errors
    /// [`StorageError::Statement`].
    pub(crate) async fn renew_data_epoch(&mut self) -> Result<(), StorageError> {
        self.execute_as("retail_owner", &[RENEW_DATA_EPOCH], "begin a history of the data").await
    }

    /// What was loaded last, or none.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn load_record(&mut self) -> Result<Option<LoadRecord>, StorageError> {
        self.become_owner().await?;
        let row = sqlx::query(
            "SELECT seed, scale, until_date::text FROM retail_mcp.load_record
             ORDER BY loaded_at DESC LIMIT 1",
        )
        .fetch_optional(&mut self.connection)
        .await
        .map_err(failed("read the load record"))?;
        let Some(row) = row else { return Ok(None) };
        let read = || -> Result<LoadRecord, sqlx::Error> {
            let until: String = row.try_get(2)?;
            Ok(LoadRecord {
                seed: row.try_get::<i64, _>(0)?.cast_unsigned(),
                scale: row.try_get(1)?,
                until: until.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            })
        };
        read().map(Some).map_err(failed("read the load record"))
    }

    /// Loads the tables in the order given, all or nothing. After each piece, `progress` is told the
    /// table and the rows in it; of each longer step after the rows, its name and no rows.
    ///
    /// Foreign keys, and indexes that hold no constraint, are made when the rows are there, and the sales rollups
    /// are added up once. The store benchmarks of all months that ended by [`LoadRecord::until`] are published.
    ///
    /// The vectors of the former products go with them: no model is ready afterwards.
    ///
    /// COPY does not work on a table whose row security binds the one who copies, so FORCE is off
    /// for the owner inside this transaction, and on again before it commits. No other session can
    /// see the tables meanwhile.
    ///
    /// # Errors
    /// [`StorageError::NotEmpty`] when there is sample data and `replace` is false,
    /// [`StorageError::NotSampleData`] when there are rows that this did not load, or the database's
    /// own refusal; the database is then as it was.
    pub async fn load(
        &mut self,
        tables: impl Iterator<Item = CopyTable<'_>> + Send,
        record: &LoadRecord,
        replace: bool,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<(), StorageError> {
        self.become_owner().await?;
        self.execute("BEGIN", "begin loading").await?;
        let loaded = self.load_in_transaction(tables, record, replace, progress).await;
        let end = if loaded.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.execute(end, "end loading").await;
        loaded.and(ended)?;
        // Outside the transaction: fresh statistics, and a visibility map for index-only scans.
        progress("VACUUM (ANALYZE)", 0);
        for table in TABLES {
            self.execute(&format!("VACUUM (ANALYZE) retail.{table}"), "analyse a table").await?;
        }
        for table in OF_PRODUCTS {
            self.execute(&format!("VACUUM (ANALYZE) {table}"), "analyse a table").await?;
        }
        Ok(())
    }

    async fn load_in_transaction(
        &mut self,
        tables: impl Iterator<Item = CopyTable<'_>> + Send,
        record: &LoadRecord,
        replace: bool,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<(), StorageError> {
        for table in TABLES {
            let sql = format!("ALTER TABLE retail.{table} NO FORCE ROW LEVEL SECURITY");
            self.execute(&sql, "prepare a table").await?;
        }
        self.switch_rollup_triggers("DISABLE").await?;
        // Now the tables are locked: what is seen here stays so.
        let any = TABLES.map(|table| format!("EXISTS (SELECT FROM retail.{table})")).join(" OR ");
        if self.is_true(&format!("SELECT {any}")).await? {
            if self.load_record().await?.is_none() {
                return Err(StorageError::NotSampleData);
            }
            if !replace {
                return Err(StorageError::NotEmpty);
            }
        }
        let forget = include_str!("../sql/forget_embeddings.sql");
        self.execute(forget, "forget the vectors of the products").await?;
        let all = TABLES.map(|table| format!("retail.{table}")).join(", ");
        let of_products = OF_PRODUCTS.join(", ");
        self.execute(
            &format!("TRUNCATE {all}, {of_products}, {BENCHMARK_MONTHS}"),
            "empty the tables",
        )
        .await?;
        self.execute(SETTINGS, "allow more memory").await?;
        let put_off = self.put_off().await?;
        for table in tables {
            self.copy(table, progress).await?;
        }
        progress("sales rollups", 0);
        // Without their indexes, too; but the planner has to know how much there is.
        self.execute("ANALYZE retail.orders, retail.order_items", "analyse the sales").await?;
        let rebuild = "SELECT retail_mcp.rebuild_sales_rollups()";
        self.execute(rebuild, "add the sales up").await?;
        self.make_up_for(&put_off, progress).await?;
        progress("store benchmarks", 0);
        let sold = "ANALYZE retail.sales_by_day, retail.sales_by_product_day, retail.sales_by_order, retail.products";
        self.execute(sold, "analyse the sales").await?;
        self.publish_benchmarks_until(record.until, Restate::Nothing).await?;
        self.execute(include_str!("../sql/set_sequences.sql"), "set the sequences").await?;
        self.execute(RENEW_DATA_EPOCH, "begin a history of the data").await?;
        for table in TABLES {
            let sql = format!("ALTER TABLE retail.{table} FORCE ROW LEVEL SECURITY");
            self.execute(&sql, "force row security").await?;
        }
        self.switch_rollup_triggers("ENABLE").await?;
        self.execute("DELETE FROM retail_mcp.load_record", "record the load").await?;
        sqlx::query(
            "INSERT INTO retail_mcp.load_record (seed, scale, until_date) VALUES ($1, $2, $3::date)",
        )
        .bind(record.seed.cast_signed())
        .bind(&record.scale)
        .bind(record.until.to_string())
        .execute(&mut self.connection)
        .await
        .map(|_| ())
        .map_err(failed("record the load"))
    }

    /// `ENABLE` or `DISABLE` for what keeps the sales rollups row by row.
    async fn switch_rollup_triggers(&mut self, how: &str) -> Result<(), StorageError> {
        for table in ["orders", "order_items"] {
            let triggers = ["insert", "update", "delete", "truncate"]
                .map(|event| format!("{how} TRIGGER sales_rollups_{event}"));
            let sql = format!("ALTER TABLE retail.{table} {}", triggers.join(", "));
            self.execute(&sql, "switch the triggers of the sales rollups").await?;
        }
        Ok(())
    }

    /// Counts the words of the catalogue anew. The role is the owner's.
    pub(crate) async fn refresh_search_words(&mut self) -> Result<(), StorageError> {
        let sql = "SELECT retail_mcp.refresh_search_words()";
        self.execute(sql, "count the words of the catalogue").await
    }

    async fn copy(
        &mut self,
        table: CopyTable<'_>,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<(), StorageError> {
        // FREEZE: the tables were emptied in this transaction, which nobody can look into, so VACUUM need not write each page
        // once more.
        let columns = table.columns.join(", ");
        let sql = format!("COPY {} ({columns}) FROM STDIN (FREEZE)", table.table);
        let mut copy =
            self.connection.copy_in_raw(&sql).await.map_err(failed("begin to copy rows"))?;
        for chunk in table.chunks {
            // COPY escapes line feeds in values, so each one ends a row.
            #[expect(clippy::naive_bytecount, reason = "a COPY is bound by the database")]
            let rows = chunk.iter().filter(|byte| **byte == b'\n').count();
            if let Err(source) = copy.send(chunk).await {
                // PostgreSQL's own reason comes with the end of the copy.
                let reason = copy.abort("the sender gave up").await.err().unwrap_or(source);
                return Err(failed("copy rows")(reason));
            }
            progress(table.table, rows as u64);
        }
        let rows = copy.finish().await.map_err(failed("copy rows"))?;
        debug!(table = table.table, rows, "loaded");
        Ok(())
    }
}
