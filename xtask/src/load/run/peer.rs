//! Other MCP servers that are asked the same.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;

use super::database::Database;
use super::request::{Endpoint, WITH_SESSION};
use super::services::Service;
use super::wire::{Connection, json_of};
use crate::command::CommandLine;

/// A server that somebody else runs.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) name: String,
    url: String,
    /// Its process, to count its processor time and memory.
    pub(super) process: Option<u32>,
    headers: Vec<String>,
}

impl FromStr for Peer {
    type Err = anyhow::Error;

    /// Reads `NAME=URL[,pid=PID][,header=NAME: VALUE]…`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once('=').context("write NAME=URL")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            bail!("a peer's name has letters, digits, - and _ alone");
        }
        let mut parts = rest.split(',');
        let url = parts.next().unwrap_or_default().to_owned();
        Endpoint::of_url(&url)?;
        let mut peer = Self { name: name.to_owned(), url, process: None, headers: Vec::new() };
        for part in parts {
            match part.split_once('=') {
                Some(("pid", number)) => peer.process = Some(number.parse().context("pid")?),
                Some(("header", header)) if header.contains(": ") => {
                    peer.headers.push(header.to_owned());
                }
                _ => bail!("after the URL come pid=PID and header=NAME: VALUE, not {part:?}"),
            }
        }
        Ok(peer)
    }
}

impl Peer {
    /// Starts it, connected to the same database by PostgreSQL's usual variables.
    pub(super) fn start(
        &mut self,
        command: &str,
        database: &Database,
        folder: &Path,
    ) -> Result<Service> {
        // The shell becomes the program, so that the process is the server's.
        let program = database
            .connected(CommandLine::new("sh"))
            .args(["-c".to_owned(), format!("exec {command}")]);
        let address = Endpoint::of_url(&self.url)?.address;
        let service = Service::start_until(&program, address, folder, || self.connect().is_ok())?;
        self.process = Some(service.process());
        Ok(service)
    }

    /// Shakes hands in the protocol that most servers know: where to send calls, and with which session.
    pub(super) fn connect(&self) -> Result<Endpoint> {
        let mut endpoint = Endpoint::of_url(&self.url)?;
        endpoint.headers.clone_from(&self.headers);
        endpoint.session = Some(String::new());
        let hello = json!({
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {
                "protocolVersion": WITH_SESSION,
                "capabilities": {},
                "clientInfo": { "name": "load", "version": "1" },
            },
        });
        let mut connection = Connection::new(&endpoint.address);
        let failed = || anyhow!("initialize, sent to {}", self.name);
        let answer = connection
            .exchange(endpoint.post(&hello, &[]).bytes(0))
            .map_err(|error| failed().context(error))?;
        if answer.status != 200 {
            bail!("{} answers initialize with {}", self.name, answer.status);
        }
        let session = answer.session.clone();
        json_of(answer.body)?
            .get("result")
            .with_context(|| format!("{} has no result", self.name))?;
        endpoint.session = Some(session.unwrap_or_default());
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        connection.exchange(endpoint.post(&ready, &[]).bytes(0))?;
        Ok(endpoint)
    }
}

/// Reads `NAME=COMMAND`.
pub(super) fn command(text: &str) -> Result<(String, String)> {
    let (name, command) = text.split_once('=').context("write NAME=COMMAND")?;
    Ok((name.to_owned(), command.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_name_and_a_url() {
        let peer: Peer = "toolbox=http://127.0.0.1:5000/mcp,pid=7,header=X-Y: z".parse().unwrap();
        assert_eq!((peer.name.as_str(), peer.process), ("toolbox", Some(7)));
        assert_eq!(
            (peer.url.as_str(), peer.headers),
            ("http://127.0.0.1:5000/mcp", vec!["X-Y: z".to_owned()])
        );
        for wrong in [
            "toolbox",
            "=http://a",
            "a/b=http://a",
            "a=https://b",
            "a=http://b,pid=x",
            "a=http://b,c",
        ] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong}");
        }
    }
}
