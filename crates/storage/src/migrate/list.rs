//! The migrations, in order.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "retail tables", include_str!("../../migrations/0001_retail_tables.sql")),
    (2, "signed identity", include_str!("../../migrations/0002_signed_identity.sql")),
    (3, "row security", include_str!("../../migrations/0003_row_security.sql")),
    (4, "comments", include_str!("../../migrations/0004_comments.sql")),
    (5, "load record", include_str!("../../migrations/0005_load_record.sql")),
    (
        6,
        "identity without a question",
        include_str!("../../migrations/0006_identity_without_a_question.sql"),
    ),
    (7, "customers", include_str!("../../migrations/0007_customers.sql")),
    (8, "product search", include_str!("../../migrations/0008_product_search.sql")),
    (9, "identity and audit", include_str!("../../migrations/0009_identity_and_audit.sql")),
    (10, "audit in batches", include_str!("../../migrations/0010_audit_in_batches.sql")),
    (11, "identity in one look", include_str!("../../migrations/0011_identity_in_one_look.sql")),
    (12, "data versions", include_str!("../../migrations/0012_data_versions.sql")),
    (13, "sales rollups", include_str!("../../migrations/0013_sales_rollups.sql")),
    (14, "log position", include_str!("../../migrations/0014_log_position.sql")),
    (15, "audit without detour", include_str!("../../migrations/0015_audit_without_detour.sql")),
    (16, "servers", include_str!("../../migrations/0016_servers.sql")),
    (17, "store benchmarks", include_str!("../../migrations/0017_store_benchmarks.sql")),
    (18, "indexes for customers", include_str!("../../migrations/0018_indexes_for_customers.sql")),
    (19, "sales by order", include_str!("../../migrations/0019_sales_by_order.sql")),
];

/// The number of the last migration that this version brings.
pub const SCHEMA_VERSION: i64 = 19;

/// All migrations, each in a transaction of its own. The caller holds the lock.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, sql)| {
            Migration::new(
                *version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_locking(false);
    migrator.dangerous_set_table_name("retail_mcp._sqlx_migrations");
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<_> = MIGRATIONS
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{}.sql", name.replace(' ', "_")))
            .collect();
        assert_eq!(files, listed);
        assert_eq!(MIGRATIONS.last().unwrap().0, SCHEMA_VERSION);
    }
}
