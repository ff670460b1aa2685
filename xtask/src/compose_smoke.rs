//! `cargo xtask compose-smoke`: the services of the Compose files, run without a container engine, and used.
//!
//! What it does is Python, beside the Compose files: `deploy/compose/smoke`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;

use crate::command::{self, CommandLine};
use crate::conformance::tools::Python;
use crate::setup;
use crate::workspace::Workspace;

/// The most that it takes.
const LIMIT: Duration = Duration::from_mins(10);

/// What is tried.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Ours {
    /// A `retail-mcp`; built in the dev profile when absent
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// A folder with the files of an image, such as `podman mount` gives
    #[arg(long, value_name = "FOLDER", conflicts_with = "program")]
    image: Option<PathBuf>,
}

/// Runs it. Logs of all services are left in `target/compose-smoke`.
pub(crate) fn run(workspace: &Workspace, ours: &Ours) -> Result<()> {
    let services = setup::services(workspace)?;
    let client = Python::provide(workspace, "venv", "conformance/requirements.txt")?;
    let checks = Python::provide(workspace, "deploy-check", "deploy/check/requirements.txt")?;
    let find_compose = "import tools; print(tools.tool('docker-compose'))";
    let compose = checks.run().args(["-c", find_compose]);
    let compose = compose.in_dir(&workspace.root().join("deploy/check")).output()?;
    let script = client
        .run()
        .arg(workspace.root().join("deploy/compose/smoke/main.py"))
        .args(["--compose", compose.trim()])
        .arg("--services")
        .arg(services)
        .arg("--state")
        .arg(workspace.compose_smoke());
    let script = match (&ours.image, &ours.program) {
        (Some(image), _) => script.arg("--image").arg(absolute(image)?),
        (None, Some(program)) => script.arg("--program").arg(absolute(program)?),
        (None, None) => script.arg("--program").arg(workspace.build("retail-mcp", &[])?),
    };
    let mut child = alone(&script)?.spawn(Stdio::inherit(), Stdio::inherit())?;
    let status = command::wait(&mut child, Some(LIMIT))?;
    if !status.success() {
        bail!("the services of the Compose files are not as they should be ({status})");
    }
    Ok(())
}

/// Runs a command as root of namespaces that nobody else is in. All that it starts ends with it.
fn alone(command: &CommandLine) -> Result<CommandLine> {
    let mut unshare = CommandLine::new("unshare");
    if !geteuid().is_root() {
        setup::users_of_namespaces()?;
        // With the numeric users of the services.
        unshare = unshare.words("--user --map-root-user --map-auto");
        if !unshare.clone().arg("true").succeeds() {
            bail!(
                "this user may not make user namespaces: run it as root, give the user lines in /etc/subuid and /etc/subgid, \
                 or, on Ubuntu, run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
            );
        }
    }
    Ok(unshare.words("--mount --net --pid --fork --kill-child --mount-proc").then(command))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("finding {}", path.display()))
}
