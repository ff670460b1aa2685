//! `cargo xtask load run`: throughput, latency and cost of the server, beside what is possible at all.

mod acceptance;
mod database;
mod drive;
mod fleet;
mod footprint;
mod growth;
mod measure;
mod peer;
mod pgbench;
mod plan;
mod plot;
mod process;
mod request;
mod result;
mod scenario;
mod services;
mod session;
mod shown;
mod sink;
mod table;
mod wire;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::measure::Rounds;
use self::peer::Peer;
use self::result::{Goal, Machine, Report};
use self::session::Session;
use crate::command::CommandLine;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

/// Flags of `load run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A scenario of `benches/scenarios`; may be repeated. All when absent.
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// How often each target is measured in a scenario.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds for each of these measurements.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections that ask as soon as they are answered.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=512))]
    connections: u32,
    /// Calls a second of the measurement at a fixed rate; half of what each target did at most when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Sizes of the sample data, one after the other: tiny, full, or a factor such as 10x.
    #[arg(long = "scale", value_name = "SCALES", value_delimiter = ',', default_value = "full")]
    scales: Vec<String>,
    /// Modes of the answer cache that are measured: off, memory, redis.
    #[arg(long, value_name = "MODES", value_delimiter = ',', default_value = "off,memory")]
    cache: Vec<CacheMode>,
    /// So many servers that share Redis, behind nginx; a list.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(2..=16))]
    behind_proxy: Vec<u32>,
    /// Measure the server without cache twice more: with `telemetry.metrics = false`, and while it sends metrics and a tenth
    /// of all traces by OTLP.
    #[arg(long)]
    telemetry: bool,
    /// Another MCP server: NAME=URL[,pid=PID][,header=NAME: VALUE]; may be repeated.
    #[arg(long = "peer", value_name = "NAME=URL")]
    peers: Vec<Peer>,
    /// The command that runs a peer, which is given the database in PGHOST, PGPORT and so on: NAME=COMMAND.
    #[arg(long = "peer-command", value_name = "NAME=COMMAND", value_parser = peer::command)]
    peer_commands: Vec<(String, String)>,
    /// A variable for our servers, such as `RETAIL_MCP__LOG__LEVEL=info`; may be repeated.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Leave out the scenarios that need the embedding model.
    #[arg(long)]
    no_embeddings: bool,
    /// The `retail-mcp` binary; built in the release profile when absent.
    #[arg(long, value_name = "PATH")]
    server_binary: Option<PathBuf>,
    /// The `load-limits` binary of `retail-benches`; built in the release profile when absent.
    #[arg(long, value_name = "PATH")]
    limits_binary: Option<PathBuf>,
    /// Fail when a goal is missed.
    #[arg(long)]
    strict: bool,
}

/// Where answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CacheMode {
    Off,
    Memory,
    Redis,
}

impl CacheMode {
    /// As the configuration has it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

fn variable(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Run {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        if cfg!(debug_assertions) {
            return become_optimised(workspace);
        }
        let scenarios = self.chosen(workspace)?;
        setup::run(workspace)?;
        let binaries = self.binaries(workspace)?;
        let mut reports = Vec::new();
        for scale in &self.scales {
            let report = self.run_at(workspace, &binaries, &scenarios, scale)?;
            write(workspace, &report)?;
            reports.push(report);
        }
        console::line(&growth::table(&reports));
        reports.iter().try_for_each(|report| self.judge(report))
    }

    /// All scenarios with sample data of one size.
    fn run_at(
        &self,
        workspace: &Workspace,
        (server, limits): &(PathBuf, PathBuf),
        scenarios: &[scenario::Scenario],
        scale: &str,
    ) -> Result<Report> {
        let mut report = Report {
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            revision: revision(workspace),
            machine: machine(),
            scale: scale.to_owned(),
            connections: self.connections,
            seconds: self.seconds,
            ..Report::default()
        };
        let session = Session::start(self, server, &mut report)?;
        let rounds = Rounds {
            count: self.rounds,
            time: Duration::from_secs(self.seconds),
            connections: self.connections,
        };
        session.measure(self, scenarios, limits, rounds, &mut report)?;
        session.stop()?;
        report.acceptance =
            acceptance::checks(&report.scenarios, report.footprint.as_ref(), &report.scale);
        console::line(&format!("\n{}", table::summary(&report)));
        Ok(report)
    }

    /// The scenarios that were asked for, and those that they are made of.
    fn chosen(&self, workspace: &Workspace) -> Result<Vec<scenario::Scenario>> {
        let all = scenario::read_all(&workspace.root().join("benches/scenarios"))?;
        for name in &self.scenarios {
            if !all.iter().any(|scenario| scenario.name == *name) {
                let names: Vec<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
                bail!("there is no scenario {name}; there are {}", names.join(", "));
            }
        }
        Ok(all)
    }

    /// Whether a scenario is measured.
    fn wants(&self, name: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|wanted| wanted == name)
    }

    /// The server and the limits, built where need be.
    fn binaries(&self, workspace: &Workspace) -> Result<(PathBuf, PathBuf)> {
        let named = [("retail-mcp", &self.server_binary), ("load-limits", &self.limits_binary)];
        // With the features of the whole workspace, so that other builds of it are not thrown away.
        let mut build = CommandLine::new("cargo").words("build --release --locked --workspace");
        for (program, _) in named.iter().filter(|(_, path)| path.is_none()) {
            build = build.args(["--bin", program]);
        }
        if named.iter().any(|(_, path)| path.is_none()) {
            build.in_dir(workspace.root()).run()?;
        }
        let [server, limits] = named.map(|(program, path)| match path {
            Some(path) => std::path::absolute(path),
            None => Ok(workspace.built("release", program)),
        });
        let (server, limits) = (server?, limits?);
        for path in [&server, &limits] {
            if !path.is_file() {
                bail!("there is no program at {}", path.display());
            }
        }
        Ok((server, limits))
    }

    fn judge(&self, report: &Report) -> Result<()> {
        let is_missed =
            |check: &&result::Check| check.goal.is_some_and(|goal: Goal| !goal.is_met(check.value));
        let missed: Vec<&str> =
            report.acceptance.iter().filter(is_missed).map(|check| check.what.as_str()).collect();
        if self.strict && !missed.is_empty() {
            bail!("missed: {}", missed.join("; "));
        }
        Ok(())
    }
}

/// The caller's own cost would be measured, too: unoptimised, it is as much as the server's.
fn become_optimised(workspace: &Workspace) -> Result<()> {
    let own = CommandLine::new("cargo").words("run --release --quiet --locked --package xtask --");
    let own = own.args(std::env::args_os().skip(1)).in_dir(workspace.root());
    console::line(&format!("$ {own}"));
    Err(own.to_command().exec()).context("starting cargo")
}

fn revision(workspace: &Workspace) -> String {
    let git = CommandLine::new("git").words("describe --always --dirty --exclude=*");
    git.in_dir(workspace.root()).output().unwrap_or_else(|_| "unknown".to_owned())
}

fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = read("/proc/loadavg").split(' ').next().and_then(|load| f64::from_str(load).ok());
    Machine {
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        model: model.map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned()),
        load_before: load.unwrap_or_default(),
    }
}

/// Writes the JSON file and the picture, named by the time.
fn write(workspace: &Workspace, report: &Report) -> Result<()> {
    let folder = workspace.load_results();
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let json = serde_json::to_string_pretty(report)?;
    for (ending, text) in [("json", json), ("svg", plot::render(report))] {
        let path = folder.join(format!("{}.{ending}", report.started));
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        console::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}
