//! What was measured, as a table.

use std::fmt::Write as _;

use crate::labels::{Kind, LabelledQuery, Split};
use crate::metrics::{mean, ndcg, part, recall, reciprocal_rank};

/// How many results count for nDCG.
pub const NDCG_AT: usize = 10;
/// How many results count for recall, and are asked for.
pub const RECALL_AT: usize = 20;
/// The least grade of what recall and MRR look for: it does the job.
const GOOD: u8 = 2;

/// One product of an answer.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its article number.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// Its grade for the query, 0 when it has none.
    pub grade: u8,
    /// What its place came from, for a listing.
    pub why: String,
}

/// The answer to one query.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The query.
    pub query: LabelledQuery,
    /// What was found, best first.
    pub hits: Vec<Hit>,
}

impl Outcome {
    /// nDCG at [`NDCG_AT`].
    pub fn ndcg(&self) -> f64 {
        ndcg(&self.ranked(), &self.judged(), NDCG_AT)
    }

    fn ranked(&self) -> Vec<u8> {
        self.hits.iter().map(|hit| hit.grade).collect()
    }

    fn judged(&self) -> Vec<u8> {
        self.query.grades.values().copied().collect()
    }

    fn has_answer(&self) -> bool {
        self.query.kind != Kind::NoAnswer
    }
}

/// The measures of a set of answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean nDCG@10 of the queries with an answer.
    pub ndcg: f64,
    /// Mean recall@20 of products of grade 2 and 3.
    pub recall: f64,
    /// Mean reciprocal rank of the first product of grade 2 or 3.
    pub mrr: f64,
    /// The part of the queries without an answer that got nothing.
    pub silent: f64,
    /// The part of the queries with an answer that got nothing.
    pub missed: f64,
}

impl Scores {
    /// The measures of those answers that `chosen` takes.
    pub fn of(outcomes: &[Outcome], chosen: impl Fn(&LabelledQuery) -> bool) -> Self {
        let of = |has_answer: bool| -> Vec<&Outcome> {
            let all = outcomes.iter().filter(|outcome| chosen(&outcome.query));
            all.filter(|outcome| outcome.has_answer() == has_answer).collect()
        };
        let (with, without) = (of(true), of(false));
        let empty = |outcomes: &[&Outcome]| {
            let empty = outcomes.iter().filter(|outcome| outcome.hits.is_empty()).count();
            part(empty, outcomes.len())
        };
        Self {
            ndcg: mean(with.iter().map(|outcome| outcome.ndcg())),
            recall: mean(
                with.iter()
                    .map(|outcome| recall(&outcome.ranked(), &outcome.judged(), RECALL_AT, GOOD)),
            ),
            mrr: mean(with.iter().map(|outcome| reciprocal_rank(&outcome.ranked(), GOOD))),
            silent: empty(&without),
            missed: empty(&with),
        }
    }
}

/// A way to search, and what it answered.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name in the table.
    pub name: &'static str,
    /// An answer to each query.
    pub outcomes: Vec<Outcome>,
}

/// The halves of the set, with their names.
const HALVES: [(&str, Option<Split>); 3] =
    [("tune", Some(Split::Tune)), ("held-out", Some(Split::HeldOut)), ("all", None)];

/// All runs on each half and on the whole, and the last run by kind of query, in Markdown.
pub fn table(runs: &[Run]) -> String {
    let mut table = String::from(
        "| queries | search | nDCG@10 | recall@20 | MRR | nothing, rightly | nothing, wrongly |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (half, split) in HALVES {
        for run in runs {
            let chosen = |query: &LabelledQuery| split.is_none_or(|split| query.split == split);
            let scores = Scores::of(&run.outcomes, chosen);
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| {half} | {} | {:.3} | {:.3} | {:.3} | {} | {} |",
                run.name,
                scores.ndcg,
                scores.recall,
                scores.mrr,
                percent(scores.silent),
                percent(scores.missed),
            );
        }
    }
    table
}

