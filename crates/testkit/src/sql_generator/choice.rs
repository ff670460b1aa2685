//! Random choices that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of choices. Only raw words of the generator are used: their order is fixed, how a
/// library turns them into ranges is not.
#[derive(Debug)]
pub(super) struct Choice(ChaCha8Rng);

impl Choice {
    /// The stream of one statement.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut key = [0; 32];
        for (byte, value) in key.iter_mut().zip([seed, number].map(u64::to_le_bytes).as_flattened())
        {
            *byte = *value;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 up to but not including `bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.0.next_u64()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most + 1 - least)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of `options`, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, options: &'a [T]) -> &'a T {
        options.get(self.below(options.len())).expect("there is something to choose from")
    }

    /// One of `options`, by weight.
    pub(super) fn weighted<T: Copy>(&mut self, options: &[(usize, T)]) -> T {
        let mut left = self.below(options.iter().map(|(weight, _)| weight).sum());
        for (weight, option) in options {
            if left < *weight {
                return *option;
            }
            left -= weight;
        }
        options.last().expect("there is something to choose from").1
    }
}
