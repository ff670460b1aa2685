//! Rows as PostgreSQL COPY text.

use std::{io::Write, slice};

use bytes::Bytes;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use crate::{
    Category, Customer, Customers, Dataset, InventoryRow, InventoryRows, Order, OrderItem,
    OrderItems, Orders, Product, ProductType, STORES, Store, Table,
};

/// A chunk is sent when it has grown to this size.
const CHUNK_BYTES: usize = 64 * 1024;
/// Room for the row that takes a chunk over its size.
const CHUNK_SLACK_BYTES: usize = 2 * 1024;

/// The chunks of [`Dataset::copy_chunks`].
#[derive(Debug)]
pub struct CopyChunks<'a> {
    rows: Rows<'a>,
    rows_written: u64,
}

impl<'a> CopyChunks<'a> {
    pub(crate) fn new(dataset: &'a Dataset, table: Table) -> Self {
        let catalogue = dataset.catalogue();
        let rows = match table {
            Table::Stores => Rows::Stores(STORES.iter()),
            Table::Categories => Rows::Categories(catalogue.categories().iter()),
            Table::ProductTypes => Rows::ProductTypes(catalogue.types().iter()),
            Table::Products => Rows::Products(catalogue.products().iter()),
            Table::Customers => Rows::Customers(dataset.customers()),
            Table::Inventory => Rows::Inventory(Box::new(dataset.inventory())),
            Table::Orders => Rows::Orders(Box::new(dataset.orders())),
            Table::OrderItems => Rows::OrderItems(Box::new(dataset.order_items())),
        };
        Self { rows, rows_written: 0 }
    }

    /// The rows in all chunks so far, for a progress bar.
    pub fn rows_written(&self) -> u64 {
        self.rows_written
    }
}

impl Iterator for CopyChunks<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line { out: Vec::with_capacity(CHUNK_BYTES + CHUNK_SLACK_BYTES) };
        while line.out.len() < CHUNK_BYTES && self.rows.write_next(&mut line) {
            self.rows_written += 1;
        }
        (!line.out.is_empty()).then(|| Bytes::from(line.out))
    }
}

