//! What is found, in which order, and why.

use chrono::DateTime;
use retail_domain::{Cents, ErrorCode, FusionWeights, KeywordTerm, SearchMode};
use retail_testkit::head_office;

use super::shop::{MadeUp, Shop, ids};
use retail_storage::SearchSettings;

fn term(asked: &str, searched: &str) -> KeywordTerm {
    KeywordTerm { asked: asked.to_owned(), searched: searched.to_owned() }
}

#[tokio::test]
async fn meaning_finds_what_no_word_names() {
    let shop = Shop::open().await;
    let found = shop.semantic("pound", 0.5).await;
    // Neither is called that. The hammer's text has three words of the meaning, the mallet's fewer.
    assert_eq!(ids(&found), [1, 2]);
    assert_eq!(found.mode, SearchMode::Semantic);
    assert_eq!(found.model.unwrap(), *shop.model.0);
    assert!(found.as_of > DateTime::UNIX_EPOCH);
    for (rank, found) in (1..).zip(&*found.matches) {
        assert_eq!((found.semantic_rank, found.keyword_rank), (Some(rank), None));
        assert_eq!(found.similarity, Some(found.score));
        assert!(found.matched_terms.is_empty());
    }
    assert!(found.matches[0].score > found.matches[1].score);
}

#[tokio::test]
async fn the_threshold_is_included() {
    let shop = Shop::open().await;
    let all = shop.semantic("bore holes", -1.0).await;
    assert_eq!(all.matches.len(), 14, "nothing is less similar than -1");
    let third = all.matches[2].score;
    assert_eq!(ids(&shop.semantic("bore holes", third).await), ids(&all)[..3]);
    assert_eq!(ids(&shop.semantic("bore holes", third + 1e-9).await), ids(&all)[..2]);
    let nothing = shop.semantic("bore holes", 1.0).await;
    assert!(nothing.matches.is_empty());
}

/// Twins have the same vector.
#[tokio::test]
async fn ties_go_by_key_and_the_answer_is_always_the_same() {
    let shop = Shop::open().await;
    let first = shop.semantic("circuit", 0.5).await;
    assert_eq!(ids(&first), [9, 10]);
    assert!((first.matches[0].score - first.matches[1].score).abs() < 1e-12, "they tie");
    let hybrid = ids(&shop.find("drill paint water").await);
    for _ in 0..5 {
        assert_eq!(ids(&shop.semantic("circuit", 0.5).await), [9, 10]);
        assert_eq!(ids(&shop.find("drill paint water").await), hybrid);
    }
}

#[tokio::test]
async fn a_model_that_is_not_ready_is_refused() {
    let shop = Shop::open().await;
    let mut admin = shop.database.admin().await;
    let other = MadeUp::new("other");
    let unknown = shop.try_semantic(other.embed("hammer")).await.unwrap_err();
    shop.fill(&mut admin, &other).await;
    // Every product has its vector; only nobody has said yet that it is ready.
    let filled = shop.try_semantic(other.embed("hammer")).await.unwrap_err();
    for error in [unknown, filled] {
        assert_eq!(error.code(), ErrorCode::EmbeddingsNotReady);
        assert!(error.to_string().contains("other (10 dimensions)"), "{error}");
        assert!(error.to_string().contains("made-up (10 dimensions)"), "{error}");
        assert!(error.hint().unwrap().contains("retail-mcp embed"));
    }
    let model_id = admin.register_embedding_model(&other.0).await.unwrap();
    admin.finish_embedding_model(model_id, false).await.unwrap();
    admin.close().await;
    let ready = shop.try_semantic(other.embed("hammer")).await.unwrap();
    assert_eq!(ready.model.unwrap().name, "other");
}

