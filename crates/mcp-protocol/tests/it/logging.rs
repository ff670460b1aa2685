//! What stands in the log of a failed call, and what must not.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{call, head_office};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn log_of(sql: &str) -> String {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer(captured.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    call(head_office().await, "execute_sales_query", json!({ "postgresql_query": sql })).await;
    captured.text()
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
