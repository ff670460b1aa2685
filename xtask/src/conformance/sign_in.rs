//! The official clients sign in, starting from nothing but a server's URL.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::server::{Server, free_address, write_secret};
use super::tools::{Node, Python};
use crate::command::{self, CommandLine};
use crate::workspace::Workspace;

/// How long access tokens live. The clients wait for the end of one.
const TOKEN_LIFE: Duration = Duration::from_secs(6);

/// A server whose users sign in at a test identity provider, as the manager of Seattle.
pub(super) struct SignIn {
    server: Server,
    _issuer: Issuer,
}

impl SignIn {
    pub(super) fn start(server_binary: &Path, issuer_binary: &Path) -> Result<Self> {
        let issuer = Issuer::start(issuer_binary)?;
        let address = free_address()?;
        let url = format!("http://{address}/mcp");
        let server = Server::start_at(
            server_binary,
            &address,
            &[
                ("RETAIL_MCP__AUTH__MODE", "oidc"),
                ("RETAIL_MCP__AUTH__RESOURCE", &url),
                ("RETAIL_MCP__AUTH__ISSUERS__TEST__ISSUER", &issuer.url),
                ("RETAIL_MCP__AUTH__ISSUERS__TEST__AUDIENCES", &url),
                // Or a token that has expired would do for another minute.
                ("RETAIL_MCP__AUTH__ISSUERS__TEST__CLOCK_SKEW", "0s"),
                ("RETAIL_MCP__AUTH__RULES__SEATTLE__CLAIM", "sub"),
                ("RETAIL_MCP__AUTH__RULES__SEATTLE__VALUE", "alice"),
                ("RETAIL_MCP__AUTH__RULES__SEATTLE__STORES", "Zava Retail Seattle"),
                (
                    "RETAIL_MCP__AUTH__RULES__SEATTLE__SCOPES",
                    "retail.read,retail.search,retail.sql",
                ),
            ],
        )?;
        let settings = json!({ "oauth_url": url, "token_life_s": TOKEN_LIFE.as_secs() });
        write_secret(&server.settings(), &settings.to_string())?;
        Ok(Self { server, _issuer: issuer })
    }

    pub(super) fn typescript(&self, node: &Node) -> CommandLine {
        node.script("oauth.mjs").arg(self.server.settings())
    }

    pub(super) fn python(&self, workspace: &Workspace, python: &Python) -> CommandLine {
        python.run().arg(workspace.root().join("conformance/oauth.py")).arg(self.server.settings())
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.server.stop()
    }
}

/// The test identity provider. It ends when its input does.
struct Issuer {
    child: Child,
    input: Option<ChildStdin>,
    url: String,
}

impl Issuer {
    fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .arg(TOKEN_LIFE.as_secs().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the issuer's output")?;
        let mut issuer = Self { child, input, url: String::new() };
        BufReader::new(output).read_line(&mut issuer.url).context("reading the issuer's URL")?;
        issuer.url.truncate(issuer.url.trim_end().len());
        Ok(issuer)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.input.take());
        command::terminate(&mut self.child, Duration::from_secs(5));
    }
}
