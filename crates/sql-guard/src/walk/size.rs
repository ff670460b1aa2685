//! How big a value may become, as far as the text of a statement tells.

/// An upper estimate for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Bytes as text, or of an array or document.
    pub(super) text: u64,
    /// Digits as a number.
    pub(super) digits: u64,
    /// The columns of the previous round of a recursive query that it comes from, one bit each.
    pub(super) grows: u64,
    /// Parts of the expression that computes it, those of the subqueries' columns in it included:
    /// PostgreSQL's planner puts a subquery's expressions wherever its columns are named.
    pub(super) weight: u64,
}

/// What aggregates and recursion make: only the rows decide.
pub(super) const UNBOUNDED: u64 = 1 << 40;

impl Size {
    /// Of a number, a date, a truth value.
    pub(super) const SMALL: Self = Self { text: 32, digits: 20, grows: 0, weight: 0 };
    pub(super) const UNBOUNDED: Self =
        Self { text: UNBOUNDED, digits: UNBOUNDED, grows: 0, weight: 0 };

    pub(super) fn of_text(bytes: usize) -> Self {
        let bytes = bytes as u64;
        Self { text: bytes, digits: bytes, grows: 0, weight: 0 }
    }

    /// Of a column that is stored in a table.
    pub(super) fn of_column(assumed_text_bytes: u32) -> Self {
        Self { text: u64::from(assumed_text_bytes), digits: 40, grows: 0, weight: 0 }
    }

    /// Both, one after the other.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            text: self.text.saturating_add(other.text),
            digits: self.digits.saturating_add(other.digits),
            grows: self.grows | other.grows,
            weight: self.weight.saturating_add(other.weight),
        }
    }

    /// One of the two.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            text: self.text.max(other.text),
            digits: self.digits.max(other.digits),
            grows: self.grows | other.grows,
            weight: self.weight.max(other.weight),
        }
    }

    /// Many of them.
    pub(super) fn times(self, times: u64) -> Self {
        Self {
            text: self.text.saturating_mul(times),
            digits: self.digits.saturating_mul(times),
            grows: self.grows,
            weight: self.weight.saturating_mul(times),
        }
    }

    pub(super) fn is_growing(self) -> bool {
        self.grows != 0
    }

    pub(super) fn is_unbounded(self) -> bool {
        self.text >= UNBOUNDED
    }
}
