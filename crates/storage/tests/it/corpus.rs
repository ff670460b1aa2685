//! What becomes of the collected attacks and honest statements, one by one.

#![expect(clippy::print_stdout, reason = "the table is what a reader of the run wants to see")]

mod by_hand;
mod detector;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use retail_domain::{QueryLimits, Store};
use retail_testkit::{Attack, Must, TestDatabase, attacks, benign, store};
use serde_json::json;
use tokio_postgres::SimpleQueryMessage;

use self::by_hand::ByHand;
use self::detector::{PLANT, SETTINGS, canary, fingerprint, unclean};
use crate::isolation::connect;
use crate::support::{
    ADD_DISCONTINUED, Caller, Fixed, GUARD_IS_ON, Layers, Outcome, fixed, short, sign,
};
use crate::two_worlds::{PLAIN_SETTING, forging};

/// Short, since every statement that ends by it costs so much.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(1);
/// What a call may take beyond: the runner's own grace, and a busy machine.
const GRACE: Duration = Duration::from_secs(6);
/// Names the row type of a table, which has a column that the views by hand do not have.
const ROW_TYPE: &str = "a419";
/// Callers at once, each with a single connection.
const CALLERS: usize = 3;

fn limits() -> QueryLimits {
    QueryLimits { statement_timeout: STATEMENT_TIMEOUT, ..QueryLimits::default() }
}

/// The manager who sends the corpus. Most attacks try to become Seattle's, or to see store 2.
fn sender() -> Store {
    store("Zava Retail Kirkland")
}

/// A database in which all that the sender must not see can be told from all else.
async fn planted() -> TestDatabase {
    let database = TestDatabase::seeded().await;
    database.psql(ADD_DISCONTINUED);
    database.psql(&PLANT.replace(":own", &sender().id.to_string()));
    database
}

/// What became of statements, by class.
#[derive(Default)]
struct Table(BTreeMap<(String, Must), BTreeMap<&'static str, usize>>);

const COLUMNS: [&str; 5] = ["guard", "database", "answered", "limit", "skipped"];

impl Table {
    fn count(&mut self, class: &str, must: Must, column: &'static str) {
        *self.0.entry((class.to_owned(), must)).or_default().entry(column).or_default() += 1;
    }

    fn print(&self, title: &str) {
        println!("\n{title}");
        let heads = COLUMNS.map(|column| format!("{column:>9}")).concat();
        println!("{:<22}{:<9}{heads}", "class", "must");
        let mut sums = BTreeMap::<&str, usize>::new();
        for ((class, must), counts) in &self.0 {
            let cells = COLUMNS.map(|column| {
                let count = counts.get(column).copied().unwrap_or_default();
                *sums.entry(column).or_default() += count;
                format!("{count:>9}")
            });
            println!("{class:<22}{:<9}{}", format!("{must:?}"), cells.concat());
        }
        println!(
            "{:<31}{}",
            "all",
            COLUMNS
                .map(|column| format!("{:>9}", sums.get(column).copied().unwrap_or_default()))
                .concat()
        );
    }
}

fn column(outcome: &Outcome) -> &'static str {
    match outcome {
        limited if limited.hit_a_limit() => "limit",
        Outcome::Refused { by_guard: true, .. } => "guard",
        Outcome::Refused { .. } => "database",
        Outcome::Answer { .. } => "answered",
    }
}

/// One caller's way through the corpus.
struct Run<'a> {
    caller: Caller,
    by_hand: ByHand,
    /// The settings of a connection that nobody has used.
    clean: Vec<Option<String>>,
    layers: Layers,
    faults: &'a Mutex<Vec<String>>,
    table: &'a Mutex<Table>,
}

