//! What must hold of the analytics, whatever the question: on a real database, as several identities.

use std::sync::Arc;

use retail_analytics::calendar::{CompanyCalendar, Period};
use retail_analytics::metric::{Dimension, METRICS, Metric, Source};
use retail_analytics::{
    Analysis, Analyst, ChangeQuestion, EXPLAINED, Insight, InsightQuestion, SalesQuestion,
    SalesTemplate, Table,
};
use retail_auth::StoreGrant;
use retail_domain::{ErrorCode, Principal};
use retail_mcp_protocol::RetailMcp;
use retail_storage::{PgQueryRunner, PgSchemaCatalog};
use retail_testkit::{TestDatabase, head_office, principal, store, stores};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Call, TestServer};

struct Desk {
    analyst: Analyst,
    _database: TestDatabase,
}

async fn desk() -> Desk {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(4)));
    let analyst = Analyst::new(Arc::new(runner), CompanyCalendar::default());
    Desk { analyst, _database: database }
}

impl Desk {
    fn period(&self, phrase: &str) -> Period {
        self.analyst.period(phrase).unwrap()
    }

    async fn ask(&self, who: &Principal, question: &SalesQuestion) -> Analysis {
        self.analyst.analyze_sales(who, question).await.unwrap()
    }

    async fn total(&self, who: &Principal, metric: &str, phrase: &str) -> Decimal {
        let question = SalesQuestion::new(Metric::find(metric).unwrap(), self.period(phrase));
        decimal(&self.ask(who, &question).await.table.rows[0][0])
    }
}

fn decimal(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.to_string().parse().unwrap(),
    }
}

fn sum(table: &Table, column: &str) -> Decimal {
    let at = table.column(column).unwrap();
    table.rows.iter().map(|row| decimal(&row[at])).sum()
}

const PERIODS: [&str; 5] = [
    "2026-09-01..2026-09-30",
    "2025-11-29..2025-12-03",
    "2024",
    "FY2025 Q2",
    "2026-02-10..2026-05-19",
];

async fn seattle() -> Principal {
    principal(store("Zava Retail Seattle")).await
}

#[tokio::test]
async fn the_rollups_and_the_raw_rows_give_the_same_answers() {
    let desk = desk().await;
    let mut compared = 0;
    for who in [seattle().await, head_office().await] {
        for metric in METRICS {
            let measures = metric.formula.measures();
            if !measures.iter().all(|measure| Source::Lines.gives(*measure, None)) {
                continue;
            }
            for (at, by) in
                std::iter::once(None).chain(metric.dimensions.iter().copied().map(Some)).enumerate()
            {
                let mut question =
                    SalesQuestion::new(metric, desk.period(PERIODS[at % PERIODS.len()]));
                question.by = by;
                question.limit = 500;
                if at % 2 == 0 {
                    question.compared_with = Some(
                        desk.analyst.compared(&question.period, "same weeks last year").unwrap(),
                    );
                }
                let fast = desk.ask(&who, &question).await;
                question.source = Some(Source::Lines);
                let raw = desk.ask(&who, &question).await;
                assert_eq!(fast.table, raw.table, "{} by {by:?}", metric.name);
                assert_eq!(fast.provenance.rows_behind, raw.provenance.rows_behind);
                assert!(fast.provenance.rows_behind > 0);
                compared += 1;
            }
        }
    }
    assert!(compared > 250, "{compared}");
}

