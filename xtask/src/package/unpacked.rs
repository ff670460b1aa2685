//! The packages, unpacked into a workspace of their own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::manifest::{Metadata, Package, Wanted};
use crate::command::CommandLine;
use crate::workspace::Workspace;

/// A crate without code, which uses whatever the workspace uses. Cargo turns features on for a build as a whole: with this
/// in it, crates of others are as clippy has read them, and need not be read again.
const EVERYTHING: &str = "everything";

/// A folder with one folder for each package, and a workspace's manifest that joins them.
#[derive(Debug)]
pub(super) struct Unpacked {
    workspace: Workspace,
    folder: PathBuf,
}

impl Unpacked {
    /// Unpacks the archives, instead of what an earlier run has left.
    pub(super) fn new(workspace: &Workspace, metadata: &Metadata) -> Result<Self> {
        let folder = workspace.unpacked_packages();
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("emptying {}", folder.display()))?;
        }
        make(&folder.join(EVERYTHING))?;
        for package in metadata.published() {
            let archive =
                workspace.packages().join(package.folder_name()).with_added_extension("crate");
            // All files of an archive are of the same day in 2006. Cargo goes by time, and would take a changed file for
            // an old one: hence -m.
            CommandLine::new("tar").arg("-xzmf").arg(archive).arg("-C").arg(&folder).output()?;
        }
        let ours = workspace.root().join("Cargo.toml");
        let ours: Table = read(&ours)?.parse().context("reading the workspace's manifest")?;
        let joined = joined(&ours, metadata.published());
        write(&folder.join("Cargo.toml"), &joined.to_string())?;
        // Cargo takes out what is not needed here, and keeps the versions of the rest.
        write(&folder.join("Cargo.lock"), &read(&workspace.root().join("Cargo.lock"))?)?;
        let everything = everything(metadata).to_string();
        write(&folder.join(EVERYTHING).join("Cargo.toml"), &everything)?;
        write(&folder.join(EVERYTHING).join("lib.rs"), "")?;
        Ok(Self { workspace: workspace.clone(), folder })
    }

    /// Compiles all packages together, as far as errors are found.
    pub(super) fn check_all(&self) -> Result<()> {
        self.check().arg("--workspace").run()
    }

    /// Compiles a package with those features alone that it asks for itself.
    pub(super) fn check_alone(&self, package: &Package) -> Result<()> {
        self.check().args(["--package", &package.name]).run()
    }

    fn check(&self) -> CommandLine {
        CommandLine::new("cargo")
            .words("check --quiet --offline --manifest-path")
            .arg(self.folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(self.workspace.target())
            .in_dir(self.workspace.root())
    }
}

/// A manifest of the packages, with our profiles: with others, nothing could be shared.
fn joined<'a>(ours: &Table, packages: impl Iterator<Item = &'a Package>) -> Table {
    let mut members = vec![text(EVERYTHING)];
    let mut patches = Table::new();
    for package in packages {
        let folder = text(&package.folder_name());
        patches.insert(package.name.clone(), table([("path", folder.clone())]));
        members.push(folder);
    }
    let mut manifest = Table::new();
    let workspace = [("resolver", text("3")), ("members", Value::Array(members))];
    manifest.insert("workspace".to_owned(), table(workspace));
    manifest.insert("patch".to_owned(), table([("crates-io", Value::Table(patches))]));
    if let Some(profiles) = ours.get("profile") {
        manifest.insert("profile".to_owned(), profiles.clone());
    }
    manifest
}

/// The manifest of [`EVERYTHING`].
fn everything(metadata: &Metadata) -> Table {
    let dependency = |(name, wanted): (&str, Wanted)| {
        let features = wanted.features.iter().map(|feature| text(feature)).collect();
        let dependency = table([
            ("version", text(&wanted.version)),
            ("features", Value::Array(features)),
            ("default-features", Value::Boolean(wanted.default_features)),
        ]);
        (name.to_owned(), dependency)
    };
    let dependencies: Table = metadata.of_others().into_iter().map(dependency).collect();
    let package =
        [("name", text(EVERYTHING)), ("version", text("0.0.0")), ("edition", text("2024"))];
    let mut manifest = Table::new();
    manifest.insert("package".to_owned(), table(package));
    manifest.insert("lib".to_owned(), table([("path", text("lib.rs"))]));
    manifest.insert("dependencies".to_owned(), Value::Table(dependencies));
    manifest
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
