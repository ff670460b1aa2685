//! The table of all keys, and the search for one that was misspelt.

mod kind;
mod table;

pub(super) use kind::Kind;
pub(super) use table::KEYS;

/// Start of the names of our environment variables.
pub(super) const ENV_PREFIX: &str = "RETAIL_MCP__";

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Sections and name, joined by dots.
    pub(super) path: &'static str,
    /// What it may hold.
    pub(super) kind: Kind,
    /// Its value when nobody sets it, written as in the environment.
    pub(super) default: Option<&'static str>,
    /// What it is for, in one or two sentences of Markdown.
    pub(super) meaning: &'static str,
}

impl Key {
    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        variable_of(self.path)
    }

    /// Its path as an owned text.
    pub(super) fn path(&self) -> String {
        self.path.to_owned()
    }

    /// The key in `path`, if there is one.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// The key whose name is most like `path`, for "did you mean".
    pub(super) fn nearest(path: &str) -> Option<&'static Self> {
        KEYS.iter().max_by(|a, b| likeness(path, a.path).total_cmp(&likeness(path, b.path)))
    }
}

/// Whether keys are below `path`.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn variable_of(path: &str) -> String {
    format!("{ENV_PREFIX}{}", path.to_uppercase().replace('.', "__"))
}

/// A greater number is more alike. The last part counts beside the whole, since people forget or mix
/// up the section; a common start counts, since people write `hostname` for `host`.
fn likeness(a: &str, b: &str) -> f64 {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let (last_a, last_b) = (last(a), last(b));
    strsim::normalized_damerau_levenshtein(a, b)
        + strsim::normalized_damerau_levenshtein(&last_a, &last_b)
        + strsim::jaro_winkler(&last_a, &last_b)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rstest::rstest;

    use super::*;

    #[test]
    fn each_variable_means_one_key() {
        let variables: HashSet<String> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(variables.len(), KEYS.len());
        for key in KEYS {
            assert!(!key.path.contains("__"), "{} would be cut at its __", key.path);
            let name = key.variable();
            let path = name.strip_prefix(ENV_PREFIX).unwrap().replace("__", ".").to_lowercase();
            assert_eq!(path, key.path);
        }
    }

    #[test]
    fn each_default_is_good() {
        for key in KEYS {
            if let Some(default) = key.default {
                assert_eq!(key.kind.check(&key.kind.value_of(default)), Ok(()), "{}", key.path);
            }
        }
    }

    #[test]
    fn each_secret_has_a_file_variant() {
        for key in KEYS.iter().filter(|key| matches!(key.kind, Kind::Secret)) {
            let file = Key::find(&format!("{}_file", key.path)).unwrap();
            // That one is no copy of the key: `migrate` makes the file and `keys rotate` replaces it.
            let is_made_by_us = key.path == "database.identity_key";
            assert!(
                is_made_by_us
                    || matches!(file.kind, Kind::SecretFile { secret } if secret == key.path)
            );
        }
    }

    #[rstest]
    #[case("server.lisen", "server.listen")]
    #[case("max_rows", "query.max_rows")]
    #[case("server.max_rows", "query.max_rows")]
    #[case("database.hostname", "database.host")]
    #[case("database.password", "database.admin_password")]
    #[case("auth.trusted_header.proxy", "auth.trusted_header.proxies")]
    #[case("datadir", "data_dir")]
    fn a_misspelt_key_finds_its_neighbour(#[case] wrong: &str, #[case] right: &str) {
        assert_eq!(Key::nearest(wrong).unwrap().path, right);
    }
}
