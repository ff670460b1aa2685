//! A Debian with what the Compose files take from other images, for `cargo xtask compose-smoke`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::process::geteuid;

use super::{found, packages};
use crate::command::CommandLine;
use crate::workspace::Workspace;

/// The release that has PostgreSQL 17, as the Compose files do.
const RELEASE: &str = "trixie";
/// The services, and what their health checks call.
const PACKAGES: &str = "dash,coreutils,grep,libc-bin,curl,nginx-light,postgresql-17,postgresql-17-pgvector,redis-server";

/// The folder with its files: 450 MB, fetched once, unpacked and never configured.
pub(crate) fn provide(workspace: &Workspace) -> Result<PathBuf> {
    if !CommandLine::new("ip").arg("-V").succeeds() {
        packages::install("ip, for the networks of the Compose files", &["iproute2"])?;
    }
    if !CommandLine::new("openssl").arg("version").succeeds() {
        packages::install("openssl, for the secrets of the Compose files", &["openssl"])?;
    }
    let folder = workspace.tools().join("services");
    let stamp = workspace.tools().join("services.packages");
    if fs::read_to_string(&stamp).is_ok_and(|packages| packages == PACKAGES) {
        return Ok(folder);
    }
    if !CommandLine::new("mmdebstrap").arg("--version").succeeds() {
        packages::install(
            "mmdebstrap, for the services of the Compose files",
            &["mmdebstrap", "debian-archive-keyring"],
        )?;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing what an earlier run began")?;
    }
    fs::create_dir_all(workspace.tools()).context("creating the folder of tools")?;
    let mode = if geteuid().is_root() { "root" } else { "unshare" };
    if mode == "unshare" {
        users_of_namespaces()?;
    }
    CommandLine::new("mmdebstrap")
        .args(["--quiet", "--variant=extract", &format!("--mode={mode}")])
        .args([&format!("--include={PACKAGES}"), RELEASE])
        .arg(&folder)
        .run()?;
    fs::write(&stamp, PACKAGES).context("writing down what is there")?;
    found("services", "PostgreSQL with pgvector, Redis and nginx, for compose-smoke");
    Ok(folder)
}

/// `newuidmap`, without which who is not root has one user in a namespace.
pub(crate) fn users_of_namespaces() -> Result<()> {
    if !CommandLine::new("sh").args(["-c", "command -v newuidmap"]).succeeds() {
        packages::install("newuidmap, for services with users of their own", &["uidmap"])?;
    }
    Ok(())
}
