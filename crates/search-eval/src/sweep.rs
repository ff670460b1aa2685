//! Hybrid search with other settings, on the half of the queries that settings may be chosen by.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use retail_domain::{FusionWeights, Principal};
use retail_storage::{PgProductSearch, SearchSettings};

use crate::labels::{LabelledQuery, Split};
use crate::report::Scores;
use crate::systems::{QueryVectors, System, run};
use crate::world::World;

/// One setting and the values that it is to have, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    name: String,
    values: Vec<f64>,
}

/// Reads `min_similarity=0.3,0.35,0.4`.
///
/// # Errors
/// When it is not a setting's name, an equals sign and numbers with commas.
pub fn parse(text: &str) -> Result<Sweep> {
    let (name, values) = text.split_once('=').context("a setting is like rank_constant=10,60")?;
    let values: Vec<f64> = values
        .split(',')
        .map(|value| value.parse().with_context(|| format!("{value:?} is not a number")))
        .collect::<Result<_>>()?;
    let sweep = Sweep { name: name.to_owned(), values };
    Tried::default().with(&sweep.name, 0.5)?;
    Ok(sweep)
}

/// Settings and weights that are tried.
#[derive(Debug, Clone)]
struct Tried {
    settings: SearchSettings,
    semantic_weight: f64,
}

impl Default for Tried {
    fn default() -> Self {
        let semantic_weight = FusionWeights::default().semantic();
        Self { settings: SearchSettings::default(), semantic_weight }
    }
}

impl Tried {
    fn with(&self, name: &str, value: f64) -> Result<Self> {
        let mut tried = self.clone();
        let settings = &mut tried.settings;
        let [mut in_name, mut in_type, mut in_description] = settings.field_weights;
        #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
        match name {
            "semantic_weight" => tried.semantic_weight = value,
            "rank_constant" => settings.rank_constant = value,
            "min_similarity" => settings.min_similarity = value,
            "min_similarity_with_words" => settings.min_similarity_with_words = value,
            "min_coverage" => settings.min_coverage = value,
            "name_weight" => in_name = value as f32,
            "type_weight" => in_type = value as f32,
            "description_weight" => in_description = value as f32,
            "synonym_weight" => settings.synonym_weight = value,
            "correction_weight" => settings.correction_weight = value,
            "unknown_weight" => settings.unknown_weight = value,
            _ => bail!("there is no setting {name:?}"),
        }
        tried.settings.field_weights = [in_name, in_type, in_description];
        Ok(tried)
    }
}

/// Tries every combination, and gives a table of how each did on the queries of the tuning half.
///
/// # Errors
/// Those of the search.
pub async fn table(
    sweeps: &[Sweep],
    world: &World,
    principal: &Principal,
    vectors: &QueryVectors,
    queries: &[LabelledQuery],
) -> Result<String> {
    let mut combinations = vec![(String::new(), Tried::default())];
    for sweep in sweeps {
        let mut next = Vec::new();
        for (label, tried) in &combinations {
            for value in &sweep.values {
                let label = format!("{label} {}={value}", sweep.name);
                next.push((label.trim().to_owned(), tried.with(&sweep.name, *value)?));
            }
        }
        combinations = next;
    }
    let queries: Vec<LabelledQuery> =
        queries.iter().filter(|query| query.split == Split::Tune).cloned().collect();
    let mut table = String::from(
        "| settings (tune) | nDCG@10 | recall@20 | MRR | nothing, rightly | nothing, wrongly |\n\
         |---|---|---|---|---|---|\n",
    );
    for (label, tried) in combinations {
        let search = PgProductSearch::with_settings(world.queries.clone(), tried.settings);
        let weights = FusionWeights::new(tried.semantic_weight, 1.0 - tried.semantic_weight)?;
        let run = run(System::Weighted(weights), &search, principal, vectors, &queries).await?;
        let scores = Scores::of(&run.outcomes, |_| true);
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {label} | {:.4} | {:.3} | {:.3} | {:.0} % | {:.0} % |",
            scores.ndcg,
            scores.recall,
            scores.mrr,
            scores.silent * 100.0,
            scores.missed * 100.0
        );
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let sweep = parse("rank_constant=10,60").unwrap();
        assert_eq!(sweep, Sweep { name: "rank_constant".to_owned(), values: vec![10.0, 60.0] });
        for wrong in ["rank_constant", "rank_constant=", "rank_constant=a", "rank=1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let tried = Tried::default().with("name_weight", 0.25).unwrap();
        assert!((tried.settings.field_weights[0] - 0.25).abs() < 1e-6);
    }
}
