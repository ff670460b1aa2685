//! The command line: one file a command.

mod audit;
mod benchmarks;
mod completions;
mod config;
mod demo;
mod doctor;
mod embed;
mod grants;
mod healthcheck;
mod identity;
mod keys;
mod manual;
mod migrate;
mod replay;
mod seed;
mod serve;
mod stdio;
mod token;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Purpose, Sources};
use crate::logging;

/// Longest wait for work that cannot be cancelled, such as the start of PostgreSQL.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// What no flag tells of.
const SURROUNDINGS: &str = "\
Environment:
  RETAIL_MCP__SECTION__KEY  a key of the configuration, such as RETAIL_MCP__DATABASE__HOST: before the file, after flags
  RETAIL_MCP_CACHE_DIR      folder of downloaded programs and of the embedding model

Files:
  retail-mcp.toml           the configuration; `retail-mcp config` prints each key, its value and where it came from";

/// Retail answers over the Model Context Protocol; each store sees its own rows.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
#[derive(Debug, Parser)]
#[command(name = "retail-mcp", version, max_term_width = 100, after_long_help = SURROUNDINGS)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
struct Common {
    /// Configuration file [default: retail-mcp.toml in this folder, if there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded database and of keys; delete it to start anew
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on, or to ask [default: 127.0.0.1:8000]
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Log level: error, warn, info, debug, trace, or a filter such as `retail_storage=debug`
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: database, sample data, server
    Demo(demo::Demo),
    /// Serve MCP over HTTP, on the configured database
    Serve,
    /// Serve MCP on standard input and output, as one identity
    Stdio(stdio::Stdio),
    /// Bring the configured database to the current schema
    Migrate(migrate::Migrate),
    /// List or rotate the keys that sign identities for the database
    Keys(keys::Keys),
    /// Verify or show the record of calls
    Audit(audit::Audit),
    /// Ask the question of a receipt again, and show what has changed
    Replay(replay::Replay),
    /// List, add or remove what claims of tokens may see and do
    Identity(grants::Identity),
    /// Load the sample data, or verify it
    Seed(seed::Seed),
    /// Publish how each store stands among the others
    Benchmarks(benchmarks::Benchmarks),
    /// Give the products the vectors that search compares: what is missing or stale
    Embed(embed::Embed),
    /// Print a development token
    Token(token::Token),
    /// Print the effective value of each configuration key and where it came from
    Config,
    /// Ask a running server whether it is ready: exit code 0 if it is
    Healthcheck,
    /// Look at the database and say what is wrong and what mends it: exit code 0 if nothing is
    Doctor(doctor::Doctor),
    /// Print a script that completes commands and flags in a shell
    Completions(completions::Completions),
    /// Write the manual: a page for the program, and one for each command
    Manual(manual::Manual),
}

impl Command {
    /// What the configuration must be good for.
    fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Demo(_) => Some(Purpose::Demo),
            Self::Serve => Some(Purpose::Serve),
            Self::Migrate(_) | Self::Keys(_) => Some(Purpose::Maintain),
            Self::Stdio(_)
            | Self::Seed(_)
            | Self::Benchmarks(_)
            | Self::Embed(_)
            | Self::Token(_)
            | Self::Config
            | Self::Healthcheck
            | Self::Audit(_)
            | Self::Replay(_)
            | Self::Identity(_)
            | Self::Doctor(_)
            | Self::Completions(_)
            | Self::Manual(_) => None,
        }
    }

    /// Whether it answers calls.
    fn is_server(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Serve | Self::Stdio(_))
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // Whoever builds a package has no configuration, and a broken one is no reason to refuse.
    match &cli.command {
        Command::Completions(completions) => return finish(completions.run()),
        Command::Manual(manual) => return finish(manual.run()),
        _ => {}
    }
    let config = match load(&cli) {
        Ok(config) => config,
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
    };
    finish(run_with(cli, config))
}

