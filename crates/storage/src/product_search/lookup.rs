//! What the catalogue has of the words that were asked for: their stems, how rare they are, their
//! synonyms, and what a misspelt one was meant to be.

use std::collections::{BTreeMap, HashSet};

use retail_domain::{Error, KeywordTerm};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::cards::column;
use super::filters::Unwanted;
use super::settings::SearchSettings;
use super::spelling::{CatalogueWord, correct, may_be_misspelt};
use super::sql::Statement;
use super::terms::{Asked, singulars};

/// Counting the products stops here: rarity needs no more.
pub(super) const COUNT_PRODUCTS: &str =
    "SELECT count(*) FROM (SELECT FROM retail_mcp.product_texts LIMIT 100000) AS counted";

/// Most unwanted words that are heeded. Each is looked for in every candidate, and nobody excludes more.
const MAX_UNWANTED: usize = 8;

/// One way to match a term.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alternative {
    /// The words that are looked for.
    pub(super) searched: String,
    /// The same as a `tsquery`, as PostgreSQL wrote it.
    pub(super) query: String,
    /// A regular expression that the text must match besides; empty for none.
    pub(super) pattern: String,
    /// 1 for the word itself, less for another.
    pub(super) weight: f64,
}

/// A term that is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) asked: String,
    /// Empty when the catalogue has nothing of it.
    pub(super) alternatives: Vec<Alternative>,
    /// Inverse document frequency: how much it says.
    pub(super) rarity: f64,
}

/// What is known of a text's words.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    pub(super) terms: Vec<Term>,
    pub(super) unwanted: Vec<Unwanted>,
    pub(super) corrections: Vec<KeywordTerm>,
}

/// Words whose alternatives are asked for: a word, or two that stand together.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    text: String,
    /// Of two words, only what they are called together is of interest.
    is_pair: bool,
}

/// A row of the answer to [`alternatives`].
#[derive(Debug, Clone)]
struct Found {
    searched: String,
    is_synonym: bool,
    query: String,
    products: i64,
}

/// The entries of the asked terms, then those of the unwanted ones.
pub(super) fn entries(asked: &[Asked], unwanted: &[String]) -> Vec<Entry> {
    let single = |text: &str| Entry { text: text.to_owned(), is_pair: false };
    let mut entries: Vec<Entry> = Vec::new();
    for term in asked {
        match &term.size {
            Some(size) => entries.extend(size.words.iter().map(|word| single(word))),
            None => entries.push(single(&term.text)),
        }
    }
    for pair in asked.windows(2) {
        if let [one, other] = pair
            && one.size.is_none()
            && other.size.is_none()
        {
            entries.push(Entry { text: format!("{} {}", one.text, other.text), is_pair: true });
        }
    }
    entries.extend(unwanted.iter().take(MAX_UNWANTED).map(|text| single(text)));
    entries
}

