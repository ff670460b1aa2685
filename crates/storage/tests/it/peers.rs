//! How a store stands among the others: right, its own alone, published once, and nothing about any one other store.

mod attack;
mod bounds;
mod questions;
mod world;

use std::sync::Arc;

use chrono::NaiveDate;
use retail_storage::{PgQueryRunner, PublishedBenchmarks, Restate};
use retail_testkit::{TestDatabase, stores};
use rstest::rstest;

use self::attack::told_apart;
use self::bounds::{Halves, narrowest};
use self::world::{FORGET, Truth, all_told, published, unpublished};
fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// Publishes, and gives how many months were new and how many have other figures.
async fn publish(database: &TestDatabase, until: NaiveDate, restate: Restate) -> (u64, u64) {
    let mut admin = database.admin().await;
    let PublishedBenchmarks { published, restated, .. } =
        admin.publish_store_benchmarks(until, restate).await.unwrap();
    admin.close().await;
    (published, restated)
}

/// All rows, so that a change can be seen.
fn all_rows(database: &TestDatabase) -> String {
    database
        .psql("SELECT * FROM retail.store_benchmark ORDER BY store_id, month, category_id, metric")
}

/// What each column must be, from the lines of orders.
const FROM_LINES: &str = "
    WITH line AS (
        SELECT o.order_id, o.store_id, date_trunc('month', o.order_date::timestamp)::date AS month, p.category_id,
            i.quantity AS units, i.total_amount AS net, i.quantity * i.unit_price AS gross,
            coalesce(i.discount_amount, 0) AS discount
        FROM retail.orders o
        JOIN retail.order_items i ON i.order_id = o.order_id AND i.store_id = o.store_id
        JOIN retail.products p USING (product_id)
        WHERE o.order_date < '2026-11-01'
    ),
    total AS (
        SELECT store_id, month, sum(net) AS net, sum(units) AS units, count(DISTINCT order_id) AS orders,
            sum(gross) AS gross, sum(discount) AS discount
        FROM line GROUP BY 1, 2
    ),
    category AS (
        SELECT store_id, month, category_id, sum(net) AS net, sum(units) AS units FROM line GROUP BY 1, 2, 3
    ),
    figure (store_id, month, category_id, metric, part, whole, one) AS (
        SELECT store_id, month, 0, 'net_sales', net, 1::numeric, net FROM total
        UNION ALL SELECT store_id, month, 0, 'units', units, 1, units FROM total
        UNION ALL SELECT store_id, month, 0, 'orders', orders, 1, orders FROM total
        UNION ALL SELECT store_id, month, 0, 'basket_value', net, orders, net / orders FROM total
        UNION ALL SELECT store_id, month, 0, 'units_per_order', units, orders, units::numeric / orders FROM total
        UNION ALL SELECT store_id, month, 0, 'discount_rate', 100 * discount, gross, 100 * discount / gross FROM total
        UNION ALL SELECT store_id, month, category_id, 'net_sales', net, 1, net FROM category
        UNION ALL SELECT store_id, month, category_id, 'units', units, 1, units FROM category
    ),
    expected AS (
        SELECT f.store_id, f.month, f.category_id, f.metric, round(f.one, 2) AS value,
            1 + count(*) FILTER (WHERE round(o.one, 2) > round(f.one, 2)) AS rank, count(*) AS stores,
            (sum(o.part) - f.part) / nullif(sum(o.whole) - f.whole, 0) AS mean
        FROM figure f JOIN figure o USING (month, category_id, metric)
        GROUP BY 1, 2, 3, 4, f.one, f.part, f.whole
    )";