#[tokio::test]
async fn customers_are_the_same_by_the_orders_before_and_by_the_raw_orders() {
    let desk = desk().await;
    let kirkland = principal(store("Zava Retail Kirkland")).await;
    let (mut compared, mut by_visits) = (0, 0);
    let long = ["2024", "2020-01-06..2026-11-01"];
    for (who, filtered) in [
        (seattle().await, false),
        (kirkland, true),
        (head_office().await, true),
        (head_office().await, false),
    ] {
        for metric in METRICS {
            let measures = metric.formula.measures();
            if !measures.iter().all(|measure| Source::Customers.gives(*measure, None)) {
                continue;
            }
            for (at, by) in
                std::iter::once(None).chain(metric.dimensions.iter().copied().map(Some)).enumerate()
            {
                // As many buckets as there may be.
                let period = match by {
                    Some(Dimension::Day) => long[0],
                    Some(Dimension::Week | Dimension::RetailWeek | Dimension::Month) => long[1],
                    _ => PERIODS[at % PERIODS.len()],
                };
                let mut question = SalesQuestion::new(metric, desk.period(period));
                question.by = by;
                question.limit = 500;
                if filtered {
                    question.filter.store = Some("Zava Retail Kirkland".to_owned());
                }
                if at % 3 == 0 {
                    question.compared_with = Some(
                        desk.analyst.compared(&question.period, "same weeks last year").unwrap(),
                    );
                }
                let fast = desk.ask(&who, &question).await;
                question.source = Some(Source::Customers);
                let raw = desk.ask(&who, &question).await;
                assert_eq!(fast.table, raw.table, "{} by {by:?}", metric.name);
                let sql = &fast.provenance.statements.last().unwrap().sql;
                by_visits += usize::from(sql.contains("sales_by_order"));
                compared += 1;
            }
        }
    }
    assert!(compared > 150 && by_visits > compared / 2, "{by_visits} of {compared}");
}

#[tokio::test]
async fn named_questions_say_what_the_metrics_say() {
    let desk = desk().await;
    let all = head_office().await;
    let metric = |name| Metric::find(name).unwrap();
    let mut question = SalesQuestion::new(metric("net_sales"), desk.period(PERIODS[4]));
    question.metrics = vec![metric("net_sales"), metric("units"), metric("orders")];
    question.by = Some(Dimension::Category);
    let named = async |who: &Principal, template, question: &SalesQuestion| {
        let period = question.period.clone();
        desk.analyst.sales_template(who, template, period, &question.filter, 20).await.unwrap()
    };
    // A store of head office's, then a category of that, and so on: each filter has one more name.
    for name in ["store", "category", "product_type", "sku"] {
        for who in [&seattle().await, &all] {
            let measured = desk.ask(who, &question).await.table;
            let shown = named(who, SalesTemplate::CategoryPerformance, &question).await.table;
            assert!(!measured.rows.is_empty());
            assert_eq!(shown.rows.len(), measured.rows.len());
            for (one, other) in shown.rows.iter().zip(&measured.rows) {
                for (column, metric) in [
                    ("category_name", "category"),
                    ("total_revenue", "net_sales"),
                    ("total_quantity_sold", "units"),
                    ("transaction_count", "orders"),
                ] {
                    let at = |table: &Table, name| table.column(name).unwrap();
                    assert_eq!(one[at(&shown, column)], other[at(&measured, metric)], "{column}");
                }
            }
            for template in [
                SalesTemplate::DailySales,
                SalesTemplate::TopProducts,
                SalesTemplate::CustomerAnalysis,
                SalesTemplate::SalesTrends,
            ] {
                assert!(!named(who, template, &question).await.table.rows.is_empty());
            }
        }
        let mut by_name = question.clone();
        by_name.metrics.truncate(1);
        by_name.by = Some(match name {
            "store" => Dimension::Store,
            "category" => Dimension::Category,
            "product_type" => Dimension::ProductType,
            _ => Dimension::Product,
        });
        // Seattle's names, which both can see.
        let table = desk.ask(&seattle().await, &by_name).await.table;
        let found = table.rows[0][table.column(name).unwrap()].as_str().map(str::to_owned);
        match name {
            "store" => question.filter.store = found,
            "category" => question.filter.category = found,
            "product_type" => question.filter.product_type = found,
            _ => question.filter.sku = found,
        }
    }
    for template in [SalesTemplate::CategoryPerformance, SalesTemplate::CustomerAnalysis] {
        assert!(!named(&all, template, &question).await.table.rows.is_empty());
    }
}