#[tokio::test]
async fn words_and_meaning_are_fused() {
    let shop = Shop::open().await;
    let found = shop.find("hammer").await;
    assert_eq!(found.mode, SearchMode::Hybrid);
    let [hammer, mallet] = &found.matches[..] else { panic!("{:?}", ids(&found)) };
    assert_eq!((hammer.product.product_id, mallet.product.product_id), (1, 2));
    assert_eq!(hammer.matched_terms, [term("hammer", "hammer")]);
    assert!((hammer.score - 1.0).abs() < 1e-9, "first in both");
    // Its type is hammers: a word of less weight.
    assert_eq!((mallet.semantic_rank, mallet.keyword_rank), (Some(2), Some(2)));
    assert!((mallet.score - 61.0 / 62.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_product_found_by_words_alone_has_its_similarity_all_the_same() {
    let shop = Shop::open().await;
    let mut query = shop.query("chrome");
    query.embedding = Some(shop.model.embed("faucet dark"));
    let found = shop.run(&head_office().await, &query).await.unwrap();
    assert!(ids(&found).contains(&7));
    query.weights = FusionWeights::new(0.0, 1.0).unwrap();
    let found = shop.run(&head_office().await, &query).await.unwrap();
    assert_eq!(ids(&found), [7], "words alone");
    assert_eq!(found.matches[0].semantic_rank, None);
    query.weights = FusionWeights::new(1.0, 0.0).unwrap();
    let found = shop.run(&head_office().await, &query).await.unwrap();
    assert!(found.matches.iter().all(|found| found.keyword_rank.is_none()), "meaning alone");
}

#[tokio::test]
async fn without_a_vector_words_answer_alone() {
    let shop = Shop::open().await;
    let mut query = shop.query("hammer");
    query.embedding = None;
    let without = shop.run(&head_office().await, &query).await.unwrap();
    // Also with a vector of a model that is not there.
    query.embedding = Some(MadeUp::new("other").embed("hammer"));
    let other = shop.run(&head_office().await, &query).await.unwrap();
    for found in [without, other] {
        assert_eq!((found.mode, &found.model), (SearchMode::KeywordOnly, &None));
        assert_eq!(ids(&found), [1, 2]);
        assert_eq!(found.matches[0].similarity, None);
        assert!((found.matches[0].score - 1.0).abs() < 1e-9);
    }
}

/// A text, what words find without the help of vectors, and the corrections.
type WordCase = (&'static str, &'static [i32], &'static [(&'static str, &'static str)]);

const WORDS: &[WordCase] = &[
    ("hamer", &[1, 2], &[("hamer", "hammer")]),
    ("corldess drill", &[3], &[("corldess", "cordless")]),
    ("flash light", &[14], &[]),
    ("paintbrush", &[12], &[("paintbrush", "paint brush")]),
    ("spanner", &[6], &[]),
    ("spaner", &[6], &[("spaner", "spanner")]),
    ("kitchen taps", &[7], &[]),
    ("torch", &[14], &[]),
    ("15 amp breaker", &[9], &[]),
    ("20A breaker", &[10], &[]),
    ("20 volt drill", &[3], &[]),
    ("50-foot hose", &[13], &[]),
    ("2\" brush", &[12], &[]),
    ("hammers", &[1, 2], &[]),
    ("SKU-7", &[7], &[]),
    ("birthday cake", &[], &[]),
    ("tires", &[], &[]),
    ("birthday hammer", &[], &[]),
    ("birthday of and", &[], &[]),
    ("2 1/2 inch wrench", &[], &[]),
];

#[tokio::test]
async fn words_find() {
    let shop = Shop::without_vectors().await.with_settings(SearchSettings {
        // More than half, so that one word of two is not enough.
        min_coverage: 0.6,
        ..SearchSettings::default()
    });
    for (text, expected, corrections) in WORDS {
        let found = shop.find(text).await;
        assert_eq!(ids(&found), *expected, "{text}");
        let expected: Vec<_> =
            corrections.iter().map(|(asked, meant)| term(asked, meant)).collect();
        assert_eq!(found.corrections, expected, "{text}");
    }
}

/// `search_words` leaves stop words out. They are no mistakes for all that.
#[tokio::test]
async fn words_that_say_nothing_are_not_corrected() {
    let shop = Shop::without_vectors().await;
    shop.database.psql(
        "UPDATE retail.products SET product_description = 'Of any width and form, gain three wires.'
         WHERE product_id = 1",
    );
    for word in ["with", "from", "again", "there", "were"] {
        let found = shop.find(&format!("drill {word} cord")).await;
        assert_eq!(found.corrections, [], "{word}");
        assert_eq!(ids(&found), [4], "{word}");
    }
    assert_eq!(shop.find("hammer of widht").await.corrections, [term("widht", "width")]);
}

#[tokio::test]
async fn a_match_names_what_was_asked_and_what_was_found() {
    let shop = Shop::without_vectors().await;
    let found = shop.find("ajustable spanner").await;
    assert_eq!(ids(&found), [6]);
    assert!(found.matches[0].matched_terms.contains(&term("ajustable", "adjustable")), "{found:?}");
    let found = shop.find("spanner").await;
    assert_eq!(found.matches[0].matched_terms, [term("spanner", "wrench")]);
    let found = shop.find("15 amp breaker").await;
    assert_eq!(
        found.matches[0].matched_terms,
        [term("15 amp", "15 amp"), term("breaker", "breaker")]
    );
}

/// What is not wanted is left out; what is said not to be there is no reason to leave it out.
const NOT_WANTED: &[(&str, &[i32])] = &[
    ("drill", &[3, 4, 5]),
    ("drill, not electric", &[3, 5]),
    ("drill without batteries", &[4, 5]),
    ("drill with no cord", &[3, 5]),
    ("drill but not corded and not cordless", &[5]),
    ("drill that is not electrc", &[3, 5]),
    ("drill except hand drills", &[3, 4]),
];

#[tokio::test]
async fn what_is_not_wanted_is_left_out() {
    let shop = Shop::open().await;
    for (text, expected) in NOT_WANTED {
        let mut query = shop.query(text);
        for (semantic, keyword) in [(0.7, 0.3), (1.0, 0.0), (0.0, 1.0)] {
            query.weights = FusionWeights::new(semantic, keyword).unwrap();
            let mut found = ids(&shop.run(&head_office().await, &query).await.unwrap());
            found.sort_unstable();
            assert_eq!(found, *expected, "{text} {semantic} {keyword}");
        }
    }
}

#[tokio::test]
async fn synonyms_of_what_is_not_wanted_are_left_out_too() {
    let shop = Shop::open().await;
    shop.database.psql(
        "INSERT INTO retail_mcp.search_synonyms VALUES ('electric', 'cordless') ON CONFLICT DO NOTHING",
    );
    assert_eq!(shop.ids("drill, not electric").await, [5]);
}

/// A text, the prices of the filter in cents, and what is found.
type PriceCase = (&'static str, Option<i64>, Option<i64>, &'static [i32]);

const PRICES: &[PriceCase] = &[
    ("drill under $60", None, None, &[4, 5]),
    ("drill up to $59", None, None, &[4, 5]),
    ("drill under $59", None, None, &[5]),
    ("drill between $30 and $100", None, None, &[3, 4]),
    ("drill", Some(5900), None, &[3, 4]),
    ("drill", None, Some(5899), &[5]),
    ("drill under $60", Some(3000), None, &[4]),
    ("drill over $30", Some(1000), Some(6000), &[4]),
    ("drill under $10", None, None, &[]),
];

#[tokio::test]
async fn prices_of_the_text_and_of_the_filter_both_hold() {
    let shop = Shop::open().await;
    for (text, min, max, expected) in PRICES {
        let mut query = shop.query(text);
        query.filters.min_price = min.map(Cents);
        query.filters.max_price = max.map(Cents);
        let mut found = ids(&shop.run(&head_office().await, &query).await.unwrap());
        found.sort_unstable();
        assert_eq!(found, *expected, "{text} {min:?} {max:?}");
    }
}

#[tokio::test]
async fn a_category_is_found_in_any_case_and_an_unknown_one_is_refused() {
    let shop = Shop::open().await;
    let mut query = shop.query("drill");
    query.filters.category = Some(" Hand tools".to_owned());
    assert_eq!(ids(&shop.run(&head_office().await, &query).await.unwrap()), [5]);
    query.filters.category = Some("hand_tools' OR true --".to_owned());
    let error = shop.run(&head_office().await, &query).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.hint().unwrap().contains("ELECTRICAL, GARDEN, HAND TOOLS"), "{:?}", error.hint());
}

/// There is always a nearest product.
#[tokio::test]
async fn what_the_shop_does_not_sell_is_answered_with_nothing() {
    let shop = Shop::open().await;
    for text in ["birthday cake", "zebra", "tires", "xyzzy 12345"] {
        let found = shop.find(text).await;
        assert!(found.matches.is_empty(), "{text}: {:?}", ids(&found));
        assert_eq!(found.mode, SearchMode::Hybrid);
    }
}

#[tokio::test]
async fn no_more_is_given_than_asked_for() {
    let shop = Shop::open().await;
    let mut query = shop.query("drill");
    let all = ids(&shop.run(&head_office().await, &query).await.unwrap());
    query.max_results = 2;
    assert_eq!(ids(&shop.run(&head_office().await, &query).await.unwrap()), all[..2]);
}

/// A filter that leaves few is answered without the index, and with the same products.
#[tokio::test]
async fn comparing_all_that_pass_gives_what_the_index_gives() {
    let by_index = SearchSettings { exact_up_to: 0, ..SearchSettings::default() };
    let shop = Shop::open().await;
    let exact: Vec<_> = {
        let mut answers = Vec::new();
        for text in ["drill under $60", "water over $5", "tool not electric"] {
            answers.push(shop.find(text).await.matches);
        }
        answers
    };
    let shop = shop.with_settings(by_index);
    for (text, exact) in ["drill under $60", "water over $5", "tool not electric"].iter().zip(exact)
    {
        assert_eq!(shop.find(text).await.matches, exact, "{text}");
    }
}

/// Without any run of `retail-mcp embed`.
#[tokio::test]
async fn a_new_product_is_found_by_its_name_at_once() {
    let shop = Shop::without_vectors().await;
    shop.database.psql(
        "INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost,
             base_price, product_description)
         SELECT 77, 'SKU-77', 'Trowel', category_id, type_id, 1, 2, 'Spreads mortar.'
         FROM retail.product_types ORDER BY type_id LIMIT 1",
    );
    let mut query = shop.query("trowels");
    query.embedding = None;
    let found = shop.run(&head_office().await, &query).await.unwrap();
    assert_eq!(ids(&found), [77]);
}
