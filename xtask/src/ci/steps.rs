//! The steps of CI, as a table.

use anyhow::Result;

use crate::command::CommandLine;
use crate::compose_smoke::{self, Ours};
use crate::workspace::Workspace;
use crate::{
    alerts, chart_app, conformance, dashboard, deploy_check, fuzz, golden, layers, oldest_postgres,
    package, setup, tidy,
};

/// One step: a name, and either command lines or a function of xtask.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Commands(Vec<CommandLine>),
    Task(fn(&Workspace) -> Result<()>),
}

impl Step {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        match &self.action {
            Action::Commands(commands) => commands.iter().try_for_each(CommandLine::run),
            Action::Task(task) => task(workspace),
        }
    }
}

/// No crate has examples: `--examples` makes cargo turn on features as for a build with tests. Clippy's was one, so crates of
/// others need not be checked once more.
const DOCS: &str = "--workspace --all-features --no-deps --locked --lib --examples";
/// For who works here: with private items and programs. That of `retail-search-eval` has the name of its library.
const OURS: &str = "--document-private-items --bin retail-mcp --bin retail-example-embed --bin xtask \
                    --bin test-issuer --bin faults --bin load-limits";
/// For who depends on the crates: what docs.rs makes of those that are published.
const THEIRS: &str = "--exclude retail-benches --exclude retail-example-embed --exclude retail-search-eval \
                      --exclude xtask";

/// Every step, cheap ones first.
pub(super) fn all(workspace: &Workspace) -> Vec<Step> {
    let cargo = |words: &str| CommandLine::new("cargo").words(words).in_dir(workspace.root());
    let task = |name, task| Step { name, action: Action::Task(task) };
    let commands = |name, commands| Step { name, action: Action::Commands(commands) };
    let docs = |words| cargo("doc").words(DOCS).words(words).env("RUSTDOCFLAGS", "-D warnings");
    // Storage, too; what depends on the version of PostgreSQL runs on the oldest once more.
    let tests = cargo("test --workspace --locked").env("RETAIL_TEST_PG_MAJOR", "18");
    vec![
        task("setup", setup::run),
        commands("fmt", vec![cargo("fmt --all --check")]),
        task("layers", layers::run),
        task("tidy", tidy::run),
        task("alerts", alerts::run),
        task("deploy", |workspace| deploy_check::run(workspace, false, &[])),
        commands("clippy", vec![cargo("clippy --workspace --all-targets --locked -- -D warnings")]),
        task("package", |workspace| package::run(workspace, false)),
        commands("docs", vec![docs(OURS), docs(THEIRS)]),
        commands("tests", vec![tests]),
        task("storage-pg16", oldest_postgres::run),
        task("fuzz", fuzz::run_shortly),
        task("conformance", |workspace| conformance::run(workspace, None)),
        task("golden", golden::run),
        task("dashboard", dashboard::run),
        task("chart-app", chart_app::run),
        task("compose", |workspace| compose_smoke::run(workspace, &Ours::default())),
    ]
}
