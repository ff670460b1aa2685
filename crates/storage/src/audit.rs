//! The audit log in the database: its writer, its chain, and what an operator may ask of it.

mod anchor;
mod chain;
mod list;
mod sink;
mod verify;
mod writer;

pub use anchor::AuditAnchor;
pub use list::AuditRecord;
pub use verify::{AuditBreak, AuditFault, AuditReport};
pub use writer::{AuditPolicy, AuditSettings, AuditStatistics, AuditWriter};
