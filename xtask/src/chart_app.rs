//! `cargo xtask chart-app`: the interactive page of charts in a real browser, inside a host of MCP Apps.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::command;
use crate::conformance::tools::Node;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

/// The most that the browser takes.
const LIMIT: std::time::Duration = std::time::Duration::from_mins(3);

/// Runs the browser's checks. Pictures are left in `target/chart-app`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let chromium = setup::chromium()?;
    let node = Node::provide(workspace, "browser")?;
    let pictures = workspace.root().join("target/chart-app");
    fs::create_dir_all(&pictures).context("making the folder of pictures")?;
    let settings = pictures.join("browser.json");
    let text = json!({
        "chromium": chromium,
        "app": workspace.root().join("crates/charts/app/chart.html"),
        "host": workspace.root().join("browser/chart-host.html"),
        "pictures": pictures,
    });
    fs::write(&settings, text.to_string())
        .with_context(|| format!("writing {}", settings.display()))?;
    let script = node.script("chart-app.mjs").arg(&settings);
    let mut child = script.spawn(std::process::Stdio::inherit(), std::process::Stdio::inherit())?;
    let status = command::wait(&mut child, Some(LIMIT))?;
    if !status.success() {
        bail!("the interactive chart is not as it should be ({status})");
    }
    console::line(&format!("pictures: {}", pictures.display()));
    Ok(())
}