#[tokio::test]
async fn figures_are_those_of_the_lines() {
    let database = TestDatabase::seeded().await;
    let faults = database.psql(&format!(
        "{FROM_LINES}
         SELECT count(*), count(*) FILTER (WHERE e.value IS DISTINCT FROM b.value),
             count(*) FILTER (WHERE e.rank IS DISTINCT FROM b.rank AND e.stores >= 6),
             count(*) FILTER (WHERE (b.rank IS NULL) <> (e.stores < 6)),
             count(*) FILTER (WHERE (b.reason IS NOT DISTINCT FROM 'few_stores') <> (e.stores < 6)),
             count(*) FILTER (WHERE e.stores IS DISTINCT FROM b.store_count AND e.stores >= 6),
             count(*) FILTER (WHERE b.percentile <> round(100.0 * (e.stores - e.rank) / nullif(e.stores - 1, 0))),
             -- Two significant digits: one fiftieth more or less at the most, and one cent for small ones.
             count(*) FILTER (WHERE abs(b.peer_mean - e.mean) > greatest(e.mean / 20, 0.005)),
             count(*) FILTER (WHERE b.peer_mean > 0 AND length(trim(both '0.' from b.peer_mean::text)) > 3)
         FROM expected e
         FULL JOIN retail.store_benchmark b USING (store_id, month, category_id, metric)"
    ));
    let counts: Vec<u64> = faults.trim().split('|').map(|count| count.parse().unwrap()).collect();
    assert!(counts[0] > 5_000, "{faults}");
    assert_eq!(counts[1..], [0; 8], "{faults}");
    let months = "SELECT min(month), max(month), count(*) FROM retail_mcp.benchmark_month";
    assert_eq!(database.psql(months).trim(), "2020-01-01|2026-10-01|82", "November is not over");
}

const MONTHS: [&str; 6] =
    ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"];

/// What an attacker gets from all that each manager sees.
#[derive(Debug, Default)]
struct Loot {
    /// Means that are shown.
    means: usize,
    /// Groups of fewer than five stores that sums tell apart.
    groups: Vec<String>,
    /// Means that one store makes more than half of.
    dominated: Vec<String>,
    /// The narrowest range of a single figure: the ratio of its ends, and whose.
    narrowest: Option<(f64, String)>,
}

async fn attack(database: &TestDatabase, halves: Halves) -> Loot {
    let truth = Truth::of(database);
    let query_database = database.query_database(2);
    // Where a rule is taken away, no server would serve.
    query_database.skip_posture_gate();
    let runner = PgQueryRunner::new(Arc::new(query_database));
    let mut loot = Loot::default();
    for viewer in stores() {
        let told = all_told(&runner, &viewer).await;
        loot.means += told.iter().filter(|row| row.mean.is_some()).count();
        for row in told.iter().filter(|row| row.mean.is_some()) {
            let others = truth.others(viewer.id, &row.metric, &row.month, row.category);
            if others.values().any(|figure| 2.0 * figure > others.values().sum()) {
                loot.dominated.push(format!("{row:?}"));
            }
        }
        for month in MONTHS {
            if let Some(group) = told_apart(&told, &truth, viewer.id, month) {
                loot.groups.push(format!("{group:?} by {} in {month}", viewer.name));
            }
            for metric in ["net_sales", "units", "orders"] {
                let found = narrowest(&told, &truth, viewer.id, metric, month, halves);
                if loot.narrowest.as_ref().is_none_or(|former| found.0 < former.0) {
                    loot.narrowest = Some((found.0, format!("{} sees {}", viewer.name, found.1)));
                }
            }
        }
    }
    loot
}

#[rstest]
#[tokio::test]
async fn all_that_is_shown_tells_of_no_single_store(#[values(1, 2, 3)] seed: u32) {
    let database = published(seed).await;
    let loot = attack(&database, Halves::Known).await;
    assert_eq!(loot.groups, [""; 0]);
    assert_eq!(loot.dominated, [""; 0]);
    let (ratio, whose) = loot.narrowest.unwrap();
    assert!(ratio >= 1.2, "{ratio}: {whose}");
    assert!(loot.means > 200, "{} means are shown", loot.means);
}

