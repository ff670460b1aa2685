//! What is read out of search texts.

use proptest::prelude::*;
use rstest::rstest;

use super::ProductWish;
use crate::{Cents, ErrorCode};

fn wish(text: &str) -> ProductWish {
    ProductWish::parse("query", text).unwrap()
}

#[rstest]
#[case("hammer under $20", "hammer", None, Some(1999))]
#[case("hammer less than 15 dollars", "hammer", None, Some(1499))]
#[case("paint brush below 30", "paint brush", None, Some(2999))]
#[case("saw up to 50 bucks", "saw", None, Some(5000))]
#[case("saw max 25 usd", "saw", None, Some(2500))]
#[case("saw $10-$20", "saw", Some(1000), Some(2000))]
#[case("saw 10-20 dollars", "saw", Some(1000), Some(2000))]
#[case("saw $10 – $20", "saw", Some(1000), Some(2000))]
#[case("saw between 10 and 20 dollars", "saw", Some(1000), Some(2000))]
#[case("saw between $20 and $10", "saw", Some(1000), Some(2000))]
#[case("saw between 10 and 20", "saw", Some(1000), Some(2000))]
#[case("saws from $10 to $20", "saws", Some(1000), Some(2000))]
#[case("generator over 100", "generator", Some(10_001), None)]
#[case("faucet cheaper than 40", "faucet", None, Some(3999))]
#[case("a drill for under $99.50.", "a drill", None, Some(9949))]
#[case("drill that costs less than $1,200", "drill", None, Some(119_999))]
#[case("Drill UNDER $20", "Drill", None, Some(1999))]
#[case("drill with a price below 30", "drill", None, Some(2999))]
#[case("no more than $15 for a hammer", "for a hammer", None, Some(1500))]
#[case("hammer, not over 15 dollars", "hammer", None, Some(1500))]
#[case("hammer at least $15", "hammer", Some(1500), None)]
#[case("hammer $15 or less", "hammer", None, Some(1500))]
#[case("hammer 15 dollars and up", "hammer", Some(1500), None)]
#[case("gift $50+", "gift", Some(5000), None)]
#[case("hammer <$20", "hammer", None, Some(1999))]
#[case("hammer <= 20", "hammer", None, Some(2000))]
#[case("hammer under $ 20", "hammer", None, Some(1999))]
#[case("screws under 50 cents each", "screws", None, Some(49))]
#[case("hammer over $10 and under $20", "hammer", Some(1001), Some(1999))]
#[case("hammer under $20 under $15", "hammer", None, Some(1499))]
#[case("hammer under 20 for the kitchen", "hammer for the kitchen", None, Some(1999))]
#[case("rope under €20", "rope", None, Some(1999))]
#[case("15 amp breaker under $10", "15 amp breaker", None, Some(999))]
#[case("hammer budget of $0", "hammer", None, Some(0))]
fn reads_prices(
    #[case] text: &str,
    #[case] positive: &str,
    #[case] min: Option<i64>,
    #[case] max: Option<i64>,
) {
    let wish = wish(text);
    assert_eq!(wish.positive_text(), positive);
    assert_eq!((wish.min_price(), wish.max_price()), (min.map(Cents), max.map(Cents)));
    assert!(wish.unwanted().is_empty(), "{:?}", wish.unwanted());
}

/// Texts with numbers, "under" and "no" that ask for no price and refuse nothing.
#[rstest]
#[case("15 amp circuit breaker")]
#[case("1/2 inch pipe")]
#[case("drill bit under 2 inch")]
#[case("drill bit under 1/2 inch")]
#[case("pipe under 2\"")]
#[case("boards less than 5%")]
#[case("20V drill")]
#[case("over 20V")]
#[case("2x4 lumber")]
#[case("5 gallon bucket")]
#[case("ladder over 6 ft")]
#[case("ladder over 6 in")]
#[case("organizer for under sink")]
#[case("light for under cabinet")]
#[case("weights between 10 and 20 pounds")]
#[case("boards between 2 and 4 feet")]
#[case("holds up to 50 lbs")]
#[case("no more than 5 lbs")]
#[case("rated over 4 stars")]
#[case("sealant rated above 400")]
#[case("grit over 100")]
#[case("2-4 people")]
#[case("max 3 shelves")]
#[case("No. 8 wood screw")]
#[case("no 8 wood screw")]
#[case("non-slip mat")]
#[case("non slip mat")]
#[case("non-toxic paint")]
#[case("nonmetallic cable")]
#[case("cordless drill")]
#[case("no-drill curtain rod")]
#[case("no drill curtain rod")]
#[case("hang a mirror without drilling")]
#[case("remove paint without damaging the wall")]
#[case("plants without digging")]
#[case("paint with no odor")]
#[case("screws that will not rust")]
#[case("a hose that does not kink")]
#[case("tape that doesn't peel")]
#[case("not only for wood but also metal")]
#[case("something not too heavy")]
#[case("shelf, assembly not required")]
#[case("under the bed storage")]
#[case("$20 gift card")]
#[case("20% off")]
#[case("8 - 10 inch")]
#[case("knot remover")]
#[case("no hot water, need a water heater")]
#[case("No hot water. Need a water heater")]
#[case("no hot water - need a water heater")]
#[case("no hot water so I need a water heater")]
#[case("there is no hot water, need a heater")]
#[case("we have no power in the shed; what do we need?")]
#[case("no light in the garage, need a lamp")]
#[case("no light in the garage need a lamp")]
#[case("rope, not a fan of nylon")]
#[case("not a big fan of nylon, rope please")]
fn keeps_what_only_looks_like_a_condition(#[case] text: &str) {
    let wish = wish(text);
    assert_eq!(wish.positive_text(), text);
    assert_eq!((wish.min_price(), wish.max_price()), (None, None));
    assert!(wish.unwanted().is_empty(), "{:?}", wish.unwanted());
}

