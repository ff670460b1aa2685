//! The one door to PostgreSQL's grammar.

use std::panic::{self, AssertUnwindSafe};

use pg_query::protobuf::{ParseResult, ScanToken, Token};

use crate::rejection::{Rejection, RejectionCode, clip};

/// Runs a call into the grammar's library. A panic in there is a refusal.
fn library<T>(call: impl FnOnce() -> pg_query::Result<T>) -> Result<T, Failure> {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(pg_query::Error::Parse(message) | pg_query::Error::Scan(message))) => {
            Err(Failure::Message(message))
        }
        Ok(Err(pg_query::Error::Decode(_))) => Err(Failure::TooDeep),
        Ok(Err(_)) | Err(_) => Err(Failure::Unavailable),
    }
}

enum Failure {
    /// What PostgreSQL says.
    Message(String),
    TooDeep,
    Unavailable,
}

impl Failure {
    fn reject(self, sql: &str, tokens: &[ScanToken]) -> Rejection {
        let message = match self {
            Self::Message(message) => message,
            Self::TooDeep => return too_deep(),
            Self::Unavailable => {
                return Rejection::new(
                    RejectionCode::Internal,
                    "the statement could not be examined",
                )
                .advise("Try again.");
            }
        };
        if message.contains("stack depth") || message.contains("nested too deeply") {
            return too_deep();
        }
        let (text, byte) = locate(sql, tokens, &message);
        let rejection = Rejection::new(RejectionCode::SyntaxError, text)
            .advise("Write one SELECT statement in PostgreSQL's dialect.");
        match byte {
            Some(byte) => rejection.at(sql, byte),
            None => rejection,
        }
    }
}

fn too_deep() -> Rejection {
    Rejection::new(RejectionCode::TooComplex, "the statement is nested too deeply").advise(
        "Use fewer levels: name parts of it in WITH queries, and shorten chains of operators.",
    )
}

/// The tokens of a text, without comments.
pub(crate) fn tokens(sql: &str) -> Result<Vec<ScanToken>, Rejection> {
    // The library must not be asked for the tokens of a text without any: it reads from a null
    // pointer then. So there is always one.
    let with_end = format!("{sql}\n;");
    let mut tokens = match library(|| pg_query::scan_tokens(&with_end)) {
        Ok(tokens) => tokens,
        Err(failure) => {
            // The message for the text alone.
            let failure = library(|| pg_query::scan(sql)).err().unwrap_or(failure);
            return Err(failure.reject(sql, &[]));
        }
    };
    tokens.pop();
    tokens.retain(|token| !matches!(token.token(), Token::SqlComment | Token::CComment));
    Ok(tokens)
}

/// The text of a token.
pub(crate) fn token_text<'a>(sql: &'a str, token: &ScanToken) -> &'a str {
    byte(token.start)
        .zip(byte(token.end))
        .and_then(|(start, end)| sql.get(start..end))
        .unwrap_or_default()
}

/// A byte position of the library, which has -1 for none.
pub(crate) fn byte(position: i32) -> Option<usize> {
    usize::try_from(position).ok()
}

/// The syntax tree of a text.
pub(crate) fn parse(sql: &str, tokens: &[ScanToken]) -> Result<ParseResult, Rejection> {
    match library(|| pg_query::parse(sql, 0)) {
        Ok(parsed) => Ok(parsed.protobuf),
        Err(failure) => Err(failure.reject(sql, tokens)),
    }
}

/// A text's fingerprint, in which constants do not count.
pub(crate) fn fingerprint(sql: &str) -> Option<String> {
    library(|| pg_query::fingerprint(sql, 0, 0)).ok().map(|fingerprint| fingerprint.hex)
}

/// The text of a tree.
pub(crate) fn deparse(tree: &ParseResult) -> Option<String> {
    library(|| pg_query::deparse(tree, pg_query::DeparseOptions::default())).ok()
}

/// PostgreSQL's message with a short quotation, and the place that it names. The library keeps
/// the place to itself, so it is found again.
fn locate(sql: &str, tokens: &[ScanToken], message: &str) -> (String, Option<usize>) {
    if message.ends_with("at end of input") {
        return (clip_message(message, ""), Some(sql.len()));
    }
    let near = message
        .split_once(" at or near \"")
        .and_then(|(what, rest)| Some((what, rest.strip_suffix('"')?)));
    let Some((what, near)) = near else { return (clip_message(message, ""), None) };
    let text = clip_message(what, near);
    if near.len() > 1 && sql.ends_with(near) && !what.starts_with("syntax error") {
        // The scanner quotes everything from the fault on.
        return (text, Some(sql.len() - near.len()));
    }
    let faults: Vec<&ScanToken> =
        tokens.iter().filter(|token| token_text(sql, token) == near).collect();
    // A text that ends before the fault is merely unfinished; one that ends with it is wrong.
    let wrong = |token: &&ScanToken| {
        let upto = byte(token.end).and_then(|end| sql.get(..end)).unwrap_or(sql);
        match library(|| pg_query::parse(upto, 0)) {
            Err(Failure::Message(message)) => !message.ends_with("at end of input"),
            _ => false,
        }
    };
    let first = faults.partition_point(|token| !wrong(token));
    (text, faults.get(first).and_then(|token| byte(token.start)))
}

fn clip_message(what: &str, near: &str) -> String {
    let what = clip(what);
    if near.is_empty() { what } else { format!("{what} at or near \"{}\"", clip(near)) }
}