/// A rule taken away: a function, what is in its body, and what is put in the place of it.
type Rule = (&'static str, &'static str, &'static str);

const WITHOUT_MINIMUM: &[Rule] = &[
    ("make_store_benchmarks", "c.stores < 6", "false"),
    ("make_store_benchmarks", "c.contributing < 5", "c.contributing < 1"),
    ("make_store_benchmarks", "c.stores < 5", "false"),
    ("benchmark_rest_is_safe", "count(*) FILTER (WHERE r.held_back > 0) >= 5", "true"),
];
const WITHOUT_COMPLEMENT: &[Rule] =
    &[("benchmark_rest_is_safe", "coalesce(bool_and(r.is_safe), true)", "true")];
const WITHOUT_HALVES: &[Rule] = &[
    ("make_store_benchmarks", "2 * c.top_part > c.other_parts", "false"),
    ("make_store_benchmarks", "2 * c.top[1] > c.total", "false"),
    ("benchmark_rest_is_safe", "2 * max(r.held_back) <= sum(r.held_back)", "true"),
];
const WITHOUT_RANGES: &[Rule] =
    &[("benchmark_confines", "coalesce(bool_or(r.high < 1.5 * r.low), false)", "false")];

/// Publishes anew with rules taken away.
async fn weakened(database: &TestDatabase, rules: &[Rule]) {
    database.psql(
        "ALTER TABLE retail.store_benchmark DROP CONSTRAINT store_benchmark_store_count_check",
    );
    for (function, rule, instead) in rules {
        database.psql(&format!(
            "DO $do$ DECLARE f text := pg_get_functiondef((SELECT oid FROM pg_proc WHERE proname = '{function}')); BEGIN
                 ASSERT position($t${rule}$t$ IN f) > 0, 'the rule is not there';
                 EXECUTE replace(f, $t${rule}$t$, $t${instead}$t$);
             END $do$"
        ));
    }
    database.psql(FORGET);
    assert_eq!(publish(database, day(2026, 7, 3), Restate::Nothing).await, (6, 0));
}

/// The attacks above see what each rule is for.
#[rstest]
#[case::minimum_group(WITHOUT_MINIMUM)]
#[case::complement(WITHOUT_COMPLEMENT)]
#[tokio::test]
async fn without_a_rule_sums_tell_few_stores_apart(#[case] rules: &[Rule]) {
    let database = published(1).await;
    weakened(&database, rules).await;
    let loot = attack(&database, Halves::Unknown).await;
    assert!(!loot.groups.is_empty(), "{loot:?}");
}

#[tokio::test]
async fn without_the_rule_on_halves_a_mean_is_one_stores() {
    let database = published(1).await;
    weakened(&database, WITHOUT_HALVES).await;
    let loot = attack(&database, Halves::Unknown).await;
    assert!(!loot.dominated.is_empty(), "{loot:?}");
}

#[tokio::test]
async fn without_the_rule_on_ranges_single_figures_are_found() {
    let database = published(1).await;
    weakened(&database, WITHOUT_RANGES).await;
    let loot = attack(&database, Halves::Known).await;
    let (ratio, whose) = loot.narrowest.unwrap();
    assert!(ratio < 1.1, "{ratio}: {whose}");
}

/// Whoever comes into the place of a rule's function is seen before anybody is served.
#[tokio::test]
async fn a_weakened_database_is_not_served_from() {
    let database = published(1).await;
    assert!(!database.query_database(2).posture().await.unwrap().must_refuse());
    weakened(&database, WITHOUT_COMPLEMENT).await;
    let found = database.query_database(2).posture().await.unwrap();
    assert!(
        found.must_refuse() && found.faults().all(|fault| fault.check == "store benchmarks"),
        "{found}"
    );
}

/// Means of ratios are shown beside those of what they are made of, or not at all, and never at an end of the ranking.
#[tokio::test]
async fn no_mean_follows_from_others_that_are_shown() {
    let database = published(1).await;
    let faults = database.psql(
        "SELECT count(*) FROM (
             SELECT bool_or(suppressed) FILTER (WHERE metric IN ('net_sales', 'units')) AS sums,
                 bool_or(suppressed) FILTER (WHERE metric IN ('orders', 'basket_value', 'units_per_order')) AS some,
                 bool_and(suppressed) FILTER (WHERE metric IN ('orders', 'basket_value', 'units_per_order')) AS every,
                 bool_and(suppressed) FILTER (WHERE metric IN ('net_sales', 'units')) AS all_sums,
                 bool_or(NOT suppressed AND rank IN (1, store_count))
                     FILTER (WHERE metric IN ('basket_value', 'units_per_order', 'discount_rate')) AS ends
             FROM retail.store_benchmark GROUP BY store_id, month, category_id
         ) AS c
         WHERE c.sums <> c.all_sums OR c.some <> c.every OR c.sums AND NOT c.every OR c.ends",
    );
    assert_eq!(faults.trim(), "0");
}

