//! The HTTP edge holds against what the network sends.

mod connections;
mod heads;
mod hosts;
mod limits;
mod malformed;
mod raw;
mod tls;
