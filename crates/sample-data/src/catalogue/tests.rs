use rstest::rstest;

use super::{Catalogue, base_price_cents, parse_cents, sentence_count};

const GOOD: &str = r#"
name = "HAND TOOLS"
sku_prefix = "HT"
monthly_multipliers = [1.0, 1.0, 1.2, 1.4, 1.6, 1.5, 1.5, 1.4, 1.2, 1.1, 1.0, 0.9]
[[types]]
name = "HAMMERS"
sku_code = "HMR"
[[types.products]]
name = "Claw Hammer"
cost = "14.20"
description = "Drives nails. Pulls them out."
[[types.products]]
name = "Mallet"
cost = "6.70"
description = "A soft face. It leaves no marks."
"#;

#[test]
fn the_chains_catalogue_is_valid_and_complete() {
    let catalogue = Catalogue::embedded().unwrap();
    assert_eq!(catalogue.categories().len(), 9);
    let names: Vec<&str> = catalogue.categories().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "HAND TOOLS",
            "POWER TOOLS",
            "PAINT & FINISHES",
            "HARDWARE",
            "LUMBER & BUILDING MATERIALS",
            "ELECTRICAL",
            "PLUMBING",
            "GARDEN & OUTDOOR",
            "STORAGE & ORGANIZATION",
        ]
    );
    assert!(catalogue.products().len() >= 424, "{}", catalogue.products().len());
    assert!(catalogue.products().iter().all(|product| !product.description.contains(['\n', '\t'])));
}

#[test]
fn products_are_numbered_and_priced() {
    let catalogue = Catalogue::from_toml(&[("a.toml", GOOD)]).unwrap();
    let [hammer, mallet] = catalogue.products() else { panic!("two products") };
    assert_eq!((hammer.product_id, hammer.sku.as_str()), (1, "HTHMR001"));
    assert_eq!((hammer.cost_cents, hammer.base_price_cents), (1420, 2119));
    assert_eq!((mallet.product_id, mallet.sku.as_str()), (2, "HTHMR002"));
    assert_eq!((mallet.cost_cents, mallet.base_price_cents), (670, 1000));
}

#[rstest]
#[case("sku_prefix", "colour", "cannot parse")]
#[case("1.0, 0.9]", "1.0]", "11 monthly multipliers")]
#[case("1.0, 0.9]", "1.0, 0.0]", "not from 0.1 to 10")]
#[case("\"HT\"", "\"H1\"", "not 2 capital letters")]
#[case("\"HMR\"", "\"HMMR\"", "not 3 capital letters")]
#[case("14.20", "14.2", "not like 14.20")]
#[case("14.20", "0.00", "not like 14.20")]
#[case("Drives nails. Pulls", "Drives nails and pulls", "not two sentences")]
#[case("\"Mallet\"", "\"Claw Hammer\"", "occurs twice")]
fn a_broken_rule_is_named(#[case] from: &str, #[case] to: &str, #[case] reason: &str) {
    let text = GOOD.replace(from, to);
    assert_ne!(text, GOOD);
    let error = Catalogue::from_toml(&[("a.toml", &text)]).unwrap_err();
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn repeated_files_are_refused() {
    let error = Catalogue::from_toml(&[("a.toml", GOOD), ("b.toml", GOOD)]).unwrap_err();
    assert!(error.to_string().contains("category name \"HAND TOOLS\" occurs twice"), "{error}");
}

#[test]
fn amounts_parse_exactly() {
    assert_eq!(parse_cents("0.52"), Some(52));
    assert_eq!(parse_cents("289.00"), Some(28_900));
    for bad in ["", ".50", "5", "5.", "5.5", "5.555", "-5.50", "5,50", "1e3.00"] {
        assert_eq!(parse_cents(bad), None, "{bad}");
    }
}

#[test]
fn base_prices_round_half_up() {
    assert_eq!(base_price_cents(52), 78); // 77.61
    assert_eq!(base_price_cents(67), 100);
    assert_eq!(base_price_cents(28_900), 43_134); // 43134.33
}

#[test]
fn sentences_are_not_decimals_or_abbreviations() {
    assert_eq!(sentence_count("It is 2.5 in wide, approx. half a foot."), 1);
    assert_eq!(sentence_count("One. Two! 3 in all?"), 3);
}
