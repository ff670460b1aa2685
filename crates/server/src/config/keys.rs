//! The table of all keys, and the search for one that was misspelt.

mod kind;
mod table;

pub(super) use kind::{Kind, is_safe_address};
pub(super) use table::KEYS;

/// The part of a path in whose place a section has the name that the operator gives it.
const NAME: &str = "<name>";

/// Start of the names of our environment variables.
pub(super) const ENV_PREFIX: &str = "RETAIL_MCP__";

/// One key.
#[derive(Debug, Clone)]
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

    /// The key whose name is most like `path`, for "did you mean".
    pub(super) fn nearest(path: &str) -> Option<&'static Self> {
        let likeness = |key: &Self| likeness(path, &key.spelled_as(path));
        KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
    }

    /// Its path with the names that `path` has in the same places, where those are names.
    pub(super) fn spelled_as(&self, path: &str) -> String {
        let mut written = path.split('.');
        let segments = self.path.split('.').map(|segment| match written.next() {
            Some(name) if segment == NAME && is_name(name) => name,
            _ => segment,
        });
        segments.collect::<Vec<_>>().join(".")
    }

    /// The path up to and with `<name>`, for a key of a section that may be there several times.
    pub(super) fn named_section(&self) -> Option<&'static str> {
        self.path.find(NAME).and_then(|at| self.path.get(..at + NAME.len()))
    }

    fn matches(&self, path: &str) -> bool {
        self.path.split('.').count() == path.split('.').count() && self.spelled_as(path) == path
    }
}

/// A key that is set: where its path has `<name>`, this one has the name.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What it may hold.
    pub(super) key: &'static Key,
    /// Its path, with names.
    pub(super) path: String,
}

impl Place {
    /// The key in `path`, if there is one.
    pub(super) fn find(path: &str) -> Option<Self> {
        let key = KEYS.iter().find(|key| key.matches(path))?;
        Some(Self { key, path: path.to_owned() })
    }

    /// The key of an environment variable.
    pub(super) fn of_variable(variable: &str) -> Option<Self> {
        let path = variable.strip_prefix(ENV_PREFIX)?.replace("__", ".").to_lowercase();
        Self::find(&path).filter(|place| variable_of(&place.path) == variable)
    }

    /// A key of a section with this name, or a key that is there once.
    pub(super) fn new(key: &'static Key, name: &str) -> Self {
        Self { key, path: key.path.replace(NAME, name) }
    }

    /// The name in its path.
    pub(super) fn name(&self) -> Option<&str> {
        let at = self.key.path.split('.').position(|segment| segment == NAME)?;
        self.path.split('.').nth(at)
    }
}

/// Whether keys are below `path`.
pub(super) fn is_section(path: &str) -> bool {
    let depth = path.split('.').count();
    KEYS.iter().any(|key| {
        let spelled = key.spelled_as(path);
        spelled.split('.').count() > depth
            && spelled.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Whether `path` would be a section, if its last part were a name.
pub(super) fn wants_name(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(above, _)| is_section(&format!("{above}.a")))
        && !is_section(path)
}

/// What a name of a section may be, so that its variables can be told apart.
pub(super) const NAME_RULE: &str =
    "a name has lower-case letters, digits and single underscores between them, at most 40";

fn is_name(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=40).contains(&text.len())
        && text.chars().all(is_good)
        && !text.contains("__")
        && !text.starts_with('_')
        && !text.ends_with('_')
}

/// The environment variable that sets the key in `path`.
pub(super) fn variable_of(path: &str) -> String {
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
        for key in KEYS.iter() {
            assert!(!key.path.contains("__"), "{} would be cut at its __", key.path);
            let name = key.variable();
            let path = name.strip_prefix(ENV_PREFIX).unwrap().replace("__", ".").to_lowercase();
            assert_eq!(path, key.path);
            if key.named_section().is_none() {
                assert_eq!(Place::of_variable(&name).unwrap().path, key.path);
            }
        }
    }

    #[test]
    fn each_default_is_good() {
        for key in KEYS.iter() {
            if let Some(default) = key.default {
                assert_eq!(key.kind.check(&key.kind.value_of(default)), Ok(()), "{}", key.path);
            }
        }
    }

    #[test]
    fn each_secret_has_a_file_variant() {
        for key in KEYS.iter().filter(|key| matches!(key.kind, Kind::Secret)) {
            let path = format!("{}_file", key.path);
            let file = KEYS.iter().find(|key| key.path == path).unwrap();
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
    #[case("auth.issuers.entra.audience", "auth.issuers.<name>.audiences")]
    #[case("auth.rules.managers.scope", "auth.rules.<name>.scopes")]
    fn a_misspelt_key_finds_its_neighbour(#[case] wrong: &str, #[case] right: &str) {
        assert_eq!(Key::nearest(wrong).unwrap().path, right);
    }

    #[rstest]
    #[case("RETAIL_MCP__AUTH__ISSUERS__ENTRA__AUDIENCES", Some("auth.issuers.entra.audiences"))]
    #[case(
        "RETAIL_MCP__AUTH__RULES__HEAD_OFFICE__ALL_STORES",
        Some("auth.rules.head_office.all_stores")
    )]
    #[case("RETAIL_MCP__AUTH__ISSUERS__AUDIENCES", None)]
    #[case("RETAIL_MCP__AUTH__ISSUERS____AUDIENCES", None)]
    #[case("RETAIL_MCP__AUTH__ISSUERS__ENTRA__X__AUDIENCES", None)]
    #[case("RETAIL_MCP__AUTH__ISSUERS__entra__AUDIENCES", None)]
    #[case("RETAIL_MCP__AUTH__ISSUERS__ENTRA-ID__AUDIENCES", None)]
    fn a_variable_names_a_section(#[case] variable: &str, #[case] path: Option<&str>) {
        assert_eq!(Place::of_variable(variable).map(|place| place.path).as_deref(), path);
    }

    #[test]
    fn a_section_is_what_has_keys_below() {
        for section in ["auth", "auth.issuers", "auth.issuers.entra", "server"] {
            assert!(is_section(section), "{section}");
        }
        for other in ["auth.mode", "auth.issuers.Entra", "auth.issuers.entra.issuer", "aut", ""] {
            assert!(!is_section(other), "{other}");
        }
        assert!(wants_name("auth.issuers.Entra") && !wants_name("auth.mode"));
    }
}
