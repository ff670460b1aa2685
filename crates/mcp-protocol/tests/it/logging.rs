//! What stands in the log of a failed call, and what must not.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use serde_json::json;

use crate::support::{call, head_office};

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what this thread logs.
struct Captured;

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a call logs. One subscriber for all tests: with one each, tracing now and then takes a
/// place in the code for one that nobody listens to.
async fn log_of(sql: &str) -> String {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(|| Captured)
            .init();
    });
    LOGGED.take();
    call(head_office().await, "execute_sales_query", json!({ "postgresql_query": sql })).await;
    String::from_utf8(LOGGED.take()).unwrap()
}

#[tokio::test]
async fn a_defect_is_logged_once_with_its_cause() {
    let log = log_of("SELECT broken").await;
    assert_eq!(log.matches("password=hunter2").count(), 1, "{log}");
    assert!(log.contains("ERROR"), "{log}");
    assert!(log.contains("execute_sales_query"), "{log}");
}

#[tokio::test]
async fn neither_statements_nor_rows_are_logged() {
    let log = log_of("SELECT wrong").await;
    assert!(log.contains("query_failed"), "{log}");
    assert!(!log.contains("SELECT") && !log.contains("42703"), "{log}");
    assert!(!log_of("SELECT 'ann@example.com'").await.contains("12.50"));
}