/// For each entry: itself and its synonyms, as queries, and how many products have them.
pub(super) fn alternatives(entries: &[Entry]) -> Statement {
    let (mut places, mut terms, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for (place, entry) in (0i32..).zip(entries) {
        for (form, text) in singulars(&entry.text).into_iter().enumerate() {
            places.push(place);
            terms.push(text);
            own.push(form == 0);
        }
        // "Dry wall" where the catalogue has "drywall".
        if entry.is_pair {
            places.push(place);
            terms.push(entry.text.replace(' ', ""));
            own.push(false);
        }
    }
    let mut statement = Statement::default();
    statement
        .push("WITH asked AS (SELECT * FROM unnest(")
        .bind(places, Type::INT4_ARRAY)
        .push("::int4[], ")
        .bind(terms, Type::TEXT_ARRAY)
        .push("::text[], ")
        .bind(own, Type::BOOL_ARRAY)
        .push(
            "::bool[]) AS a (entry, term, is_own)),
            alternative AS (
                SELECT a.entry, a.term AS searched, false AS is_synonym FROM asked a WHERE a.is_own
                UNION
                SELECT a.entry, s.synonym, true
                FROM asked a JOIN retail_mcp.search_synonyms s ON s.term = a.term
                UNION
                SELECT a.entry, w.word, true
                FROM asked a JOIN retail_mcp.search_words w ON w.word = a.term
                WHERE NOT a.is_own AND a.term !~ ' ')
            SELECT a.entry, a.searched, a.is_synonym, q.query::text, d.products
            FROM alternative a
            CROSS JOIN LATERAL (SELECT plainto_tsquery('pg_catalog.english', a.searched) AS query) q
            CROSS JOIN LATERAL (
                -- A product must have every word, so the rarest bounds how many do.
                SELECT coalesce(min(coalesce(w.products, 0)), 0)::int8 AS products
                FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.english', a.searched))) AS l (lexeme)
                LEFT JOIN LATERAL (
                    SELECT sum(w.products) AS products
                    FROM retail_mcp.search_words w WHERE w.lexeme = l.lexeme) w ON true) d
            WHERE numnode(q.query) > 0
            ORDER BY a.entry, a.is_synonym, a.searched",
        );
    statement
}

/// For each word that neither the catalogue nor the synonyms have: the words that begin like it and are
/// about as long, and the two words that it may be made of.
pub(super) fn near_words(entries: &[Entry], settings: &SearchSettings) -> Statement {
    let (mut places, mut words) = (Vec::new(), Vec::new());
    for (place, entry) in (0i32..).zip(entries) {
        if !entry.is_pair && may_be_misspelt(&entry.text, settings) {
            places.push(place);
            words.push(entry.text.clone());
        }
    }
    let mut statement = Statement::default();
    statement
        .push("WITH asked AS MATERIALIZED (SELECT a.entry, a.word FROM unnest(")
        .bind(places, Type::INT4_ARRAY)
        .push("::int4[], ")
        .bind(words, Type::TEXT_ARRAY)
        .push(
            "::text[]) AS a (entry, word)
             -- Stop words have no stem. They are spelt well, though search_words leaves them out.
             WHERE cardinality(ts_lexize('pg_catalog.english_stem', a.word)) > 0
               AND NOT EXISTS (SELECT FROM retail_mcp.search_words w WHERE w.word = a.word)
               AND NOT EXISTS (SELECT FROM retail_mcp.search_words w
                   WHERE w.lexeme = (ts_lexize('pg_catalog.english_stem', a.word))[1])
               AND NOT EXISTS (SELECT FROM retail_mcp.search_synonyms s WHERE s.term = a.word)),
             known (word, products) AS (
               SELECT w.word, w.products FROM retail_mcp.search_words w
               UNION ALL
               SELECT DISTINCT s.term, 1 FROM retail_mcp.search_synonyms s)
             SELECT a.entry, k.word, max(k.products) AS products, false AS is_compound
             FROM asked a
             JOIN known k ON length(k.word) BETWEEN length(a.word) - 2 AND length(a.word) + 2
              AND (left(k.word, 1) = left(a.word, 1) OR left(k.word, 2) = reverse(left(a.word, 2)))
              AND k.word ~ '^[[:alpha:]]+$'
             GROUP BY a.entry, k.word
             UNION ALL
             SELECT a.entry, one.word || ' ' || other.word, least(one.products, other.products), true
             FROM asked a
             CROSS JOIN LATERAL generate_series(3, length(a.word) - 3) AS cut
             JOIN retail_mcp.search_words one ON one.word = left(a.word, cut)
             JOIN retail_mcp.search_words other ON other.word = substr(a.word, cut + 1)
             WHERE one.word ~ '^[[:alpha:]]+$' AND other.word ~ '^[[:alpha:]]+$'
             ORDER BY 1, 2",
        );
    statement
}