#[tokio::test]
async fn stores_sum_to_head_office_and_shares_to_a_whole() {
    let desk = desk().await;
    let all = head_office().await;
    for phrase in PERIODS {
        for name in ["net_sales", "units", "orders", "gross_sales", "discounts", "gross_margin"] {
            let mut own = Decimal::ZERO;
            for one in stores() {
                own += desk.total(&principal(one).await, name, phrase).await;
            }
            assert_eq!(own, desk.total(&all, name, phrase).await, "{name} {phrase}");
            let mut question = SalesQuestion::new(Metric::find(name).unwrap(), desk.period(phrase));
            question.by = Some(Dimension::Store);
            let table = desk.ask(&all, &question).await.table;
            assert_eq!(sum(&table, name), own);
        }
        for by in
            [Dimension::Category, Dimension::ProductType, Dimension::Weekday, Dimension::Product]
        {
            let mut question =
                SalesQuestion::new(Metric::find("net_sales").unwrap(), desk.period(phrase));
            question.by = Some(by);
            question.limit = 500;
            let table = desk.ask(&all, &question).await.table;
            assert!(!table.truncated);
            let off = (sum(&table, "share") - Decimal::ONE_HUNDRED).abs();
            // Each is rounded to two digits.
            assert!(off <= Decimal::new(5, 3) * Decimal::from(table.rows.len()), "{by}: {off}");
            assert_eq!(sum(&table, "net_sales"), desk.total(&all, "net_sales", phrase).await);
        }
    }
}

