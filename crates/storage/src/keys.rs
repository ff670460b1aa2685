//! The database's list of keys that sign identities.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;

use crate::admin::failed;
use crate::{Admin, IdentityKey, StorageError};

/// A key as the database knows it, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityKeyRecord {
    /// [`IdentityKey::id`].
    pub id: String,
    /// Signatures count until then; none means without end.
    pub not_after: Option<DateTime<Utc>>,
}

/// Long enough for a look at what was, short enough for a list that stays readable.
const KEEP_EXPIRED: &str = "7 days";

impl Admin {
    /// The keys of the database, those without end first.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn identity_keys(&mut self) -> Result<Vec<IdentityKeyRecord>, StorageError> {
        self.become_key_owner().await?;
        let rows = sqlx::query(
            "SELECT key_id, (extract(epoch FROM nullif(not_after, 'infinity')) * 1000000)::int8
             FROM retail_sec.identity_key ORDER BY not_after DESC, key_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed("read the identity keys"))?;
        self.leave_key_owner().await?;
        rows.iter()
            .map(|row| {
                let micros: Option<i64> = row.try_get(1)?;
                Ok(IdentityKeyRecord {
                    id: row.try_get(0)?,
                    not_after: micros.and_then(DateTime::from_timestamp_micros),
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed("read the identity keys"))
    }

    /// Lets the database believe `key` from now on, and every other key for `overlap` more: the time
    /// that running servers have to take up the new key.
    ///
    /// # Errors
    /// [`StorageError::Statement`]; nothing is changed then.
    pub async fn rotate_identity_key(
        &mut self,
        key: &IdentityKey,
        overlap: Duration,
    ) -> Result<(), StorageError> {
        self.become_key_owner().await?;
        self.execute("BEGIN", "begin to rotate the identity key").await?;
        let rotated = self.rotate_in_transaction(key, overlap).await;
        let end = if rotated.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.execute(end, "end the rotation of the identity key").await;
        self.leave_key_owner().await?;
        rotated.and(ended)
    }

    async fn rotate_in_transaction(
        &mut self,
        key: &IdentityKey,
        overlap: Duration,
    ) -> Result<(), StorageError> {
        let seconds = overlap.as_secs();
        let sql = format!(
            "DELETE FROM retail_sec.identity_key WHERE not_after < now() - interval '{KEEP_EXPIRED}';
             UPDATE retail_sec.identity_key
             SET not_after = least(not_after, now() + {seconds} * interval '1 second')"
        );
        self.execute(&sql, "end the former identity keys").await?;
        let again = format!("DELETE FROM retail_sec.identity_key WHERE key_id = '{}'", key.id());
        self.execute(&again, "take the new identity key up again").await?;
        self.copy_identity_key(key).await
    }

    /// Refuses a key that is not among those that the database believes, before anything of it was changed: who brings one may
    /// have named another deployment's database. What cannot be looked at yet is looked at when the key is put.
    pub(crate) async fn check_identity_key(
        &mut self,
        key: &IdentityKey,
    ) -> Result<(), StorageError> {
        let present = match self.become_key_owner().await {
            Ok(()) => {
                let present = self.believed_keys().await;
                self.leave_key_owner().await?;
                present.unwrap_or_default()
            }
            Err(_) => Vec::new(),
        };
        if present.is_empty() || present.iter().any(|id| id == key.id()) {
            Ok(())
        } else {
            Err(StorageError::OtherIdentityKey)
        }
    }

    async fn believed_keys(&mut self) -> Result<Vec<String>, StorageError> {
        sqlx::query_scalar("SELECT key_id FROM retail_sec.identity_key WHERE not_after > now()")
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("read the identity keys"))
    }

    /// Gives the database its first key, or finds that it has it. A database that believes another
    /// key is refused: putting this one beside it would hide that two servers differ.
    pub(crate) async fn put_identity_key(&mut self, key: &IdentityKey) -> Result<(), StorageError> {
        self.become_key_owner().await?;
        let stored = self.put_as_owner(key).await;
        self.leave_key_owner().await?;
        stored
    }

    async fn put_as_owner(&mut self, key: &IdentityKey) -> Result<(), StorageError> {
        let present = self.believed_keys().await?;
        if present.iter().any(|id| id == key.id()) {
            Ok(())
        } else if present.is_empty() {
            let expired = "DELETE FROM retail_sec.identity_key WHERE not_after <= now()";
            self.execute(expired, "remove expired identity keys").await?;
            self.copy_identity_key(key).await
        } else {
            Err(StorageError::OtherIdentityKey)
        }
    }

    /// By COPY, whose rows stand in no log of statements.
    async fn copy_identity_key(&mut self, key: &IdentityKey) -> Result<(), StorageError> {
        let (inner, outer) = key.pads();
        let row =
            format!("{}\t\\\\x{}\t\\\\x{}\n", key.id(), hex::encode(inner), hex::encode(outer));
        let sql = "COPY retail_sec.identity_key (key_id, inner_key, outer_key) FROM STDIN";
        let mut copy =
            self.connection.copy_in_raw(sql).await.map_err(failed("store the identity key"))?;
        if let Err(source) = copy.send(row.into_bytes()).await {
            let reason = copy.abort("the sender gave up").await.err().unwrap_or(source);
            return Err(failed("store the identity key")(reason));
        }
        copy.finish().await.map(|_| ()).map_err(failed("store the identity key"))
    }

    async fn become_key_owner(&mut self) -> Result<(), StorageError> {
        self.execute("SET ROLE retail_sec", "take the role of the identity check").await
    }

    async fn leave_key_owner(&mut self) -> Result<(), StorageError> {
        self.execute("RESET ROLE", "take the login's own role").await
    }
}
