//! The list by words.

use std::collections::BTreeSet;

use retail_domain::{Embedding, Error, KeywordTerm};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::cards::column;
use super::filters::{Filters, any_of};
use super::lookup::{Alternative, Term};
use super::settings::SearchSettings;
use super::sql::Statement;
use super::vector::distance;

/// A product that has the words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Worded {
    pub(super) product_id: i32,
    /// Cosine similarity, -1 to 1; none without a vector.
    pub(super) similarity: Option<f64>,
    pub(super) matched: Vec<KeywordTerm>,
    /// How well its words match what was asked, 0 to 1: 1 when it has every term in its name.
    pub(super) strength: f64,
}

/// What `ts_rank` gives for one word that stands once in a field of weight 1: 6 / π².
const RANK_OF_ONE: f64 = 0.607_927;

/// The products that pass and match enough of the terms, best first: each term counts by its rarity, by
/// where in the product it stands and by how it is matched. None when no term is to be found.
///
/// With a model and a vector, each product also gets its similarity.
pub(super) fn best(
    terms: &[Term],
    filters: &Filters,
    compare: Option<(i16, &Embedding)>,
    length: u32,
    settings: &SearchSettings,
) -> Option<Statement> {
    let total: f64 = terms.iter().map(|term| term.rarity).sum();
    // A rounding error must not cost a product that matches all.
    let least = total * settings.min_coverage.clamp(0.0, 1.0) - 1e-9;
    let needed = any_needed(terms, total - least)?;
    let [name, kind, description] = settings.field_weights;
    let mut statement = Statement::default();
    with_alternatives(&mut statement, terms);
    statement.push(
        ", found AS MATERIALIZED (SELECT t.product_id, t.document, t.text FROM retail_mcp.product_texts t",
    );
    filters.join(&mut statement, "t");
    statement.push(" WHERE t.document @@ ").bind(any_of(&needed), Type::TEXT).push("::tsquery");
    filters.conditions(&mut statement, "t");
    statement
        .push(
            "), matched AS (
                SELECT DISTINCT ON (f.product_id, a.term) f.product_id, a.term, a.place, a.rarity,
                       a.weight * ts_rank(",
        )
        // PostgreSQL's order is D, C, B, A.
        .bind(vec![0.0f32, description, kind, name], Type::FLOAT4_ARRAY)
        .push(
            ", f.document, a.query) AS rank
                FROM found f
                JOIN alternative a
                  ON f.document @@ a.query AND (a.pattern = '' OR f.text ~* a.pattern)
                ORDER BY f.product_id, a.term, rank DESC, a.place),
            ranked AS MATERIALIZED (
                SELECT product_id, array_agg(place ORDER BY place) AS places,
                       sum(rarity * rank) AS score
                FROM matched
                GROUP BY product_id
                HAVING sum(rarity) >= ",
        )
        .bind(least, Type::FLOAT8)
        .push(" ORDER BY score DESC, product_id LIMIT ")
        .bind(i64::from(length), Type::INT8)
        .push(") SELECT r.product_id, r.places, ");
    match compare {
        Some((model_id, embedding)) => {
            statement.push("1 - ");
            distance(&mut statement, model_id, embedding);
            statement.push(&format!(
                ", r.score FROM ranked r
                  LEFT JOIN retail_mcp.product_embeddings e
                    ON e.model_id = {model_id} AND e.product_id = r.product_id"
            ));
        }
        None => {
            statement.push("NULL::float8, r.score FROM ranked r");
        }
    }
    statement.push(" ORDER BY r.score DESC, r.product_id");
    Some(statement)
}

/// Begins a statement with the alternatives of all terms as a table.
fn with_alternatives(statement: &mut Statement, terms: &[Term]) {
    let (mut places, mut queries, mut patterns, mut weights, mut rarities) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, term, alternative) in flat(terms) {
        places.push(place);
        queries.push(alternative.query.clone());
        patterns.push(alternative.pattern.clone());
        weights.push(alternative.weight);
        rarities.push(term.rarity);
    }
    statement
        .push("WITH alternative AS MATERIALIZED (SELECT a.term, a.query::tsquery, a.pattern, a.weight, a.rarity, a.place::int4 FROM unnest(")
        .bind(places, Type::INT4_ARRAY)
        .push("::int4[], ")
        .bind(queries, Type::TEXT_ARRAY)
        .push("::text[], ")
        .bind(patterns, Type::TEXT_ARRAY)
        .push("::text[], ")
        .bind(weights, Type::FLOAT8_ARRAY)
        .push("::float8[], ")
        .bind(rarities, Type::FLOAT8_ARRAY)
        .push("::float8[]) WITH ORDINALITY AS a (term, query, pattern, weight, rarity, place))");
}

