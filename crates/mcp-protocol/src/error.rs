//! From a domain error to what an MCP client gets, and what the log gets.
//!
//! A tool that ran and failed gives a *result* with `isError`: the model reads it and can try
//! again. A request that cannot be routed and a defect of ours give a JSON-RPC *error*.

use std::error::Error as StdError;
use std::fmt::Write as _;

use retail_domain::{Error, ErrorCode, Scope};
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use serde::Serialize;
use serde_json::json;

/// The text of a failed call, as JSON.
#[derive(Serialize)]
struct Failure<'a> {
    code: ErrorCode,
    message: &'a str,
    hint: &'a str,
    retryable: bool,
}

/// What the client gets for a failed call.
///
/// # Errors
/// [`ErrorCode::Internal`] is a JSON-RPC error: the model can do nothing about it.
pub(crate) fn to_response(
    error: &Error,
    request_id: Option<&str>,
) -> Result<CallToolResult, ErrorData> {
    let failure = Failure {
        code: error.code(),
        message: error.public_message(),
        hint: error.hint().unwrap_or_else(|| default_hint(error.code())),
        retryable: error.is_retryable(),
    };
    if error.code() == ErrorCode::Internal {
        let mut data = json!({ "code": failure.code, "retryable": failure.retryable });
        if let (Some(id), Some(data)) = (request_id, data.as_object_mut()) {
            data.insert("request_id".to_owned(), id.into());
        }
        return Err(ErrorData::internal_error(error.public_message().to_owned(), Some(data)));
    }
    let text =
        serde_json::to_string(&failure).unwrap_or_else(|_| error.public_message().to_owned());
    Ok(CallToolResult::error(vec![ContentBlock::text(text)]))
}

/// What to do about a failure whose error does not say.
fn default_hint(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "correct the argument and call again",
        ErrorCode::QueryNotAllowed => "send one SELECT statement that only reads",
        ErrorCode::NotFound => "check the number or name that you gave",
        ErrorCode::EmbeddingsNotReady => {
            "use hybrid_product_search, which can search by words alone, and tell the operator to run \
             `retail-mcp embed`"
        }
        ErrorCode::QueryTooCostly => "ask for less: filter by date, or join fewer tables",
        ErrorCode::QueryFailed => {
            "check the names against get_multiple_table_schemas and correct the statement"
        }
        ErrorCode::QueryTimeout => "ask for less: filter by date, aggregate, or join fewer tables",
        ErrorCode::Cancelled => "call again if the answer is still wanted",
        ErrorCode::Unauthenticated => "sign in again",
        ErrorCode::Forbidden => "ask an administrator for the right",
        ErrorCode::Overloaded | ErrorCode::Unavailable => "try again in a moment",
        _ => "report this to the operator",
    }
}

/// A request that nobody was authenticated for.
pub(crate) fn unauthenticated() -> ErrorData {
    ErrorData::invalid_request(
        "Unauthenticated: this request has no identity, and there is no default one",
        Some(json!({ "code": ErrorCode::Unauthenticated, "retryable": false })),
    )
}

/// A call of a tool that does not exist. The name is the caller's and is not repeated.
pub(crate) fn unknown_tool() -> ErrorData {
    ErrorData::invalid_params("Unknown tool: tools/list names the tools", None)
}

/// A call of a tool that this caller may not use.
pub(crate) fn missing_scope(tool: &str, scope: Scope) -> Error {
    Error::new(ErrorCode::Forbidden, format!("this identity may not call {tool}"))
        .with_hint(format!("it needs the scope {}", scope.as_str()))
}

/// Writes a failure to the log, once, at the boundary.
///
/// The caller's own mistakes are logged by code alone: their texts and causes repeat arguments.
pub(crate) fn log_failure(tool: &str, error: &Error, request_id: Option<&str>) {
    let code = error.code().as_str();
    let request_id = request_id.unwrap_or_default();
    match error.code() {
        ErrorCode::Internal => {
            tracing::error!(tool, code, request_id, cause = chain(error), "tool call broke");
        }
        ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::QueryTimeout => {
            tracing::warn!(tool, code, request_id, cause = chain(error), "tool call failed");
        }
        _ => tracing::info!(tool, code, request_id, "tool call refused"),
    }
}

/// The causes of `error`, outermost first. Empty when there is none.
fn chain(error: &Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        let separator = if text.is_empty() { "" } else { ": " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{current}");
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const CODES: [ErrorCode; 13] = [
        ErrorCode::InvalidArgument,
        ErrorCode::QueryNotAllowed,
        ErrorCode::NotFound,
        ErrorCode::EmbeddingsNotReady,
        ErrorCode::QueryFailed,
        ErrorCode::QueryTooCostly,
        ErrorCode::QueryTimeout,
        ErrorCode::Cancelled,
        ErrorCode::Unauthenticated,
        ErrorCode::Forbidden,
        ErrorCode::Overloaded,
        ErrorCode::Unavailable,
        ErrorCode::Internal,
    ];

    #[test]
    fn each_code_maps_to_one_answer() {
        let table: Vec<String> = CODES
            .into_iter()
            .map(|code| {
                let error = Error::new(code, "what happened").with_cause("a secret cause");
                match to_response(&error, Some("req-1")) {
                    Ok(result) => {
                        let text = result.content.first().and_then(|block| block.as_text());
                        format!("isError={:?} {}", result.is_error, text.unwrap().text)
                    }
                    Err(error) => serde_json::to_string(&error).unwrap(),
                }
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn an_errors_own_hint_wins() {
        let error = Error::new(ErrorCode::QueryFailed, "no such column").with_hint("use type_id");
        let result = to_response(&error, None).unwrap();
        assert!(result.content.first().unwrap().as_text().unwrap().text.contains("use type_id"));
        assert!(result.structured_content.is_none());
    }

    #[rstest]
    #[case(Error::internal("disk full"), "disk full")]
    #[case(Error::new(ErrorCode::Forbidden, "no"), "")]
    fn the_chain_is_the_causes_without_the_public_text(
        #[case] error: Error,
        #[case] expected: &str,
    ) {
        assert_eq!(chain(&error), expected);
    }
}
