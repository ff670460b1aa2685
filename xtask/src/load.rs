//! `cargo xtask load`: how much the server does, and what abuse by some does to the others.

mod client;
mod flood;
mod idle;
mod latencies;
mod run;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::conformance::server::Server;
use crate::workspace::Workspace;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// One principal asks for 20 times its limit while others call as usual.
    Flood(flood::Flood),
    /// Thousands of connections send nothing, or half a request, while others call as usual.
    Idle(idle::Idle),
    /// Measure throughput, latency and cost of the scenarios in `benches/scenarios`, beside the limits.
    Run(Box<run::Run>),
}

/// Flags of each scenario.
#[derive(Debug, Args)]
struct Common {
    /// The `retail-mcp` binary; built in the dev profile when absent.
    #[arg(long, value_name = "PATH")]
    server_binary: Option<PathBuf>,
    /// Seconds for each measurement.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

/// Starts a demo server, measures, and stops it.
pub(crate) fn run(workspace: &Workspace, scenario: &Scenario) -> Result<()> {
    match scenario {
        Scenario::Flood(flood) => flood.run(workspace),
        Scenario::Idle(idle) => idle.run(workspace),
        Scenario::Run(run) => run.run(workspace),
    }
}

impl Common {
    fn start(&self, workspace: &Workspace, variables: &[(&str, &str)]) -> Result<Server> {
        let binary = if let Some(binary) = &self.server_binary {
            std::path::absolute(binary)?
        } else {
            workspace.build("retail-mcp", &[])?
        };
        if !binary.is_file() {
            bail!("there is no server binary at {}", binary.display());
        }
        // Nothing is searched for, and the log would be measured too.
        let mut all =
            vec![("RETAIL_MCP__EMBEDDINGS__PROVIDER", "none"), ("RETAIL_MCP__LOG__LEVEL", "warn")];
        all.extend_from_slice(variables);
        Server::start_with(&binary, &all)
    }
}
