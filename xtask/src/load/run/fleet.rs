//! Our own servers: one for each mode of the cache, and several that share Redis behind a proxy.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, Result};

use super::database::Database;
use super::result::{UNCACHED, WITH_TRACES, WITHOUT_METRICS};
use super::services::{Serve, Service};
use super::{CacheMode, Run, sink};
use crate::command::CommandLine;
use crate::conformance::server::free_address;
use crate::setup;

/// Servers that answer at one address.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) name: String,
    /// What they answer behind, when there are several.
    proxy: Option<Service>,
    servers: Vec<Service>,
    /// Each fleet has its own: no answer comes from what another was asked.
    _redis: Option<Service>,
}

impl Fleet {
    /// All that the flags ask for.
    pub(super) fn all(
        run: &Run,
        serve: &Serve,
        database: &Database,
        variables: &[(&str, &str)],
    ) -> Result<Vec<Self>> {
        let modes = run.cache.iter().map(|mode| (*mode, 1));
        let behind_proxy = run.behind_proxy.iter().map(|count| (CacheMode::Redis, *count));
        let mut fleets: Vec<Self> = modes
            .chain(behind_proxy)
            .map(|(mode, count)| Self::start(mode, count, serve, database, variables))
            .collect::<Result<_>>()?;
        if run.telemetry {
            let mut without = variables.to_vec();
            without.push(("RETAIL_MCP__TELEMETRY__METRICS", "false"));
            let fleet = Self::start(CacheMode::Off, 1, serve, database, &without)?;
            fleets.push(Self { name: WITHOUT_METRICS.to_owned(), ..fleet });
            let sink = format!("http://{}", sink::start()?);
            let mut variables = variables.to_vec();
            variables.extend([
                ("RETAIL_MCP__TELEMETRY__OTLP__ENDPOINT", sink.as_str()),
                ("RETAIL_MCP__TELEMETRY__OTLP__PROTOCOL", "http/protobuf"),
                ("RETAIL_MCP__TELEMETRY__TRACES__SAMPLE_RATIO", "0.1"),
            ]);
            let fleet = Self::start(CacheMode::Off, 1, serve, database, &variables)?;
            fleets.push(Self { name: WITH_TRACES.to_owned(), ..fleet });
        }
        Ok(fleets)
    }

    fn start(
        mode: CacheMode,
        count: u32,
        serve: &Serve,
        database: &Database,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let redis = (mode == CacheMode::Redis).then(|| redis(&serve.folder)).transpose()?;
        let url = redis.as_ref().map(|redis| format!("redis://{}", redis.address));
        let mut variables = variables.to_vec();
        variables.push(("RETAIL_MCP__CACHE__MODE", mode.as_str()));
        variables.extend(url.as_deref().map(|url| ("RETAIL_MCP__CACHE__REDIS_URL", url)));
        let servers = (0..count).map(|_| serve.start(database, &variables));
        let servers: Vec<Service> = servers.collect::<Result<_>>()?;
        let proxy = (count > 1).then(|| proxy(&serve.folder, &servers)).transpose()?;
        let name = match (mode, count) {
            (CacheMode::Off, _) => UNCACHED.to_owned(),
            (_, 1) => format!("{UNCACHED} {}", mode.as_str()),
            _ => format!("{UNCACHED} {} × {count}", mode.as_str()),
        };
        Ok(Self { name, proxy, servers, _redis: redis })
    }

    /// Where they answer.
    pub(super) fn address(&self) -> Result<&str> {
        let front = self.proxy.as_ref().or(self.servers.first());
        Ok(&front.context("a fleet without servers")?.address)
    }

    /// The servers' processes, the proxy's not.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Service::process).collect()
    }
}

/// A Redis that keeps nothing on disk.
fn redis(folder: &Path) -> Result<Service> {
    let address = free_address()?;
    let (_, port) = address.rsplit_once(':').context("a port")?;
    let program = CommandLine::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder);
    let probe = address.clone();
    Service::start_until(&program, address, folder, || TcpStream::connect(&probe).is_ok())
}

/// nginx, which gives each call to the next server.
fn proxy(folder: &Path, servers: &[Service]) -> Result<Service> {
    setup::nginx()?;
    let address = free_address()?;
    let upstream: Vec<String> =
        servers.iter().map(|server| format!("server {};", server.address)).collect();
    let folder = folder.join(format!("nginx-{}", address.replace(':', "-")));
    fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let place = folder.display();
    let temporary: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {place}/{kind};"))
        .collect();
    let configuration = format!(
        "daemon off; pid {place}/pid; error_log stderr warn; worker_processes 1;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; {temporary}\n\
         upstream retail_mcp {{ {upstream} keepalive 128; }}\n\
         server {{ listen {address}; keepalive_requests 10000000;\n\
         location / {{ proxy_pass http://retail_mcp; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $http_host; }} }} }}\n",
        temporary = temporary.join(" "),
        upstream = upstream.join(" "),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).with_context(|| format!("writing {}", file.display()))?;
    let program = setup::nginx_program().arg("-p").arg(&folder).arg("-c").arg(&file);
    // As root it would give the work to a user who may not enter the folder.
    let program = if rustix::process::geteuid().is_root() {
        program.args(["-g", "user root;"])
    } else {
        program
    };
    Service::start(&program, address, "/ready", &folder)
}
