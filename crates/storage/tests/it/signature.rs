//! Row security alone, without the server in front: only a signature counts, and only for its own
//! identity, connection and time.

use std::sync::Arc;
use std::time::Duration;

use retail_storage::{IdentityKey, PgQueryRunner};
use retail_testkit::{IDENTITY_KEY, TestDatabase, principal, signature, store};
use rstest::rstest;
use tokio_postgres::Client;

use crate::isolation::{connect, first_row};

const SECOND: i64 = 1_000_000;

/// A forger who has everything but what the case takes away.
struct Forger<'a> {
    key: [u8; IdentityKey::BYTES],
    who: &'a str,
    connection_id: String,
    end_micros: i64,
}

impl Forger<'_> {
    fn signature(&self) -> String {
        signature(&self.key, self.who, &self.connection_id, self.end_micros)
    }
}

async fn connection_id(client: &Client) -> String {
    client.query_one("SELECT retail_sec.connection_id()", &[]).await.unwrap().get(0)
}

async fn now_micros(client: &Client) -> i64 {
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Orders that are visible in a transaction of its own, or the SQLSTATE of the refusal.
async fn orders(client: &Client, who: &str, signature: &str) -> Result<i64, String> {
    let sql = format!(
        "BEGIN; SET LOCAL app.current_rls_user_id = '{who}'; \
         SET LOCAL app.rls_signature = '{signature}'"
    );
    client.batch_execute(&sql).await.unwrap();
    let counted = client.query_one("SELECT count(*) FROM retail.orders", &[]).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    counted.map(|row| row.get(0)).map_err(|error| error.code().unwrap().code().to_owned())
}

fn refused() -> Result<i64, String> {
    Err("42501".to_owned())
}

#[tokio::test]
async fn no_unsigned_identity_is_believed() {
    let database = TestDatabase::seeded().await;
    let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
    let logins = database.query_logins();
    for (login, who) in [
        (&logins.stores, seattle.as_str()),
        (&logins.stores, "all-stores"),
        (&logins.head_office, "all-stores"),
    ] {
        let client = connect(&database, login).await;
        for signature in ["", "0", &"0".repeat(64), who, "..", &"0".repeat(98)] {
            assert_eq!(orders(&client, who, signature).await, refused(), "{who} {signature:?}");
        }
    }
}

#[tokio::test]
async fn a_signature_holds_for_its_identity_its_connection_and_its_time() {
    let database = TestDatabase::seeded().await;
    let online = store("Zava Retail Online").rls_user_id.to_string();
    let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
    let login = database.query_logins().stores;
    let client = connect(&database, &login).await;
    let neighbour = connect(&database, &login).await;
    let honest = async |lifetime_micros: i64| Forger {
        key: IDENTITY_KEY,
        who: &online,
        connection_id: connection_id(&client).await,
        end_micros: now_micros(&client).await + lifetime_micros,
    };
    let signature = honest(5 * SECOND).await.signature();
    assert!(orders(&client, &online, &signature).await.unwrap() > 0, "the honest case");
    assert_eq!(orders(&client, &seattle, &signature).await, refused(), "another identity");
    assert_eq!(orders(&client, "all-stores", &signature).await, refused(), "all stores");
    assert_eq!(orders(&neighbour, &online, &signature).await, refused(), "another connection");

    let other_key = Forger { key: [1; IdentityKey::BYTES], ..honest(5 * SECOND).await };
    assert_eq!(orders(&client, &online, &other_key.signature()).await, refused(), "another key");

    let past = honest(-1).await.signature();
    assert_eq!(orders(&client, &online, &past).await, refused(), "past its end");
    let endless = honest(61 * SECOND).await.signature();
    assert_eq!(orders(&client, &online, &endless).await, refused(), "lasts too long");

    // The very signature that was believed, at a later time.
    let short = honest(300_000).await.signature();
    assert!(orders(&client, &online, &short).await.is_ok(), "the honest case, a short one");
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    assert_eq!(orders(&client, &online, &short).await, refused(), "replayed after its end");
}

#[tokio::test]
async fn the_time_counts_at_the_start_of_the_transaction_not_during_it() {
    let database = TestDatabase::seeded().await;
    let online = store("Zava Retail Online").rls_user_id.to_string();
    let client = connect(&database, &database.query_logins().stores).await;
    let signature = Forger {
        key: IDENTITY_KEY,
        who: &online,
        connection_id: connection_id(&client).await,
        end_micros: now_micros(&client).await + SECOND / 5,
    }
    .signature();
    let sql = format!(
        "BEGIN; SET LOCAL app.current_rls_user_id = '{online}'; \
         SET LOCAL app.rls_signature = '{signature}'"
    );
    client.batch_execute(&sql).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let counted = client.query_one("SELECT count(*) FROM retail.orders", &[]).await;
    assert!(counted.unwrap().get::<_, i64>(0) > 0, "a long statement must not lose its identity");
}

#[rstest]
#[case::expired("UPDATE retail_sec.identity_key SET not_after = now() - interval '1 second'")]
#[case::removed("DELETE FROM retail_sec.identity_key")]
#[tokio::test]
async fn a_key_that_has_ended_signs_nothing(#[case] end: &str) {
    let database = TestDatabase::seeded().await;
    let online = store("Zava Retail Online").rls_user_id.to_string();
    let client = connect(&database, &database.query_logins().stores).await;
    let forger = Forger {
        key: IDENTITY_KEY,
        who: &online,
        connection_id: connection_id(&client).await,
        end_micros: now_micros(&client).await + 10 * SECOND,
    };
    assert!(orders(&client, &online, &forger.signature()).await.is_ok(), "the honest case");
    database.psql(end);
    assert_eq!(orders(&client, &online, &forger.signature()).await, refused());
}

/// A computer that slept, or a clock that was set: no caller pays, and no alarm is raised.
#[tokio::test]
async fn a_clock_that_jumped_costs_nobody_a_statement() {
    let database = TestDatabase::seeded().await;
    // One connection of the stores' role, so that the statements are on the one that lost time.
    let query_database = Arc::new(database.query_database(2));
    let runner = PgQueryRunner::new(Arc::clone(&query_database));
    let seattle = principal(store("Zava Retail Seattle")).await;
    for _ in 0..2 {
        query_database.lose_time(Duration::from_mins(10)).await.unwrap();
        let row = first_row(&runner, &seattle, "SELECT count(*) FROM retail.stores").await;
        assert_eq!(row[0], 1);
    }
    assert_eq!(query_database.statistics().identity_refusals, 0);
}

/// The gate stays shut for a key that ended. The key after it must not have to wait for that gate.
#[tokio::test]
async fn a_server_that_overslept_a_rotation_takes_up_the_new_key() {
    let database = TestDatabase::seeded().await;
    let query_database = database.query_database(2);
    let fresh = [9; IdentityKey::BYTES];
    let mut admin = database.admin().await;
    admin.rotate_identity_key(&IdentityKey::new(fresh), Duration::ZERO).await.unwrap();
    assert!(query_database.posture().await.unwrap().must_refuse());
    let fresh = IdentityKey::new(fresh);
    assert!(query_database.key_not_after(&fresh).await.unwrap().is_some());
    query_database.use_key(fresh);
    assert!(!query_database.posture().await.unwrap().must_refuse());
}

/// The check costs microseconds, and a plan must neither repeat it for each row nor lose an index.
#[rstest]
#[case("SELECT count(*) FROM retail.order_items", 1)]
#[case("SELECT count(*) FROM retail.orders o JOIN retail.order_items i USING (order_id)", 2)]
#[case("SELECT * FROM retail.inventory WHERE product_id = 7", 1)]
#[tokio::test]
async fn the_identity_is_an_init_plan_for_each_table(#[case] sql: &str, #[case] tables: usize) {
    let database = TestDatabase::seeded().await;
    let client = connect(&database, &database.query_logins().stores).await;
    // With few rows a scan is cheaper; what matters is that the index can be used.
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let rows = client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    let init_plans = plan.lines().filter(|line| line.trim_start().starts_with("InitPlan")).count();
    assert_eq!(init_plans, tables, "{plan}");
    assert!(!plan.contains("SubPlan"), "{plan}");
    let by_index =
        plan.lines().any(|line| line.contains("Index Cond") && line.contains("store_id"));
    assert!(by_index, "{plan}");
}