#[tokio::test]
async fn a_month_is_published_once_and_when_it_is_over() {
    let database = unpublished(1).await;
    assert_eq!(publish(&database, day(2026, 3, 30), Restate::Nothing).await, (2, 0));
    assert_eq!(publish(&database, day(2026, 3, 31), Restate::Nothing).await, (1, 0));
    assert_eq!(publish(&database, day(2026, 7, 30), Restate::Nothing).await, (3, 0));
    let before = all_rows(&database);
    assert!(before.contains("2026-06-01") && !before.contains("2026-07-01"));
    // Whatever comes in late.
    let late = "UPDATE retail.order_items SET total_amount = total_amount * 3
                WHERE order_id IN (SELECT order_id FROM retail.orders WHERE order_date < '2026-02-01' AND store_id = 4)";
    database.psql(late);
    database.psql("DELETE FROM retail.order_items WHERE store_id = 5");
    assert_eq!(publish(&database, day(2026, 7, 30), Restate::Nothing).await, (0, 0));
    assert_eq!(all_rows(&database), before);
    // Unless somebody says so.
    assert_eq!(publish(&database, day(2026, 2, 28), Restate::Everything).await, (0, 2));
    let restated = all_rows(&database);
    assert_ne!(restated, before);
    let months = "SELECT string_agg(restatements::text, ',' ORDER BY month),
                      bool_and((restated_at IS NULL) = (restatements = 0)) FROM retail_mcp.benchmark_month";
    assert_eq!(database.psql(months).trim(), "1,1,0,0,0,0|t");
    assert_eq!(publish(&database, day(2026, 2, 28), Restate::Everything).await, (0, 0));
    assert_eq!(all_rows(&database), restated, "the same sales give the same figures");
}

#[tokio::test]
async fn two_who_publish_at_once_publish_once() {
    let database = unpublished(1).await;
    let until = day(2026, 7, 30);
    let (one, other) = tokio::join!(
        publish(&database, until, Restate::Nothing),
        publish(&database, until, Restate::Nothing)
    );
    assert_eq!(one.0 + other.0, 6);
    assert_eq!(one.1 + other.1, 0);
}

#[tokio::test]
async fn too_few_stores_are_not_compared() {
    let database = unpublished(1).await;
    database.psql(
        "DELETE FROM retail.order_items WHERE store_id > 5; DELETE FROM retail.orders WHERE store_id > 5",
    );
    publish(&database, day(2026, 7, 30), Restate::Nothing).await;
    let told =
        "SELECT count(*) > 0, count(rank), count(store_count), count(percentile), count(peer_mean),
                    count(*) FILTER (WHERE reason <> 'few_stores') FROM retail.store_benchmark";
    assert_eq!(database.psql(told).trim(), "t|0|0|0|0|0");
}
