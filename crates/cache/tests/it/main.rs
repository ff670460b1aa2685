//! The cache, with real Redis.

mod decorators;
mod faults;
mod freshness;
mod keys;
mod memory;
mod poison;
mod shared;
mod single_flight;
mod support;
mod two_servers;
