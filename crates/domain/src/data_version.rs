//! Which state of the data an answer was read from.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Tables that change together, and share a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TableGroup {
    /// `orders`, `order_items`, the rollups of both, and how stores compare by them.
    Sales,
    /// `customers`.
    Customers,
    /// `products`, `categories`, `product_types`, and all that product search reads of them.
    Catalogue,
    /// `inventory`.
    Inventory,
    /// `stores`.
    Stores,
}

impl TableGroup {
    /// All groups, in the order of [`VersionVector::versions`].
    pub const ALL: [Self; 5] =
        [Self::Sales, Self::Customers, Self::Catalogue, Self::Inventory, Self::Stores];

    /// The group of a table, by its name with or without a schema. None for a table of no group.
    ///
    /// To know when an answer from a table is out of date, ask [`TableGroups::behind`]: rows may appear and
    /// go because another table changed.
    pub fn of_table(name: &str) -> Option<Self> {
        let known = |schema: &str| matches!(schema, "retail" | "retail_mcp");
        let table = match name.rsplit_once('.') {
            Some((schema, table)) if known(schema) => table,
            Some(_) => return None,
            None => name,
        };
        Some(match table {
            "orders"
            | "order_items"
            | "sales_by_day"
            | "sales_by_product_day"
            | "sales_by_order"
            | "store_benchmark" => Self::Sales,
            "customers" => Self::Customers,
            "products"
            | "categories"
            | "product_types"
            | "product_description_embeddings"
            | "product_image_embeddings"
            | "product_texts"
            | "product_embeddings"
            | "embedding_models"
            | "search_words"
            | "search_synonyms" => Self::Catalogue,
            "inventory" => Self::Inventory,
            "stores" => Self::Stores,
            _ => return None,
        })
    }

    /// Its name in the database, in `retail_mcp.data_change`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Customers => "customers",
            Self::Catalogue => "catalogue",
            Self::Inventory => "inventory",
            Self::Stores => "stores",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of [`TableGroup`]s: what an answer depends on.
///
/// ```
/// use retail_domain::{TableGroup, TableGroups};
///
/// let groups = TableGroups::behind("retail.inventory");
/// assert!(groups.contains(TableGroup::Inventory) && !groups.contains(TableGroup::Sales));
/// assert_eq!(TableGroups::behind("a table that nobody knows"), TableGroups::ALL);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableGroups(u8);

impl TableGroups {
    /// No group: nothing in the database changes such an answer.
    pub const NONE: Self = Self(0);
    /// Every group.
    pub const ALL: Self = Self::NONE
        .with(TableGroup::Sales)
        .with(TableGroup::Customers)
        .with(TableGroup::Catalogue)
        .with(TableGroup::Inventory)
        .with(TableGroup::Stores);

    /// This set and `group`.
    #[must_use]
    pub const fn with(self, group: TableGroup) -> Self {
        Self(self.0 | group.bit())
    }

    /// All that is in one of the two.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `group` is in it.
    pub const fn contains(self, group: TableGroup) -> bool {
        self.0 & group.bit() != 0
    }

    /// Whether it has no group.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The groups that decide what a read of a table gives under row security. All of them for a table that is
    /// not known.
    pub fn behind(table: &str) -> Self {
        let Some(group) = TableGroup::of_table(table) else {
            return Self::ALL;
        };
        let own = Self::NONE.with(group);
        match group {
            // Row security finds the caller's store among the stores.
            TableGroup::Sales | TableGroup::Inventory => own.with(TableGroup::Stores),
            // A customer is also seen by a store where they have ordered.
            TableGroup::Customers => own.with(TableGroup::Sales).with(TableGroup::Stores),
            TableGroup::Catalogue | TableGroup::Stores => own,
        }
    }

    /// The groups that decide what a read of several tables gives.
    pub fn behind_all<'a>(tables: impl IntoIterator<Item = &'a str>) -> Self {
        tables.into_iter().fold(Self::NONE, |groups, table| groups.union(Self::behind(table)))
    }

    /// Its groups, in the order of [`TableGroup::ALL`].
    pub fn iter(self) -> impl Iterator<Item = TableGroup> {
        TableGroup::ALL.into_iter().filter(move |group| self.contains(*group))
    }
}

