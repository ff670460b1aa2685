//! `cargo xtask search-eval`, as a test: CI fails when search got worse.

use retail_search_eval::baseline::Verdict;
use retail_search_eval::quality;
use retail_search_eval::report::Scores;

#[tokio::test(flavor = "multi_thread")]
async fn hybrid_search_is_as_good_as_was_accepted() {
    let runs = quality::measure().await.unwrap();
    let tables = quality::tables(&runs);
    match quality::judge(&runs).unwrap() {
        Verdict::Good(words) => println!("{words}\n{tables}"),
        Verdict::Dropped(words) => panic!("{words}\n{tables}"),
    }
    let ndcg = |run: &_| Scores::of(run, |_| true).ndcg;
    let (hybrid, others) = runs.split_last().unwrap();
    for other in others {
        let margin = ndcg(&hybrid.outcomes) - ndcg(&other.outcomes);
        assert!(margin > 0.05, "hybrid search leads by {margin:.3} only\n{tables}");
    }
}
