//! What a login role must be refused, tried: so that a function that is stale, or lies, is not the only
//! witness. Whatever is not refused is rolled back.

use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::{Finding, FindingState};
use crate::IdentityKey;
use crate::connection::place;
use crate::identity::{ConnectionPlace, SignedIdentity, Who};

/// Something that must be refused with 42501, `insufficient_privilege`.
struct Probe {
    name: &'static str,
    sql: &'static str,
    /// A policy is asked about rows: an empty table is read without a refusal, and shows nothing.
    may_show_nothing: bool,
}

const fn probe(name: &'static str, sql: &'static str) -> Probe {
    Probe { name, sql, may_show_nothing: false }
}

const fn read(name: &'static str, sql: &'static str) -> Probe {
    Probe { name, sql, may_show_nothing: true }
}

/// What holds on every server.
const ALWAYS: &[Probe] = &[
    read("read without an identity", "SELECT order_id FROM retail.orders LIMIT 1"),
    read(
        "read with a false signature",
        "SET LOCAL app.current_rls_user_id = 'all-stores';
         SET LOCAL app.rls_signature = '0000000000000000000000000000000000000000000000000000000000000000';
         SELECT order_id FROM retail.orders LIMIT 1",
    ),
    probe("read the identities", "SELECT rls_user_id FROM retail.stores"),
    probe("read the keys", "SELECT * FROM retail_sec.identity_key"),
    probe("read the embeddings", "SELECT * FROM retail.product_description_embeddings"),
    probe("read our own records", "SELECT * FROM retail_mcp.load_record"),
    probe("insert", "INSERT INTO retail.categories (category_name) VALUES ('posture')"),
    probe("update", "UPDATE retail.products SET product_name = '' WHERE false"),
    probe("delete", "DELETE FROM retail.order_items WHERE false"),
    probe("truncate", "TRUNCATE retail.inventory"),
    probe("read the audit log", "SELECT * FROM retail_mcp.audit_log"),
    probe("change the audit log", "UPDATE retail_mcp.audit_log SET subject = '' WHERE false"),
    probe(
        "add to the audit log",
        "SELECT * FROM retail_mcp.append_audit(
             NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    ),
    probe("hear of writes", "SELECT * FROM retail_mcp.data_versions()"),
    probe("read the writes", "SELECT * FROM retail_mcp.data_change"),
    probe("hear of changed rights", "SELECT retail_sec.rights_version()"),
    probe("read who may sign in", "SELECT * FROM retail_mcp.identity"),
    probe(
        "let somebody sign in",
        "INSERT INTO retail_mcp.identity (issuer, claim, value, all_stores, scopes)
         VALUES ('posture', 'sub', 'posture', true, '{}')",
    ),
    probe("change a searched text", "UPDATE retail_mcp.product_texts SET text = '' WHERE false"),
    probe("count the words anew", "SELECT retail_mcp.refresh_search_words()"),
    probe("name the vectors' type", "SELECT NULL::public.vector"),
    probe("make a table", "CREATE TABLE retail.posture (i integer)"),
    probe("make a temporary table", "CREATE TEMPORARY TABLE posture (i integer)"),
    probe("become the owner", "SET ROLE retail_owner"),
    probe("become the key's owner", "SET ROLE retail_sec"),
    probe("read a file of the server", "SELECT pg_catalog.pg_read_file('PG_VERSION')"),
    probe("run a program", "COPY (SELECT 1) TO PROGRAM 'true'"),
];

