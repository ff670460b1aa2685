#![doc = include_str!("../README.md")]

mod baskets;
mod calendar;
mod catalogue;
mod copy;
mod customers;
mod dataset;
mod demand;
mod error;
mod inventory;
mod names;
mod orders;
mod random;
mod scale;
mod shoppers;
mod stores;
mod table;
pub mod verify;

pub use baskets::{OrderItem, OrderItems};
pub use calendar::{EARLIEST_UNTIL, FIRST_ORDER_DATE, LATEST_UNTIL};
pub use catalogue::{Catalogue, Category, Product, ProductType};
pub use copy::CopyChunks;
pub use customers::{Customer, Customers};
pub use dataset::{Dataset, Spec};
pub use error::Error;
pub use inventory::{InventoryRow, InventoryRows};
pub use orders::{Order, Orders};
pub use scale::Scale;
pub use stores::{STORES, Store};
pub use table::{RowCount, Table};
