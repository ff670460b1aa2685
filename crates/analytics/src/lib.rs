#![doc = include_str!("../README.md")]

mod analysis;
mod analyst;
pub mod calendar;
mod explain;
mod figure;
mod forecasting;
mod insights;
mod inventory;
mod literal;
pub mod metric;
mod names;
mod newest;
mod peers;
mod sales;
mod statement;
mod words;

pub use analysis::{Analysis, Provenance, StatementRun, Table, TableColumn};
pub use analyst::Analyst;
pub use explain::{ChangeQuestion, EXPLAINED};
pub use forecasting::{ForecastQuestion, Step};
pub use insights::{Insight, InsightQuestion};
pub use inventory::{InventoryQuestion, InventoryView};
pub use names::Names;
pub use peers::{PeerMetric, PeerQuestion};
pub use sales::{MAX_METRICS, SalesQuestion, SalesTemplate};
pub use statement::Filter;
