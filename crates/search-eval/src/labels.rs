//! The labelled queries: what is asked, and which products deserve which grade.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The files, one for each kind.
const FILES: [(&str, &str); 9] = [
    ("names.toml", include_str!("../queries/names.toml")),
    ("needs.toml", include_str!("../queries/needs.toml")),
    ("misspellings.toml", include_str!("../queries/misspellings.toml")),
    ("synonyms.toml", include_str!("../queries/synonyms.toml")),
    ("negatives.toml", include_str!("../queries/negatives.toml")),
    ("sizes.toml", include_str!("../queries/sizes.toml")),
    ("prices.toml", include_str!("../queries/prices.toml")),
    ("combined.toml", include_str!("../queries/combined.toml")),
    ("no_answer.toml", include_str!("../queries/no_answer.toml")),
];

/// Which half of the set a query is in. Settings are chosen on one, and must hold on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Settings may be chosen by these.
    Tune,
    /// Settings are never chosen by these.
    HeldOut,
}

/// What is hard about a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The plain name of a product.
    Names,
    /// What somebody wants to do.
    Needs,
    /// Misspelled words.
    Misspellings,
    /// Words of another country, trade or brand.
    Synonyms,
    /// What it must not be.
    Negatives,
    /// A size that must be right.
    Sizes,
    /// A price that must be kept.
    Prices,
    /// Several conditions.
    Combined,
    /// Nothing that the chain sells.
    NoAnswer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Names => "plain names",
            Self::Needs => "needs",
            Self::Misspellings => "misspellings",
            Self::Synonyms => "synonyms",
            Self::Negatives => "negatives",
            Self::Sizes => "sizes",
            Self::Prices => "prices",
            Self::Combined => "several conditions",
            Self::NoAnswer => "no good answer",
        })
    }
}

/// A query and its judgement, which is complete: a product without a grade is a wrong answer.
#[derive(Debug, Clone)]
pub struct LabelledQuery {
    /// Unique name, such as `needs-01`.
    pub id: String,
    /// What is hard about it.
    pub kind: Kind,
    /// The half of the set.
    pub split: Split,
    /// What the customer says.
    pub text: String,
    /// Grades by SKU: 3 is exactly what was asked, 2 does the job well, 1 is related and acceptable.
    pub grades: BTreeMap<String, u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Kind,
    queries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    split: Split,
    text: String,
    #[serde(default)]
    grade_3: Vec<String>,
    #[serde(default)]
    grade_2: Vec<String>,
    #[serde(default)]
    grade_1: Vec<String>,
}

/// All labelled queries, in the order of the files.
///
/// # Errors
/// When a file is not TOML of the right shape, an id or a text occurs twice, a SKU has two grades in one
/// query, or a query has no grade 2 or 3 although its kind has answers.
pub fn labelled_queries() -> Result<Vec<LabelledQuery>> {
    let mut queries = Vec::new();
    for (name, text) in FILES {
        queries.extend(read(text).with_context(|| format!("queries/{name}"))?);
    }
    let mut seen = BTreeSet::new();
    for query in &queries {
        if !seen.insert(query.id.as_str()) || !seen.insert(query.text.as_str()) {
            bail!("{} or its text {:?} occurs twice", query.id, query.text);
        }
    }
    Ok(queries)
}

fn read(text: &str) -> Result<Vec<LabelledQuery>> {
    let file: File = toml::from_str(text)?;
    file.queries.into_iter().map(|entry| entry.into_query(file.kind)).collect()
}

impl Entry {
    fn into_query(self, kind: Kind) -> Result<LabelledQuery> {
        let mut grades = BTreeMap::new();
        for (grade, skus) in [(3, self.grade_3), (2, self.grade_2), (1, self.grade_1)] {
            for sku in skus {
                if grades.insert(sku.clone(), grade).is_some() {
                    bail!("{}: {sku} has two grades", self.id);
                }
            }
        }
        let has_answer = grades.values().any(|grade| *grade >= 2);
        if has_answer == (kind == Kind::NoAnswer) {
            bail!("{}: the grades do not fit the kind {kind}", self.id);
        }
        Ok(LabelledQuery { id: self.id, kind, split: self.split, text: self.text, grades })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "kind = \"names\"\n[[queries]]\nid = \"a\"\nsplit = \"tune\"\ntext = \"b\"",
        "do not fit"
    )]
    #[case(
        "kind = \"no_answer\"\n[[queries]]\nid = \"a\"\nsplit = \"tune\"\ntext = \"b\"\ngrade_2 = [\"X\"]",
        "do not fit"
    )]
    #[case(
        "kind = \"names\"\n[[queries]]\nid = \"a\"\nsplit = \"tune\"\ntext = \"b\"\n\
         grade_3 = [\"X\"]\ngrade_1 = [\"X\"]",
        "two grades"
    )]
    #[case("kind = \"names\"\n[[queries]]\nid = \"a\"\nsplit = \"train\"\ntext = \"b\"", "train")]
    fn a_wrong_file_is_refused(#[case] text: &str, #[case] reason: &str) {
        let error = format!("{:#}", read(text).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
}
