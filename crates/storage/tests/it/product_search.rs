//! Products are found by words and by meaning, under the caller's identity.

mod finds;
mod hostile;
mod identities;
mod plans;
mod shop;
