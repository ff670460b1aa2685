//! The committed documentation.

use std::fs;
use std::path::Path;

use super::super::keys::KEYS;
use super::super::reference_markdown;

#[test]
fn the_committed_reference_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, reference_markdown()).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == reference_markdown(),
        "docs/configuration.md is out of date: run UPDATE_DOCS=1 cargo test -p retail-server reference"
    );
}

#[test]
fn each_key_has_a_row_that_is_one_line_of_three_cells() {
    let text = reference_markdown();
    for key in KEYS.iter() {
        let start = format!("| `{}`<br>", key.path);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with(&start)).collect();
        assert_eq!(rows.len(), 1, "{}", key.path);
        assert_eq!(rows[0].matches('|').count(), 4, "{}", rows[0]);
    }
}
