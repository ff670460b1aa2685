//! `cargo xtask fuzz`: random input for the SQL guard, with libFuzzer, on the stable compiler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command::CommandLine;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

/// The targets, as in `fuzz/Cargo.toml`.
const TARGETS: [&str; 3] = ["guard", "guard_tokens", "envelope"];
/// Statements to start from.
const CORPORA: [&str; 2] = ["attacks.jsonl", "benign.jsonl"];
/// The coverage that libFuzzer is guided by: what cargo-fuzz passes when it uses no sanitizer.
const COVERAGE: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg fuzzing",
    "-Cdebug-assertions",
];
/// Seconds for each target in CI.
const CI_SECONDS: u32 = 20;

/// Runs each target for a short time.
pub(crate) fn run_shortly(workspace: &Workspace) -> Result<()> {
    run(workspace, None, CI_SECONDS)
}

/// Builds the targets, and runs one or all for `seconds` each. A crash fails, and leaves its input
/// in `fuzz/artifacts`.
pub(crate) fn run(workspace: &Workspace, only: Option<&str>, seconds: u32) -> Result<()> {
    let targets: Vec<&str> =
        TARGETS.into_iter().filter(|target| only.is_none_or(|only| only == *target)).collect();
    if targets.is_empty() {
        bail!("no fuzz target of this name; the targets are {}", TARGETS.join(", "));
    }
    setup::cpp_compiler()?;
    let folder = workspace.root().join("fuzz");
    let host = host()?;
    let built = workspace.fuzz_target();
    CommandLine::new("cargo")
        .words("build --release --locked --manifest-path fuzz/Cargo.toml --target")
        .arg(&host)
        .in_dir(workspace.root())
        .env("CARGO_TARGET_DIR", built.to_string_lossy())
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .run()?;
    for target in targets {
        let program = built.join(&host).join("release").join(target);
        fuzz(workspace, &folder, target, &program, seconds)
            .with_context(|| format!("fuzzing {target}"))?;
    }
    Ok(())
}

fn fuzz(
    workspace: &Workspace,
    folder: &Path,
    target: &str,
    program: &Path,
    seconds: u32,
) -> Result<()> {
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for new in [&corpus, &artifacts] {
        fs::create_dir_all(new).with_context(|| format!("making {}", new.display()))?;
    }
    if target != "guard_tokens" {
        write_seeds(&workspace.root().join("crates/testkit/corpus"), &corpus)?;
    }
    let option = |name: &str, path: &Path| format!("-{name}={}", path.display());
    let mut command = CommandLine::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .words("-max_len=17000 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1")
        .arg(option("dict", &folder.join("sql.dict")))
        .arg(format!("{}/", option("artifact_prefix", &artifacts)))
        .arg(&corpus);
    // What earlier runs found worth keeping.
    let kept = folder.join("seeds").join(target);
    if kept.is_dir() {
        command = command.arg(&kept);
    }
    command.run()
}

/// Writes each statement of the collections as a file.
fn write_seeds(from: &Path, to: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        sql: String,
    }
    let mut written = 0;
    for name in CORPORA {
        let path = from.join(name);
        let lines =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        for line in lines.lines() {
            let Entry { id, sql } = serde_json::from_str(line)
                .with_context(|| format!("reading {}", path.display()))?;
            let seed: PathBuf = to.join(format!("seed-{id}"));
            fs::write(&seed, sql).with_context(|| format!("writing {}", seed.display()))?;
            written += 1;
        }
    }
    console::line(&format!("{written} statements to start from in {}", to.display()));
    Ok(())
}

/// The compiler's own target, which has to be named so that build scripts go without coverage.
fn host() -> Result<String> {
    let version = CommandLine::new("rustc").arg("-vV").output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let manifest = include_str!("../../fuzz/Cargo.toml").parse::<toml::Table>().unwrap();
        let names: Vec<&str> = manifest["bin"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bin| bin["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, TARGETS);
    }

    #[test]
    fn each_statement_becomes_a_seed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, id) in CORPORA.iter().zip(["a1", "b1"]) {
            let line = format!(r#"{{"id": "{id}", "sql": "SELECT 1", "must": "pass"}}"#);
            fs::write(folder.path().join(name), line).unwrap();
        }
        let seeds = tempfile::tempdir().unwrap();
        write_seeds(folder.path(), seeds.path()).unwrap();
        assert_eq!(fs::read_to_string(seeds.path().join("seed-b1")).unwrap(), "SELECT 1");
        assert_eq!(fs::read_dir(seeds.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_known_ones() {
        let workspace = Workspace::find().unwrap();
        let error = run(&workspace, Some("gard"), 1).unwrap_err();
        assert!(error.to_string().contains("guard, guard_tokens, envelope"), "{error}");
    }
}