/// Replaces the entries that are misspelt by what was meant, each with the word that was asked.
pub(super) fn corrected(
    entries: &mut [Entry],
    near_words: &[Row],
    settings: &SearchSettings,
) -> Result<BTreeMap<usize, String>, Error> {
    let mut candidates: BTreeMap<usize, Vec<CatalogueWord>> = BTreeMap::new();
    let mut compounds: BTreeMap<usize, CatalogueWord> = BTreeMap::new();
    for row in near_words {
        let entry: i32 = column(row, 0)?;
        let place = usize::try_from(entry).map_err(Error::internal)?;
        let word = CatalogueWord { word: column(row, 1)?, products: column(row, 2)? };
        if column(row, 3)? {
            let best = compounds.entry(place).or_insert_with(|| word.clone());
            if word.products > best.products {
                *best = word;
            }
        } else {
            candidates.entry(place).or_default().push(word);
        }
    }
    let mut asked = BTreeMap::new();
    for (place, entry) in entries.iter_mut().enumerate() {
        // Two words written as one are no mistake of letters.
        let meant = match (compounds.get(&place), candidates.get(&place)) {
            (Some(compound), _) => Some(compound.word.as_str()),
            (None, Some(candidates)) => correct(&entry.text, candidates, settings),
            (None, None) => None,
        };
        if let Some(meant) = meant {
            asked.insert(place, std::mem::replace(&mut entry.text, meant.to_owned()));
        }
    }
    Ok(asked)
}

/// Puts together what the catalogue said.
pub(super) fn read(
    asked: &[Asked],
    entries: &[Entry],
    rows: &[Row],
    misspelt: &BTreeMap<usize, String>,
    products: i64,
    settings: &SearchSettings,
) -> Result<Lookup, Error> {
    let mut found: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for row in rows {
        let entry: i32 = column(row, 0)?;
        found.entry(usize::try_from(entry).map_err(Error::internal)?).or_default().push(Found {
            searched: column(row, 1)?,
            is_synonym: column(row, 2)?,
            query: column(row, 3)?,
            products: column(row, 4)?,
        });
    }
    let products = found.values().flatten().map(|f| f.products).max().unwrap_or(0).max(products);
    let reader = Reader { entries, found: &found, misspelt, products, settings };
    let (terms, used) = reader.terms(asked);
    let unwanted = reader.unwanted(used);
    let corrections = misspelt
        .iter()
        .filter_map(|(place, asked)| {
            let searched = entries.get(*place)?.text.clone();
            Some(KeywordTerm { asked: asked.clone(), searched })
        })
        .collect();
    Ok(Lookup { terms, unwanted, corrections })
}

struct Reader<'a> {
    entries: &'a [Entry],
    found: &'a BTreeMap<usize, Vec<Found>>,
    misspelt: &'a BTreeMap<usize, String>,
    products: i64,
    settings: &'a SearchSettings,
}

