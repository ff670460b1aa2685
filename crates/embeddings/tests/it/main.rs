//! Integration tests.

#[cfg(test)]
mod cached;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "remote")]
#[cfg(test)]
mod remote;