#[tokio::test]
async fn contributions_sum_to_the_change() {
    let desk = desk().await;
    let pairs = [
        ("2026-09", "same period last year"),
        ("2025", "previous period"),
        ("2026-02-10..2026-05-19", "same weeks last year"),
        ("2026-10-01..2026-11-20", "previous period"),
    ];
    for who in
        [seattle().await, head_office().await, principal(store("Zava Retail Kirkland")).await]
    {
        for (phrase, compare_to) in pairs {
            let period = desk.period(phrase);
            let before = desk.analyst.compared(&period, compare_to).unwrap();
            for name in EXPLAINED {
                let metric = Metric::find(name).unwrap();
                let mut asked = SalesQuestion::new(metric, period.clone());
                asked.compared_with = Some(before.clone());
                let table = desk.ask(&who, &asked).await.table;
                let is_nothing = |column: &str| {
                    let value = &table.rows[0][table.column(column).unwrap()];
                    value.is_null() || decimal(value).is_zero()
                };
                if is_nothing(name) || is_nothing(&format!("{name}_before")) {
                    // A small store in a short time. What is made of nothing cannot be explained.
                    let question = ChangeQuestion::new(metric, period.clone(), before.clone());
                    let refused = desk.analyst.explain_change(&who, &question).await.unwrap_err();
                    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
                    continue;
                }
                let change = sum(&table, &format!("{name}_change"));
                for by in [None, Some(Dimension::Product), Some(Dimension::Store)] {
                    let mut question = ChangeQuestion::new(metric, period.clone(), before.clone());
                    question.by = by;
                    question.limit = 3;
                    let answer = match desk.analyst.explain_change(&who, &question).await {
                        Ok(answer) => answer,
                        Err(error) => {
                            // Baskets have no parts, and orders none by product.
                            assert!(by.is_some() && error.code() == ErrorCode::InvalidArgument);
                            assert!(name == "basket_value" || name == "orders", "{error}");
                            continue;
                        }
                    };
                    let at = format!("{name} by {by:?}, {phrase}, {}", who.visibility().label());
                    assert_eq!(sum(&answer.table, "contribution"), change, "{at}");
                    for table in &answer.more {
                        let column =
                            if table.name == "factors" { "contribution" } else { "change" };
                        assert_eq!(sum(table, column), change, "{at}: {}", table.name);
                        let effects = ["volume", "stores", "mix", "stock_out", "price", "discount"];
                        let effects: Vec<&str> = effects
                            .into_iter()
                            .filter(|effect| table.column(effect).is_some())
                            .collect();
                        for row in &table.rows {
                            if effects.is_empty() {
                                break;
                            }
                            let value = |name: &str| decimal(&row[table.column(name).unwrap()]);
                            let parts: Decimal = effects.iter().map(|effect| value(effect)).sum();
                            assert_eq!(parts, value("change"), "{at}: {row:?}");
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn segments_partition_the_customers() {
    let desk = desk().await;
    for who in [seattle().await, head_office().await] {
        for phrase in PERIODS {
            let mut question =
                InsightQuestion::new(Insight::CustomerSegmentation, desk.period(phrase));
            question.limit = 100;
            let answer = desk.analyst.insights(&who, &question).await.unwrap();
            let customers = desk.total(&who, "active_customers", phrase).await;
            assert_eq!(sum(&answer.table, "customers"), customers);
            assert_eq!(
                sum(&answer.table, "net_sales"),
                desk.total(&who, "net_sales", phrase).await
            );
            let new = desk.total(&who, "new_customers", phrase).await;
            let returning = desk.total(&who, "returning_customers", phrase).await;
            assert_eq!(new + returning, customers);
        }
    }
}

/// The guard counts the tables of a statement.
#[tokio::test]
async fn an_explanation_can_be_narrowed_to_anything() {
    let desk = desk().await;
    let all = head_office().await;
    let period = desk.period("2025");
    let before = desk.analyst.compared(&period, "previous period").unwrap();
    let ways = [Dimension::Category, Dimension::ProductType, Dimension::Product, Dimension::Store];
    for by in ways {
        for metric in ["net_sales", "units"] {
            let mut question =
                ChangeQuestion::new(Metric::find(metric).unwrap(), period.clone(), before.clone());
            question.by = Some(by);
            question.filter.store = Some("seattle".to_owned());
            question.filter.category = Some("hand tools".to_owned());
            question.filter.product_type = Some("hammers".to_owned());
            let answer = desk.analyst.explain_change(&all, &question).await.unwrap();
            assert!(answer.title.contains(", Zava Retail Seattle, HAND TOOLS, HAMMERS"), "{by}");
        }
    }
}

#[tokio::test]
async fn parts_that_do_not_compare_have_no_change() {
    let desk = desk().await;
    let mut question =
        SalesQuestion::new(Metric::find("net_sales").unwrap(), desk.period("June 2026"));
    question.by = Some(Dimension::Week);
    let before = desk.analyst.compared(&question.period, "same period last year").unwrap();
    question.compared_with = Some(before);
    let answer = desk.ask(&head_office().await, &question).await;
    // June 2026 begins on a Monday and has five weeks; that of 2025 begins on a Sunday and has six.
    let at = answer.table.column("net_sales_change").unwrap();
    let has_change: Vec<bool> = answer.table.rows.iter().map(|row| !row[at].is_null()).collect();
    assert_eq!(has_change, [false, true, true, true, false]);
    assert!(answer.notes.iter().any(|note| note.contains("the other period has 6, this one 5")));
    let total = answer.table.total.as_ref().unwrap();
    assert!(!total[at].is_null());

    question.by = Some(Dimension::Month);
    question.period = desk.period("2024-01-01..2024-03-31");
    question.compared_with = Some(desk.period("2025-01-01..2025-03-31"));
    let answer = desk.ask(&head_office().await, &question).await;
    let at = answer.table.column("net_sales_change").unwrap();
    assert!(answer.table.rows.iter().all(|row| !row[at].is_null()), "whole months compare");
    assert!(!answer.notes.iter().any(|note| note.contains("first part")));
}

#[tokio::test]
async fn days_to_come_have_no_rows_and_make_nobody_older() {
    let desk = desk().await;
    let today = desk.analyst.today();
    let all = head_office().await;
    let (first, last) = (today - chrono::Days::new(9), today + chrono::Days::new(300));
    let mut question = SalesQuestion::new(
        Metric::find("net_sales").unwrap(),
        desk.period(&format!("{first}..{last}")),
    );
    question.by = Some(Dimension::Day);
    assert_eq!(desk.ask(&all, &question).await.table.rows.len(), 10);

    let segments = |phrase: String| {
        let period = desk.period(&phrase);
        let question = InsightQuestion::new(Insight::CustomerSegmentation, period);
        let (analyst, all) = (desk.analyst.clone(), all.clone());
        async move { analyst.insights(&all, &question).await }
    };
    let open = segments(format!("{first}..{last}")).await.unwrap();
    let closed = segments(format!("{first}..{today}")).await.unwrap();
    assert_eq!(open.table, closed.table);
    let refused = segments(format!("{}..{today}", today - chrono::Days::new(3))).await.unwrap_err();
    assert_eq!(refused.public_message(), "customers are segmented over 5 days or more");
}

#[tokio::test]
async fn a_sku_is_a_products_or_refused() {
    let desk = desk().await;
    let mut question = SalesQuestion::new(Metric::find("net_sales").unwrap(), desk.period("2026"));
    question.filter.sku = Some("no' OR true --".to_owned());
    let refused = desk.analyst.analyze_sales(&seattle().await, &question).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.public_message()),
        (ErrorCode::NotFound, "'sku' is no product's")
    );
}

#[tokio::test]
async fn refusals_name_the_argument() {
    let desk = desk().await;
    let (who, period) = (seattle().await, desk.period("2026"));
    let mut question = SalesQuestion::new(Metric::find("net_sales").unwrap(), period.clone());
    question.metrics.push(Metric::find("orders").unwrap());
    question.metrics.push(Metric::find("net_sales").unwrap());
    let refused = desk.analyst.analyze_sales(&who, &question).await.unwrap_err();
    assert_eq!(refused.public_message(), "'metrics' has 'net_sales' twice");
    for (refused, argument) in [
        (desk.analyst.period("blue moon"), "period \"blue moon\""),
        (desk.analyst.compared(&period, "blue moon"), "'compare_to' \"blue moon\""),
    ] {
        let refused = refused.unwrap_err();
        assert!(refused.public_message().starts_with(argument), "{refused}");
    }
}

#[tokio::test]
async fn a_manager_can_name_no_other_store() {
    let desk = desk().await;
    let mut question = SalesQuestion::new(Metric::find("net_sales").unwrap(), desk.period("2026"));
    question.filter.store = Some("bellevue".to_owned());
    let error = desk.analyst.analyze_sales(&seattle().await, &question).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(!error.public_message().to_lowercase().contains("bellevue"));
    question.filter.store = Some("Seattle'; SELECT 1 --".to_owned());
    assert!(desk.analyst.analyze_sales(&head_office().await, &question).await.is_err());
    question.filter.store = Some("bellevue".to_owned());
    let all = desk.ask(&head_office().await, &question).await;
    let own =
        desk.total(&principal(store("Zava Retail Bellevue")).await, "net_sales", "2026").await;
    assert_eq!(decimal(&all.table.rows[0][0]), own);
}

#[tokio::test]
async fn a_receipt_is_asked_again_and_shows_what_changed() {
    let database = TestDatabase::seeded().await;
    let queries = Arc::new(database.query_database(4));
    let server = RetailMcp::builder()
        .query_runner(Arc::new(PgQueryRunner::new(Arc::clone(&queries))))
        .schema_catalog(Arc::new(PgSchemaCatalog::new(Arc::clone(&queries))))
        .receipt_seal(queries.receipt_seal())
        .build()
        .unwrap();
    let http = TestServer::new(&database);
    let seattle_store = store("Zava Retail Seattle");
    let grant = StoreGrant::Store(seattle_store.rls_user_id);
    // As the testkit's principals, this caller sees costs.
    let token = http.token_of("manager", grant, true);
    let arguments = json!({ "period": "September 2026", "by": "category" });
    let reply = http.send(Call::tool("analyze_sales", &arguments).bearer(&token)).await;
    let structured = &reply.result()["structuredContent"];
    let text = structured["provenance"]["receipt"].as_str().unwrap();

    let receipt = server.open_receipt(text).unwrap();
    assert_eq!(receipt.arguments()["period"], "2026-09-01..2026-09-30");
    for who in [head_office().await, principal(store("Zava Retail Bellevue")).await] {
        let refused = server.replay(&who, &receipt).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
    for broken in [&text[1..], &text[..text.len() - 1], "a.b", ""] {
        let refused = server.open_receipt(broken).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }

    let replayed = server.replay(&seattle().await, &receipt).await.unwrap();
    assert!(replayed.drift.is_same, "{:?}", replayed.drift);
    assert_eq!(replayed.structured["table"], structured["table"]);

    database.psql(
        "UPDATE retail.order_items SET total_amount = total_amount + 1 WHERE order_item_id = (
             SELECT min(i.order_item_id) FROM retail.order_items i JOIN retail.orders o USING (order_id)
             JOIN retail.stores s ON s.store_id = o.store_id
             WHERE s.store_name = 'Zava Retail Seattle' AND o.order_date BETWEEN '2026-09-01' AND '2026-09-30')",
    );
    let replayed = server.replay(&seattle().await, &receipt).await.unwrap();
    assert!(!replayed.drift.is_same);
    let (column, then, now) = &replayed.drift.changed[0];
    assert_eq!(column, "net_sales");
    assert_eq!(decimal(now) - decimal(then), Decimal::ONE);
}