/// What the service login must be refused. It may look stores up, read grants, add to the audit log and
/// hear of writes.
const SERVICE: &[Probe] = &[
    probe("read orders", "SELECT order_id FROM retail.orders LIMIT 1"),
    probe("read customers", "SELECT customer_id FROM retail.customers LIMIT 1"),
    probe("read products", "SELECT product_id FROM retail.products LIMIT 1"),
    probe("change a store", "UPDATE retail.stores SET store_name = '' WHERE false"),
    probe("read the keys", "SELECT * FROM retail_sec.identity_key"),
    probe("read the audit log", "SELECT seq FROM retail_mcp.audit_log LIMIT 1"),
    probe(
        "write the audit log past its function",
        "INSERT INTO retail_mcp.audit_log (seq) SELECT 1 WHERE false",
    ),
    probe("change the audit log", "UPDATE retail_mcp.audit_log SET subject = '' WHERE false"),
    probe("remove from the audit log", "DELETE FROM retail_mcp.audit_log WHERE false"),
    probe("empty the audit log", "TRUNCATE retail_mcp.audit_log"),
    probe("move the end of the audit log", "UPDATE retail_mcp.audit_head SET last_seq = 0"),
    probe("archive the audit log", "SELECT retail_mcp.prune_audit(0)"),
    probe("hide a write", "DELETE FROM retail_mcp.data_change WHERE false"),
    probe("begin another history of the data", "SELECT retail_mcp.renew_data_epoch()"),
    probe(
        "let somebody sign in",
        "INSERT INTO retail_mcp.identity (issuer, claim, value, all_stores, scopes)
         VALUES ('posture', 'sub', 'posture', true, '{}')",
    ),
    probe("change who may sign in", "UPDATE retail_mcp.identity SET all_stores = true WHERE false"),
    probe("make a table", "CREATE TABLE retail_mcp.posture (i integer)"),
    probe("make a temporary table", "CREATE TEMPORARY TABLE posture (i integer)"),
    probe("become the owner", "SET ROLE retail_owner"),
    probe("become the key's owner", "SET ROLE retail_sec"),
    probe("become a query role", "SET ROLE retail_query_hq"),
    probe("read a file of the server", "SELECT pg_catalog.pg_read_file('PG_VERSION')"),
];

/// What holds where a superuser has locked the catalogue.
const LOCKED: &[Probe] = &[
    probe("change a setting in a query", "SELECT pg_catalog.set_config('app.posture', '1', true)"),
    probe("read a setting in a query", "SELECT pg_catalog.current_setting('app.posture', true)"),
    probe("sleep", "SELECT pg_catalog.pg_sleep(0)"),
    probe("hold a lock", "SELECT pg_catalog.pg_try_advisory_xact_lock(0)"),
    probe("run SQL in a string", "SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')"),
    probe("make a large object", "SELECT pg_catalog.lo_create(0)"),
    probe("notify", "SELECT pg_catalog.pg_notify('posture', '')"),
    probe("see other sessions", "SELECT query FROM pg_catalog.pg_stat_activity"),
    probe("stop other sessions", "SELECT pg_catalog.pg_terminate_backend(0)"),
    probe("read the catalogue", "SELECT relname FROM pg_catalog.pg_class LIMIT 1"),
    probe("read the statistics", "SELECT * FROM pg_catalog.pg_stats LIMIT 1"),
    probe("read the information schema", "SELECT * FROM information_schema.tables LIMIT 1"),
    probe("run a block of code", "DO $$ BEGIN NULL; END $$"),
];

/// Tries all on a connection of a query role; what depends on the lockdown last, when it is known.
///
/// # Errors
/// The driver's, when the connection is lost.
pub(super) async fn try_all(
    client: &Client,
    user: &str,
    locked: impl Future<Output = bool> + Send,
) -> Result<Vec<Finding>, Error> {
    let is_standby = is_standby(client).await?;
    let mut tried = Tried::default();
    tried.each(client, user, is_standby, ALWAYS).await?;
    if locked.await {
        tried.each(client, user, is_standby, LOCKED).await?;
    }
    Ok(tried.findings(user))
}

/// Tries all on a connection of the service login.
///
/// # Errors
/// The driver's, when the connection is lost.
pub(super) async fn try_service(client: &Client, user: &str) -> Result<Vec<Finding>, Error> {
    let mut tried = Tried::default();
    tried.each(client, user, is_standby(client).await?, SERVICE).await?;
    Ok(tried.findings(user))
}

/// What came of it.
#[derive(Default)]
struct Tried {
    count: usize,
    not_refused: Vec<Finding>,
}

