#![doc = include_str!("../README.md")]

pub mod access;
pub mod app;
mod catalogue;
pub mod cli;
pub mod config;
pub mod embedding;
mod export;
pub mod http;
pub mod kept_answers;
mod key_file;
mod lifecycle;
mod local;
mod logging;
mod observe;
pub mod oidc;
mod readiness;
mod sample;
pub mod watch;
