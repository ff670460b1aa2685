#![doc = include_str!("../README.md")]

mod error;
mod identity;
pub mod ports;
mod query;
mod schema;

pub use error::{Error, ErrorCode};
pub use identity::{Principal, RlsUserId, Scope, Store, StoreId, VerifiedIdentity, Visibility};
pub use query::{Column, JsonRow, QueryAnswer, QueryLimits, SqlText, Truncation};
pub use schema::{
    ColumnSchema, KeyRole, Relationship, RetailTable, RowEstimate, TableSchema, ValidValues,
};
