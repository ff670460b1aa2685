//! One client on a pair of streams, such as standard input and output.

use retail_domain::Principal;
use rmcp::ServiceExt;
use rmcp::service::{QuitReason, ServerInitializeError};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{RetailHandler, RetailMcp};

/// Why serving a pair of streams ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The client's opening messages were not those of MCP, or could not be answered.
    #[error("the client did not open an MCP connection")]
    Open(#[source] Box<ServerInitializeError>),
    /// The task that serves the connection broke.
    #[error("the connection's task broke")]
    Task(#[source] tokio::task::JoinError),
}

impl RetailMcp {
    /// Serves one client on standard input and output until the input closes.
    ///
    /// All calls are made as `principal`. Nothing else may write to standard output.
    ///
    /// # Errors
    /// Those of [`serve_streams`](Self::serve_streams).
    pub async fn serve_stdio(self, principal: Principal) -> Result<(), ServeError> {
        let (input, output) = rmcp::transport::stdio_pipes();
        self.serve_streams(principal, input, output).await
    }

    /// Serves one client on `input` and `output`, one JSON-RPC message a line, until `input` closes.
    ///
    /// Dropping the returned future stops the connection and its calls.
    ///
    /// # Errors
    /// [`ServeError::Open`] when the client does not begin as MCP asks, [`ServeError::Task`] when
    /// the connection's task broke.
    pub async fn serve_streams<R, W>(
        self,
        principal: Principal,
        input: R,
        output: W,
    ) -> Result<(), ServeError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let handler = RetailHandler::fixed(self.shared(), principal);
        let running = match handler.serve((input, output)).await {
            Ok(running) => running,
            // A client that leaves before it says anything has done nothing wrong.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(ServeError::Open(Box::new(error))),
        };
        match running.waiting().await {
            Ok(QuitReason::JoinError(error)) | Err(error) => Err(ServeError::Task(error)),
            Ok(_) => Ok(()),
        }
    }
}