impl Run<'_> {
    async fn attack(&self, attack: &Attack) {
        if !self.layers.can_run(attack) {
            self.table.lock().unwrap().count(&attack.class, attack.must, "skipped");
            return;
        }
        let (sql, answer_is_fixed) = fixed(&attack.id, &attack.sql);
        let started = Instant::now();
        let outcome = self.caller.run(&sql).await;
        let elapsed = started.elapsed();
        self.table.lock().unwrap().count(&attack.class, attack.must, column(&outcome));
        let mut faults = self.unhealthy().await;
        if let Some(found) = canary(&outcome.visible_text(), &sql) {
            faults.push(format!("shows {found:?} of another store"));
        }
        if elapsed > STATEMENT_TIMEOUT + GRACE {
            faults.push(format!("took {elapsed:?}"));
        }
        let must_be_refused = GUARD_IS_ON && self.layers == Layers::All;
        if attack.must == Must::Reject && must_be_refused && column(&outcome) != "guard" {
            faults.push(format!("the guard let it pass: {}", short(&outcome)));
        }
        if attack.must == Must::NoLeak && answer_is_fixed == Fixed::Rows && attack.id != ROW_TYPE {
            faults.extend(self.differs_by_hand(&sql, &outcome).await);
        }
        self.report(&attack.id, &sql, &faults);
    }

    async fn benign(&self, id: &str, sql: &str) {
        let (sql, _) = fixed(id, sql);
        let outcome = self.caller.run(&sql).await;
        self.table.lock().unwrap().count("benign", Must::NoLeak, column(&outcome));
        let mut faults = self.unhealthy().await;
        match &outcome {
            Outcome::Answer { truncation: None, .. } => {
                faults.extend(self.differs_by_hand(&sql, &outcome).await);
            }
            other => faults.push(format!("has no whole answer: {}", short(other))),
        }
        self.report(id, &sql, &faults);
    }

    fn report(&self, id: &str, sql: &str, faults: &[String]) {
        let start: String = sql.chars().take(200).collect();
        let faults = faults.iter().map(|fault| format!("{id}: {fault}\n    {start}"));
        self.faults.lock().unwrap().extend(faults);
    }

    /// The same statement by a superuser, on views with the manager's rows alone.
    async fn differs_by_hand(&self, sql: &str, outcome: &Outcome) -> Option<String> {
        match outcome {
            Outcome::Answer { columns, rows, truncation: None } => {
                let difference = self.by_hand.difference(sql, columns.len(), rows).await?;
                Some(format!("differs from the rows by hand: {difference}"))
            }
            _ => None,
        }
    }

    /// What the next caller would not find as if the statement had never been.
    async fn unhealthy(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.caller.run("SELECT count(*) FROM retail.stores").await {
            Outcome::Answer { rows, .. } if rows == [vec![json!(1)]] => {}
            other => faults.push(format!("a simple query afterwards: {}", short(&other))),
        }
        match self.caller.database.idle_settings(&SETTINGS).await {
            Ok(settings) => faults.extend(
                unclean(&self.clean, &settings)
                    .map(|left| format!("leaves {left} on the connection")),
            ),
            Err(error) => faults.push(format!("no connection afterwards: {error}")),
        }
        faults
    }
}

/// Sends the whole corpus and gives what is wrong.
async fn send(database: &TestDatabase, layers: Layers) -> (Vec<String>, Table) {
    let (faults, table, next) = (Mutex::default(), Mutex::default(), AtomicUsize::new(0));
    let (attacks, benign) = (attacks(), benign());
    let before = fingerprint(database);
    let worker = async || {
        let caller = Caller::new(database, sender(), 1, limits(), layers).await;
        let clean = caller.database.idle_settings(&SETTINGS).await.unwrap();
        let by_hand = ByHand::connect(database).await;
        let run = Run { caller, by_hand, clean, layers, faults: &faults, table: &table };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // Honest ones first, while nothing else burdens the machine.
            if let Some(each) = benign.get(number) {
                run.benign(&each.id, &each.sql).await;
            } else if let Some(attack) = attacks.get(number - benign.len()) {
                run.attack(attack).await;
            } else {
                break;
            }
        }
    };
    futures_util::future::join_all((0..CALLERS).map(|_| worker())).await;
    let mut faults = faults.into_inner().unwrap();
    if fingerprint(database) != before {
        faults.push("something was written".to_owned());
    }
    (faults, table.into_inner().unwrap())
}

