//! Which categories and products sell, and when.

use crate::{
    catalogue::Catalogue,
    random::{Deck, Purpose, Stream, Weighted},
};

/// The part of orders whose category follows the month; the rest is spread evenly.
const SEASONAL_PERCENT: u32 = 85;
/// The part of an order's lines that come from the order's category; the rest is spread evenly.
const OWN_CATEGORY_PERCENT: u32 = 90;
/// How much of the season shows in the number of orders, from 0 (none) to 1 (all).
///
/// Most categories peak in the warmer half of the year. If all months had the same number of
/// orders, categories could peak only at each other's cost, and hand tools, whose season is that of
/// the whole shop, would look flat. With 0.7 every category's sales follow its own multipliers,
/// while the months stay within a fifth of their mean.
const SEASON_IN_ORDER_COUNT: f64 = 0.7;
/// The cards of a month's deck of categories: at full scale a month deals it four times or more.
const CATEGORY_CARDS: f64 = 500.0;
/// Keeps the deck numbers of the months apart.
const MONTH_INDEX_STEP: u64 = 1 << 32;
/// Popularity weights within a type run from the least to the most popular product.
const LEAST_POPULAR: usize = 10;
const MOST_POPULAR: usize = 50;

/// The choices of categories and products.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    /// Categories by month.
    seasonal_mix: Vec<Weighted>,
    /// Products by category.
    popularity: Vec<Weighted>,
    /// The index of each category's first product.
    first_product: Vec<usize>,
}

impl Demand {
    pub(crate) fn new(seed: u64, catalogue: &Catalogue) -> Self {
        let seasonal_mix = (0..12)
            .map(|month0| Weighted::new(multipliers(catalogue, month0).map(hundredths)))
            .collect();
        let mut weights = Vec::with_capacity(catalogue.products().len());
        for product_type in catalogue.types() {
            weights.extend(type_weights(seed, product_type.type_id, product_type.products.len()));
        }
        let popularity = catalogue
            .categories()
            .iter()
            .map(|category| {
                let of_category = weights.get(category.products.clone()).unwrap_or_default();
                Weighted::new(of_category.iter().copied())
            })
            .collect();
        let first_product = catalogue.categories().iter().map(|c| c.products.start).collect();
        Self { seasonal_mix, popularity, first_product }
    }

    /// The decks that deal the categories of orders.
    pub(crate) fn category_decks(&self, seed: u64) -> CategoryDecks {
        CategoryDecks(std::array::from_fn(|month0| {
            let cards = (0..self.first_product.len())
                .map(|category| cards(CATEGORY_CARDS * self.order_share(month0, category)));
            let first_index = month0 as u64 * MONTH_INDEX_STEP;
            Deck::starting_at(seed, Purpose::OrderCategories, first_index, cards)
        }))
    }

    /// A product for an order of a category, as an index.
    pub(crate) fn draw_product(&self, order_category: usize, stream: &mut Stream) -> usize {
        let category = if stream.percent(OWN_CATEGORY_PERCENT) {
            order_category
        } else {
            stream.index_below(self.first_product.len())
        };
        let first = self.first_product.get(category).copied().unwrap_or(0);
        first + self.popularity.get(category).map_or(0, |products| products.draw(stream))
    }

    /// The part of a month's orders that are about a category.
    fn order_share(&self, month0: usize, category: usize) -> f64 {
        let seasonal = self.seasonal_mix.get(month0).map_or(0.0, |mix| mix.probability(category));
        mixed(SEASONAL_PERCENT, seasonal, 1.0 / as_f64(self.first_product.len()))
    }

    /// The expected part of a month's order lines that are of a category.
    pub(crate) fn category_share(&self, month0: usize, category: usize) -> f64 {
        let even = 1.0 / as_f64(self.first_product.len());
        mixed(OWN_CATEGORY_PERCENT, self.order_share(month0, category), even)
    }

    /// The expected part of a year's order lines that are of a product.
    pub(crate) fn product_share(&self, category: usize, product: usize) -> f64 {
        let of_year: f64 = (0..12).map(|month0| self.category_share(month0, category)).sum();
        let first = self.first_product.get(category).copied().unwrap_or(0);
        let within = self
            .popularity
            .get(category)
            .map_or(0.0, |products| products.probability(product.saturating_sub(first)));
        of_year / 12.0 * within
    }
}

