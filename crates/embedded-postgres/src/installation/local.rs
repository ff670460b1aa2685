//! A PostgreSQL that is installed on this machine.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Installation, OLDEST_MAJOR, Origin, ProvisionOptions};
use crate::server_user::clear_libpq_environment;

/// The folders that packages put the programs in, newest version first.
pub(super) fn usual_bin_dirs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    // (parent, start of the name, folder below it)
    let patterns = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
    ];
    for (parent, prefix, below) in patterns {
        let Ok(entries) = std::fs::read_dir(parent) else {
            continue;
        };
        let mut versions: Vec<(u32, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(below)))
            })
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        found.extend(versions.into_iter().map(|(_, path)| path));
    }
    found
}

/// The first local PostgreSQL that is new enough, has pgvector and the wanted major version.
pub(super) fn find(options: &ProvisionOptions) -> Option<Installation> {
    let mut seen = HashSet::new();
    let mut candidates = options.local_bin_dirs.clone();
    for dir in &options.search_path {
        // A link such as /usr/local/bin/postgres leads to the real folder.
        if let Ok(program) = dir.join("postgres").canonicalize()
            && let Some(real) = program.parent()
        {
            candidates.push(real.to_owned());
        }
        if let Some(bin_dir) = ask_pg_config(&dir.join("pg_config"), "--bindir") {
            candidates.push(bin_dir);
        }
    }
    candidates
        .into_iter()
        .filter(|dir| seen.insert(dir.clone()))
        .filter_map(|dir| match probe(&dir) {
            Ok(found) => Some(found),
            Err(reason) => {
                tracing::debug!(bin_dir = %dir.display(), reason, "not a usable PostgreSQL");
                None
            }
        })
        .find(|found| {
            found.has_pgvector() && options.major.is_none_or(|wanted| wanted == found.major)
        })
}

/// Looks at one `bin` folder; the error says what is wrong with it.
pub(super) fn probe(bin_dir: &Path) -> Result<Installation, String> {
    for program in ["postgres", "initdb", "psql"] {
        if !bin_dir.join(program).is_file() {
            return Err(format!("it has no {program}"));
        }
    }
    let version = output_of(&bin_dir.join("postgres"), "--version")
        .ok_or_else(|| "its postgres does not run".to_owned())?;
    let major =
        parse_major(&version).ok_or_else(|| format!("its version {version:?} is unclear"))?;
    if major < OLDEST_MAJOR {
        return Err(format!("PostgreSQL {major} is older than {OLDEST_MAJOR}"));
    }
    let share_dir = share_dir(bin_dir, major)
        .ok_or_else(|| "its share folder with the extensions was not found".to_owned())?;
    Ok(Installation { bin_dir: bin_dir.to_owned(), share_dir, major, origin: Origin::Local })
}

/// Asks `pg_config` where the extensions are, else looks in the usual places.
fn share_dir(bin_dir: &Path, major: u32) -> Option<PathBuf> {
    let base = bin_dir.parent()?;
    let usual = [
        base.join("share/postgresql"),
        base.join("share"),
        PathBuf::from(format!("/usr/share/postgresql/{major}")),
    ];
    ask_pg_config(&bin_dir.join("pg_config"), "--sharedir")
        .into_iter()
        .chain(usual)
        .find(|share| share.join("extension").is_dir())
}

fn ask_pg_config(program: &Path, what: &str) -> Option<PathBuf> {
    program.is_file().then(|| output_of(program, what)).flatten().map(PathBuf::from)
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    clear_libpq_environment(&mut command);
    let output = command.arg(argument).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}

/// Takes 18 from "postgres (PostgreSQL) 18.1 (Debian 18.1-1)" and from "... 19beta1".
fn parse_major(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("(PostgreSQL) ")?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version_of_releases_and_betas() {
        assert_eq!(parse_major("postgres (PostgreSQL) 16.10 (Debian 16.10-1)"), Some(16));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("something else 18"), None);
    }

    #[test]
    fn a_folder_without_programs_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let reason = probe(folder.path()).unwrap_err();
        assert_eq!(reason, "it has no postgres");
    }
}
