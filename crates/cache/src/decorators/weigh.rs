//! What values take in memory, about: texts and lists with what is behind them.

use retail_domain::{
    Column, Evidence, KeywordTerm, ProductCard, ProductMatch, Recommendation, StatementSummary,
    TableSchema,
};

pub(super) fn text(text: &str) -> usize {
    size_of::<String>() + text.len()
}

pub(super) fn texts(texts: &[String]) -> usize {
    texts.iter().map(|each| text(each)).sum()
}

pub(super) fn optional(optional: Option<&str>) -> usize {
    optional.map_or(0, text)
}

pub(super) fn columns(columns: &[Column]) -> usize {
    columns.iter().map(|column| text(&column.name) + text(&column.pg_type)).sum()
}

pub(super) fn statement(statement: &StatementSummary) -> usize {
    text(&statement.fingerprint) + texts(&statement.tables)
}

pub(super) fn card(card: &ProductCard) -> usize {
    let ProductCard { sku, name, category, product_type, description, .. } = card;
    let heap = [sku, name, category, product_type, description].map(String::len);
    size_of::<ProductCard>() + heap.into_iter().sum::<usize>()
}

pub(super) fn terms(terms: &[KeywordTerm]) -> usize {
    terms.iter().map(|term| text(&term.asked) + text(&term.searched)).sum()
}

pub(super) fn product_match(found: &ProductMatch) -> usize {
    size_of::<ProductMatch>() + card(&found.product) + terms(&found.matched_terms)
}

pub(super) fn recommendation(item: &Recommendation) -> usize {
    let purchase = match &item.evidence {
        Evidence::NearPurchases { nearest_purchase, .. } => nearest_purchase.len(),
        Evidence::Similar { .. } | Evidence::Growth { .. } | Evidence::BoughtTogether { .. } => 0,
    };
    size_of::<Recommendation>() + card(&item.product) + purchase
}

pub(super) fn schema(schema: &TableSchema) -> usize {
    let columns = schema.columns.iter().map(|column| {
        text(&column.name) + text(&column.pg_type) + optional(column.comment.as_deref())
    });
    let keys =
        schema.relationships.iter().map(|key| text(&key.column) + text(&key.references_column));
    let values = schema
        .valid_values
        .iter()
        .map(|values| text(&values.of) + text(&values.heading) + texts(&values.values));
    size_of::<TableSchema>()
        + text(&schema.purpose)
        + columns.chain(keys).chain(values).sum::<usize>()
}
