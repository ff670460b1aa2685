//! What is asked: the files in `benches/scenarios`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Stands for a number that no other request has, in arguments.
pub(super) const SERIAL: &str = "{n}";
/// Stands for the number of the caller's store, in the limit's SQL.
pub(super) const STORE_ID: &str = "{store_id}";
/// The caller that sees all stores.
pub(super) const HEAD_OFFICE: &str = "head-office";

/// A file of `benches/scenarios`.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// The file's name without its ending.
    pub(super) name: String,
    /// One line for the report.
    pub(super) description: String,
    /// What is asked.
    pub(super) kind: Kind,
}

/// One question, or several.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A call of one tool.
    Question(Box<Question>),
    /// Other scenarios by name, each with its share.
    Mix(BTreeMap<String, u32>),
}

/// A call of one tool, and what PostgreSQL has to do at least to answer it.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) call: Call,
    /// Stores by the last word of their names, in lower case, or [`HEAD_OFFICE`].
    pub(super) callers: Vec<String>,
    /// What differs from call to call.
    pub(super) vary: Option<Vary>,
    /// The SQL of the same question: each statement is a round trip of its own. The name of `vary`, in
    /// braces, is an expression of type text there, and [`STORE_ID`] a number.
    pub(super) limit: Vec<String>,
    /// Instead of `limit`: a call whose answer shows the statements that were run for it.
    pub(super) shown_by: Option<Call>,
    /// How other servers are asked the same.
    pub(super) peer: BTreeMap<String, Call>,
    /// Whether it needs vectors, and so a model.
    pub(super) needs_embeddings: bool,
}

/// A tool and its arguments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) tool: String,
    /// The name of `vary`, in braces, stands for one of its values.
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
}

/// The values that calls differ by: given here, or read from the database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vary {
    pub(super) name: String,
    #[serde(default)]
    pub(super) values: Vec<String>,
    pub(super) sql: Option<String>,
}

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    description: String,
    tool: Option<String>,
    arguments: Option<Map<String, Value>>,
    callers: Option<Vec<String>>,
    vary: Option<Vary>,
    limit: Option<Vec<String>>,
    shown_by: Option<Call>,
    peer: Option<BTreeMap<String, Call>>,
    needs_embeddings: Option<bool>,
    mix: Option<BTreeMap<String, u32>>,
}

impl Scenario {
    /// Whether it, or a part of it, needs a model.
    pub(super) fn needs_embeddings(&self, all: &[Self]) -> bool {
        match &self.kind {
            Kind::Question(question) => question.needs_embeddings,
            Kind::Mix(mix) => mix
                .keys()
                .any(|name| question(all, name).is_ok_and(|question| question.needs_embeddings)),
        }
    }
}

/// Reads all scenarios of a folder: by name, mixes last.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Scenario>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut scenarios = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = fs::read_to_string(&path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            scenarios.push(parse(&name, &text).with_context(|| path.display().to_string())?);
        }
    }
    let is_mix = |scenario: &Scenario| matches!(scenario.kind, Kind::Mix(_));
    scenarios.sort_by(|a, b| (is_mix(a), &a.name).cmp(&(is_mix(b), &b.name)));
    for scenario in &scenarios {
        if let Kind::Mix(mix) = &scenario.kind {
            for name in mix.keys() {
                question(&scenarios, name).with_context(|| format!("{}: mix", scenario.name))?;
            }
        }
    }
    Ok(scenarios)
}

/// The question of the scenario with this name.
pub(super) fn question<'a>(scenarios: &'a [Scenario], name: &str) -> Result<&'a Question> {
    match scenarios.iter().find(|scenario| scenario.name == name).map(|found| &found.kind) {
        Some(Kind::Question(question)) => Ok(question),
        Some(Kind::Mix(_)) => bail!("{name} is a mix itself"),
        None => bail!("there is no scenario {name}"),
    }
}

fn parse(name: &str, text: &str) -> Result<Scenario> {
    // The name is part of paths.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        bail!("the name of a scenario has lower-case letters and underscores alone");
    }
    let file: File = toml::from_str(text)?;
    let description = file.description.clone();
    Ok(Scenario { name: name.to_owned(), description, kind: file.kind()? })
}

