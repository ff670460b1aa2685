#![doc = include_str!("../README.md")]

pub mod baseline;
pub mod cli;
pub mod docs;
pub mod labels;
pub mod metrics;
pub mod quality;
pub mod recall;
pub mod report;
pub mod sweep;
pub mod systems;
pub mod vectors;
pub mod world;