#[rstest]
#[case("hedge trimmer not electric", "hedge trimmer", &["electric"])]
#[case("hedge trimmer, but not electric", "hedge trimmer", &["electric"])]
#[case("hedge trimmer that is not electric", "hedge trimmer", &["electric"])]
#[case("saw but not corded", "saw", &["corded"])]
#[case("light with no cord", "light", &["cord"])]
#[case("light without batteries", "light", &["batteries"])]
#[case("light that doesn't need batteries", "light", &["batteries"])]
#[case("light that does not use batteries", "light", &["batteries"])]
#[case("mower not gas powered", "mower", &["gas"])]
#[case("mower not gas-powered for small lawns", "mower for small lawns", &["gas"])]
#[case("stain not oil-based", "stain", &["oil"])]
#[case("hammer without a plastic handle", "hammer", &["plastic handle"])]
#[case("chairs not made of plastic", "chairs", &["plastic"])]
#[case("light with no cord or battery", "light", &["cord", "battery"])]
#[case("light with no cord, no battery", "light", &["cord", "battery"])]
#[case("paint excluding red, blue and green", "paint", &["red", "blue", "green"])]
#[case("screws except for drywall screws", "screws", &["drywall screws"])]
#[case("tools except hammers.", "tools", &["hammers"])]
#[case("garden tools -electric", "garden tools", &["electric"])]
#[case("non-electric hedge trimmer", "hedge trimmer", &["electric"])]
#[case("non electric hedge trimmer", "hedge trimmer", &["electric"])]
#[case("not electric lawn mower", "lawn mower", &["electric"])]
#[case("Not Electric, lawn mower", "lawn mower", &["electric"])]
#[case("it must not be electric, a mower", "a mower", &["electric"])]
#[case("isn’t electric mower please", "mower please", &["electric"])]
#[case("not electric mower, not electric", "mower", &["electric"])]
#[case("no cord, no battery, light", "light", &["cord", "battery"])]
#[case("a lamp, no cord, need it today", "a lamp, need it today", &["cord"])]
#[case("no electric lawn mower", "lawn mower", &["electric"])]
#[case("no cords on the lamp", "on the lamp", &["cords"])]
#[case("ceiling light, not a fan", "ceiling light", &["fan"])]
fn reads_negations(#[case] text: &str, #[case] positive: &str, #[case] unwanted: &[&str]) {
    let wish = wish(text);
    assert_eq!((wish.positive_text(), wish.unwanted()), (positive, &*owned(unwanted)));
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn prices_and_negations_go_together() {
    let wish =
        wish("cordless drill over $50 and under $150, not a hammer drill, without batteries");
    assert_eq!(wish.positive_text(), "cordless drill");
    assert_eq!(wish.unwanted(), ["hammer drill", "batteries"]);
    assert_eq!((wish.min_price(), wish.max_price()), (Some(Cents(5001)), Some(Cents(14_999))));
    assert!(wish.text().starts_with("cordless drill over $50"));
}

#[rstest]
#[case("", "is empty")]
#[case(" \t ", "is empty")]
#[case("?!", "no letter")]
#[case("not electric", "does not say what")]
#[case("-electric", "does not say what")]
#[case("no batteries", "does not say what")]
#[case("without cords or batteries", "does not say what")]
#[case("under $20", "does not say what")]
#[case("anything under $20", "does not say what")]
#[case("do you have something?", "does not say what")]
#[case("drill over $50 under $20", "no product has both")]
#[case("hammer over $30 or under $10", "no product has both")]
#[case("hammer\u{0}", "control")]
#[case("\u{7}hammer", "control")]
#[case("ham\u{1b}[31mmer", "control")]
#[case(&"a".repeat(501), "longer")]
fn refuses(#[case] text: &str, #[case] why: &str) {
    let error = ProductWish::parse("query", text).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains(why), "{error}");
    assert!(error.to_string().starts_with("query "));
}

/// Words that mean something to the reader, so that random texts reach its corners.
fn likely_word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "under",
            "not",
            "no",
            "without",
            "except",
            "for",
            "between",
            "and",
            "from",
            "to",
            "$20",
            "20",
            "20,",
            "$",
            "-",
            "or",
            "less",
            "than",
            "max",
            "dollars",
            "cents",
            "non",
            "-electric",
            "electric",
            "drill,",
            "a",
            "of",
            "does",
            "need",
            "<",
            "<5",
            "$1-$2",
            "9,999,999",
            "“20”",
            "$999999999",
            "20\"",
            "...",
            "'",
            "w/o",
            "isn’t",
            "ing",
            "+",
            "$5+",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(words in prop::collection::vec(likely_word(), 0..14)) {
        let text = words.join(" ");
        if let Ok(wish) = ProductWish::parse("query", &text) {
            prop_assert!(!wish.positive_text().trim().is_empty());
            prop_assert!(wish.positive_text().chars().any(char::is_alphanumeric));
            prop_assert!(wish.unwanted().iter().all(|word| !word.trim().is_empty()));
            prop_assert!(wish.unwanted().iter().all(|word| *word == word.to_lowercase()));
            prop_assert!(wish.min_price().is_none_or(|price| price.0 >= 0));
            prop_assert!(wish.max_price().is_none_or(|price| price.0 >= 0));
            // What is left is of the text, in its order.
            let mut words = wish.text().split(' ');
            for left in wish.positive_text().split(' ') {
                prop_assert!(
                    words.any(|word| word.contains(left)) || wish.text().contains(left),
                    "{:?} of {:?}", left, wish.text()
                );
            }
        }
    }
}
