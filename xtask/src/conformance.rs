//! `cargo xtask conformance`: the official clients and the conformance suite against a demo server.

mod results;
pub(crate) mod server;
mod sign_in;
mod suite;
pub(crate) mod tools;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{self, CommandLine};
use crate::console;
use crate::workspace::Workspace;
use server::Server;
use sign_in::SignIn;
use tools::{Node, Python};

/// The most that one client's checks take.
const CLIENT_LIMIT: Duration = Duration::from_mins(5);

/// Runs everything, and fails when a part did. All that it starts has stopped when it returns.
pub(crate) fn run(workspace: &Workspace, server_binary: Option<PathBuf>) -> Result<()> {
    let node = Node::provide(workspace, "conformance")?;
    let python = Python::provide(workspace, "venv", "conformance/requirements.txt")?;
    let binary = if let Some(binary) = server_binary {
        std::path::absolute(binary)?
    } else {
        workspace.build("retail-mcp", &["test-issuer"])?
    };
    if !binary.is_file() {
        bail!("there is no server binary at {}", binary.display());
    }
    let issuer = workspace.built("debug", "test-issuer");
    if !issuer.is_file() {
        bail!("{} is missing: cargo build --workspace --bin test-issuer", issuer.display());
    }
    let mut server = Server::start(&binary)?;
    let mut sign_in = SignIn::start(&binary, &issuer)?;
    let mut failed = Vec::new();
    let mut part = |name: &'static str, check: &dyn Fn(&Server) -> Result<()>| -> Result<()> {
        console::line(&format!("\n-- {name}"));
        let start = Instant::now();
        let result = check(&server);
        command::fail_if_interrupted()?;
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        console::line(&format!("-- {name} {verdict} in {:.1} s", start.elapsed().as_secs_f64()));
        if let Err(error) = result {
            console::problem(&format!("{error:#}"));
            failed.push(name);
        }
        Ok(())
    };
    part("TypeScript clients", &|server| {
        client(&node.script("client.mjs").arg(server.settings()))
    })?;
    part("Python client", &|server| {
        let script = workspace.root().join("conformance/client.py");
        client(&python.run().arg(script).arg(server.settings()))
    })?;
    part("TypeScript sign-in", &|_| client(&sign_in.typescript(&node)))?;
    part("Python sign-in", &|_| client(&sign_in.python(workspace, &python)))?;
    for version in suite::VERSIONS {
        part(version.name, &|server| suite::run(workspace, &node, server, version.number))?;
    }
    if let Err(error) = server.stop().and_then(|()| sign_in.stop()) {
        console::problem(&format!("{error:#}"));
        failed.push("stopping the server");
    }
    if !failed.is_empty() {
        bail!("conformance failed: {}", failed.join(", "));
    }
    console::line("\nconformance passed");
    Ok(())
}

fn client(command: &CommandLine) -> Result<()> {
    let mut child =
        command.spawn(std::process::Stdio::inherit(), std::process::Stdio::inherit())?;
    let status = command::wait(&mut child, Some(CLIENT_LIMIT))?;
    if !status.success() {
        bail!("the client's checks failed ({status})");
    }
    Ok(())
}
