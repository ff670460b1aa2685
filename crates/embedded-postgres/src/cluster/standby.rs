//! Making the files of a standby from a running primary.

use std::fs;

use super::{ClusterOptions, Profile};
use crate::data_dir::DataDir;
use crate::error::tail;
use crate::server_user::ServerUser;
use crate::{ConnectionInfo, Error, files};

/// Runs `pg_basebackup` beside the final place and renames: `pgdata` is whole or absent.
pub(super) fn create(
    data: &DataDir,
    user: &ServerUser,
    options: &ClusterOptions,
    primary: &ConnectionInfo,
) -> Result<(), Error> {
    tracing::info!(data_dir = %data.root().display(), "copying a PostgreSQL cluster for a standby");
    let unfinished = data.unfinished_pgdata();
    files::remove_folder(&unfinished)?;
    files::create_folder(&unfinished, 0o700)?;
    user.own(&unfinished)?;
    data.keep_password(&primary.password)?;

    let program = options.installation.program("pg_basebackup");
    // In the copy, since that user can enter no other folder for sure.
    let mut command = user.command(&program, &unfinished);
    command
        .arg("--pgdata")
        .arg(&unfinished)
        // Also writes down how to follow, with the password, in a file of the copy.
        .args([
            "--write-recovery-conf",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-password",
        ])
        .env("PGHOST", primary.host_string())
        .env("PGPORT", primary.port.to_string())
        .env("PGUSER", &primary.superuser)
        .env("PGPASSWORD", &primary.password)
        .env("PGSSLMODE", "disable");
    if options.profile == Profile::Throwaway {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(Error::run(&program))?;
    if !output.status.success() {
        let output_text = tail(&String::from_utf8_lossy(&output.stderr), 10);
        return Err(Error::BaseBackup { status: output.status, output: output_text });
    }
    let pgdata = data.pgdata();
    fs::rename(&unfinished, &pgdata).map_err(Error::file("move the copied cluster to", &pgdata))
}
