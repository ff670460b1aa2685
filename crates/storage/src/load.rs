//! Bulk loading by COPY.

use bytes::Bytes;
use chrono::NaiveDate;
use sqlx::Row;
use tracing::debug;

use crate::admin::failed;
use crate::{Admin, StorageError};

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
const TABLES: [&str; 10] = [
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
    /// table and the rows in it.
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
        self.execute(&format!("TRUNCATE {all}, {of_products}"), "empty the tables").await?;
        for table in tables {
            self.copy(table, progress).await?;
        }
        self.execute(include_str!("../sql/set_sequences.sql"), "set the sequences").await?;
        self.execute(RENEW_DATA_EPOCH, "begin a history of the data").await?;
        for table in TABLES {
            let sql = format!("ALTER TABLE retail.{table} FORCE ROW LEVEL SECURITY");
            self.execute(&sql, "force row security").await?;
        }
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
        let sql = format!("COPY {} ({}) FROM STDIN", table.table, table.columns.join(", "));
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
