#![doc = include_str!("../README.md")]

mod alerts;
mod chart_app;
mod ci;
mod command;
mod compose_smoke;
mod conformance;
mod console;
mod dashboard;
mod demo;
mod deploy_check;
mod faults;
mod fuzz;
mod golden;
mod layers;
mod load;
mod oldest_postgres;
mod package;
mod search_eval;
mod setup;
mod tidy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Set-up, demo, CI and checks of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Provide what the build and the tests need.
    Setup {
        /// What the build needs, alone.
        #[arg(long)]
        build: bool,
    },
    /// Set up, build for release, and run `retail-mcp demo`.
    Demo {
        /// Arguments for `retail-mcp demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every check, in order.
    Ci {
        /// Run this step alone; may be repeated.
        #[arg(long = "only", value_name = "STEP")]
        only: Vec<String>,
    },
    /// Feed the SQL guard random input, and fail when it crashes.
    Fuzz {
        /// One target; all, one after the other, when absent.
        target: Option<String>,
        /// Seconds for each target.
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u32,
    },
    /// Measure product search against the labelled queries; fail when it got worse.
    SearchEval {
        /// Arguments for `retail-search-eval`, such as `--verbose`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure a demo server under load, on this machine alone, for seconds.
    Load {
        #[command(subcommand)]
        scenario: load::Scenario,
    },
    /// Let Redis, PostgreSQL, a standby and the pooler fail under requests, and fail when an answer is wrong.
    Faults {
        /// Parts of the names of faults, such as `Redis`; all when absent.
        names: Vec<String>,
    },
    /// Check and test the rules for Prometheus.
    Alerts,
    /// Open the operators' page in a headless browser, and take pictures of it.
    Dashboard,
    /// Open the interactive page of charts in a headless browser, inside a host of MCP Apps.
    ChartApp,
    /// Ask the golden questions, and compare each figure with one that was computed from the raw rows.
    Golden,
    /// Check the deployment files, each by itself and all against each other.
    DeployCheck {
        /// Also prove each check: by a file that was broken on purpose.
        #[arg(long)]
        prove: bool,
        /// Run this check alone; may be repeated.
        #[arg(long = "only", value_name = "CHECK")]
        only: Vec<String>,
    },
    /// Bring up the services of the Compose files without a container engine, and use, upgrade and crash them.
    ComposeSmoke {
        #[command(flatten)]
        ours: compose_smoke::Ours,
    },
    /// Check which crate depends on which.
    Layers,
    /// Check that no source file is too long.
    Tidy,
    /// Pack the published crates, and compile them from their packages.
    Package {
        /// Each crate by itself too, with the features that it asks for alone: minutes more.
        #[arg(long)]
        each: bool,
    },
    /// Run the official clients and the conformance suite against a demo server.
    Conformance {
        /// The `retail-mcp` binary to test; built in the dev profile when absent.
        #[arg(long, value_name = "PATH")]
        server_binary: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::problem(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    command::stop_on_signals()?;
    match task {
        Task::Setup { build: true } => setup::to_build(&workspace),
        Task::Setup { build: false } => setup::run(&workspace),
        Task::Demo { args } => demo::run(&workspace, &args),
        Task::Ci { only } => ci::run(&workspace, &only),
        Task::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), seconds),
        Task::SearchEval { args } => search_eval::run(&workspace, &args),
        Task::Load { scenario } => load::run(&workspace, &scenario),
        Task::Faults { names } => faults::run(&workspace, &names),
        Task::Alerts => alerts::run(&workspace),
        Task::DeployCheck { prove, only } => deploy_check::run(&workspace, prove, &only),
        Task::Dashboard => dashboard::run(&workspace),
        Task::ChartApp => chart_app::run(&workspace),
        Task::Golden => golden::run(&workspace),
        Task::ComposeSmoke { ours } => compose_smoke::run(&workspace, &ours),
        Task::Layers => layers::run(&workspace),
        Task::Tidy => tidy::run(&workspace),
        Task::Package { each } => package::run(&workspace, each),
        Task::Conformance { server_binary } => conformance::run(&workspace, server_binary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn demo_passes_its_arguments_on() {
        let cli = Cli::parse_from(["cargo xtask", "demo", "--", "--scale", "tiny"]);
        assert!(matches!(cli.task, Task::Demo { args } if args == ["--scale", "tiny"]));
    }

    #[test]
    fn search_eval_passes_its_arguments_on() {
        let cli = Cli::parse_from(["cargo xtask", "search-eval", "--query", "tap washer"]);
        assert!(matches!(cli.task, Task::SearchEval { args } if args == ["--query", "tap washer"]));
    }
}
