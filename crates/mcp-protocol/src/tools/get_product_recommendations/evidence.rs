//! The evidence for a recommendation, as numbers and as a sentence.

use retail_domain::Evidence;
use schemars::JsonSchema;
use serde::Serialize;

use crate::tools::products;

/// Why a product is recommended. Which numbers there are depends on the type.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Why {
    /// All of it in a sentence.
    evidence: String,
    /// Similarity in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity_percent: Option<f64>,
    /// The purchase that it is near to.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest_purchase: Option<String>,
    /// Units sold in the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<i64>,
    /// Units sold in the same days a year before.
    #[serde(skip_serializing_if = "Option::is_none")]
    units_year_before: Option<i64>,
    /// Change of net sales between the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    net_sales_change: Option<String>,
    /// Growth as a multiple, smoothed against small numbers: what the rows are sorted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<f64>,
    /// Baskets with both products.
    #[serde(skip_serializing_if = "Option::is_none")]
    baskets: Option<i64>,
    /// Baskets with the product asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    baskets_of_product: Option<i64>,
    /// How many times more often than by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    lift: Option<f64>,
}

impl Why {
    pub(super) fn new(evidence: &Evidence, days_back: u32) -> Self {
        let sentence = sentence(evidence, days_back);
        let why = Self { evidence: sentence, ..Self::default() };
        match *evidence {
            Evidence::Similar { similarity } => {
                Self { similarity_percent: Some(products::percent(similarity)), ..why }
            }
            Evidence::NearPurchases { similarity, ref nearest_purchase } => Self {
                similarity_percent: Some(products::percent(similarity)),
                nearest_purchase: Some(nearest_purchase.clone()),
                ..why
            },
            Evidence::Growth { units, units_year_before, net_sales_change, growth } => Self {
                units: Some(units),
                units_year_before: Some(units_year_before),
                net_sales_change: Some(net_sales_change.to_string()),
                growth: Some((growth * 100.0).round() / 100.0),
                ..why
            },
            Evidence::BoughtTogether { baskets, baskets_of_product, lift } => Self {
                baskets: Some(baskets),
                baskets_of_product: Some(baskets_of_product),
                lift: Some((lift * 100.0).round() / 100.0),
                ..why
            },
        }
    }

    pub(super) fn sentence(&self) -> &str {
        &self.evidence
    }
}

fn sentence(evidence: &Evidence, days_back: u32) -> String {
    match evidence {
        Evidence::Similar { similarity } => {
            format!("{:.1} % similar", products::percent(*similarity))
        }
        Evidence::NearPurchases { similarity, nearest_purchase } => format!(
            "{:.1} % similar to {nearest_purchase:?}, which the customer bought",
            products::percent(*similarity)
        ),
        Evidence::Growth { units, units_year_before, net_sales_change, .. } => {
            let before = format!("in the same {} a year before", days(days_back));
            let change = format!("net sales {}{net_sales_change}", plus(net_sales_change.0));
            if *units_year_before == 0 {
                return format!("units {units} against none {before}; {change}");
            }
            #[expect(clippy::cast_precision_loss, reason = "units are far below 2^52")]
            let percent = (*units as f64 / *units_year_before as f64 - 1.0) * 100.0;
            format!(
                "units {units} against {units_year_before} {before} ({percent:+.0} %); {change}"
            )
        }
        Evidence::BoughtTogether { baskets, baskets_of_product, lift } => format!(
            "bought together {}, {lift:.1}x more than chance (in {baskets} of its {baskets_of_product} \
             baskets)",
            times(*baskets)
        ),
    }
}

fn plus(amount: i64) -> &'static str {
    if amount > 0 { "+" } else { "" }
}

fn days(days: u32) -> String {
    if days == 1 { "day".to_owned() } else { format!("{days} days") }
}

fn times(times: i64) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

#[cfg(test)]
mod tests {
    use retail_domain::Cents;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Evidence::Similar { similarity: 0.7321 }, "73.2 % similar")]
    #[case(
        Evidence::NearPurchases { similarity: 0.71, nearest_purchase: "Deck \"X\"".to_owned() },
        r#"71.0 % similar to "Deck \"X\"", which the customer bought"#
    )]
    #[case(
        Evidence::Growth {
            units: 120, units_year_before: 80, net_sales_change: Cents(123_450), growth: 1.48
        },
        "units 120 against 80 in the same 90 days a year before (+50 %); net sales +1234.50"
    )]
    #[case(
        Evidence::Growth {
            units: 12, units_year_before: 0, net_sales_change: Cents(-5), growth: 3.0
        },
        "units 12 against none in the same 90 days a year before; net sales -0.05"
    )]
    #[case(
        Evidence::BoughtTogether { baskets: 37, baskets_of_product: 412, lift: 4.08 },
        "bought together 37 times, 4.1x more than chance (in 37 of its 412 baskets)"
    )]
    fn the_evidence_is_a_sentence(#[case] evidence: Evidence, #[case] sentence: &str) {
        assert_eq!(Why::new(&evidence, 90).sentence(), sentence);
    }
}
