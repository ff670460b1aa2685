//! What a load makes after the rows rather than row by row.
//!
//! A foreign key of a table that is filled by COPY costs a look-up a row at its end, and memory for each until then; an
//! index takes longer to grow than to be made. Both are taken away for the transaction of the load and made again from
//! PostgreSQL's own words for them.

use sqlx::Row;

use crate::admin::failed;
use crate::{Admin, StorageError};

/// The tables that may be large.
const FROM_TABLES: [&str; 6] = [
    "retail.customers",
    "retail.inventory",
    "retail.orders",
    "retail.order_items",
    "retail.sales_by_product_day",
    "retail.sales_by_order",
];

/// Each with what takes it away, what makes it again, and its name for the progress.
const FIND: &str = "
    SELECT format('DROP INDEX %s', i.indexrelid::regclass),
           pg_get_indexdef(i.indexrelid)
               || coalesce(format('; COMMENT ON INDEX %s IS %L', i.indexrelid::regclass,
                                  obj_description(i.indexrelid, 'pg_class')), ''),
           format('index %s', c.relname)
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY ($1::text[]::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
      -- Whatever else hangs on it stays, and so it does.
      AND NOT i.indisclustered AND NOT i.indisreplident
      AND pg_get_userbyid(c.relowner) = current_user
    UNION ALL
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
                  pg_get_constraintdef(k.oid))
               || coalesce(format('; COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname,
                                  k.conrelid::regclass, obj_description(k.oid, 'pg_constraint')), ''),
           format('foreign key %s', k.conname)
    FROM pg_constraint k
    WHERE k.conrelid = ANY ($1::text[]::regclass[]) AND k.contype = 'f' AND k.convalidated
      AND k.conparentid = 0
    ORDER BY 3 DESC";

/// Indexes and foreign keys that are not there for now.
#[derive(Debug)]
pub(super) struct PutOff {
    /// SQL and name of each. Indexes come first.
    again: Vec<(String, String)>,
}

impl Admin {
    /// Takes them away, in the transaction of the load.
    pub(super) async fn put_off(&mut self) -> Result<PutOff, StorageError> {
        let rows = sqlx::query(FIND)
            .bind(FROM_TABLES)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("find indexes and foreign keys"))?;
        let mut again = Vec::with_capacity(rows.len());
        for row in rows {
            let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            let (take, make, name): (String, String, String) =
                read().map_err(failed("find indexes and foreign keys"))?;
            self.execute(&take, "put an index or foreign key off").await?;
            again.push((make, name));
        }
        Ok(PutOff { again })
    }

    /// Makes them again.
    pub(super) async fn make_up_for(
        &mut self,
        put_off: &PutOff,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<(), StorageError> {
        for (make, name) in &put_off.again {
            progress(name, 0);
            self.execute(make, "make an index or foreign key").await?;
        }
        Ok(())
    }
}
