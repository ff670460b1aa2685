//! Taking up a new identity key while the server runs.

use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

use retail_auth::load_key;
use retail_storage::{IdentityKey, QueryDatabase};
use secrecy::ExposeSecret;
use tracing::{error, warn};

/// How often the file is read. A secret store that mounts files replaces them within a minute or so,
/// and `keys rotate` lets the former key count for an hour, unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(10);

/// Reads the file again and again, and signs with a new key as soon as the database believes it.
/// Ends with the database.
pub(crate) async fn follow(database: Weak<QueryDatabase>, file: PathBuf) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(database) = database.upgrade() else { return };
        let key = match load_key(&file) {
            Ok(key) => IdentityKey::new(*key.expose_secret()),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the identity key is not read again"
                );
                continue;
            }
        };
        if key.id() == database.key_id() {
            continue;
        }
        match database.key_not_after(&key).await {
            Ok(Some(_)) => database.use_key(key),
            Ok(None) => error!(
                key = key.id(),
                "the database does not know the key in database.identity_key_file; the former one \
                 is used: run `retail-mcp keys rotate`, or put the former file back"
            ),
            // Tried again at the next look.
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "the new identity key waits");
            }
        }
    }
}
