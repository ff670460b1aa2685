//! Questions in callers' own SQL: each store sees its rows, and however many questions are asked, no more than these.

use std::sync::Arc;

use retail_domain::ports::QueryRunner;
use retail_domain::{QueryLimits, SqlText};
use retail_storage::PgQueryRunner;
use retail_testkit::{TestDatabase, head_office, principal, store, stores};
use rstest::rstest;

use super::world::published;
use crate::isolation::{connect, first_row};
use crate::unguarded::Unguarded;

#[tokio::test]
async fn each_store_sees_its_own_rows_and_head_office_all() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let sql = "SELECT count(*), min(store_id), max(store_id) FROM retail.store_benchmark";
    let mut all = 0;
    for store in stores() {
        let id = store.id.0;
        let row = first_row(&runner, &principal(store).await, sql).await;
        assert_eq!(row[1..], [id, id]);
        all += row[0].as_i64().unwrap();
    }
    let row = first_row(&runner, &head_office().await, sql).await;
    assert_eq!(row, [all, 1, 8]);
}

/// With the guard and without: no other store's row, and none of what they were computed from.
#[rstest]
#[case("SELECT count(*) FROM retail.store_benchmark WHERE store_id <> 7")]
#[case(
    "SELECT count(*) FROM retail.store_benchmark b WHERE b.store_id + 0 = 1 OR b.store_id = 2 OR b.month IS NULL"
)]
#[case(
    "SELECT count(*) FROM retail.stores s RIGHT JOIN retail.store_benchmark b ON true WHERE b.store_id <> 7"
)]
#[case("WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 8)
        SELECT count(b.value) FROM r JOIN retail.store_benchmark b ON b.store_id = r.i AND r.i <> 7")]
#[case("SELECT count(*) FROM (SELECT store_id, sum(value) OVER (PARTITION BY month) FROM retail.store_benchmark) x
        WHERE store_id <> 7")]
#[case(
    "SELECT count(*) FROM retail.store_benchmark WHERE store_id <> 7 AND 1 / (value::integer - value::integer + 1) > 0"
)]
#[tokio::test]
async fn no_question_gets_another_stores_row(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let kirkland = principal(store("Zava Retail Kirkland")).await;
    let unguarded = Unguarded::on(&database, 2);
    assert_eq!(first_row(&unguarded, &kirkland, sql).await[0], 0);
    let guarded = PgQueryRunner::new(Arc::new(database.query_database(2)));
    assert_eq!(first_row(&guarded, &kirkland, sql).await[0], 0);
}

#[rstest]
#[case("SELECT count(*) FROM retail.store_benchmark")]
#[case("SELECT * FROM retail_mcp.benchmark_month")]
#[case("UPDATE retail.store_benchmark SET peer_mean = 1")]
#[case("DELETE FROM retail.store_benchmark")]
#[case("TRUNCATE retail.store_benchmark")]
#[case("SELECT * FROM retail_mcp.publish_store_benchmarks('2026-06-30', true)")]
#[case("SELECT retail_mcp.make_store_benchmarks('2026-06-01')")]
#[case("SELECT retail_mcp.benchmark_rest_is_safe(1, '2026-06-01', '{}', '{}', true)")]
#[case("SELECT retail_mcp.store_benchmarks_digest('2026-06-01')")]
#[tokio::test]
async fn no_login_can_publish_write_or_see_unsigned(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let logins = database.query_logins();
    for login in [logins.stores, logins.head_office, database.service_login()] {
        let client = connect(&database, &login).await;
        client.batch_execute("SET default_transaction_read_only = off").await.ok();
        let error = client.batch_execute(&format!("BEGIN READ WRITE; {sql}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql} as {}", login.user);
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of(&mut self, options: &[&'static str]) -> &'static str {
        options.get(usize::try_from(self.below(options.len() as u64)).unwrap()).unwrap()
    }

    /// A question about any part of the table, over and over the same cells.
    fn question(&mut self) -> String {
        let asked = self.one_of(&[
            "sum(peer_mean)",
            "sum(peer_mean * (store_count - 1))",
            "sum(CASE WHEN category_id = 0 THEN 1 ELSE -1 END * peer_mean * (store_count - 1))",
            "sum(peer_mean * (store_count - 1) - value)",
            "count(peer_mean)",
            "sum(rank)",
            "count(DISTINCT store_id)",
            "max(store_count) - min(store_count)",
            "string_agg(DISTINCT reason, ',')",
            "max(value) FILTER (WHERE suppressed)",
        ]);
        let categories: Vec<_> = (0..10)
            .filter(|_| self.below(2) == 0)
            .map(|category: i32| category.to_string())
            .collect();
        let months: Vec<_> = (1..=6)
            .filter(|_| self.below(2) == 0)
            .map(|month| format!("'2026-0{month}-01'"))
            .collect();
        let stores = self.one_of(&[
            "",
            " AND store_id <> 1",
            " AND store_id IN (1, 2, 3)",
            " OR store_id = 8",
        ]);
        let metric =
            self.one_of(&["net_sales", "units", "orders", "basket_value", "discount_rate"]);
        format!(
            "SELECT {asked} FROM retail.store_benchmark
             WHERE metric = '{metric}' AND category_id IN (-1, {}) AND month IN ('2020-01-01', {}){stores}",
            [vec!["0".to_owned()], categories].concat().join(", "),
            [vec!["'2026-01-01'".to_owned()], months].concat().join(", "),
        )
    }
}

/// The attacks on all rows of a store are attacks by any number of questions: a thousand that overlap are answered from these rows
/// and from nothing else.
#[tokio::test]
async fn a_thousand_questions_are_answered_from_the_own_rows_alone() {
    let database = published(1).await;
    let bellevue = store("Zava Retail Bellevue");
    database.psql(&format!(
        "CREATE SCHEMA mine; CREATE TABLE mine.store_benchmark AS
         SELECT * FROM retail.store_benchmark WHERE store_id = {}",
        bellevue.id
    ));
    let caller = principal(bellevue).await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    let client = connect(&database, &database.superuser()).await;
    let mut dice = Dice(26);
    let mut answered = 0;
    for _ in 0..1_000 {
        let sql = dice.question();
        let text = format!("SELECT q::text FROM ({sql}) AS x (q)");
        let answer = runner
            .run(&caller, &SqlText::new(&text).unwrap(), &QueryLimits::default())
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.hint()));
        let mine = client.query_one(&text.replace("retail.", "mine."), &[]).await.unwrap();
        let mine: Option<String> = mine.get(0);
        let found = answer.rows.to_vec().unwrap().remove(0).remove(0);
        assert_eq!(found.as_str(), mine.as_deref(), "{sql}");
        answered += usize::from(mine.is_some());
    }
    assert!(answered > 500, "{answered} had an answer");
}
