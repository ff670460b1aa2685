//! A client that goes away stops its statement in PostgreSQL.

use std::time::Duration;

use retail_testkit::{TestDatabase, store};

use crate::support::{Call, PATIENCE, TestServer, access_to, eventually};

/// How many callers' statements run in the database.
fn running(database: &TestDatabase) -> String {
    let count = database.psql(&format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = '{}' AND usename LIKE 'retail_query%'
           AND state = 'active' AND query LIKE '%generate_series(1, 99999)%'",
        database.name
    ));
    count.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_connection_cancels_the_statement() {
    let database = TestDatabase::seeded().await;
    // Long limits, so that nothing but the client's going can end the statement.
    let server = TestServer::with(
        access_to(&database),
        &[("QUERY__STATEMENT_TIMEOUT", "50s"), ("SERVER__REQUEST_TIMEOUT", "55s")],
    );
    let address = server.listen().await;
    for token in [server.manager(&store("Zava Retail Seattle")), server.head_office()] {
        // It takes minutes; callers may not sleep.
        let sql = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";
        let call = Call::query(sql).bearer(&token);
        let connection = call.send_to(address);
        eventually(PATIENCE, "the statement runs", || running(&database) == "1");
        drop(connection);
        let took = eventually(Duration::from_secs(5), "the statement is cancelled", || {
            running(&database) == "0"
        });
        println!("cancelled after {} ms", took.as_millis());
        // And the server is fit for the next caller.
        let reply = server.query(&token, "SELECT 1").await;
        assert_eq!(reply.rows()[0][0], 1);
    }
}
