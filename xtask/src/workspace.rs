//! Where the workspace and its build output are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::CommandLine;

/// The workspace's folders.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the workspace from the environment that cargo gives to `cargo run`.
    pub(crate) fn find() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.parent().context("xtask has no parent folder")?;
        // A relative CARGO_TARGET_DIR is relative to where cargo was called.
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(dir).context("reading CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Self { root: root.to_owned(), target })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Builds programs of the workspace as `cargo test --workspace` does, and gives where the first one is.
    ///
    /// Cargo decides by what it is told to build which features dependencies have. With all packages, and `--examples`, of which
    /// there are none, it decides as for the tests: else most of what they need is compiled once more, the embedding model too.
    pub(crate) fn build(&self, program: &str, others: &[&str]) -> Result<PathBuf> {
        let mut build = CommandLine::new("cargo").words("build --locked --workspace --examples");
        for name in [program].iter().chain(others) {
            build = build.arg("--bin").arg(name);
        }
        build.in_dir(&self.root).run()?;
        Ok(self.built("debug", program))
    }

    /// A program built by cargo, in the named profile's folder.
    pub(crate) fn built(&self, profile: &str, program: &str) -> PathBuf {
        self.target.join(profile).join(program)
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The archives that `cargo package` makes.
    pub(crate) fn packages(&self) -> PathBuf {
        self.target.join("package")
    }

    /// The same, unpacked.
    pub(crate) fn unpacked_packages(&self) -> PathBuf {
        self.target.join("package-check")
    }

    /// Downloaded tools. Git ignores it, `cargo clean` removes it.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Where the fuzz targets are built: their flags are not those of other builds.
    pub(crate) fn fuzz_target(&self) -> PathBuf {
        self.target.join("fuzz")
    }

    /// Output of the load runs.
    pub(crate) fn load_results(&self) -> PathBuf {
        self.target.join("load")
    }

    /// Files and logs of the services of the Compose files.
    pub(crate) fn compose_smoke(&self) -> PathBuf {
        self.target.join("compose-smoke")
    }

    /// Output of the conformance runs.
    pub(crate) fn conformance_results(&self) -> PathBuf {
        self.target.join("conformance")
    }
}
