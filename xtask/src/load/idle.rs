//! Thousands of connections that send nothing, or half a request.

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Common;
use super::client::{Client, read_answer};
use super::latencies::{Latencies, milliseconds};
use crate::command::fail_if_interrupted;
use crate::console;
use crate::workspace::Workspace;

/// The pause between a call and the next, so that the caller keeps to its own limit.
const PAUSE: Duration = Duration::from_millis(25);

/// Flags of `load idle`.
#[derive(Debug, Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    common: Common,
    /// Connections that are opened.
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    connections: u32,
}

impl Idle {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        raise_open_files(self.connections)?;
        let mut server = self.common.start(workspace, &[])?;
        let mut client = Client::new(server.address(), &server.token(&["--all-stores"])?);
        calls(&mut client, Duration::from_secs(2))?;
        let time = Duration::from_secs(self.common.seconds);
        console::line(&format!("alone   {}", calls(&mut client, time)?));
        let before = resident_kb(server.process_id())?;

        let started = Instant::now();
        let open = (0..self.connections)
            .map(|number| silent(server.address(), number))
            .collect::<Result<Vec<_>>>()?;
        console::line(&format!(
            "opened {} in {:.1} s",
            open.len(),
            started.elapsed().as_secs_f64()
        ));
        console::line(&format!("beside  {}", calls(&mut client, time)?));
        // Somebody new comes in, too.
        let mut new = Client::new(server.address(), &server.token(&["--store", "seattle"])?);
        console::line(&format!(
            "a new client's first call: {:.1} ms",
            milliseconds(new.good_call()?)
        ));
        let after = resident_kb(server.process_id())?;
        let each = after.saturating_sub(before) / u64::from(self.connections);
        console::line(&format!(
            "memory of the server: {before} kB before, {after} kB with them, {each} kB each"
        ));
        drop(open);
        server.stop()
    }
}

/// A connection that, by its number, has sent nothing, half a head, or a request that was answered.
fn silent(address: &str, number: u32) -> Result<TcpStream> {
    fail_if_interrupted()?;
    let mut stream = TcpStream::connect(address).context("opening a connection")?;
    match number % 3 {
        0 => {}
        1 => stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")?,
        _ => {
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            let status = read_answer(&mut BufReader::new(&stream))?.status;
            if status != 200 {
                bail!("/health answers {status}");
            }
        }
    }
    Ok(stream)
}

fn calls(client: &mut Client, time: Duration) -> Result<Latencies> {
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < time {
        fail_if_interrupted()?;
        times.push(client.good_call()?);
        std::thread::sleep(PAUSE);
    }
    Ok(Latencies::new(times))
}

fn resident_kb(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("{path} has no VmRSS"))
}

/// Each connection is an open file here, too.
fn raise_open_files(connections: u32) -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("RLIMIT_NOFILE")?;
    if maximum.is_some_and(|maximum| maximum < u64::from(connections) + 64) {
        bail!("{connections} connections do not fit into the limit of open files");
    }
    Ok(())
}
