//! Measures of one answer, as pure functions.
//!
//! `ranked` is the grades of the products in an answer, best first, 0 for a product without a grade;
//! `judged` is all grades of the query, in any order.

/// Normalised discounted cumulative gain of the first `k`.
///
/// A product of grade g at rank r, from 1, is worth (2^g − 1) / log2(r + 1), over what the best order of all judged products would be worth. From
/// 0 to 1; 0 for a query without a grade.
pub fn ndcg(ranked: &[u8], judged: &[u8], k: usize) -> f64 {
    let mut ideal = judged.to_vec();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = discounted_gain(&ideal, k);
    if best > 0.0 { discounted_gain(ranked, k) / best } else { 0.0 }
}

fn discounted_gain(grades: &[u8], k: usize) -> f64 {
    let gain = |grade: u8| 2_f64.powi(i32::from(grade)) - 1.0;
    grades.iter().take(k).zip(2_u32..).map(|(grade, r)| gain(*grade) / f64::from(r).log2()).sum()
}

/// The part of the judged products of at least `grade` that is among the first `k`, from 0 to 1; 0 when
/// there is none.
pub fn recall(ranked: &[u8], judged: &[u8], k: usize, grade: u8) -> f64 {
    let count = |grades: &[u8]| grades.iter().filter(|found| **found >= grade).count();
    let found = count(ranked.get(..k).unwrap_or(ranked));
    part(found, count(judged))
}

/// One over the rank of the first product of at least `grade`; 0 when there is none.
pub fn reciprocal_rank(ranked: &[u8], grade: u8) -> f64 {
    ranked.iter().position(|found| *found >= grade).map_or(0.0, |index| part(1, index + 1))
}

/// The mean; 0 of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) =
        values.into_iter().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

/// `some` of `all`, from 0 to 1; 0 when there are none.
pub fn part(some: usize, all: usize) -> f64 {
    let number = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
    if all == 0 { 0.0 } else { number(some) / number(all) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // Gains: grade 3 is 7, grade 2 is 3, grade 1 is 1. Discounts: 1, 1.58496, 2, 2.32193.
    #[rstest]
    #[case(&[3, 2, 1], &[1, 2, 3], 10, 1.0)]
    #[case(&[], &[3], 10, 0.0)]
    #[case(&[0, 3], &[3], 10, 0.630_93)] // (7 / 1.58496) / 7
    #[case(&[1, 3], &[3, 1], 10, 0.709_81)] // (1 + 4.41651) / (7 + 0.63093)
    #[case(&[2, 0, 3], &[3, 2, 2], 3, 0.625_43)] // (3 + 3.5) / (7 + 1.89279 + 1.5)
    #[case(&[0, 0, 3], &[3], 2, 0.0)]
    #[case(&[3], &[3, 3, 3], 1, 1.0)]
    #[case(&[0, 0], &[], 10, 0.0)]
    fn ndcg_is_as_by_hand(
        #[case] ranked: &[u8],
        #[case] judged: &[u8],
        #[case] k: usize,
        #[case] by_hand: f64,
    ) {
        let found = ndcg(ranked, judged, k);
        assert!((found - by_hand).abs() < 1e-4, "{found} {by_hand}");
    }

    #[rstest]
    #[case(&[3, 0, 2], &[3, 2, 2, 1], 20, 2, 2.0 / 3.0)]
    #[case(&[3, 0, 2], &[3, 2, 2, 1], 2, 2, 1.0 / 3.0)]
    #[case(&[3, 1], &[3, 1], 20, 1, 1.0)]
    #[case(&[], &[3], 20, 1, 0.0)]
    #[case(&[0], &[], 20, 1, 0.0)]
    fn recall_is_as_by_hand(
        #[case] ranked: &[u8],
        #[case] judged: &[u8],
        #[case] k: usize,
        #[case] grade: u8,
        #[case] by_hand: f64,
    ) {
        assert!((recall(ranked, judged, k, grade) - by_hand).abs() < 1e-9);
    }

    #[rstest]
    #[case(&[3], 1.0)]
    #[case(&[1, 0, 0, 2], 0.25)]
    #[case(&[1, 1], 0.0)]
    fn the_reciprocal_rank_is_that_of_the_first_good_one(
        #[case] ranked: &[u8],
        #[case] by_hand: f64,
    ) {
        assert!((reciprocal_rank(ranked, 2) - by_hand).abs() < 1e-9);
    }

    #[test]
    fn means_and_parts() {
        assert!((mean([1.0, 0.0, 0.5]) - 0.5).abs() < 1e-9);
        assert!(mean([]).abs() < 1e-9 && part(1, 0).abs() < 1e-9);
    }
}
