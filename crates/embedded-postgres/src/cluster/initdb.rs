//! Making the cluster's files on first use, and checking them later.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{ClusterOptions, Profile};
use crate::connection::SUPERUSER;
use crate::data_dir::{DataDir, existing_major};
use crate::error::tail;
use crate::server_user::ServerUser;
use crate::{Error, Installation, files};

/// The first major version whose own C.UTF-8 locale does not depend on the system.
const FIRST_MAJOR_WITH_BUILTIN_LOCALE: u32 = 17;

/// Whether `pgdata` is there.
///
/// # Errors
/// When it is, but was made by another major version, or is damaged.
pub(super) fn is_made(
    data: &DataDir,
    user: &ServerUser,
    options: &ClusterOptions,
) -> Result<bool, Error> {
    let pgdata = data.pgdata();
    if !pgdata.exists() {
        return Ok(false);
    }
    let damaged =
        |reason: String| Error::DamagedFolder { data_dir: data.root().to_owned(), reason };
    let found = existing_major(data.root())
        .ok_or_else(|| damaged("its pgdata/PG_VERSION is missing or unreadable".to_owned()))?;
    let installed = options.installation.major();
    if found != installed {
        let data_dir = data.root().to_owned();
        return Err(Error::OtherMajor { data_dir, found, installed });
    }
    let owner = fs::metadata(&pgdata).map_err(Error::file("read", &pgdata))?.uid();
    if owner != user.uid() {
        let reason = format!("its pgdata belongs to the user with number {owner}");
        return Err(damaged(reason));
    }
    Ok(true)
}

/// Runs `initdb` beside the final place and renames: `pgdata` is whole or absent.
pub(super) fn create(
    data: &DataDir,
    user: &ServerUser,
    options: &ClusterOptions,
) -> Result<(), Error> {
    tracing::info!(data_dir = %data.root().display(), major = options.installation.major(),
        "making a new PostgreSQL cluster");
    let unfinished = data.unfinished_pgdata();
    files::remove_folder(&unfinished)?;
    files::create_folder(&unfinished, 0o700)?;
    user.own(&unfinished)?;

    let password = data.make_password()?;
    let password_copy = data.root().join("initdb-password");
    files::remove_file(&password_copy)?;
    files::create_private_file(&password_copy, &password)?;
    let result = user.own(&password_copy).and_then(|()| {
        run(&options.installation, user, &unfinished, &password_copy, options.profile)
    });
    files::remove_file(&password_copy)?;
    result?;
    let pgdata = data.pgdata();
    fs::rename(&unfinished, &pgdata).map_err(Error::file("move the new cluster to", &pgdata))
}

fn run(
    installation: &Installation,
    user: &ServerUser,
    pgdata: &Path,
    password_file: &Path,
    profile: Profile,
) -> Result<(), Error> {
    let program = installation.program("initdb");
    let mut command = user.command(&program, Path::new("/"));
    command
        .arg("--pgdata")
        .arg(pgdata)
        .arg("--pwfile")
        .arg(password_file)
        .args(["--username", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"])
        .args(["--data-checksums", "--no-instructions"])
        .args(locale_arguments(installation.major(), cfg!(target_os = "macos")));
    if profile == Profile::Throwaway {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(Error::run(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let output_text = [output.stdout, output.stderr].concat();
    let output_text = tail(&String::from_utf8_lossy(&output_text), 10);
    Err(Error::Initdb { status: output.status, output: output_text })
}

/// Byte order with Unicode's upper and lower case, the same on every machine where possible.
fn locale_arguments(major: u32, is_macos: bool) -> Vec<&'static str> {
    // macOS has no C.UTF-8; its order of C with the character classes of en_US is the same.
    let mut arguments = if is_macos {
        vec!["--locale=C", "--lc-ctype=en_US.UTF-8"]
    } else {
        vec!["--locale=C.UTF-8"]
    };
    arguments.push("--lc-messages=C");
    if major >= FIRST_MAJOR_WITH_BUILTIN_LOCALE {
        arguments.extend(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_locale_is_used_where_it_exists() {
        assert!(!locale_arguments(16, false).contains(&"--locale-provider=builtin"));
        assert!(locale_arguments(17, false).contains(&"--locale-provider=builtin"));
        assert!(locale_arguments(18, true).contains(&"--locale=C"));
    }
}
