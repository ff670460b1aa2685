//! The conformance suite, through the proxy that adds a token to its requests.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::results;
use super::server::Server;
use super::tools::Node;
use crate::command;
use crate::console;
use crate::workspace::Workspace;

/// A protocol version that the suite is run at.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) number: &'static str,
    pub(super) name: &'static str,
}

/// The newest stateless version, and the newest with the `initialize` handshake.
pub(super) const VERSIONS: [Version; 2] = [
    Version { number: "2026-07-28", name: "conformance suite at 2026-07-28" },
    Version { number: "2025-11-25", name: "conformance suite at 2025-11-25" },
];

const LIMIT: Duration = Duration::from_mins(10);

/// Runs all server scenarios at one version, and fails unless exactly the expected checks do.
pub(super) fn run(
    workspace: &Workspace,
    node: &Node,
    server: &Server,
    version: &str,
) -> Result<()> {
    let folder = workspace.conformance_results().join(version);
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing the results of the last run")?;
    }
    fs::create_dir_all(&folder).context("creating the results folder")?;
    let log = folder.join("output.txt");
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;

    let proxy = Proxy::start(node, server)?;
    let expected = workspace.root().join("conformance/expected-failures.yml");
    let suite = node.script("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let suite =
        suite.words("server --suite all --url").arg(format!("http://127.0.0.1:{}/mcp", proxy.port));
    let suite = suite.args(["--spec-version", version]).arg("--expected-failures").arg(expected);
    let suite = suite.arg("--output-dir").arg(&folder);
    let mut child = suite.spawn(output.try_clone()?.into(), output.into())?;
    let status = command::wait(&mut child, Some(LIMIT))?;

    let text = fs::read_to_string(&log).with_context(|| format!("reading {}", log.display()))?;
    // A suite that ran nothing is no success.
    if !status.success() || !text.contains("Baseline check passed") {
        let summary = text.find("=== SUMMARY ===").and_then(|start| text.get(start..));
        console::line(summary.unwrap_or(&text).trim_end());
        bail!("the suite failed ({status}); every check is in {}", folder.display());
    }
    for line in results::describe(&results::read(&folder)?) {
        console::line(&line);
    }
    Ok(())
}

/// The proxy, stopped when dropped.
#[derive(Debug)]
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    fn start(node: &Node, server: &Server) -> Result<Self> {
        let command = node.script("auth-proxy.mjs").arg(server.address()).arg(server.token_file());
        let mut child = command.spawn(Stdio::piped(), Stdio::inherit())?;
        let mut first_line = String::new();
        let stdout = child.stdout.take().context("the proxy has no standard output")?;
        let mut proxy = Self { child, port: 0 };
        BufReader::new(stdout).read_line(&mut first_line).context("reading the proxy's port")?;
        proxy.port = first_line.trim().parse().context("reading the proxy's port")?;
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        command::terminate(&mut self.child, Duration::from_secs(5));
    }
}
