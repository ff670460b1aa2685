//! Telling a caller, who asked to be told, how far an analysis is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, Principal, QueryAnswer, QueryLimits, SqlText};
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;

tokio::task_local! {
    /// Whoever waits for the call that is made now.
    static WAITING: Arc<Waiting>;
}

/// A caller that wants to be told.
struct Waiting {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    statements: AtomicU32,
}

/// Makes a call, of which `peer` is told under `token`, if it gave one.
pub(crate) async fn told<T>(
    peer: &Peer<RoleServer>,
    token: Option<ProgressToken>,
    call: impl Future<Output = T>,
) -> T {
    match token {
        Some(token) => {
            let waiting = Waiting { peer: peer.clone(), token, statements: AtomicU32::new(0) };
            WAITING.scope(Arc::new(waiting), call).await
        }
        None => call.await,
    }
}

/// Runs the statements of analyses, and says of each that it begins. How many there will be is not known beforehand.
pub(crate) struct ToldRunner(pub(crate) Arc<dyn QueryRunner>);

#[async_trait]
impl QueryRunner for ToldRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        if let Ok(waiting) = WAITING.try_with(Arc::clone) {
            let number = waiting.statements.fetch_add(1, Ordering::Relaxed) + 1;
            let mut progress =
                ProgressNotificationParam::new(waiting.token.clone(), f64::from(number));
            progress.message = Some(format!("statement {number} runs"));
            // A client that is gone ends the call in its own way.
            let _ = waiting.peer.notify_progress(progress).await;
        }
        self.0.run_page(principal, sql, cursor, limits).await
    }
}
