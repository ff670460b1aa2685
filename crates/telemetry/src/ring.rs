//! Slots of time, of which the oldest is used again.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a slot holds.
pub(crate) trait Slot: Default {
    /// Makes it as it was at first, without giving memory back: so it is taken once and for all.
    fn clear(&mut self);
}

/// As many slots as were asked for, each for `width` of time.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    width: Duration,
    slots: Box<[Numbered<T>]>,
}

#[derive(Debug)]
struct Numbered<T> {
    /// Which `width` since the start it is about. None: it was never used.
    number: Option<u64>,
    content: T,
}

impl<T: Slot> Ring<T> {
    pub(crate) fn new(width: Duration, slots: usize) -> Self {
        let empty = || Numbered { number: None, content: T::default() };
        Self { width, slots: std::iter::repeat_with(empty).take(slots).collect() }
    }

    fn number_at(&self, at: Duration) -> u64 {
        u64::try_from(at.as_nanos() / self.width.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// The slot of a moment, counted from the start. None for a ring without slots.
    pub(crate) fn at(&mut self, at: Duration) -> Option<&mut T> {
        let number = self.number_at(at);
        let index = number.checked_rem(self.slots.len() as u64)?;
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        if slot.number != Some(number) {
            slot.number = Some(number);
            slot.content.clear();
        }
        Some(&mut slot.content)
    }

    /// The numbers of the slots that overlap the time of this length before `now`.
    pub(crate) fn numbers(&self, now: Duration, length: Duration) -> RangeInclusive<u64> {
        self.number_at(now.saturating_sub(length))..=self.number_at(now)
    }

    /// The slot of this number, if something has happened in it and it was not used again.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let index = number.checked_rem(self.slots.len() as u64)?;
        let slot = self.slots.get(usize::try_from(index).ok()?)?;
        (slot.number == Some(number)).then_some(&slot.content)
    }

    /// The slots that overlap the time of this length before `now`. Those in which nothing happened
    /// are left out.
    pub(crate) fn since(&self, now: Duration, length: Duration) -> impl Iterator<Item = &T> {
        self.numbers(now, length).filter_map(|number| self.get(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Slot for u32 {
        fn clear(&mut self) {
            *self = 0;
        }
    }

    #[test]
    fn what_is_old_makes_room() {
        let second = Duration::from_secs(1);
        let mut ring = Ring::<u32>::new(second, 3);
        for at in [0, 0, 1, 2, 3, 3, 3] {
            *ring.at(second * at).unwrap() += 1;
        }
        let sum = |now, length| ring.since(second * now, second * length).sum::<u32>();
        // Second 0 was overwritten by second 3.
        assert_eq!(sum(3, 10), 5);
        assert_eq!(sum(3, 1), 4);
        assert_eq!(sum(3, 0), 3);
        assert_eq!(sum(100, 10), 0, "what is older than was asked for is left out");
    }
}
