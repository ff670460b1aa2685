#![doc = include_str!("../README.md")]

mod cache;
mod data_root;
mod error;
pub mod files;
mod model;
mod pip;
mod unpack;
mod wheel;

pub use cache::Cache;
pub use data_root::default_data_root;
pub use error::Error;
pub use model::{MODELS_FOLDER, SENTENCE_MODEL};
pub use wheel::Wheel;
