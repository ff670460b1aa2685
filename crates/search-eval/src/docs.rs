//! The tables in `docs/search.md`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The document in the repository.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/search.md")
}

/// Puts `text` between the marks of `part` in a document.
///
/// # Errors
/// When the document lacks a mark.
pub fn replace(document: &str, part: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {part}: begin -->"), format!("<!-- {part}: end -->"));
    let (before, rest) =
        document.split_once(&begin).with_context(|| format!("no {begin} in the document"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no {end} in the document"))?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", text.trim()))
}

/// Puts `text` between the marks of `part` in the repository's document.
///
/// # Errors
/// When it cannot be read or written, or lacks a mark.
pub fn write(part: &str, text: &str) -> Result<()> {
    let path = path();
    let document =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    std::fs::write(&path, replace(&document, part, text)?)
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = "a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n";
        let new = replace(document, "t", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- t: begin -->\nnew\n<!-- t: end -->\nb\n");
        assert_eq!(replace(&new, "t", "new").unwrap(), new);
        assert!(replace("a", "t", "new").is_err());
    }
}