/// Reads the list.
pub(super) fn read(
    rows: &[Row],
    terms: &[Term],
    settings: &SearchSettings,
) -> Result<Vec<Worded>, Error> {
    let [name, ..] = settings.field_weights;
    let best = RANK_OF_ONE * f64::from(name) * terms.iter().map(|term| term.rarity).sum::<f64>();
    let alternatives: Vec<(i32, &Term, &Alternative)> = flat(terms).collect();
    rows.iter()
        .map(|row| {
            let places: Vec<i32> = column(row, 1)?;
            let matched = places
                .into_iter()
                .filter_map(|place| {
                    // They count from 1.
                    let place = usize::try_from(place).ok()?.checked_sub(1)?;
                    let (_, term, alternative) = alternatives.get(place)?;
                    let searched = alternative.searched.clone();
                    Some(KeywordTerm { asked: term.asked.clone(), searched })
                })
                .collect();
            let score: f64 = column(row, 3)?;
            let strength = if best > 0.0 { (score / best).clamp(0.0, 1.0) } else { 0.0 };
            Ok(Worded {
                product_id: column(row, 0)?,
                similarity: column(row, 2)?,
                matched,
                strength,
            })
        })
        .collect()
}

/// Each alternative with the place of its term.
fn flat(terms: &[Term]) -> impl Iterator<Item = (i32, &Term, &Alternative)> {
    (0i32..).zip(terms).flat_map(|(place, term)| {
        term.alternatives.iter().map(move |alternative| (place, term, alternative))
    })
}

/// Queries of which a product must match one, or else it cannot match enough: those of the rarest terms
/// that together count for more than may be missing. So a common word need not be looked for in all the
/// products that have it. None when nothing can match.
fn any_needed(terms: &[Term], may_be_missing: f64) -> Option<Vec<String>> {
    let mut rarest: Vec<&Term> = terms.iter().collect();
    rarest.sort_by(|a, b| b.rarity.total_cmp(&a.rarity).then(a.asked.cmp(&b.asked)));
    let mut queries: BTreeSet<&str> = BTreeSet::new();
    let mut counted = 0.0;
    for term in rarest {
        if counted > may_be_missing {
            break;
        }
        counted += term.rarity;
        queries.extend(term.alternatives.iter().map(|alternative| alternative.query.as_str()));
    }
    let queries: Vec<String> = queries.into_iter().map(str::to_owned).collect();
    (!queries.is_empty()).then_some(queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(asked: &str, rarity: f64, queries: &[&str]) -> Term {
        let alternatives = queries
            .iter()
            .map(|query| Alternative {
                searched: asked.to_owned(),
                query: (*query).to_owned(),
                pattern: String::new(),
                weight: 1.0,
            })
            .collect();
        Term { asked: asked.to_owned(), alternatives, rarity }
    }

    #[test]
    fn only_the_rarest_terms_are_needed() {
        let terms = [term("drill", 1.0, &["'drill'"]), term("bit", 4.0, &["'bit'", "'bits'"])];
        // Who has no bit matches a fifth.
        assert_eq!(any_needed(&terms, 2.5).unwrap(), ["'bit'", "'bits'"]);
        // Who has no bit matches enough all the same.
        assert_eq!(any_needed(&terms, 4.0).unwrap(), ["'bit'", "'bits'", "'drill'"]);
        assert_eq!(any_needed(&terms, 0.0).unwrap(), ["'bit'", "'bits'"]);
    }

    #[test]
    fn unknown_words_may_leave_nothing_to_look_for() {
        assert_eq!(any_needed(&[], 0.0), None);
        // "Birthday" counts for more than may be missing, and nothing has it.
        let terms = [term("birthday", 5.0, &[]), term("candle", 3.0, &["'candl'"])];
        assert_eq!(any_needed(&terms, 4.0), None);
        assert_eq!(any_needed(&terms, 5.0).unwrap(), ["'candl'"]);
    }
}
