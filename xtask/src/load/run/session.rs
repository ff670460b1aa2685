//! One run: what is started, and in which order it is measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::database::{Database, Store};
use super::fleet::Fleet;
use super::footprint;
use super::measure::{Rounds, Target, Way};
use super::peer::Peer;
use super::pgbench::Limit;
use super::plan::{Callers, Prepared, verify};
use super::request::Endpoint;
use super::result::{AXUM, Measured, PGBENCH, RMCP, Report, UNCACHED};
use super::scenario::{HEAD_OFFICE, Scenario};
use super::services::{Serve, Service};
use super::{Run, acceptance, table};
use crate::command::CommandLine;
use crate::conformance::server::{Server, free_address};
use crate::console;
use crate::load::latencies::milliseconds;

/// The demo, which has database and data, and the servers on it. The last field is stopped last.
#[derive(Debug)]
pub(super) struct Session {
    servers: Vec<Fleet>,
    peers: Vec<(Peer, Endpoint)>,
    started_peers: Vec<Service>,
    serve: Serve,
    database: Database,
    stores: Vec<Store>,
    demo: Server,
}

/// A scenario that was tried.
#[derive(Debug)]
struct Ready {
    scenario: Prepared,
    limit: Limit,
    answer_bytes: usize,
}

/// What all scenarios share.
#[derive(Debug)]
struct Work<'a> {
    run: &'a Run,
    rounds: Rounds,
    callers: Callers,
    /// The program with axum's and rmcp's limits.
    limits: Service,
}

impl Session {
    /// Starts the demo, and a server for each mode of the cache.
    pub(super) fn start(run: &Run, binary: &Path, report: &mut Report) -> Result<Self> {
        let provider = if run.no_embeddings { "none" } else { "local" };
        let embeddings = ("RETAIL_MCP__EMBEDDINGS__PROVIDER", provider);
        // Nothing but how far the data are.
        let quiet = ("RETAIL_MCP__LOG__LEVEL", "warn,retail_server::sample=info");
        let demo =
            Server::start_scaled(binary, &free_address()?, &report.scale, &[embeddings, quiet])
                .context("starting the demo; without the embedding model, use --no-embeddings")?;
        let database = Database::of(&demo.data_dir())?;
        let stores = database.stores()?;
        report.postgres = database.version()?;
        let folder = demo.data_dir().with_file_name("load");
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let serve = Serve {
            binary: binary.to_owned(),
            data_dir: demo.data_dir(),
            folder,
            variables: run.variables.clone(),
        };
        let servers = Fleet::all(run, &serve, &database, &[embeddings])?;
        let (mut peers, mut started_peers) = (Vec::new(), Vec::new());
        for peer in &run.peers {
            let (mut peer, own) = (peer.clone(), &peer.name);
            for (_, command) in run.peer_commands.iter().filter(|(name, _)| name == own) {
                console::line(&format!("$ {command}"));
                started_peers.push(peer.start(command, &database, &serve.folder)?);
            }
            let endpoint = peer.connect()?;
            peers.push((peer, endpoint));
        }
        Ok(Self { servers, peers, started_peers, serve, database, stores, demo })
    }

    /// Measures every scenario.
    pub(super) fn measure(
        &self,
        run: &Run,
        scenarios: &[Scenario],
        limits: &Path,
        rounds: Rounds,
        report: &mut Report,
    ) -> Result<()> {
        let mut prepared = Vec::new();
        for scenario in scenarios.iter().filter(|scenario| run.wants(&scenario.name)) {
            if run.no_embeddings && scenario.needs_embeddings(scenarios) {
                report.skipped.push(format!("{}: it needs the embedding model", scenario.name));
                continue;
            }
            let one = Prepared::new(scenario, scenarios, &self.database);
            prepared.push(one.with_context(|| scenario.name.clone())?);
        }
        let callers = self.callers(&prepared)?;
        if let Some(question) = prepared.iter().find(|one| one.name == acceptance::SUBJECT) {
            console::line("measuring a server by itself");
            let footprint =
                footprint::measure(&self.serve, &self.database, question, &callers, rounds.time);
            report.footprint = Some(footprint.context("a server by itself")?);
        }
        let ready = self.ready(prepared, &callers, report)?;
        let limits = self.limits(limits)?;
        let work = Work { run, rounds, callers, limits };
        for one in ready {
            console::line(&format!("measuring {}", one.scenario.name));
            let name = one.scenario.name.clone();
            match self.measure_one(&work, one, &mut report.skipped) {
                Ok(measured) => {
                    console::line(&table::scenario(&measured));
                    report.scenarios.push(measured);
                }
                Err(error) if report.scale.ends_with('x') => {
                    let skipped = format!("{name} at {}: {error:#.300}", report.scale);
                    report.skipped.push(skipped);
                }
                Err(error) => return Err(error.context(name)),
            }
        }
        Ok(())
    }

    /// Stops all of it, and fails when the demo does not end in order.
    pub(super) fn stop(mut self) -> Result<()> {
        self.servers.clear();
        self.started_peers.clear();
        self.demo.stop()
    }

    /// The header of each caller.
    fn callers(&self, prepared: &[Prepared]) -> Result<Callers> {
        let mut callers = Callers::new();
        for name in prepared.iter().flat_map(Prepared::callers) {
            if !callers.iter().any(|(caller, _)| caller == name) {
                let who: &[&str] =
                    if name == HEAD_OFFICE { &["--all-stores"] } else { &["--store", name] };
                let token = self.demo.token(who)?;
                callers.push((name.clone(), format!("Authorization: Bearer {token}")));
            }
        }
        Ok(callers)
    }