impl File {
    fn kind(self) -> Result<Kind> {
        if let Some(mix) = self.mix {
            let others = [
                ("tool", self.tool.is_some()),
                ("arguments", self.arguments.is_some()),
                ("callers", self.callers.is_some()),
                ("vary", self.vary.is_some()),
                ("limit", self.limit.is_some()),
                ("shown_by", self.shown_by.is_some()),
                ("peer", self.peer.is_some()),
                ("needs_embeddings", self.needs_embeddings.is_some()),
            ];
            if let Some((field, _)) = others.iter().find(|(_, is_there)| *is_there) {
                bail!("{field}: a mix has no {field} of its own");
            }
            if mix.is_empty() || mix.values().any(|share| !(1..=1000).contains(share)) {
                bail!("mix: name scenarios with shares from 1 to 1000");
            }
            return Ok(Kind::Mix(mix));
        }
        let tool = self.tool.context("tool: which one is called is missing")?;
        let question = Question {
            call: Call { tool, arguments: self.arguments.unwrap_or_default() },
            callers: self.callers.unwrap_or_else(|| vec!["seattle".to_owned()]),
            vary: self.vary,
            limit: self.limit.unwrap_or_default(),
            shown_by: self.shown_by,
            peer: self.peer.unwrap_or_default(),
            needs_embeddings: self.needs_embeddings.unwrap_or_default(),
        };
        question.check()?;
        Ok(Kind::Question(Box::new(question)))
    }
}

impl Question {
    fn check(&self) -> Result<()> {
        if self.callers.is_empty() {
            bail!("callers: name at least one");
        }
        if self.limit.is_empty() == self.shown_by.is_none() {
            bail!("limit: give the SQL of the same question, or shown_by, and not both");
        }
        let of_a_store = self.limit.iter().any(|sql| sql.contains(STORE_ID));
        if of_a_store && self.callers.iter().any(|caller| caller == HEAD_OFFICE) {
            bail!("limit: {STORE_ID} has no meaning for {HEAD_OFFICE}");
        }
        if let Some(Vary { name, values, sql }) = &self.vary {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                bail!("vary.name: it has lower-case letters and underscores alone");
            }
            if [SERIAL, STORE_ID].contains(&format!("{{{name}}}").as_str()) {
                bail!("vary.name: {name} has a meaning already");
            }
            if values.is_empty() != sql.is_some() {
                bail!("vary: give either values or sql");
            }
            let arguments = serde_json::to_string(&self.call.arguments)?;
            if !arguments.contains(&format!("{{{name}}}")) {
                bail!("vary.name: {{{name}}} is not in arguments");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    const GOOD: &str = r#"
        description = "d"
        tool = "t"
        arguments = { q = "SELECT '{sku}'" }
        limit = ["SELECT {sku} WHERE store_id = {store_id}"]
        vary = { name = "sku", values = ["a"] }
    "#;

    #[test]
    fn those_of_the_workspace_are_good() {
        let folder = Workspace::find().unwrap().root().join("benches/scenarios");
        let names: Vec<String> =
            read_all(&folder).unwrap().into_iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.last().map(String::as_str), Some("mixed"), "{names:?}");
        assert!(names.iter().any(|name| name == "point_lookup"));
    }

    #[test]
    fn mistakes_are_named_by_their_field() {
        parse("good", GOOD).unwrap();
        let cases = [
            ("limit =", "limits =", "unknown field `limits`"),
            ("tool = \"t\"", "", "tool:"),
            ("limit = [", "#", "limit:"),
            ("{sku}'", "sku'", "vary.name: {sku}"),
            ("values = [\"a\"]", "", "vary: give either"),
            ("\"a\"] }", "\"a\"], sql = \"b\" }", "vary: give either"),
            ("name = \"sku\"", "name = \"n\"", "vary.name: n"),
            ("name = \"sku\"", "name = \"S\"", "vary.name: it"),
            ("tool =", "callers = []\ntool =", "callers:"),
            ("tool =", "callers = [\"head-office\"]\ntool =", "limit: {store_id}"),
            ("tool =", "mix = { a = 1 }\ntool =", "tool: a mix"),
            ("tool =", "peer.x = { tol = 1 }\ntool =", "unknown field `tol`"),
            ("tool =", "shown_by = { tool = \"t\" }\ntool =", "limit: give"),
        ];
        for (from, to, expected) in cases {
            let error = format!("{:#}", parse("bad", &GOOD.replace(from, to)).unwrap_err());
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert!(parse("Bad/name", GOOD).is_err());
    }

    #[test]
    fn a_mix_names_questions() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("good.toml", GOOD);
        write("mixed.toml", "description = \"d\"\nmix = { good = 3 }");
        assert_eq!(read_all(folder.path()).unwrap().len(), 2);
        for wrong in ["absent = 1", "mixed = 1", "good = 0", ""] {
            write("mixed.toml", &format!("description = \"d\"\nmix = {{ {wrong} }}"));
            let error = format!("{:#}", read_all(folder.path()).unwrap_err());
            assert!(error.contains("mix"), "{error}");
        }
    }
}