async fn send_and_expect_no_fault(title: &str, layers: Layers) {
    let database = planted().await;
    by_hand::make_views(&database, &sender());
    let started = Instant::now();
    let (faults, table) = send(&database, layers).await;
    table.print(&format!("{title} ({:.1} s)", started.elapsed().as_secs_f32()));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_does_no_harm() {
    send_and_expect_no_fault("All layers", Layers::All).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_does_no_harm_to_the_database_alone() {
    send_and_expect_no_fault("Database alone", Layers::DatabaseAlone).await;
}

/// The tests above can see a leak: without the signature they find one.
#[tokio::test]
async fn a_forged_identity_is_found() {
    let database = planted().await;
    let caller = Caller::new(&database, sender(), 1, limits(), Layers::DatabaseAlone).await;
    let sql = forging(&sender(), &store("Zava Retail Bellevue"));
    let refused = caller.run(&sql).await;
    assert_eq!(column(&refused), "database", "{refused:?}");
    assert_eq!(canary(&refused.visible_text(), &sql), None);
    database.psql(PLAIN_SETTING);
    let forged = caller.run(&sql).await;
    assert!(canary(&forged.visible_text(), &sql).is_some(), "nobody sees it: {}", short(&forged));
}

/// The same with no runner at all: the statements as they are, on a connection of the role.
#[tokio::test]
async fn without_the_signature_the_corpus_forges_identities() {
    let database = planted().await;
    assert_eq!(forged_over_a_bare_connection(&database).await, Vec::<String>::new());
    database.psql(PLAIN_SETTING);
    let forged = forged_over_a_bare_connection(&database).await;
    println!("with a plain setting these show rows of another store: {forged:?}");
    assert!(!forged.is_empty(), "nobody sees a forged identity");
}

/// The statements against the identity that show another store's row.
async fn forged_over_a_bare_connection(database: &TestDatabase) -> Vec<String> {
    let who = sender().rls_user_id.to_string();
    let mut forged = Vec::new();
    for attack in attacks().iter().filter(|attack| attack.class == "identity") {
        let client = connect(database, &database.query_logins().stores).await;
        client.batch_execute("BEGIN TRANSACTION READ ONLY").await.unwrap();
        let signature = sign(&client, &who).await;
        let identity = format!(
            "SET LOCAL app.current_rls_user_id = '{who}'; SET LOCAL app.rls_signature = '{signature}'"
        );
        client.batch_execute(&identity).await.unwrap();
        // What it shows, and what the rest of the transaction shows after it.
        for sql in [attack.sql.as_str(), "SELECT order_date FROM retail.orders"] {
            let shown = client.simple_query(sql).await.unwrap_or_default();
            let texts: Vec<&str> = shown
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                })
                .flat_map(|row| (0..row.len()).filter_map(|i| row.get(i)))
                .collect();
            if canary(&texts.join(" "), sql).is_some() {
                forged.push(attack.id.clone());
                break;
            }
        }
    }
    forged
}

/// And each other fault that they look for.
#[tokio::test]
async fn the_detectors_see() {
    let database = planted().await;
    // Every kind of canary is there, and none in what the sender sees.
    let caller = Caller::new(&database, sender(), 1, limits(), Layers::All).await;
    let mut kinds = BTreeSet::new();
    for sql in detector::SHOWS_CANARIES {
        let shown = database.psql(sql);
        kinds.insert(canary(&shown, "").unwrap_or_else(|| panic!("{sql}: {shown}")));
        let own = caller.run(sql).await;
        assert_eq!(canary(&own.visible_text(), ""), None, "{sql}");
    }
    assert!(kinds.len() >= 4, "{kinds:?}");
    // A statement that says a canary itself has not found one.
    assert_eq!(canary("CANARY2-25@other.example", "SELECT 'CANARY2-25@other.example'"), None);
    // A write.
    let before = fingerprint(&database);
    database.psql("UPDATE retail.inventory SET stock_level = stock_level + 1 WHERE product_id = 7");
    assert_ne!(fingerprint(&database), before);
    // A setting.
    let clean = caller.database.idle_settings(&SETTINGS).await.unwrap();
    let mut left = clean.clone();
    left[0] = Some("f47ac10b-58cc-4372-a567-0e02b2c3d479".to_owned());
    assert_eq!(unclean(&clean, &clean), None);
    assert!(unclean(&clean, &left).is_some());
    // An answer with a row too many.
    by_hand::make_views(&database, &sender());
    let by_hand = ByHand::connect(&database).await;
    let sql = "SELECT store_id FROM retail.stores";
    assert_eq!(by_hand.difference(sql, 1, &[vec![json!(sender().id.0)]]).await, None);
    assert!(by_hand.difference(sql, 1, &[vec![json!(1)]]).await.is_some());
    assert!(by_hand.difference(sql, 1, &[]).await.is_some());
}
