//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::sweep::Sweep;

/// Measures product search: what it finds for the labelled queries, and what the index loses.
#[derive(Debug, Parser)]
#[command(name = "retail-search-eval")]
pub struct Cli {
    /// What to measure, if not the labelled queries.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Show the answer to each query, the worst first.
    #[arg(long)]
    pub verbose: bool,
    /// Show the answers to this text alone, by each way to search, and measure nothing.
    #[arg(long, value_name = "TEXT")]
    pub query: Option<String>,
    /// Write the tables into docs/search.md.
    #[arg(long)]
    pub write_docs: bool,
    /// Make these figures the ones to keep.
    #[arg(long)]
    pub accept: bool,
}

/// Other measurements.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// How hybrid search does with other settings, on the half of the queries that is for tuning.
    Sweep(SweepArgs),
    /// What the index finds of what a store has in stock, beside an exact search.
    Recall(RecallArgs),
}

/// What is tried.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// A setting and its values, such as `rank_constant=10,60`; all combinations are tried.
    #[arg(long = "set", value_name = "NAME=VALUES", value_parser = crate::sweep::parse)]
    pub sets: Vec<Sweep>,
}

/// How recall is measured.
#[derive(Debug, Args)]
pub struct RecallArgs {
    /// Products of the catalogue.
    #[arg(long, default_value_t = 50_000)]
    pub products: usize,
    /// Give every product its real vector, which takes minutes, instead of a synthetic one.
    #[arg(long)]
    pub real_vectors: bool,
    /// Write the table into docs/search.md.
    #[arg(long)]
    pub write_docs: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["retail-search-eval", "recall", "--products", "5000"]);
        assert!(matches!(cli.task, Some(Task::Recall(args)) if args.products == 5_000));
    }
}
