//! A table with one row under each policy.

use std::fmt;

use retail_testkit::{IDENTITY_KEY, TestDatabase, signature, store};
use tokio_postgres::{Client, NoTls};

/// How rows are kept to their store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Not at all.
    None,
    /// By a setting that anybody may change.
    PlainSetting,
    /// By the signed identity.
    Signed,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::PlainSetting, Self::Signed];

    fn table(self) -> &'static str {
        match self {
            Self::None => "retail.bench_none",
            Self::PlainSetting => "retail.bench_plain",
            Self::Signed => "retail.bench_signed",
        }
    }

    fn condition(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::PlainSetting => {
                Some("store_id = (SELECT current_setting('app.bench_store_id')::int)")
            }
            Self::Signed => Some("store_id = (SELECT retail_sec.current_store_id())"),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no_policy",
            Self::PlainSetting => "plain_setting",
            Self::Signed => "signed_identity",
        })
    }
}

/// A connection of the stores' role, inside a transaction that has an identity.
#[derive(Debug)]
pub struct PolicyTarget {
    client: Client,
    // After the connection, since it is dropped with this value.
    _database: TestDatabase,
}

impl PolicyTarget {
    /// A database with the tables, and the transaction.
    pub async fn new() -> Self {
        let database = TestDatabase::seeded().await;
        for policy in Policy::ALL {
            let table = policy.table();
            database.psql(&format!(
                "CREATE TABLE {table} AS SELECT 1 AS id, store_id FROM retail.stores
                     WHERE store_name = 'Zava Retail Seattle';
                 ALTER TABLE {table} ADD PRIMARY KEY (id);
                 GRANT SELECT ON {table} TO retail_query;"
            ));
            if let Some(condition) = policy.condition() {
                database.psql(&format!(
                    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
                     CREATE POLICY p ON {table} FOR SELECT TO retail_query USING ({condition});"
                ));
            }
        }
        // For the plain setting, and for the loop.
        database.psql(
            "GRANT EXECUTE ON FUNCTION current_setting(text) TO retail_query;
             GRANT USAGE ON LANGUAGE plpgsql TO retail_query",
        );
        let client = connect(&database).await;
        let seattle = store("Zava Retail Seattle");
        let row = client
            .query_one(
                "SELECT retail_sec.connection_id(),
                        (extract(epoch FROM clock_timestamp()) * 1000000)::int8",
                &[],
            )
            .await
            .expect("the place of the connection");
        let who = seattle.rls_user_id.to_string();
        let end_micros = row.get::<_, i64>(1) + 10_000_000;
        let signature = signature(&IDENTITY_KEY, &who, row.get(0), end_micros);
        // The transaction lasts as long as the benchmark.
        let open = format!(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
             BEGIN TRANSACTION READ ONLY;
             SET LOCAL app.bench_store_id = '{}';
             SET LOCAL app.current_rls_user_id = '{who}';
             SET LOCAL app.rls_signature = '{signature}'",
            seattle.id
        );
        client.batch_execute(&open).await.expect("an open transaction");
        Self { client, _database: database }
    }

    /// Reads the row under `policy` so many times, by a loop inside the database: no message between
    /// two statements is timed.
    pub async fn read(&self, policy: Policy, times: u64) {
        let sql = format!(
            "DO $$ BEGIN FOR i IN 1..{times} LOOP
                 PERFORM store_id FROM {} WHERE id = 1;
             END LOOP; END $$",
            policy.table()
        );
        self.client.batch_execute(&sql).await.expect("the rows");
    }
}

async fn connect(database: &TestDatabase) -> Client {
    let settings = database.settings();
    let mut config = tokio_postgres::Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.database)
        .user("retail_query")
        .password(retail_testkit::QUERY_PASSWORD)
        .options("-c transaction_timeout=0");
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}
