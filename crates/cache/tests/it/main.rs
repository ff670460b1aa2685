//! The cache, with real Redis.

#[cfg(test)]
mod decorators;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod freshness;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod single_flight;
#[cfg(test)]
mod support;
#[cfg(test)]
mod two_servers;