impl Reader<'_> {
    fn found(&self, place: usize) -> &[Found] {
        self.found.get(&place).map_or(&[], Vec::as_slice)
    }

    /// The terms, and how many entries were theirs.
    fn terms(&self, asked: &[Asked]) -> (Vec<Term>, usize) {
        // Where the entries of each term begin.
        let mut starts = Vec::with_capacity(asked.len());
        let mut next = 0;
        for term in asked {
            starts.push(next);
            next += term.size.as_ref().map_or(1, |size| size.words.len());
        }
        let mut terms = Vec::new();
        let mut taken: HashSet<usize> = HashSet::new();
        for (first, pair) in asked.windows(2).enumerate() {
            if pair.iter().any(|term| term.size.is_some()) {
                continue;
            }
            let place = next;
            next += 1;
            let is_one_thing = self.found(place).iter().any(|found| found.is_synonym);
            if is_one_thing && !taken.contains(&first) {
                taken.extend([first, first + 1]);
                let text = self.entries.get(place).map_or("", |entry| entry.text.as_str());
                terms.push((first, self.term(text, &[place], None, 1.0)));
            }
        }
        for (i, (term, start)) in asked.iter().zip(&starts).enumerate() {
            if taken.contains(&i) {
                continue;
            }
            let length = term.size.as_ref().map_or(1, |size| size.words.len());
            let places: Vec<usize> = (*start..start + length).collect();
            let weight = if self.misspelt.contains_key(start) {
                self.settings.correction_weight
            } else {
                1.0
            };
            let pattern = term.size.as_ref().map(|size| size.pattern.as_str());
            // A stop word has no rows at all.
            if places.iter().any(|place| !self.found(*place).is_empty()) {
                terms.push((i, self.term(&term.text, &places, pattern, weight)));
            }
        }
        terms.sort_by_key(|(i, _)| *i);
        (terms.into_iter().map(|(_, term)| term).collect(), next)
    }

    fn term(&self, asked: &str, places: &[usize], pattern: Option<&str>, weight: f64) -> Term {
        let found: Vec<&Found> = places.iter().flat_map(|place| self.found(*place)).collect();
        // The list of words has no article numbers.
        let is_listed = !asked.contains(|c: char| c.is_ascii_digit());
        let alternatives: Vec<Alternative> = found
            .iter()
            .filter(|found| found.products > 0 || !is_listed)
            .map(|found| Alternative {
                searched: match pattern {
                    Some(_) => asked.to_owned(),
                    None => found.searched.clone(),
                },
                query: found.query.clone(),
                pattern: pattern.unwrap_or_default().to_owned(),
                weight: if found.is_synonym {
                    weight * self.settings.synonym_weight
                } else {
                    weight
                },
            })
            .collect();
        let products = having(&found);
        let known = if alternatives.is_empty() { self.settings.unknown_weight } else { 1.0 };
        Term { asked: asked.to_owned(), alternatives, rarity: known * self.rarity(products) }
    }

    /// Inverse document frequency, as BM25 has it.
    #[expect(clippy::cast_precision_loss, reason = "no catalogue has 2^52 products")]
    fn rarity(&self, products: i64) -> f64 {
        let all = self.products.max(1) as f64;
        let having = products.clamp(0, self.products.max(1)) as f64;
        (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
    }

    /// What is left of the entries is not wanted.
    fn unwanted(&self, from: usize) -> Vec<Unwanted> {
        (from..self.entries.len())
            .flat_map(|place| self.found(place))
            .filter(|found| found.products > 0)
            .map(|found| Unwanted { query: found.query.clone(), spared: spared(&found.searched) })
            .collect()
    }
}

/// In how many products a term is, at most: a plural and its singular are one query, and count once.
fn having(found: &[&Found]) -> i64 {
    let queries: BTreeMap<&str, i64> =
        found.iter().map(|found| (found.query.as_str(), found.products)).collect();
    queries.values().sum()
}

/// Texts that name something only to say that it is not there. Empty where that cannot be told.
fn spared(unwanted: &str) -> String {
    let stems: Vec<&str> = unwanted
        .split(|c: char| !c.is_alphanumeric())
        .map(|word| {
            let singular = word.strip_suffix("ies").or_else(|| word.strip_suffix('s'));
            let stem = singular.unwrap_or(word);
            stem.strip_suffix("ed").or_else(|| stem.strip_suffix(['y', 'e'])).unwrap_or(stem)
        })
        .filter(|stem| stem.chars().count() > 2)
        .collect();
    if stems.is_empty() {
        return String::new();
    }
    let stems = stems.join("|");
    format!(
        r"\m(no|nor|not|non|without|never|free of|unlike|instead of|replaces?|eliminates?)\M[ -]+([[:alnum:]/]+[ ,-]+){{0,3}}({stems})|({stems})[[:alpha:]]*[ -]free"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_counted_once() {
        let found = |searched: &str, query: &str, products| Found {
            searched: searched.to_owned(),
            is_synonym: searched != "taps",
            query: query.to_owned(),
            products,
        };
        let all = [
            found("taps", "'tap'", 30),
            found("tap", "'tap'", 30),
            found("faucet", "'faucet'", 12),
        ];
        assert_eq!(having(&all.iter().collect::<Vec<_>>()), 42);
    }

    #[test]
    fn unwanted_words_are_bounded() {
        let unwanted: Vec<String> = (0..100).map(|i| format!("w{i}")).collect();
        assert_eq!(entries(&[], &unwanted).len(), MAX_UNWANTED);
    }
}