/// The versions of all table groups at one time.
///
/// A write makes the version of its group higher. Versions of two epochs say nothing about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionVector {
    /// Which history the numbers belong to: another after a database was made anew or restored, so that a number
    /// that comes again is not taken for the same data.
    pub epoch: Uuid,
    /// The versions, in the order of [`TableGroup::ALL`].
    pub versions: [u64; TableGroup::ALL.len()],
}

impl VersionVector {
    /// The first versions of an epoch.
    pub fn first(epoch: Uuid) -> Self {
        Self { epoch, versions: [0; TableGroup::ALL.len()] }
    }

    /// The version of a group.
    pub fn version(&self, group: TableGroup) -> u64 {
        let [sales, customers, catalogue, inventory, stores] = self.versions;
        match group {
            TableGroup::Sales => sales,
            TableGroup::Customers => customers,
            TableGroup::Catalogue => catalogue,
            TableGroup::Inventory => inventory,
            TableGroup::Stores => stores,
        }
    }

    /// The same after a write to `groups`.
    #[must_use]
    pub fn bumped(mut self, groups: TableGroups) -> Self {
        for (group, version) in TableGroup::ALL.into_iter().zip(&mut self.versions) {
            *version += u64::from(groups.contains(group));
        }
        self
    }

    /// Whether what was read at these versions is at least as new as `needed`, as far as `groups` go.
    ///
    /// Higher versions are as good: servers hear of a write at different times, and one must not throw away what
    /// another read later.
    pub fn covers(&self, needed: &Self, groups: TableGroups) -> bool {
        groups.is_empty()
            || (self.epoch == needed.epoch
                && groups.iter().all(|group| self.version(group) >= needed.version(group)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::RetailTable;

    #[rstest]
    #[case("retail.orders", Some(TableGroup::Sales))]
    #[case("order_items", Some(TableGroup::Sales))]
    #[case("retail.sales_by_day", Some(TableGroup::Sales))]
    #[case("sales_by_product_day", Some(TableGroup::Sales))]
    #[case("retail.sales_by_order", Some(TableGroup::Sales))]
    #[case("retail.store_benchmark", Some(TableGroup::Sales))]
    #[case("retail_mcp.product_embeddings", Some(TableGroup::Catalogue))]
    #[case("other.orders", None)]
    #[case("pg_catalog.pg_class", None)]
    #[case("weather", None)]
    fn a_table_has_a_group_or_none(#[case] table: &str, #[case] group: Option<TableGroup>) {
        assert_eq!(TableGroup::of_table(table), group);
    }

    #[test]
    fn every_table_that_a_model_may_query_has_a_group() {
        for table in RetailTable::ALL {
            assert!(TableGroup::of_table(table.qualified_name()).is_some(), "{table}");
        }
    }

    #[test]
    fn row_security_makes_answers_depend_on_more_than_their_table() {
        let customers = TableGroups::behind("retail.customers");
        let groups: Vec<_> = customers.iter().collect();
        assert_eq!(groups, [TableGroup::Sales, TableGroup::Customers, TableGroup::Stores]);
        assert_eq!(TableGroups::behind_all(["stores", "weather"]), TableGroups::ALL);
        assert_eq!(TableGroups::behind_all([]), TableGroups::NONE);
    }

    #[test]
    fn versions_cover_what_is_not_newer_and_of_their_epoch() {
        let sales = TableGroups::NONE.with(TableGroup::Sales);
        let inventory = TableGroups::NONE.with(TableGroup::Inventory);
        let first = VersionVector::first(Uuid::nil());
        let later = first.bumped(sales);
        assert!(first.covers(&first, TableGroups::ALL) && later.covers(&first, TableGroups::ALL));
        assert!(!first.covers(&later, sales));
        assert!(first.covers(&later, inventory), "another group's writes do not matter");
        let other_epoch = VersionVector::first(Uuid::max());
        assert!(!later.covers(&other_epoch, sales));
        assert!(later.covers(&other_epoch, TableGroups::NONE));
    }
}
