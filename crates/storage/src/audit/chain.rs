//! How entries are chained. The same as `retail_mcp.append_audit()`, migration 0015, and written apart from it: the
//! database that is being checked writes the texts, and is not asked whether they are good.

use sha2::{Digest, Sha256};

/// An entry's hash.
pub(super) type Hash = [u8; 32];

/// What is hashed of an entry of version 2: the row as a text, in which no two rows are alike. In the statement that reads a
/// row as `a`. None where a time is not finite, which only a forger writes.
pub(super) const TEXT: &str = "CASE WHEN a.hash_version = 2 AND isfinite(a.called_at) AND isfinite(a.recorded_at) THEN 'v2,' || ROW(
    a.seq, a.entry_id,
    (extract(epoch FROM a.called_at) * 1000000)::bigint,
    (extract(epoch FROM a.recorded_at) * 1000000)::bigint,
    a.request_id, a.subject, a.issuer, a.actor, a.store_id, a.view_as_reason, a.tool, a.fingerprint,
    a.tables, a.row_count, a.byte_count, a.outcome, a.duration_us)::text END";

/// The hash of an entry of version 2 after the one whose hash is `previous`.
pub(super) fn hash_text(previous: &[u8], text: &str) -> Hash {
    Sha256::new().chain_update(previous).chain_update(text).finalize().into()
}

/// What is hashed of an entry of version 1, in order, as texts. A list of another shape than a list has no length.
pub(super) const FIELDS: &str = "CASE WHEN a.hash_version = 1 AND isfinite(a.called_at) AND isfinite(a.recorded_at) THEN ARRAY[
    a.seq::text, a.entry_id::text,
    (extract(epoch FROM a.called_at) * 1000000)::bigint::text,
    (extract(epoch FROM a.recorded_at) * 1000000)::bigint::text,
    a.request_id, a.subject, a.issuer, a.actor, a.store_id::text, a.view_as_reason, a.tool,
    a.fingerprint, a.row_count::text, a.byte_count::text, a.outcome, a.duration_us::text,
    CASE WHEN array_ndims(a.tables) > 1 OR array_lower(a.tables, 1) <> 1 THEN 'another shape'
         ELSE cardinality(a.tables)::text END]::text[]
    || ARRAY(SELECT t.name FROM unnest(a.tables) WITH ORDINALITY AS t (name, place) ORDER BY t.place) END";

/// The hash of an entry of version 1 after the one whose hash is `previous`.
pub(super) fn hash(previous: &[u8], fields: &[Option<String>]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update("v1,");
    for field in fields {
        match field {
            // The length first: no two lists of values give the same bytes.
            Some(value) => {
                hash.update(value.len().to_string());
                hash.update(":");
                hash.update(value);
                hash.update(",");
            }
            None => hash.update("-,"),
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn fields(values: &[Option<&str>]) -> Vec<Option<String>> {
        values.iter().map(|value| value.map(ToOwned::to_owned)).collect()
    }

    #[test]
    fn the_text_that_is_hashed_does_not_change() {
        let known = hash(&[0; 32], &fields(&[Some("1"), None, Some("é,"), Some("")]));
        let text = "v1,1:1,-,3:é,,0:,";
        let expected: Hash =
            Sha256::new().chain_update([0; 32]).chain_update(text).finalize().into();
        assert_eq!(known, expected);
    }

    #[rstest]
    #[case(&[Some("a"), Some("b")], &[Some("ab"), Some("")])]
    #[case(&[Some("a,1:b")], &[Some("a"), Some("b")])]
    #[case(&[None], &[Some("")])]
    #[case(&[Some("-")], &[None])]
    #[case(&[Some("a"), None], &[None, Some("a")])]
    fn different_values_have_different_hashes(
        #[case] one: &[Option<&str>],
        #[case] other: &[Option<&str>],
    ) {
        assert_ne!(hash(&[0; 32], &fields(one)), hash(&[0; 32], &fields(other)));
    }
}
