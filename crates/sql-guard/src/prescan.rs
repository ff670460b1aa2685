//! What can be said before the text is parsed: its size, its nesting, and how it begins.

use pg_query::protobuf::{ScanToken, Token};

use crate::parser::{self, byte, token_text};
use crate::policy::Limits;
use crate::rejection::{Rejection, RejectionCode, clip};

/// The one statement of a text.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    /// From its first to its last token.
    pub(crate) sql: &'a str,
    /// All tokens of the text, without comments.
    pub(crate) tokens: Vec<ScanToken>,
}

/// Finds the statement, and refuses what no SELECT begins with or what is too big.
pub(crate) fn statement<'a>(text: &'a str, limits: &Limits) -> Result<Statement<'a>, Rejection> {
    let most = limits.max_bytes as usize;
    if text.len() > most {
        let message = format!("the statement has {} bytes, at most {most} are allowed", text.len());
        return Err(Rejection::new(RejectionCode::TooLong, message)
            .advise("Shorten it, for example by asking for fewer things at a time."));
    }
    if let Some(nul) = text.find('\0') {
        return Err(Rejection::new(RejectionCode::InvalidText, "the text has a NUL character")
            .at(text, nul)
            .advise("Leave the character out."));
    }
    let mut tokens = parser::tokens(text)?;
    let is_semicolon = |token: &ScanToken| token.token() == Token::Ascii59;
    while tokens.last().is_some_and(is_semicolon) {
        tokens.pop();
    }
    let Some((first, last)) = tokens.first().zip(tokens.last()) else {
        return Err(Rejection::new(RejectionCode::Empty, "there is no statement")
            .advise("Write one SELECT statement."));
    };
    begins_as_select(text, first)?;
    if let Some(semicolon) = tokens.iter().find(|token| is_semicolon(token)) {
        let rejection =
            Rejection::new(RejectionCode::MultipleStatements, "more than one statement")
                .advise("Send one statement at a time, or join them with WITH or UNION ALL.");
        return Err(at(rejection, text, semicolon));
    }
    let most = limits.max_tokens as usize;
    if tokens.len() > most {
        let message = format!("the statement has more than {most} words and signs");
        return Err(Rejection::new(RejectionCode::TooComplex, message)
            .advise("Shorten it, for example by a join in place of a long list."));
    }
    check_depth(text, &tokens, limits.max_depth)?;
    let sql =
        byte(first.start)
            .zip(byte(last.end))
            .and_then(|(start, end)| text.get(start..end))
            .ok_or_else(|| Rejection::new(RejectionCode::Internal, "the statement has no place"))?;
    Ok(Statement { sql, tokens })
}

fn at(rejection: Rejection, text: &str, token: &ScanToken) -> Rejection {
    match byte(token.start) {
        Some(start) => rejection.at(text, start),
        None => rejection,
    }
}

fn check_depth(text: &str, tokens: &[ScanToken], most: u32) -> Result<(), Rejection> {
    let mut depth = 0_u32;
    for token in tokens {
        match token.token() {
            Token::Ascii40 | Token::Ascii91 | Token::Case => depth += 1,
            Token::Ascii41 | Token::Ascii93 | Token::EndP => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            let message = format!("the statement is nested more than {most} levels deep");
            let rejection = Rejection::new(RejectionCode::TooComplex, message)
                .advise("Use fewer levels, or name parts of it in WITH queries.");
            return Err(at(rejection, text, token));
        }
    }
    Ok(())
}

fn begins_as_select(text: &str, first: &ScanToken) -> Result<(), Rejection> {
    let word = token_text(text, first).to_ascii_lowercase();
    if matches!(word.as_str(), "select" | "with" | "values" | "table" | "(") {
        return Ok(());
    }
    let quoted = clip(&word.to_uppercase());
    if first.keyword_kind == 0 {
        let message =
            format!("a statement cannot begin with \"{}\"", clip(token_text(text, first)));
        let rejection = Rejection::new(RejectionCode::SyntaxError, message)
            .advise("Write one SELECT statement, with nothing before it.");
        return Err(at(rejection, text, first));
    }
    let rejection = Rejection::new(RejectionCode::NotASelect, format!("{quoted} is not available"))
        .advise(instead_of(&word));
    Err(at(rejection, text, first))
}

/// What to do in place of a statement that begins with this word.
pub(crate) fn instead_of(word: &str) -> &'static str {
    match word {
        "explain" => "Plans are not available. Send the SELECT itself.",
        "show" => "Settings are not available. Only data can be read, by SELECT.",
        "insert" | "update" | "delete" | "merge" | "truncate" | "copy" => {
            "Data can only be read. Write a SELECT that gives the rows you are interested in."
        }
        "create" | "alter" | "drop" | "grant" | "revoke" | "comment" => {
            "Nothing can be created or changed. Use WITH queries for intermediate results."
        }
        "begin" | "start" | "commit" | "rollback" | "abort" | "end" | "savepoint" => {
            "Each statement runs in a transaction of its own. Send the SELECT alone."
        }
        "set" | "reset" | "discard" => {
            "Settings cannot be changed. Write conversions, such as AT TIME ZONE, into the SELECT."
        }
        "prepare" | "execute" | "deallocate" | "declare" | "fetch" | "close" | "move" => {
            "Send the SELECT itself, with values in place of parameters."
        }
        _ => "Only SELECT (also with WITH, UNION and VALUES) can be run.",
    }
}