impl Tried {
    async fn each(
        &mut self,
        client: &Client,
        user: &str,
        is_standby: bool,
        probes: &[Probe],
    ) -> Result<(), Error> {
        // All are sent at once and answered one after the other: each is a transaction of its own.
        let answers = probes.iter().map(|probe| not_refused(client, probe, is_standby));
        let answers = try_join_all(answers).await?;
        self.count += probes.len();
        for (probe, answer) in probes.iter().zip(answers) {
            self.not_refused.extend(answer.map(|answer| Finding {
                check: "probes".to_owned(),
                subject: user.to_owned(),
                state: FindingState::Unfit,
                detail: format!("an attempt to {} was not refused: {answer}", probe.name),
                fix_sql: None,
                mandatory: true,
            }));
        }
        Ok(())
    }

    fn findings(self, user: &str) -> Vec<Finding> {
        if !self.not_refused.is_empty() {
            return self.not_refused;
        }
        vec![Finding {
            check: "probes".to_owned(),
            subject: user.to_owned(),
            state: FindingState::Good,
            detail: format!("{} attempts were refused", self.count),
            fix_sql: None,
            mandatory: true,
        }]
    }
}

/// What came instead of the refusal, or none.
async fn not_refused(
    client: &Client,
    probe: &Probe,
    is_standby: bool,
) -> Result<Option<String>, Error> {
    // READ WRITE: the privileges must refuse it, not the transaction. A standby has none that writes, and says so
    // before it looks at privileges; those are the primary's.
    let mode = if is_standby { "READ ONLY" } else { "READ WRITE" };
    let text = format!(
        "BEGIN {mode}; SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1s'; {}",
        probe.sql
    );
    let (tried, ended) = tokio::join!(client.simple_query(&text), client.batch_execute("ROLLBACK"));
    ended?;
    match tried {
        Ok(answer) if probe.may_show_nothing && !has_row(&answer) => Ok(None),
        Ok(_) => Ok(Some("it was done, and rolled back".to_owned())),
        Err(error) => match error.code() {
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(None),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) if is_standby => Ok(None),
            Some(state) => Ok(Some(format!("SQLSTATE {}", state.code()))),
            None => Err(error),
        },
    }
}

/// Whether the server follows another one. No role can make it say so.
async fn is_standby(client: &Client) -> Result<bool, Error> {
    let answer = client.simple_query("SHOW in_hot_standby").await?;
    Ok(answer
        .iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on"))))
}

fn has_row(answer: &[SimpleQueryMessage]) -> bool {
    answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
}

/// Whether the database believes what the server signs: its key is there and has not expired.
///
/// # Errors
/// The driver's, when the connection is lost.
pub(super) async fn try_key(
    client: &Client,
    user: &str,
    who: Who,
    key: &IdentityKey,
) -> Result<Finding, Error> {
    let believed = is_believed(client, who, key).await;
    client.batch_execute("ROLLBACK").await?;
    let good = match believed {
        Ok(()) => true,
        Err(error) if error.as_db_error().is_some() => false,
        Err(error) => return Err(error),
    };
    Ok(Finding {
        check: "server key".to_owned(),
        subject: user.to_owned(),
        state: if good { FindingState::Good } else { FindingState::Missing },
        detail: if good {
            ""
        } else {
            "the database does not know the server's key, or it expired"
        }
        .to_owned(),
        fix_sql: (!good).then(|| {
            "-- run `retail-mcp migrate` with the same database.identity_key_file".to_owned()
        }),
        mandatory: true,
    })
}

async fn is_believed(client: &Client, who: Who, key: &IdentityKey) -> Result<(), Error> {
    // A database that does not say where it is believes nothing.
    let nowhere = || ConnectionPlace::new(String::new(), 0);
    let place = place(client).await?.unwrap_or_else(nowhere);
    let SignedIdentity { who, signature, .. } = key.sign(&who, &place);
    client
        .batch_execute(&format!(
            "BEGIN READ ONLY; SET LOCAL app.current_rls_user_id = '{who}'; \
             SET LOCAL app.rls_signature = '{signature}'; SELECT store_id FROM retail.stores LIMIT 1"
        ))
        .await
}
