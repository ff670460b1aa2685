//! How many files, and so connections, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Files that are no clients' connections: those to the database, logs, key files.
const OTHERS: u64 = 128;

/// Raises the limit of open files as far as the system lets it, and warns when `max_connections` do
/// not fit.
pub(crate) fn raise_limit(max_connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    // No limit at all is `None`.
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        warn!(%error, "the limit of open files (RLIMIT_NOFILE) cannot be raised");
    }
    let wanted = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if let Some(open_files) = getrlimit(Resource::Nofile).current
        && open_files < wanted
    {
        warn!(
            open_files,
            wanted,
            max_connections,
            "server.max_connections do not fit into the limit of open files (RLIMIT_NOFILE); raise \
             that limit or lower server.max_connections"
        );
    }
}