fn finish(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

fn run_with(cli: Cli, mut config: Config) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if !cli.command.is_server() {
        // What is done from time to time is no service that somebody watches.
        config.telemetry.signals.clear();
    }
    let logging = {
        // It sends from the runtime.
        let _inside = runtime.enter();
        Arc::new(logging::start(&config.log, &config.telemetry)?)
    };
    let outcome = runtime.block_on(async {
        if matches!(cli.command, Command::Serve) {
            logging::reread_level_at_sighup(Arc::clone(&logging), sources(&cli))?;
        }
        Box::pin(dispatch(cli.command, config)).await
    });
    logging.shut_down();
    // A read of standard input, or a start of PostgreSQL that was given up, may still go on.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome
}

async fn dispatch(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run(config).await?,
        Command::Serve => serve::run(&config).await?,
        Command::Stdio(stdio) => stdio.run(&config).await?,
        Command::Migrate(migrate) => migrate.run(&config).await?,
        Command::Keys(keys) => keys.run(&config).await?,
        Command::Audit(audit) => return audit.run(&config).await,
        Command::Replay(replay) => return replay.run(&config).await,
        Command::Identity(identity) => identity.run(&config).await?,
        Command::Seed(seed) => return seed.run(&config).await,
        Command::Benchmarks(benchmarks) => benchmarks.run(&config).await?,
        Command::Embed(embed) => embed.run(config).await?,
        Command::Token(token) => token.run(&config).await?,
        Command::Config => config::run(&config)?,
        Command::Healthcheck => return healthcheck::run(&config).await,
        Command::Doctor(doctor) => return doctor.run(&config).await,
        // Answered before there is a configuration.
        Command::Completions(_) | Command::Manual(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn load(cli: &Cli) -> anyhow::Result<Config> {
    let config = Config::load(&sources(cli))?;
    if let Some(purpose) = cli.command.purpose() {
        config.validate(purpose)?;
    }
    Ok(config)
}

fn sources(cli: &Cli) -> Sources {
    let mut sources = Sources::of_process();
    if let Some(file) = &cli.common.config {
        sources = sources.with_config_file(file);
    }
    if let Some(folder) = &cli.common.data_dir {
        sources = sources.with_flag("--data-dir", "data_dir", folder.display().to_string());
    }
    if let Some(address) = cli.common.listen {
        sources = sources.with_flag("--listen", "server.listen", address.to_string());
    }
    if let Some(level) = &cli.common.log_level {
        sources = sources.with_flag("--log-level", "log.level", level);
    }
    sources
}

/// The error and its causes, for the person at the terminal.
fn complain(error: &anyhow::Error) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "retail-mcp: {error:#}");
}

/// Writes to standard output. What the reader no longer wants is not an error.
fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented command lines, without their remarks.
    fn documented(text: &str) -> Vec<Vec<&str>> {
        text.lines()
            .filter_map(|line| line.split('#').next())
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|words| words.first() == Some(&"retail-mcp"))
            .collect()
    }

    #[test]
    fn the_commands_of_the_readme_exist() {
        let commands = documented(include_str!("../../../README.md"));
        assert!(commands.len() >= 6, "{commands:?}");
        for words in commands {
            let parsed = Cli::try_parse_from(&words);
            assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn the_configuration_of_the_readme_is_valid() {
        let readme = include_str!("../../../README.md");
        let toml = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next());
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        for secret in ["admin", "query", "head-office", "service"] {
            std::fs::write(folder.path().join("secrets").join(secret), "secret").unwrap();
        }
        let file = folder.path().join("retail-mcp.toml");
        let secrets = format!("\"{}/secrets/", folder.path().display());
        std::fs::write(&file, toml.unwrap().replace("\"secrets/", &secrets)).unwrap();
        let config = Config::load(&Sources::default().with_config_file(&file)).unwrap();
        config.validate(Purpose::Serve).unwrap();
        config.validate(Purpose::Maintain).unwrap();
    }
}
