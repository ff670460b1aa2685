#![doc = include_str!("../README.md")]

mod checked;
mod generic;
mod guard;
mod parser;
mod policy;
mod prescan;
mod rejection;
mod tree;
mod walk;

pub use checked::CheckedQuery;
pub use guard::Guard;
pub use policy::{GuardPolicy, Limits, PolicyBuilder, PolicyError};
pub use rejection::{Rejection, RejectionCode};
