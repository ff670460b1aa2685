//! Random numbers that are the same on every machine and in every release.
//!
//! Each purpose, and each day or customer within it, has its own `ChaCha8` stream, so that a change
//! to one leaves the rest as it was. Only the raw 32-bit words of the generator are used: libraries
//! may change how they turn words into ranges, and then every pinned hash would break.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What a stream is for. The number is part of the key: never reuse or renumber one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// How well each product of a type sells; index: product type.
    Popularity = 1,
    /// A customer's own attributes; index: customer.
    Customer = 2,
    /// Which store is a customer's primary one; index: deck.
    CustomerStores = 3,
    /// Which store takes an order; index: deck.
    OrderStores = 4,
    /// How busy a day is; index: day.
    DayStart = 5,
    /// Who places the orders of a day; index: day.
    OrderCustomers = 6,
    /// What the orders of a day contain; index: day.
    Baskets = 7,
    /// The stock of a store; index: store.
    Inventory = 8,
    /// Which category an order is about; index: month, then deck.
    OrderCategories = 9,
}

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a purpose and an index.
    pub(crate) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0_u8; 32];
        let words = [seed, purpose as u64, index].map(u64::to_le_bytes);
        for (byte, value) in key.iter_mut().zip(words.as_flattened()) {
            *byte = *value;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 up to but not including `bound`; 0 when `bound` is 0.
    ///
    /// The multiplication favours some numbers by at most one part in `2^32 / bound`, far below
    /// anything that this data set can show.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(bound);
        (product >> 32) as u32
    }

    /// An index below `length`; 0 when `length` is 0.
    pub(crate) fn index_below(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A number from 0 up to but not including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// Puts the items in a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index_below(last + 1);
            items.swap(last, other);
        }
    }
}

/// A choice among numbered options by weight.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    cumulative: Vec<u32>,
}

impl Weighted {
    /// Options 0, 1, 2… with these weights.
    pub(crate) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let cumulative = weights
            .into_iter()
            .scan(0_u32, |sum, weight| {
                *sum = sum.saturating_add(weight);
                Some(*sum)
            })
            .collect();
        Self { cumulative }
    }

    /// An option, or 0 when there are none.
    pub(crate) fn draw(&self, stream: &mut Stream) -> usize {
        let target = stream.below(self.total());
        self.cumulative.partition_point(|&sum| sum <= target)
    }

    /// The sum of all weights.
    pub(crate) fn total(&self) -> u32 {
        self.cumulative.last().copied().unwrap_or(0)
    }

    /// The chance of an option, from 0 to 1.
    pub(crate) fn probability(&self, option: usize) -> f64 {
        let Some(&upper) = self.cumulative.get(option) else {
            return 0.0;
        };
        let lower =
            option.checked_sub(1).and_then(|i| self.cumulative.get(i)).map_or(0, |&sum| sum);
        f64::from(upper - lower) / f64::from(self.total())
    }
}

/// Numbered options dealt from shuffled decks that hold each option as often as its weight says.
///
/// Single draws look random, yet each option's share is exact over every deck. Small stores thus
/// keep their share at every seed, where plain draws would miss it by several percent.
#[derive(Debug, Clone)]
pub(crate) struct Deck {
    seed: u64,
    purpose: Purpose,
    cards: Vec<u8>,
    next_card: usize,
    next_index: u64,
}

impl Deck {
    /// A deck with `weights[i]` cards of option `i`.
    pub(crate) fn new(seed: u64, purpose: Purpose, weights: impl IntoIterator<Item = u32>) -> Self {
        Self::starting_at(seed, purpose, 0, weights)
    }

    /// As [`Deck::new`], where the first shuffle uses the stream of this index and each later one
    /// the next.
    pub(crate) fn starting_at(
        seed: u64,
        purpose: Purpose,
        index: u64,
        weights: impl IntoIterator<Item = u32>,
    ) -> Self {
        let cards: Vec<u8> = (0_u8..)
            .zip(weights)
            .flat_map(|(option, weight)| std::iter::repeat_n(option, weight as usize))
            .collect();
        // Nothing is left of the deck, so that the first draw shuffles it.
        let next_card = cards.len();
        Self { seed, purpose, cards, next_card, next_index: index }
    }

    /// The next card's option.
    pub(crate) fn draw(&mut self) -> usize {
        if self.next_card >= self.cards.len() {
            // Each deck starts from sorted cards, so that it depends on its number alone.
            self.cards.sort_unstable();
            Stream::new(self.seed, self.purpose, self.next_index).shuffle(&mut self.cards);
            self.next_index += 1;
            self.next_card = 0;
        }
        let card = self.cards.get(self.next_card).copied().unwrap_or(0);
        self.next_card += 1;
        usize::from(card)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deck, Purpose, Stream, Weighted};

    #[test]
    fn a_stream_depends_on_seed_purpose_and_index_alone() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).below(u32::MAX);
        let base = first(1, Purpose::Customer, 7);
        assert_eq!(base, first(1, Purpose::Customer, 7));
        assert_ne!(base, first(2, Purpose::Customer, 7));
        assert_ne!(base, first(1, Purpose::Baskets, 7));
        assert_ne!(base, first(1, Purpose::Customer, 8));
    }

    #[test]
    fn weighted_draws_follow_the_weights() {
        let weighted = Weighted::new([40, 0, 60]);
        let mut stream = Stream::new(1, Purpose::Baskets, 0);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[weighted.draw(&mut stream)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((3_800..4_200).contains(&counts[0]), "{counts:?}");
        assert!((weighted.probability(2) - 0.6).abs() < 1e-12);
        assert_eq!(Weighted::new([]).draw(&mut stream), 0);
    }

    #[test]
    fn a_deck_has_exact_shares_and_changes_its_order() {
        let mut deck = Deck::new(1, Purpose::OrderStores, [5, 1, 4]);
        let first: Vec<usize> = (0..10).map(|_| deck.draw()).collect();
        let second: Vec<usize> = (0..10).map(|_| deck.draw()).collect();
        assert_ne!(first, second);
        for draws in [first, second] {
            let count = |option| draws.iter().filter(|&&draw| draw == option).count();
            assert_eq!([count(0), count(1), count(2)], [5, 1, 4]);
        }
    }
}
