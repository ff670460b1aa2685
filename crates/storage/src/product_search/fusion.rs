//! Two rankings made one.

use std::collections::BTreeMap;

use retail_domain::FusionWeights;

/// A product with its ranks, from 1, and its fused score.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fused {
    pub(super) product_id: i32,
    pub(super) semantic_rank: Option<u32>,
    pub(super) keyword_rank: Option<u32>,
    /// 0 to 1; 1 is first in both.
    pub(super) score: f64,
}

/// Fuses two lists, each best first, by weighted reciprocal ranks: a product scores
/// `weight / (constant + rank)` in each list. A list of weight 0 adds no products.
///
/// Scores of words and of vectors have no common scale, and ranks have. Ties go by key, so that the same
/// lists always give the same order.
pub(super) fn fuse(
    semantic: &[i32],
    keyword: &[i32],
    weights: FusionWeights,
    constant: f64,
) -> Vec<Fused> {
    let mut fused: BTreeMap<i32, Fused> = BTreeMap::new();
    let total = weights.semantic() + weights.keyword();
    let lists = [(semantic, weights.semantic(), true), (keyword, weights.keyword(), false)];
    for (list, weight, is_semantic) in lists {
        if weight <= 0.0 {
            continue;
        }
        for (rank, product_id) in (1..).zip(list) {
            let product = fused.entry(*product_id).or_insert(Fused {
                product_id: *product_id,
                semantic_rank: None,
                keyword_rank: None,
                score: 0.0,
            });
            let seen =
                if is_semantic { &mut product.semantic_rank } else { &mut product.keyword_rank };
            // A list names a product once; its better place counts.
            if seen.is_none() {
                *seen = Some(rank);
                product.score += weight / total * (constant + 1.0) / (constant + f64::from(rank));
            }
        }
    }
    let mut fused: Vec<Fused> = fused.into_values().collect();
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.product_id.cmp(&b.product_id)));
    fused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weights(semantic: f64, keyword: f64) -> FusionWeights {
        FusionWeights::new(semantic, keyword).unwrap()
    }

    fn ids(fused: &[Fused]) -> Vec<i32> {
        fused.iter().map(|product| product.product_id).collect()
    }

    #[test]
    fn first_in_both_scores_one() {
        let fused = fuse(&[7, 8], &[7, 9], FusionWeights::default(), 60.0);
        assert_eq!(fused[0].product_id, 7);
        assert!((fused[0].score - 1.0).abs() < 1e-12);
        assert_eq!((fused[0].semantic_rank, fused[0].keyword_rank), (Some(1), Some(1)));
        assert!(fused[1..].iter().all(|product| product.score < 1.0));
    }

    /// Whatever the weights add up to.
    #[test]
    fn the_scale_does_not_depend_on_the_weights() {
        for weights in [weights(1.0, 1.0), weights(0.2, 0.1), weights(0.0, 0.5)] {
            let fused = fuse(&[7, 8], &[7, 9], weights, 60.0);
            assert!((fused[0].score - 1.0).abs() < 1e-12, "{weights:?}");
        }
    }

    #[test]
    fn in_both_lists_beats_first_in_one() {
        let fused = fuse(&[1, 2], &[3, 2], weights(0.5, 0.5), 60.0);
        assert_eq!(ids(&fused), [2, 1, 3]);
    }

    #[test]
    fn the_heavier_list_decides() {
        assert_eq!(ids(&fuse(&[1], &[2], weights(0.7, 0.3), 60.0)), [1, 2]);
        assert_eq!(ids(&fuse(&[1], &[2], weights(0.3, 0.7), 60.0)), [2, 1]);
    }

    #[test]
    fn ties_go_by_key() {
        assert_eq!(ids(&fuse(&[9, 4], &[4, 9], weights(1.0, 1.0), 60.0)), [4, 9]);
        assert_eq!(ids(&fuse(&[9], &[4], weights(1.0, 1.0), 60.0)), [4, 9]);
    }

    #[test]
    fn a_list_without_weight_adds_nothing() {
        let fused = fuse(&[1, 2], &[3], weights(1.0, 0.0), 60.0);
        assert_eq!(ids(&fused), [1, 2]);
        assert!((fused[0].score - 1.0).abs() < 1e-12);
        assert_eq!(fused[0].keyword_rank, None);
    }

    proptest! {
        #[test]
        fn scores_are_parts_of_one_and_sorted(
            semantic in prop::collection::vec(0..50i32, 0..30),
            keyword in prop::collection::vec(0..50i32, 0..30),
            weight in 0.0..=1.0f64,
        ) {
            let weights = weights(weight, 1.0 - weight);
            let fused = fuse(&semantic, &keyword, weights, 60.0);
            prop_assert!(fused.iter().all(|product| product.score > 0.0 && product.score < 1.0 + 1e-9));
            let before = |a: &Fused, b: &Fused| {
                b.score.total_cmp(&a.score).then(a.product_id.cmp(&b.product_id)).is_lt()
            };
            prop_assert!(fused.is_sorted_by(before));
            prop_assert_eq!(&fused, &fuse(&semantic, &keyword, weights, 60.0));
        }
    }
}
