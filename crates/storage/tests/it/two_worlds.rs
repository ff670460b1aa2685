//! Nothing that a manager can ask depends on a row that the manager must not see.
//!
//! Two databases hold the same rows of one manager and different rows of all others. Every statement
//! must be answered with the same bytes in both. What is expected of a statement need not be known.

#![expect(clippy::print_stdout, reason = "the figures are what a reader of the run wants to see")]

use std::time::Duration;

use futures_util::StreamExt;
use retail_domain::{QueryLimits, Store};
use retail_testkit::{
    Must, SqlGenerator, TestDatabase, attacks, benign, head_office, other_world, store,
};

use crate::support::{ADD_DISCONTINUED, Caller, Fixed, Layers, Outcome, difference, fixed, short};

/// Statements at once, each in both worlds.
const AT_ONCE: usize = 3;
/// Seed of the generated statements, so that a failure names one that can be made again.
const SEED: u64 = 2026;
/// How many of the generated statements may fail on purpose (a division by zero, a bad cast).
const MOST_ERRORS_PERCENT: usize = 5;

fn limits(statement_timeout: Duration) -> QueryLimits {
    QueryLimits { max_rows: 300, statement_timeout, ..QueryLimits::default() }
}

/// A manager in the one world and in the other.
struct Worlds {
    one: Caller,
    other: Caller,
}

impl Worlds {
    async fn of(
        store: &Store,
        one: &TestDatabase,
        other: &TestDatabase,
        statement_timeout: Duration,
        layers: Layers,
    ) -> Self {
        let limits = limits(statement_timeout);
        Self {
            one: Caller::new(one, store.clone(), AT_ONCE, limits, layers).await,
            other: Caller::new(other, store.clone(), AT_ONCE, limits, layers).await,
        }
    }

    async fn ask(&self, question: &Question) -> (Outcome, Option<String>) {
        let (one, other) = tokio::join!(self.one.run(&question.sql), self.other.run(&question.sql));
        let difference = difference(&one, &other, question.fixed);
        (one, difference)
    }

    async fn ask_all(&self, questions: &[Question]) -> Report {
        let results = futures_util::stream::iter(questions)
            .map(async |question| (question, self.ask(question).await))
            .buffer_unordered(AT_ONCE);
        let mut report = Report::default();
        let started = std::time::Instant::now();
        tokio::pin!(results);
        while let Some((question, (outcome, difference))) = results.next().await {
            match &outcome {
                Outcome::Answer { rows, .. } => {
                    report.answered += 1;
                    report.empty += usize::from(rows.is_empty());
                }
                Outcome::Refused { .. } if outcome.hit_a_limit() => report.limited += 1,
                Outcome::Refused { .. } => {
                    report.failed.push(format!("{}: {}", question.name, short(&outcome)));
                }
            }
            if let Some(difference) = difference {
                report.leaks.push(format!("{}: {}\n    {difference}", question.name, question.sql));
            }
        }
        report.seconds = started.elapsed().as_secs_f32();
        report
    }
}

struct Question {
    name: String,
    sql: String,
    fixed: Fixed,
}

#[derive(Debug, Default)]
struct Report {
    answered: usize,
    empty: usize,
    failed: Vec<String>,
    limited: usize,
    leaks: Vec<String>,
    seconds: f32,
}

impl Report {
    fn line(&self, what: &str) -> String {
        let Self { answered, empty, failed, limited, leaks, seconds } = self;
        let (failed, leaks) = (failed.len(), leaks.len());
        format!(
            "{what}: {answered} answered ({empty} without a row), {failed} refused, \
             {limited} at a limit, {leaks} leaks, {seconds:.1} s"
        )
    }

    fn assert_no_leak(&self, what: &str) {
        println!("{}", self.line(what));
        assert!(self.leaks.is_empty(), "{what}\n{}", self.leaks.join("\n"));
    }
}

/// A database of the one world, with all that the corpora name.
async fn one_world() -> TestDatabase {
    let database = TestDatabase::seeded().await;
    database.psql(ADD_DISCONTINUED);
    database
}

/// The other world of a store's manager.
async fn other_world_of(store: &Store) -> TestDatabase {
    let database = one_world().await;
    other_world(&database, store);
    database
}

fn generated(count: usize) -> Vec<Question> {
    SqlGenerator::new(SEED)
        .take(count)
        .enumerate()
        .map(|(number, sql)| Question {
            name: format!("generated {SEED}/{number}"),
            sql,
            fixed: Fixed::All,
        })
        .collect()
}

