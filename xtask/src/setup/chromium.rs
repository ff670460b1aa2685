//! A browser without a window, for the operators' page.

use anyhow::{Result, bail};

use super::{found, packages};
use crate::command::CommandLine;

/// Makes sure that Chromium is there, and gives its path.
pub(crate) fn provide() -> Result<String> {
    let there = || {
        ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|name| {
            let path = CommandLine::new("sh").arg("-c").arg(format!("command -v {name}"));
            path.output().ok().filter(|path| !path.is_empty())
        })
    };
    if there().is_none() {
        packages::install("Chromium, for the operators' page", &["chromium", "fonts-liberation"])?;
    }
    let Some(path) = there() else {
        bail!("Chromium is installed but is not on the PATH");
    };
    found("Chromium", &path);
    Ok(path)
}