/// The rows of any table.
#[derive(Debug)]
enum Rows<'a> {
    Stores(slice::Iter<'static, Store>),
    Categories(slice::Iter<'a, Category>),
    ProductTypes(slice::Iter<'a, ProductType>),
    Products(slice::Iter<'a, Product>),
    Customers(Customers<'a>),
    Inventory(Box<InventoryRows<'a>>),
    Orders(Box<Orders<'a>>),
    OrderItems(Box<OrderItems<'a>>),
}

impl Rows<'_> {
    /// Appends the next row; false when there is none.
    fn write_next(&mut self, line: &mut Line) -> bool {
        let written = match self {
            Self::Stores(rows) => rows.next().map(|row| write_store(row, line)),
            Self::Categories(rows) => rows.next().map(|row| write_category(row, line)),
            Self::ProductTypes(rows) => rows.next().map(|row| write_type(row, line)),
            Self::Products(rows) => rows.next().map(|row| write_product(row, line)),
            Self::Customers(rows) => rows.next().map(|row| write_customer(&row, line)),
            Self::Inventory(rows) => rows.next().map(|row| write_inventory(row, line)),
            Self::Orders(rows) => rows.next().map(|row| write_order(row, line)),
            Self::OrderItems(rows) => rows.next().map(|row| write_order_item(row, line)),
        };
        if written.is_some() {
            line.end();
        }
        written.is_some()
    }
}

fn write_store(row: &Store, line: &mut Line) {
    line.integer(row.store_id).text(row.name).text(row.rls_user_id).boolean(row.is_online);
}

fn write_category(row: &Category, line: &mut Line) {
    line.integer(row.category_id).text(&row.name);
}

fn write_type(row: &ProductType, line: &mut Line) {
    line.integer(row.type_id).integer(row.category_id).text(&row.name);
}

fn write_product(row: &Product, line: &mut Line) {
    line.integer(row.product_id)
        .text(&row.sku)
        .text(&row.name)
        .integer(row.category_id)
        .integer(row.type_id)
        .cents(row.cost_cents)
        .cents(row.base_price_cents)
        .text(&row.description);
}

fn write_customer(row: &Customer, line: &mut Line) {
    line.integer(row.customer_id)
        .text(row.first_name)
        .text(row.last_name)
        .text(&row.email)
        .text(&row.phone)
        .integer(row.primary_store_id)
        .timestamp(row.created_at);
}

fn write_inventory(row: InventoryRow, line: &mut Line) {
    line.integer(row.store_id).integer(row.product_id).integer(row.stock_level);
}

fn write_order(row: Order, line: &mut Line) {
    line.integer(row.order_id).integer(row.customer_id).integer(row.store_id).date(row.order_date);
}

fn write_order_item(row: OrderItem, line: &mut Line) {
    line.integer(row.order_item_id)
        .integer(row.order_id)
        .integer(row.store_id)
        .integer(row.product_id)
        .integer(row.quantity)
        .cents(row.unit_price_cents)
        .integer(row.discount_percent)
        .cents(row.discount_amount_cents)
        .cents(row.total_amount_cents);
}

/// Writes fields, each followed by a tab; the end of a row turns the last tab into a line feed.
struct Line {
    out: Vec<u8>,
}

impl Line {
    fn text(&mut self, value: &str) -> &mut Self {
        for &byte in value.as_bytes() {
            // The bytes of multi-byte letters are all above 127, so none looks like these.
            match byte {
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                other => self.out.push(other),
            }
        }
        self.field_end()
    }

    fn integer(&mut self, value: i32) -> &mut Self {
        self.digits(i64::from(value));
        self.field_end()
    }

    fn boolean(&mut self, value: bool) -> &mut Self {
        self.out.push(if value { b't' } else { b'f' });
        self.field_end()
    }

    /// An amount with two decimals.
    fn cents(&mut self, value: i64) -> &mut Self {
        if value < 0 {
            self.out.push(b'-');
        }
        self.digits((value / 100).abs());
        self.out.push(b'.');
        self.two_digits((value % 100).unsigned_abs());
        self.field_end()
    }

    fn date(&mut self, value: NaiveDate) -> &mut Self {
        self.year_month_day(value);
        self.field_end()
    }

    fn timestamp(&mut self, value: NaiveDateTime) -> &mut Self {
        self.year_month_day(value.date());
        self.out.push(b' ');
        self.two_digits(u64::from(value.hour()));
        self.out.push(b':');
        self.two_digits(u64::from(value.minute()));
        self.out.push(b':');
        self.two_digits(u64::from(value.second()));
        self.field_end()
    }

    fn year_month_day(&mut self, value: NaiveDate) {
        self.digits(i64::from(value.year()));
        self.out.push(b'-');
        self.two_digits(u64::from(value.month()));
        self.out.push(b'-');
        self.two_digits(u64::from(value.day()));
    }

    fn digits(&mut self, value: i64) {
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{value}");
    }

    fn two_digits(&mut self, value: u64) {
        for digit in [value / 10 % 10, value % 10] {
            self.out.push(b'0' + u8::try_from(digit).unwrap_or(0));
        }
    }

    fn field_end(&mut self) -> &mut Self {
        self.out.push(b'\t');
        self
    }

    fn end(&mut self) {
        if let Some(last) = self.out.last_mut() {
            *last = b'\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line) -> &mut Line) -> String {
        let mut line = Line { out: Vec::new() };
        write(&mut line);
        line.end();
        String::from_utf8(line.out).unwrap()
    }

    #[test]
    fn text_is_escaped_and_quotes_are_left_alone() {
        assert_eq!(written(|l| l.text("a\\b\tc\nd\re")), "a\\\\b\\tc\\nd\\re\n");
        assert_eq!(written(|l| l.text("O'Brien \"3/4\" Zoë")), "O'Brien \"3/4\" Zoë\n");
        assert_eq!(written(|l| l.text("").text("b")), "\tb\n");
    }

    #[test]
    fn numbers_and_times_have_one_form() {
        let cents = |value| written(|l| l.cents(value));
        assert_eq!(cents(5), "0.05\n");
        assert_eq!(cents(120), "1.20\n");
        assert_eq!(cents(1_234_567), "12345.67\n");
        assert_eq!(cents(-5), "-0.05\n");
        assert_eq!(cents(-1_234), "-12.34\n");
        let date = NaiveDate::from_ymd_opt(2026, 1, 9).unwrap();
        assert_eq!(written(|l| l.date(date).boolean(true)), "2026-01-09\tt\n");
        let time = date.and_hms_opt(7, 5, 59).unwrap();
        assert_eq!(written(|l| l.timestamp(time)), "2026-01-09 07:05:59\n");
    }

    #[test]
    fn a_row_has_its_columns_in_order() {
        let line = written(|l| {
            write_store(&STORES[7], l);
            l
        });
        assert_eq!(line, "8\tZava Retail Online\t2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2\tt\n");
        let item = OrderItem {
            order_item_id: 9,
            order_id: 8,
            store_id: 7,
            product_id: 6,
            quantity: 2,
            unit_price_cents: 1_005,
            discount_percent: 15,
            discount_amount_cents: 302,
            total_amount_cents: 1_708,
        };
        let line = written(|l| {
            write_order_item(item, l);
            l
        });
        assert_eq!(line, "9\t8\t7\t6\t2\t10.05\t15\t3.02\t17.08\n");
    }
}