/// How many statements are generated: `RETAIL_TEST_STATEMENTS`, or 2,000.
fn statement_count() -> usize {
    std::env::var("RETAIL_TEST_STATEMENTS").map_or(2_000, |count| {
        count.parse().unwrap_or_else(|_| panic!("RETAIL_TEST_STATEMENTS is {count:?}"))
    })
}

/// Statements of the corpora that may run. Those that only have to end somehow are apart.
fn from_corpora(must: Option<Must>) -> Vec<Question> {
    let question = |id: String, sql: &str| {
        let (sql, fixed) = fixed(&id, sql);
        Question { name: id, sql, fixed }
    };
    match must {
        None => benign().into_iter().map(|each| question(each.id, &each.sql)).collect(),
        Some(must) => attacks()
            .into_iter()
            .filter(|attack| attack.must == must && Layers::All.can_run(attack))
            .map(|attack| question(attack.id, &attack.sql))
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_worlds_answer_alike() {
    let one = one_world().await;
    let managers = [store("Zava Retail Kirkland"), store("Zava Retail Online")];
    let mut shares = Vec::new();
    let mut questions = generated(statement_count());
    let half = questions.split_off(questions.len() / 2);
    for (manager, generated) in managers.iter().zip([questions, half]) {
        let other = other_world_of(manager).await;
        let name = &manager.name;
        let worlds = Worlds::of(manager, &one, &other, Duration::from_secs(5), Layers::All).await;
        let report = worlds.ask_all(&from_corpora(None)).await;
        report.assert_no_leak(&format!("{name}, benign"));
        assert!(report.failed.is_empty(), "{:#?}", report.failed);
        let report = worlds.ask_all(&from_corpora(Some(Must::NoLeak))).await;
        report.assert_no_leak(&format!("{name}, no_leak"));
        let report = worlds.ask_all(&generated).await;
        report.assert_no_leak(&format!("{name}, generated"));
        shares.push((report.failed, report.limited, generated.len()));
        let worlds =
            Worlds::of(manager, &one, &other, Duration::from_millis(500), Layers::All).await;
        let report = worlds.ask_all(&from_corpora(Some(Must::Bounded))).await;
        report.assert_no_leak(&format!("{name}, bounded"));
    }
    let asked: usize = shares.iter().map(|(.., asked)| asked).sum();
    let failed: Vec<&String> = shares.iter().flat_map(|(failed, ..)| failed).collect();
    let limited: usize = shares.iter().map(|(_, limited, _)| limited).sum();
    println!("generated: {} of {asked} fail, {limited} at a limit", failed.len());
    if std::env::var_os("RETAIL_TEST_VERBOSE").is_some() {
        println!("{failed:#?}");
    }
    assert!(failed.len() * 100 <= asked * MOST_ERRORS_PERCENT, "{failed:#?}");
    assert!(limited * 100 <= asked, "{limited} of {asked} statements hit a limit");
}

/// Else the test above would compare a database with itself.
#[tokio::test]
async fn the_worlds_differ_for_everybody_else() {
    let kirkland = store("Zava Retail Kirkland");
    let (one, other) = (one_world().await, other_world_of(&kirkland).await);
    let limits = limits(Duration::from_secs(5));
    let bellevue = store("Zava Retail Bellevue");
    let others = [
        (
            Caller::with(&one, head_office().await, 4, limits, Layers::All),
            Caller::with(&other, head_office().await, 4, limits, Layers::All),
            "head office",
        ),
        (
            Caller::new(&one, bellevue.clone(), 1, limits, Layers::All).await,
            Caller::new(&other, bellevue, 1, limits, Layers::All).await,
            "another manager",
        ),
    ];
    let own = Worlds::of(&kirkland, &one, &other, Duration::from_secs(5), Layers::All).await;
    for sql in [
        "SELECT string_agg(store_name, ',' ORDER BY store_id) FROM retail.stores",
        "SELECT count(*), min(order_id), max(order_date) FROM retail.orders",
        "SELECT count(*), sum(total_amount) FROM retail.order_items",
        "SELECT count(*), sum(stock_level) FROM retail.inventory",
        "SELECT count(*), min(email) FROM retail.customers",
    ] {
        for (in_one, in_other, who) in &others {
            let (a, b) = (in_one.run(sql).await, in_other.run(sql).await);
            assert!(matches!(a, Outcome::Answer { .. }), "{who}, {sql}: {a:?}");
            assert!(difference(&a, &b, Fixed::All).is_some(), "{who} sees no difference in {sql}");
        }
        let question = Question { name: String::new(), sql: sql.to_owned(), fixed: Fixed::All };
        assert_eq!(own.ask(&question).await.1, None, "{sql}");
    }
    // Statistics differ as well: three times the rows, and more.
    let count = |database: &TestDatabase| -> u64 {
        let rows = database
            .psql("SELECT reltuples::bigint FROM pg_class WHERE oid = 'retail.orders'::regclass");
        rows.trim().parse().unwrap()
    };
    assert!(count(&other) > 2 * count(&one));
}

/// The test above can see a leak: with one table open, generated statements differ.
#[tokio::test]
async fn an_open_table_is_found() {
    let kirkland = store("Zava Retail Kirkland");
    let (one, other) = (one_world().await, other_world_of(&kirkland).await);
    let worlds = Worlds::of(&kirkland, &one, &other, Duration::from_secs(5), Layers::All).await;
    let questions = generated(150);
    for table in [
        "stores",
        "customers",
        "inventory",
        "orders",
        "order_items",
        "sales_by_day",
        "sales_by_product_day",
        "sales_by_order",
        "store_benchmark",
    ] {
        let policy = format!("opened ON retail.{table}");
        for database in [&one, &other] {
            database
                .psql(&format!("CREATE POLICY {policy} FOR SELECT TO retail_query USING (true)"));
        }
        let report = worlds.ask_all(&questions).await;
        println!("{}", report.line(&format!("{table} open")));
        assert!(!report.leaks.is_empty(), "nobody sees that {table} is open");
        for database in [&one, &other] {
            database.psql(&format!("DROP POLICY {policy}"));
        }
    }
    worlds.ask_all(&questions).await.assert_no_leak("all closed again");
}

/// Row security as it was in the reference: it believes a setting.
pub(crate) const PLAIN_SETTING: &str = "
    CREATE OR REPLACE FUNCTION retail_sec.current_store_id()
    RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT store_id FROM retail.stores
        WHERE rls_user_id = current_setting('app.current_rls_user_id', true)::uuid
    $$;
    GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO retail_query";

/// Takes another identity before row security looks, and gives it back in the first row, so that
/// nobody can tell afterwards.
pub(crate) fn forging(own: &Store, victim: &Store) -> String {
    format!(
        "WITH x AS MATERIALIZED (SELECT set_config('app.current_rls_user_id', '{}', true) AS s)
         SELECT o.order_id, o.store_id, c.email, i.total_amount,
                set_config('app.current_rls_user_id', '{}', true) AS back
         FROM x CROSS JOIN LATERAL (SELECT * FROM retail.orders WHERE x.s IS NOT NULL) o
         JOIN retail.customers c USING (customer_id) JOIN retail.order_items i USING (order_id)
         ORDER BY i.order_item_id",
        victim.rls_user_id, own.rls_user_id
    )
}

#[tokio::test]
async fn a_plain_setting_is_found() {
    let (kirkland, bellevue) = (store("Zava Retail Kirkland"), store("Zava Retail Bellevue"));
    let (one, other) = (one_world().await, other_world_of(&kirkland).await);
    let worlds =
        Worlds::of(&kirkland, &one, &other, Duration::from_secs(5), Layers::DatabaseAlone).await;
    let question = Question {
        name: "forging".to_owned(),
        sql: forging(&kirkland, &bellevue),
        fixed: Fixed::All,
    };
    let (outcome, difference) = worlds.ask(&question).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert_eq!(difference, None, "the signature holds");
    for database in [&one, &other] {
        database.psql(PLAIN_SETTING);
    }
    let (outcome, difference) = worlds.ask(&question).await;
    assert!(matches!(outcome, Outcome::Answer { .. }), "the forgery does not work: {outcome:?}");
    assert!(difference.is_some(), "nobody sees the forgery");
}

/// What row security cannot hide, and the guard must: where a row lies, and when it was written.
#[tokio::test]
async fn places_of_rows_are_found() {
    let kirkland = store("Zava Retail Kirkland");
    let (one, other) = (one_world().await, other_world_of(&kirkland).await);
    let worlds =
        Worlds::of(&kirkland, &one, &other, Duration::from_secs(5), Layers::DatabaseAlone).await;
    for sql in [
        "SELECT ctid, order_id FROM retail.orders ORDER BY order_id",
        "SELECT DISTINCT xmin FROM retail.orders",
        "SELECT count(*) FROM retail.orders TABLESAMPLE SYSTEM (50) REPEATABLE (1)",
    ] {
        let question = Question { name: String::new(), sql: sql.to_owned(), fixed: Fixed::All };
        let (outcome, difference) = worlds.ask(&question).await;
        assert!(matches!(outcome, Outcome::Answer { .. }), "{sql}: {outcome:?}");
        assert!(difference.is_some(), "no difference in {sql}");
    }
}
