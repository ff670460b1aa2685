//! The whole data set.

use chrono::NaiveDate;

use crate::{
    Catalogue, CopyChunks, Customers, Error, InventoryRows, OrderItems, Orders, RowCount, STORES,
    Scale, Table,
    baskets::{self, BasketRules},
    calendar::Calendar,
    demand::{self, Demand},
};

/// What a data set depends on: the same values give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    /// The seed of all random choices.
    pub seed: u64,
    /// The size.
    pub scale: Scale,
    /// The last day with orders, from 2020-01-31 to 2050-12-31.
    pub until: NaiveDate,
}

/// A data set whose rows are made while they are read.
///
/// ```
/// use chrono::NaiveDate;
/// use retail_sample_data::{Dataset, Scale, Spec, Table};
///
/// let until = NaiveDate::from_ymd_opt(2026, 11, 22).ok_or("no such date")?;
/// let dataset = Dataset::new(Spec { seed: 42, scale: Scale::Tiny, until })?;
/// for table in Table::ALL {
///     let bytes: usize = dataset.copy_chunks(table).map(|chunk| chunk.len()).sum();
///     assert!(bytes > 0, "{table}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dataset {
    spec: Spec,
    catalogue: Catalogue,
    calendar: Calendar,
    demand: Demand,
    basket_rules: BasketRules,
}

impl Dataset {
    /// The data set of the chain's own catalogue.
    ///
    /// # Errors
    ///
    /// [`Error::UntilTooEarly`], [`Error::UntilTooLate`] or [`Error::InvalidScale`] when the
    /// specification is out of range; the errors of [`Catalogue::embedded`].
    pub fn new(spec: Spec) -> Result<Self, Error> {
        Self::with_catalogue(spec, Catalogue::embedded()?)
    }

    /// The data set of another catalogue.
    ///
    /// # Errors
    ///
    /// As [`Dataset::new`], without those of the catalogue.
    pub fn with_catalogue(spec: Spec, catalogue: Catalogue) -> Result<Self, Error> {
        spec.scale.validate()?;
        let month_weights = demand::month_weights(&catalogue);
        let order_factor = spec.scale.order_factor();
        Ok(Self {
            calendar: Calendar::new(spec.seed, order_factor, spec.until, &month_weights)?,
            demand: Demand::new(spec.seed, &catalogue),
            basket_rules: BasketRules::new(),
            spec,
            catalogue,
        })
    }

    /// What the data set was made from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The categories, product types and products.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The customers, by ascending number.
    pub fn customers(&self) -> Customers<'_> {
        Customers::new(self)
    }

    /// The stock, by ascending store and product.
    pub fn inventory(&self) -> InventoryRows<'_> {
        InventoryRows::new(self)
    }

    /// The orders, by ascending number and date. Holds about ten bytes for each customer.
    pub fn orders(&self) -> Orders<'_> {
        Orders::new(self)
    }

    /// The order lines, by ascending number and date. Holds as much as [`Dataset::orders`].
    pub fn order_items(&self) -> OrderItems<'_> {
        OrderItems::new(self)
    }

    /// The number of a table's rows: an estimate for the order items, exact for all others.
    pub fn row_count(&self, table: Table) -> RowCount {
        let products = self.catalogue.products().len();
        let rows = match table {
            Table::Stores => STORES.len(),
            Table::Categories => self.catalogue.categories().len(),
            Table::ProductTypes => self.catalogue.types().len(),
            Table::Products => products,
            Table::Customers => self.spec.scale.customers() as usize,
            Table::Inventory => products * STORES.len(),
            Table::Orders => self.calendar.orders() as usize,
            Table::OrderItems => {
                return RowCount::Estimate(baskets::estimated_lines(self.calendar.orders()));
            }
        };
        RowCount::Exact(rows as u64)
    }

    /// A table as PostgreSQL COPY text, in chunks of about 64 KiB that end with a row.
    ///
    /// Send them after [`Table::copy_statement`].
    pub fn copy_chunks(&self, table: Table) -> CopyChunks<'_> {
        CopyChunks::new(self, table)
    }

    pub(crate) fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub(crate) fn demand(&self) -> &Demand {
        &self.demand
    }

    pub(crate) fn basket_rules(&self) -> &BasketRules {
        &self.basket_rules
    }
}
