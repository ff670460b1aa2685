//! The statements that a guarded server must refuse, survive or answer.
//!
//! They are kept as they were collected, one JSON object a line, in the folder `corpus/`.

use serde::Deserialize;

/// What must become of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// The guard refuses it.
    Reject,
    /// It may run, and shows no row of another store.
    NoLeak,
    /// It may run, and ends within its limits.
    Bounded,
}

/// A hostile statement.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Attack {
    /// Its name, such as `a001`.
    pub id: String,
    /// What it tries, such as `identity`.
    pub class: String,
    /// The statement.
    pub sql: String,
    /// What must become of it.
    pub must: Must,
}

/// An honest statement, which must be answered.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Benign {
    /// Its name, such as `b002`.
    pub id: String,
    /// The statement.
    pub sql: String,
}

/// All hostile statements.
pub fn attacks() -> Vec<Attack> {
    lines(include_str!("../corpus/attacks.jsonl"))
}

/// All honest statements.
pub fn benign() -> Vec<Benign> {
    lines(include_str!("../corpus/benign.jsonl"))
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of the corpus")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Must, attacks, benign};

    #[test]
    fn the_corpus_is_complete_and_each_name_is_one_statement() {
        let (attacks, benign) = (attacks(), benign());
        assert_eq!((attacks.len(), benign.len()), (295, 53));
        let count = |must| attacks.iter().filter(|attack| attack.must == must).count();
        let counts = [Must::Reject, Must::NoLeak, Must::Bounded].map(count);
        assert_eq!(counts, [198, 42, 55]);
        let names: BTreeSet<&str> = attacks
            .iter()
            .map(|attack| attack.id.as_str())
            .chain(benign.iter().map(|benign| benign.id.as_str()))
            .collect();
        assert_eq!(names.len(), 295 + 53);
    }
}
