//! `cargo xtask dashboard`: the operators' page in a real browser, on a real server under load, whose database then stops.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::command;
use crate::conformance::server::{Server, write_secret};
use crate::conformance::tools::Node;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

/// The most that the browser takes.
const LIMIT: std::time::Duration = std::time::Duration::from_mins(3);

/// Runs the browser's checks. Pictures are left in `target/dashboard`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let chromium = setup::chromium()?;
    let node = Node::provide(workspace, "browser")?;
    let server = Server::start(&workspace.build("retail-mcp", &[])?)?;
    let pictures = workspace.root().join("target/dashboard");
    fs::create_dir_all(&pictures).context("making the folder of pictures")?;
    let settings = server.data_dir().join("browser.json");
    let text = json!({
        "chromium": chromium,
        "base": format!("http://{}", server.address()),
        "operator": server.token(&["--operator"])?,
        "callers": [server.token(&["--store", "seattle"])?, server.token(&["--all-stores"])?],
        "database": server.database_process()?,
        "pictures": pictures,
    });
    write_secret(&settings, &text.to_string())?;
    let script = node.script("dashboard.mjs").arg(&settings);
    let mut child = script.spawn(std::process::Stdio::inherit(), std::process::Stdio::inherit())?;
    let status = command::wait(&mut child, Some(LIMIT))?;
    if !status.success() {
        bail!("the operators' page is not as it should be ({status})");
    }
    console::line(&format!("pictures: {}", pictures.display()));
    Ok(())
}