/// nDCG@10 by kind of query, a column for each run, in Markdown.
pub fn table_of_kinds(runs: &[Run]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name).collect();
    let mut table = format!("| nDCG@10 of | queries | {} |\n", names.join(" | "));
    let _ = writeln!(table, "|---|---|{}", "---|".repeat(runs.len()));
    let kinds = [
        Kind::Names,
        Kind::Needs,
        Kind::Misspellings,
        Kind::Synonyms,
        Kind::Negatives,
        Kind::Sizes,
        Kind::Prices,
        Kind::Combined,
    ];
    for kind in kinds {
        let of_kind = |query: &LabelledQuery| query.kind == kind;
        let count = runs
            .first()
            .map_or(0, |run| run.outcomes.iter().filter(|outcome| of_kind(&outcome.query)).count());
        let scores = runs.iter().map(|run| Scores::of(&run.outcomes, of_kind).ndcg);
        let cells: Vec<String> = scores.map(|ndcg| format!("{ndcg:.3}")).collect();
        let _ = writeln!(table, "| {kind} | {count} | {} |", cells.join(" | "));
    }
    table
}

/// Each answer of a run in full, the worst first.
pub fn listing(run: &Run) -> String {
    let mut outcomes: Vec<&Outcome> = run.outcomes.iter().collect();
    outcomes.sort_by(|a, b| a.ndcg().total_cmp(&b.ndcg()));
    let mut text = format!("## {}\n", run.name);
    for outcome in outcomes {
        let query = &outcome.query;
        let _ = writeln!(
            text,
            "\n{:.3} {} [{:?}] {:?}",
            outcome.ndcg(),
            query.id,
            query.split,
            query.text
        );
        for (hit, rank) in outcome.hits.iter().zip(1..=NDCG_AT) {
            let _ = writeln!(
                text,
                "  {rank:2}. grade {} {} {} ({})",
                hit.grade, hit.sku, hit.name, hit.why
            );
        }
        let found = |sku: &String| outcome.hits.iter().take(NDCG_AT).any(|hit| hit.sku == *sku);
        for (sku, grade) in query.grades.iter().filter(|(sku, _)| !found(sku)) {
            let _ = writeln!(text, "   -  grade {grade} {sku} is not among the first {NDCG_AT}");
        }
    }
    text
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(kind: Kind, split: Split, judged: &[(&str, u8)], found: &[&str]) -> Outcome {
        let grades = judged.iter().map(|(sku, grade)| ((*sku).to_owned(), *grade)).collect();
        let query = LabelledQuery { id: "q".to_owned(), kind, split, text: "q".to_owned(), grades };
        let hit = |sku: &&str| Hit {
            sku: (*sku).to_owned(),
            name: String::new(),
            grade: query.grades.get(*sku).copied().unwrap_or(0),
            why: String::new(),
        };
        let hits = found.iter().map(hit).collect();
        Outcome { query, hits }
    }

    #[test]
    fn queries_without_an_answer_count_for_silence_alone() {
        let outcomes = [
            outcome(Kind::Names, Split::Tune, &[("A", 3), ("B", 1)], &["A", "B"]),
            outcome(Kind::Names, Split::Tune, &[("A", 3)], &[]),
            outcome(Kind::NoAnswer, Split::Tune, &[], &[]),
            outcome(Kind::NoAnswer, Split::Tune, &[], &["A"]),
            outcome(Kind::Names, Split::HeldOut, &[("A", 3)], &["X", "A"]),
        ];
        let tune = Scores::of(&outcomes, |query| query.split == Split::Tune);
        assert_eq!(tune, Scores { ndcg: 0.5, recall: 0.5, mrr: 0.5, silent: 0.5, missed: 0.5 });
        let run = Run { name: "some", outcomes: outcomes.to_vec() };
        let table = table(&[run]);
        assert!(table.contains("| tune | some | 0.500 | 0.500 | 0.500 | 50 % | 50 % |"), "{table}");
        assert!(
            table.contains("| held-out | some | 0.631 | 1.000 | 0.500 | 0 % | 0 % |"),
            "{table}"
        );
    }
}
