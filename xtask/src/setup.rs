//! `cargo xtask setup`: what the build and the tests need.

mod chromium;
mod libclang;
mod model;
mod nginx;
mod packages;
mod pgbouncer;
mod postgres;
mod promtool;
mod redis;
mod services;

use anyhow::{Result, bail};

pub(crate) use self::chromium::provide as chromium;
pub(crate) use self::nginx::{program as nginx_program, provide as nginx};
pub(crate) use self::promtool::provide as promtool;
pub(crate) use self::services::{provide as services, users_of_namespaces};

use crate::command::CommandLine;
use crate::console;
use crate::workspace::Workspace;

/// Finds or provides what the build needs, and what the tests need besides. Safe to run again.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    to_build(workspace)?;
    redis::provide()?;
    pgbouncer::provide()
}

/// Finds or provides the C compiler, libclang, a way to PostgreSQL, and the embedding model.
pub(crate) fn to_build(workspace: &Workspace) -> Result<()> {
    c_compiler()?;
    postgres::provide()?;
    model::provide()?;
    libclang::provide(workspace)
}

/// TLS (`ring`) compiles C, and the linker is called through the C compiler.
fn c_compiler() -> Result<()> {
    let compiler = || CommandLine::new("cc").arg("--version").output().ok();
    if compiler().is_none() {
        packages::install("a C compiler", &["gcc", "libc6-dev"])?;
    }
    let version = compiler().unwrap_or_default();
    found("C compiler", version.lines().next().unwrap_or_default());
    Ok(())
}

/// libFuzzer is C++.
pub(crate) fn cpp_compiler() -> Result<()> {
    let there = || CommandLine::new("c++").arg("--version").succeeds();
    if !there() {
        packages::install("a C++ compiler, for fuzzing", &["g++"])?;
    }
    Ok(())
}

/// Reports something that is there.
fn found(what: &str, detail: &str) {
    console::line(&format!("ok  {what}: {detail}"));
}

/// How to call pip here, as a program and its first arguments.
pub(crate) fn pip() -> Option<CommandLine> {
    let candidates = [
        CommandLine::new("python3").words("-m pip"),
        CommandLine::new("pip3"),
        CommandLine::new("pip"),
    ];
    candidates.into_iter().find(|pip| pip.clone().arg("--version").succeeds())
}

/// How to call pip here, after installing it if need be. `why` says what it is for.
fn need_pip(why: &str) -> Result<CommandLine> {
    if pip().is_none() {
        packages::install(&format!("Python's pip, which downloads {why}"), &["python3-pip"])?;
    }
    let Some(pip) = pip() else {
        bail!("pip is installed but does not run: try `python3 -m pip --version`");
    };
    Ok(pip)
}
