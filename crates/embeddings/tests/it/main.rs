//! Integration tests.

#[cfg(feature = "local")]
mod local;
#[cfg(feature = "remote")]
#[cfg(test)]
mod remote;