    /// Tries each scenario on the server and on PostgreSQL, before anything is measured, and keeps the answers.
    ///
    /// With more data than usual, a question may take longer than the server allows: it is left out then.
    fn ready(
        &self,
        prepared: Vec<Prepared>,
        callers: &Callers,
        report: &mut Report,
    ) -> Result<Vec<Ready>> {
        let folder = self.answers();
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let mut ready = Vec::new();
        for mut scenario in prepared {
            let mut try_it = || {
                scenario.learn_limits(&self.endpoint(0)?, callers)?;
                let limit = scenario.limit(&self.serve.folder, &self.stores)?;
                limit.verify(&self.database)?;
                let body = verify(&scenario.plan(&self.endpoint(0)?, callers)?)?;
                fs::write(folder.join(format!("{}.json", scenario.name)), &body)?;
                anyhow::Ok((limit, body.len()))
            };
            match try_it() {
                Ok((limit, answer_bytes)) => ready.push(Ready { scenario, limit, answer_bytes }),
                Err(error) if report.scale.ends_with('x') => {
                    let skipped = format!("{} at {}: {error:#.300}", scenario.name, report.scale);
                    report.skipped.push(skipped);
                }
                Err(error) => return Err(error.context(scenario.name.clone())),
            }
        }
        Ok(ready)
    }

    /// Starts the limits that give these answers.
    fn limits(&self, binary: &Path) -> Result<Service> {
        let address = free_address()?;
        let program = CommandLine::new(binary).arg(&address).arg(self.answers());
        Service::start(&program, address, "/ready", &self.serve.folder)
    }

    fn answers(&self) -> PathBuf {
        self.serve.folder.join("answers")
    }

    fn endpoint(&self, server: usize) -> Result<Endpoint> {
        let fleet = self.servers.get(server).context("--cache names no mode")?;
        Endpoint::of_url(&format!("http://{}/mcp", fleet.address()?))
    }

    fn measure_one(
        &self,
        work: &Work<'_>,
        ready: Ready,
        skipped: &mut Vec<String>,
    ) -> Result<Measured> {
        let Work { run, rounds, callers, limits } = work;
        let Ready { scenario, limit, answer_bytes } = ready;
        let mut targets = vec![Target { name: PGBENCH.to_owned(), way: Way::Pgbench(limit) }];
        targets.extend(self.servers_of(&scenario, callers, skipped)?);
        // At a fixed rate the limits of bytes say nothing.
        let compared = targets.len();
        let mut cold_ms = Vec::new();
        if scenario.is_one_question() {
            for (name, path) in [(RMCP, "mcp"), (AXUM, "bytes")] {
                let url = format!("http://{}/{}/{path}", limits.address, scenario.name);
                let plan = scenario.plan(&Endpoint::of_url(&url)?, callers)?;
                let way = Way::Http { plan, processes: vec![limits.process()] };
                targets.push(Target { name: name.to_owned(), way });
            }
            cold_ms = self.cold(run, &scenario, callers)?;
        }
        let closed = rounds.closed(&targets, &self.database)?;
        let compared = targets.get(..compared).unwrap_or_default();
        let open = rounds.open(compared, &closed, run.rate.map(f64::from), &self.database)?;
        let (name, description) = (scenario.name, scenario.description);
        Ok(Measured { name, description, answer_bytes, cold_ms, closed, open })
    }

    /// Our servers and the peers, but for those that cannot be asked this.
    fn servers_of(
        &self,
        scenario: &Prepared,
        callers: &Callers,
        skipped: &mut Vec<String>,
    ) -> Result<Vec<Target>> {
        let mut targets = Vec::new();
        for (number, fleet) in self.servers.iter().enumerate() {
            let name = &fleet.name;
            if name != UNCACHED && scenario.never_repeats() {
                skipped.push(format!("{}, {name}: no call is like another", scenario.name));
                continue;
            }
            let plan = scenario.plan(&self.endpoint(number)?, callers)?;
            let way = Way::Http { plan, processes: fleet.processes() };
            targets.push(Target { name: name.clone(), way });
        }
        for (peer, endpoint) in &self.peers {
            let plan = scenario.peer_plan(endpoint, &peer.name)?;
            match verify(&plan) {
                Ok(_) => {
                    let processes = peer.process.into_iter().collect();
                    let way = Way::Http { plan, processes };
                    targets.push(Target { name: peer.name.clone(), way });
                }
                Err(error) => {
                    skipped.push(format!("{}, {}: {error:.160}", scenario.name, peer.name));
                }
            }
        }
        Ok(targets)
    }

    /// The first call of servers that have just started.
    fn cold(&self, run: &Run, one: &Prepared, callers: &Callers) -> Result<Vec<f64>> {
        let provider = if run.no_embeddings { "none" } else { "local" };
        let variables = [("RETAIL_MCP__EMBEDDINGS__PROVIDER", provider)];
        (0..run.rounds)
            .map(|_| {
                let server = self.serve.start(&self.database, &variables)?;
                let endpoint = Endpoint::of_url(&format!("http://{}/mcp", server.address))?;
                let plan = one.plan(&endpoint, callers)?;
                let started = std::time::Instant::now();
                verify(&plan)?;
                Ok(milliseconds(started.elapsed()))
            })
            .collect()
    }
}
