//! The labelled set is whole: what the evaluation says rests on it.

use std::collections::{BTreeMap, BTreeSet};

use retail_sample_data::Catalogue;
use retail_search_eval::labels::{Kind, Split, labelled_queries};

/// What the issue of product search asks for.
const MIN_WITH_ANSWER: usize = 100;
const MIN_WITHOUT_ANSWER: usize = 20;

#[test]
fn every_graded_product_is_in_the_catalogue() {
    let catalogue = Catalogue::embedded().unwrap();
    let skus: BTreeSet<&str> =
        catalogue.products().iter().map(|product| product.sku.as_str()).collect();
    for query in labelled_queries().unwrap() {
        for (sku, grade) in &query.grades {
            assert!(skus.contains(sku.as_str()), "{}: {sku} is no product", query.id);
            assert!((1..=3).contains(grade), "{}: {sku} has grade {grade}", query.id);
        }
    }
}

#[test]
fn there_are_enough_queries_and_the_halves_are_balanced() {
    let queries = labelled_queries().unwrap();
    let without = queries.iter().filter(|query| query.kind == Kind::NoAnswer).count();
    assert!(without >= MIN_WITHOUT_ANSWER, "{without}");
    assert!(queries.len() - without >= MIN_WITH_ANSWER, "{}", queries.len());
    let mut halves = BTreeMap::<Kind, [usize; 2]>::new();
    for query in &queries {
        halves.entry(query.kind).or_default()[usize::from(query.split == Split::HeldOut)] += 1;
    }
    assert_eq!(halves.len(), 9, "every kind has queries");
    for (kind, [tune, held_out]) in halves {
        assert!(tune.abs_diff(held_out) <= 1 && tune >= 5, "{kind}: {tune} and {held_out}");
    }
}

#[test]
fn a_product_that_breaks_a_price_has_no_grade() {
    let catalogue = Catalogue::embedded().unwrap();
    let price = |sku: &str| {
        catalogue.products().iter().find(|product| product.sku == sku).unwrap().base_price_cents
    };
    // Written out here, so that the reading of prices by the search is not what checks the labels.
    let limits = [
        ("hammer under $20", 0, 2_000),
        ("drill under 100 dollars", 0, 10_000),
        ("wall paint for less than $30", 0, 3_000),
        ("LED bulbs under $16", 0, 1_600),
        ("tool box under $50", 0, 5_000),
        ("shelves between $50 and $100", 5_000, 10_000),
        ("faucet up to $45", 0, 4_500),
        ("outdoor lights for under $40", 0, 4_000),
        ("barbecue below $150", 0, 15_000),
        ("saw for less than $25", 0, 2_500),
        ("water heater under $400", 0, 40_000),
        ("storage cabinet over $100", 10_000, i64::MAX),
        ("extension cord, at most $20", 0, 2_000),
        ("vacuum cleaner under $150", 0, 15_000),
        ("cordless saw for cutting pipe, under $100", 0, 10_000),
        ("insulated screwdrivers for an electrician, under $40", 0, 4_000),
        ("white wall shelf for picture frames, less than $25", 0, 2_500),
        ("gas grill, not charcoal, under $300", 0, 30_000),
    ];
    let queries = labelled_queries().unwrap();
    let of_prices = queries.iter().filter(|query| query.kind == Kind::Prices).count();
    assert!(limits.len() > of_prices);
    for (text, least, most) in limits {
        let query = queries.iter().find(|query| query.text == text).expect(text);
        for sku in query.grades.keys() {
            assert!((least..=most).contains(&price(sku)), "{text}: {sku}");
        }
    }
}
