//! libclang, with which the build of the SQL parser reads PostgreSQL's C headers.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use super::{found, packages, pip};
use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Makes sure that a plain `cargo build` finds libclang and the headers that belong to it. What
/// cargo cannot find by itself goes to `.cargo/local.toml`, which the tracked configuration includes.
pub(super) fn provide(workspace: &Workspace) -> Result<()> {
    let lock = fs::read_to_string(workspace.root().join("Cargo.lock")).unwrap_or_default();
    if !lock.contains("name = \"clang-sys\"") {
        found("libclang", "no crate of the workspace needs it");
        return Ok(());
    }
    if let Some(folder) =
        env::var_os("LIBCLANG_PATH").map(PathBuf::from).filter(|f| holds_libclang(f))
    {
        found("libclang", &format!("{} (LIBCLANG_PATH)", folder.display()));
        return Ok(());
    }
    let config = workspace.root().join(".cargo/local.toml");
    if let Some(folder) = configured(&config).filter(|folder| holds_libclang(folder)) {
        found("libclang", &format!("{} (.cargo/local.toml)", folder.display()));
        return Ok(());
    }
    let folder = match installed() {
        Some(folder) => folder,
        None => download(workspace).or_else(|error| from_packages().context(error))?,
    };
    found("libclang", &folder.display().to_string());
    if has_headers(&folder) && installed().as_ref() == Some(&folder) {
        return Ok(());
    }
    fs::write(&config, local_config(&folder)?)
        .with_context(|| format!("writing {}", config.display()))
}

/// Where distributions, and LLVM itself, put libclang.
fn installed() -> Option<PathBuf> {
    let llvm_config = CommandLine::new("llvm-config").arg("--libdir").output().ok();
    let versioned = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut versioned: Vec<PathBuf> = versioned
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .map(|entry| entry.path().join("lib"))
        .collect();
    versioned.sort();
    let fixed = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
        "/opt/homebrew/opt/llvm/lib",
        "/Library/Developer/CommandLineTools/usr/lib",
    ];
    let folders = llvm_config.map(PathBuf::from).into_iter().chain(versioned.into_iter().rev());
    folders.chain(fixed.map(PathBuf::from)).find(|folder| holds_libclang(folder))
}

/// Downloads the pinned wheel. Needs no rights on the machine.
fn download(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools().join("libclang");
    let library = folder.join("clang/native");
    if !holds_libclang(&library) {
        let requirements = workspace.root().join("xtask/requirements/libclang.txt");
        let pip = pip().context("there is no pip to download libclang with")?;
        let pip =
            pip.words("install --no-deps --only-binary :all: --require-hashes --upgrade --quiet");
        pip.arg("--target").arg(&folder).arg("-r").arg(requirements).run()?;
    }
    if !holds_libclang(&library) {
        bail!("the libclang package has no library for this machine");
    }
    Ok(library)
}

fn from_packages() -> Result<PathBuf> {
    // Debian 12 names the version; later releases keep an unversioned package.
    packages::install("libclang", &["libclang1-14"])
        .or_else(|_| packages::install("libclang", &["libclang1"]))?;
    installed().context("libclang is installed but not found")
}

fn holds_libclang(folder: &Path) -> bool {
    let is_library = |name: &str| {
        let rest = name.strip_prefix("libclang").unwrap_or("-cpp");
        !rest.starts_with("-cpp") && (rest.contains(".so") || rest == ".dylib" || rest == ".dll")
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| is_library(&name.to_string_lossy()))
}

/// Whether clang's own C headers (`stddef.h` and the like) are where this libclang looks for them.
fn has_headers(folder: &Path) -> bool {
    let versions = fs::read_dir(folder.join("clang")).into_iter().flatten().flatten();
    versions.map(|version| version.path().join("include/stddef.h")).any(|header| header.is_file())
}

fn local_config(folder: &Path) -> Result<String> {
    let mut variables = Table::new();
    let text = |path: &str| Value::String(path.to_owned());
    variables.insert("LIBCLANG_PATH".to_owned(), text(&folder.to_string_lossy()));
    if !has_headers(folder) {
        // The C compiler's headers serve as well as clang's own.
        let include = CommandLine::new("cc").arg("-print-file-name=include").output()?;
        variables.insert("BINDGEN_EXTRA_CLANG_ARGS".to_owned(), text(&format!("-I{include}")));
    }
    let config = Table::from_iter([("env".to_owned(), Value::Table(variables))]);
    Ok(format!("# Written by `cargo xtask setup` for this machine. Safe to delete.\n{config}"))
}

fn configured(config: &Path) -> Option<PathBuf> {
    let config: Table = fs::read_to_string(config).ok()?.parse().ok()?;
    config.get("env")?.get("LIBCLANG_PATH")?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn the_cpp_library_is_not_libclang() {
        assert!(!holds_libclang(folder_with(&["libclang-cpp.so.14", "libc.so"]).path()));
        for name in ["libclang.so", "libclang.so.1", "libclang-14.so.1", "libclang.dylib"] {
            assert!(holds_libclang(folder_with(&["libclang-cpp.so.14", name]).path()), "{name}");
        }
    }

    #[test]
    fn the_local_configuration_reads_back() {
        let library = folder_with(&["libclang.so"]);
        let text = local_config(library.path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("local.toml");
        fs::write(&config, &text).unwrap();
        assert_eq!(configured(&config).as_deref(), Some(library.path()));
        assert!(text.contains("BINDGEN_EXTRA_CLANG_ARGS = \"-I/"), "{text}");
    }

    #[test]
    fn own_headers_need_no_extra_arguments() {
        let library = folder_with(&["libclang.so"]);
        let include = library.path().join("clang/18/include");
        fs::create_dir_all(&include).unwrap();
        fs::write(include.join("stddef.h"), "").unwrap();
        assert!(!local_config(library.path()).unwrap().contains("BINDGEN"));
    }
}
