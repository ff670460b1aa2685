//! Two databases that differ only in rows that one manager must not see.

use retail_domain::Store;

use crate::TestDatabase;

/// Turns `database` into another world, in which only the rows of `store`'s manager are as before.
///
/// Other stores' orders, items and stock, and the customers that the manager does not see, get
/// other values; some are deleted and three times as many inserted, and there are more stores. The
/// manager's own rows keep their values and lie elsewhere on disk. Values that make careless
/// arithmetic fail (quantity 0, a date of infinity, a phone that is no number, NULL as primary
/// store) stand in hidden rows alone. Statistics are up to date afterwards.
pub fn other_world(database: &TestDatabase, store: &Store) {
    let sql = include_str!("worlds/other_world.sql").replace(":own", &store.id.to_string());
    database.psql(&sql);
}