/// Deals the categories of orders, month by month.
#[derive(Debug)]
pub(crate) struct CategoryDecks([Deck; 12]);

impl CategoryDecks {
    /// The category of the next order in a month, as an index.
    pub(crate) fn draw(&mut self, month0: usize) -> usize {
        self.0.get_mut(month0).map_or(0, Deck::draw)
    }
}

/// The relative number of orders of each month.
pub(crate) fn month_weights(catalogue: &Catalogue) -> [f64; 12] {
    let sums: [f64; 12] = std::array::from_fn(|month0| multipliers(catalogue, month0).sum());
    let mean = sums.iter().sum::<f64>() / 12.0;
    sums.map(|sum| 1.0 - SEASON_IN_ORDER_COUNT + SEASON_IN_ORDER_COUNT * sum / mean)
}

fn multipliers(catalogue: &Catalogue, month0: usize) -> impl Iterator<Item = f64> {
    catalogue
        .categories()
        .iter()
        .map(move |category| category.monthly_multipliers.get(month0).copied().unwrap_or(0.0))
}

/// The weights of a type's products: evenly spaced, in a random order.
fn type_weights(seed: u64, type_id: i32, count: usize) -> Vec<u32> {
    let steps = count.saturating_sub(1).max(1);
    let mut weights: Vec<u32> = (0..count)
        .map(|rank| MOST_POPULAR - (MOST_POPULAR - LEAST_POPULAR) * rank / steps)
        .filter_map(|weight| u32::try_from(weight).ok())
        .collect();
    Stream::new(seed, Purpose::Popularity, u64::from(type_id.unsigned_abs())).shuffle(&mut weights);
    weights
}

/// `percent` of one value and the rest of the other.
fn mixed(percent: u32, value: f64, other: f64) -> f64 {
    let part = f64::from(percent) / 100.0;
    part * value + (1.0 - part) * other
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the catalogue allows multipliers from 0.1 to 10"
)]
fn hundredths(multiplier: f64) -> u32 {
    (multiplier * 100.0).round() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of CATEGORY_CARDS"
)]
fn cards(count: f64) -> u32 {
    count.round() as u32
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::{Demand, month_weights, type_weights};
    use crate::{
        catalogue::{Catalogue, Category},
        random::{Purpose, Stream},
    };

    #[test]
    fn the_best_product_of_a_type_sells_five_times_the_worst() {
        let mut weights = type_weights(3, 1, 5);
        assert_ne!(weights, type_weights(3, 2, 5), "types have their own order");
        weights.sort_unstable();
        assert_eq!(weights, [10, 20, 30, 40, 50]);
        assert_eq!(type_weights(3, 1, 1), [50]);
    }

    #[test]
    fn months_stay_within_a_fifth_of_their_mean() {
        let weights = month_weights(&Catalogue::embedded().unwrap());
        assert!((weights.iter().sum::<f64>() - 12.0).abs() < 1e-9);
        assert!(weights.iter().all(|weight| (0.8..=1.2).contains(weight)), "{weights:?}");
    }

    #[test]
    fn shares_add_up_and_draws_follow_them() {
        let catalogue = Catalogue::embedded().unwrap();
        let demand = Demand::new(3, &catalogue);
        let april: f64 = (0..9).map(|category| demand.category_share(3, category)).sum();
        assert!((april - 1.0).abs() < 1e-9);
        let year: f64 = catalogue
            .products()
            .iter()
            .enumerate()
            .map(|(index, row)| {
                let of_product = |c: &Category| c.category_id == row.category_id;
                let category = catalogue.categories().iter().position(of_product).unwrap();
                demand.product_share(category, index)
            })
            .sum();
        assert!((year - 1.0).abs() < 1e-9);

        let garden = 7_usize;
        let garden_id = catalogue.categories()[garden].category_id;
        let mut stream = Stream::new(3, Purpose::Baskets, 0);
        let mut decks = demand.category_decks(3);
        let mut in_category = 0;
        for _ in 0..20_000 {
            let category = decks.draw(3);
            let product = demand.draw_product(category, &mut stream);
            in_category += u32::from(catalogue.products()[product].category_id == garden_id);
        }
        let share = f64::from(in_category) / 20_000.0;
        let expected = demand.category_share(3, garden);
        assert!((share - expected).abs() < 0.01, "{share} {expected}");
    }
}
