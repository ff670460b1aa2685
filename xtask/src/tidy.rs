//! `cargo xtask tidy`: no source file is too long.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::console;
use crate::workspace::Workspace;

/// Lines a source file may have. Aim for 100 to 300.
const MAX_LINES: usize = 800;
const SOURCES: [&str; 5] = ["rs", "py", "mjs", "sql", "md"];
const SKIPPED_FOLDERS: [&str; 2] = ["target", "node_modules"];

/// Fails when a source file has more than [`MAX_LINES`] lines.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let long = too_long(workspace.root())?;
    for (path, lines) in &long {
        console::problem(&format!("{}: {lines} lines, at most {MAX_LINES}", path.display()));
    }
    if !long.is_empty() {
        bail!("{} file(s) are too long: split them by subject", long.len());
    }
    Ok(())
}

fn too_long(folder: &Path) -> Result<Vec<(PathBuf, usize)>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = entry.file_type().with_context(|| format!("reading {}", path.display()))?;
        if kind.is_dir() {
            if !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&name.as_ref()) {
                found.extend(too_long(&path)?);
            }
        } else if path.extension().is_some_and(|ext| SOURCES.iter().any(|source| ext == *source)) {
            let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let lines = String::from_utf8_lossy(&text).lines().count();
            if lines > MAX_LINES {
                found.push((path, lines));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_long_sources_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, lines: usize| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "line\n".repeat(lines)).unwrap();
        };
        write("src/long.rs", MAX_LINES + 1);
        write("src/short.rs", MAX_LINES);
        write("data.csv", MAX_LINES + 1);
        write("target/debug/long.rs", MAX_LINES + 1);
        let found = too_long(folder.path()).unwrap();
        assert_eq!(found, [(folder.path().join("src/long.rs"), MAX_LINES + 1)]);
    }
}
