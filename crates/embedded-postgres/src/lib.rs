#![doc = include_str!("../README.md")]

mod cluster;
mod connection;
mod data_dir;
mod error;
mod files;
mod installation;
mod psql;
mod server_user;

pub use cluster::{Cluster, ClusterOptions, Listen, Profile};
pub use connection::{ConnectionInfo, HostSpec};
pub use data_dir::existing_major;
pub use error::Error;
pub use installation::{Installation, Origin, ProvisionOptions};
pub use psql::{Psql, unique_name};
pub use retail_wheels::default_data_root;
