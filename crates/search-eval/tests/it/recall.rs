//! What the index finds of what a store has in stock, at a size that CI can make.
//! `cargo xtask search-eval recall` measures the same at 50,000 products.

use retail_search_eval::recall::{self, TARGET};

/// Enough that half of them in stock is answered by the index, not by comparing all.
const PRODUCTS: usize = 12_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_finds_the_nearest_of_what_it_has_in_stock() {
    let measured = recall::run(PRODUCTS, false).await.unwrap();
    println!("{}", measured.table());
    assert!(measured.queries >= 100, "{}", measured.queries);
    for measure in &measured.with_index {
        assert!(measure.in_stock >= 5, "{measure:?}");
        assert!(measure.recall >= TARGET, "{}", measured.table());
    }
    // Without the index nothing may be missing: else the search asks for the wrong thing.
    for measure in &measured.exact {
        assert!(measure.recall > 0.9999, "{}", measured.table());
    }
}
