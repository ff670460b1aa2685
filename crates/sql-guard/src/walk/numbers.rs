//! Bounds of numbers: PostgreSQL calculates with as many digits as there are.

use pg_query::Node;

use super::bounds::Call;
use super::constants::{biggest_constant, bound, is_float};
use super::size::Size;
use super::{Check, Walker};
use crate::rejection::Rejection;

/// What a float8 has at most, as text.
const FLOAT: u64 = 320;

impl Walker<'_> {
    pub(super) fn product(&self, left: Size, right: Size, place: i32) -> Check<Size> {
        if self.in_targets && left.grows & right.grows != 0 {
            return Err(self.doubles(place));
        }
        let both = left.plus(right);
        self.digits(both, place)?;
        if both.is_growing() {
            // It may have grown for many rounds.
            return Ok(Size { digits: self.many_digits(), ..both });
        }
        Ok(both)
    }

    pub(super) fn power(
        &self,
        operands: (Option<&Node>, Option<&Node>),
        (base, exponent): (Size, Size),
        place: i32,
    ) -> Check<Size> {
        if [operands.0, operands.1].into_iter().flatten().any(is_float) {
            return Ok(Size { text: FLOAT, digits: FLOAT, grows: base.grows, weight: 0 });
        }
        let most = self.limits().max_exponent;
        let Some(node) = operands.1 else { return Err(self.unexpected()) };
        let made = match bound(node) {
            Some(times) if times <= u64::from(most) => {
                base.times(times.max(1)).plus(Size { text: 20, digits: 20, grows: 0, weight: 0 })
            }
            // A growth rate, power(last / first, 1.0 / years), or growth over months of a series.
            // One such power takes no time, but its digits may be many: only a product with
            // something short passes after it.
            None if biggest_constant(node) <= f64::from(most) && exponent.digits <= 200 => {
                Size { digits: self.many_digits(), ..base.plus(exponent) }
            }
            _ => return Err(self.big_exponent(place)),
        };
        self.digits(base.plus(exponent), place)?;
        self.digits(made, place)?;
        Ok(made)
    }

    pub(super) fn exponential(&self, call: &Call<'_>) -> Check<Size> {
        if call.arg(0).is_some_and(is_float) {
            return Ok(Size { text: FLOAT, digits: FLOAT, grows: 0, weight: 0 });
        }
        self.digits(call.all(), call.place)?;
        let most = f64::from(self.limits().max_exponent) * 10.0;
        if call.arg(0).is_some_and(|arg| biggest_constant(arg) > most) {
            return Err(self.expensive(
                call.place,
                "exp of a number this big takes too long",
                "Use a smaller number, or cast it: exp(x::float8).",
            ));
        }
        let digits = self.many_digits();
        Ok(Size { text: digits, digits, grows: 0, weight: 0 })
    }

    pub(super) fn function_of_a_number(&self, call: &Call<'_>) -> Check<Size> {
        self.digits(call.all(), call.place)?;
        let scale = call.arg(1).and_then(bound).unwrap_or_default().min(4000);
        Ok(Size { digits: call.size(0).digits.saturating_add(scale), ..call.all() })
    }

    /// A number that is multiplied or divided must not have too many digits.
    pub(super) fn digits(&self, size: Size, place: i32) -> Check {
        let most = u64::from(self.limits().max_digits);
        if size.digits > most {
            return Err(self.expensive(
                place,
                &format!("a calculation with numbers of more than {most} digits takes too long"),
                "Round in between, or cast to float8 or numeric(20, 4).",
            ));
        }
        Ok(())
    }

    /// A number of digits that may be multiplied with something short.
    fn many_digits(&self) -> u64 {
        u64::from(self.limits().max_digits) * 7 / 8
    }

    fn big_exponent(&self, place: i32) -> Rejection {
        let most = self.limits().max_exponent;
        self.expensive(
            place,
            &format!("an exponent must be at most {most}"),
            "Use a smaller one, or cast: power(x::float8, n).",
        )
    }
}
