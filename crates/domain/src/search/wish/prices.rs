//! The price that a search text asks for.
//!
//! A number is a price only where money is named, or where a word such as "under" stands before it and
//! nothing after it that could be its unit: "under 2 inch" and "over 6 ft" stay what they are.

use super::words::{Amount, Words, number};
use crate::Cents;

/// Least and highest price, both included.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prices {
    pub(super) min: Option<Cents>,
    pub(super) max: Option<Cents>,
}

/// What a word before or after an amount makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Below,
    AtMost,
    Above,
    AtLeast,
}

use Bound::{Above, AtLeast, AtMost, Below};

/// Longer ones first where one begins with another.
const BEFORE: &[(&[&str], Bound)] = &[
    (&["no", "more", "than"], AtMost),
    (&["not", "more", "than"], AtMost),
    (&["no", "less", "than"], AtLeast),
    (&["not", "less", "than"], AtLeast),
    (&["not", "over"], AtMost),
    (&["not", "above"], AtMost),
    (&["not", "exceeding"], AtMost),
    (&["not", "under"], AtLeast),
    (&["not", "below"], AtLeast),
    (&["less", "than"], Below),
    (&["cheaper", "than"], Below),
    (&["lower", "than"], Below),
    (&["more", "than"], Above),
    (&["greater", "than"], Above),
    (&["higher", "than"], Above),
    (&["up", "to"], AtMost),
    (&["at", "most"], AtMost),
    (&["at", "least"], AtLeast),
    (&["max", "of"], AtMost),
    (&["maximum", "of"], AtMost),
    (&["budget", "of"], AtMost),
    (&["budget", "is"], AtMost),
    (&["min", "of"], AtLeast),
    (&["minimum", "of"], AtLeast),
    (&["starting", "at"], AtLeast),
    (&["starting", "from"], AtLeast),
    (&["under"], Below),
    (&["below"], Below),
    (&["<"], Below),
    (&["<="], AtMost),
    (&["≤"], AtMost),
    (&["max"], AtMost),
    (&["maximum"], AtMost),
    (&["within"], AtMost),
    (&["budget"], AtMost),
    (&["over"], Above),
    (&["above"], Above),
    (&[">"], Above),
    (&[">="], AtLeast),
    (&["≥"], AtLeast),
    (&["min"], AtLeast),
    (&["minimum"], AtLeast),
];

/// These make a price only of an amount that names money.
const AFTER: &[(&[&str], Bound)] = &[
    (&["or", "less"], AtMost),
    (&["or", "under"], AtMost),
    (&["or", "below"], AtMost),
    (&["or", "cheaper"], AtMost),
    (&["or", "lower"], AtMost),
    (&["and", "under"], AtMost),
    (&["and", "below"], AtMost),
    (&["and", "less"], AtMost),
    (&["at", "most"], AtMost),
    (&["max"], AtMost),
    (&["maximum"], AtMost),
    (&["tops"], AtMost),
    (&["budget"], AtMost),
    (&["or", "more"], AtLeast),
    (&["or", "over"], AtLeast),
    (&["or", "above"], AtLeast),
    (&["or", "up"], AtLeast),
    (&["and", "up"], AtLeast),
    (&["and", "over"], AtLeast),
    (&["and", "above"], AtLeast),
    (&["and", "more"], AtLeast),
    (&["minimum"], AtLeast),
    (&["at", "least"], AtLeast),
];

const MONEY: &[&str] = &["dollar", "dollars", "buck", "bucks", "usd", "euro", "euros", "eur"];

/// What may follow a price that names no money. Not "in": that is inches.
const GOES_ON: &[&str] = &[
    "for",
    "with",
    "and",
    "but",
    "or",
    "please",
    "that",
    "which",
    "each",
    "apiece",
    "total",
    "only",
    "if",
    "so",
    "because",
    "without",
    "not",
    "no",
    "excluding",
    "except",
];

/// A number that comes after one of these is no price unless it says so.
const MEASURES: &[&str] = &[
    "rated",
    "rating",
    "ratings",
    "temperature",
    "temperatures",
    "temp",
    "weight",
    "length",
    "width",
    "height",
    "depth",
    "diameter",
    "size",
    "sizes",
    "thickness",
    "pressure",
    "capacity",
    "voltage",
    "amperage",
    "load",
    "loads",
    "grit",
    "gauge",
    "age",
    "ages",
    "wattage",
    "power",
    "speed",
    "stars",
    "reviews",
    "model",
    "heat",
];

/// Finds prices in the words and takes them.
pub(super) fn take_prices(words: &mut Words) -> Prices {
    let mut prices = Prices::default();
    let mut at = 0;
    while at < words.len() {
        let found = range(words, at).or_else(|| bound(words, at));
        let Some((found, next)) = found else {
            at += 1;
            continue;
        };
        prices.tighten(found);
        words.take(at, next);
        if ["each", "apiece"].contains(&words.plain(next)) {
            words.take(next, next + 1);
        }
        take_lead(words, at);
        at = next;
    }
    prices
}

impl Prices {
    fn tighten(&mut self, found: Self) {
        self.min = self.min.max(found.min);
        self.max = match (self.max, found.max) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn of(bound: Bound, Cents(cents): Cents) -> Self {
        match bound {
            Below => Self { min: None, max: Some(Cents((cents - 1).max(0))) },
            AtMost => Self { min: None, max: Some(Cents(cents)) },
            Above => Self { min: Some(Cents(cents + 1)), max: None },
            AtLeast => Self { min: Some(Cents(cents)), max: None },
        }
    }
}

/// Takes what leads up to a price: "for", "that costs", "with a price".
fn take_lead(words: &mut Words, before: usize) {
    const NAMES_PRICE: &[&str] =
        &["cost", "costs", "costing", "priced", "price", "prices", "budget", "is", "are"];
    const LEADS: &[&str] =
        &["a", "an", "the", "my", "with", "that", "which", "and", "but", "at", "for"];
    let from = words.take_fillers(before, 3, NAMES_PRICE);
    if from < before {
        words.take_fillers(from, 3, LEADS);
    } else {
        words.take_fillers(before, 1, &["for", "at", "and", "but", "my", "a"]);
    }
}

/// "under $20", "$20 or less", "$100+".
fn bound(words: &Words, at: usize) -> Option<(Prices, usize)> {
    if let Some((phrase, bound)) = BEFORE.iter().find(|(phrase, _)| words.are(at, phrase)) {
        let mut place = at + phrase.len();
        if words.ends_after(place - 1) {
            return None;
        }
        if ["about", "around", "roughly", "only", "just", "say"].contains(&words.plain(place)) {
            place += 1;
        }
        let amount = amount(words, place)?;
        return is_price(words, at, amount)
            .then(|| (Prices::of(*bound, amount.cents), amount.next));
    }
    if let Some(plain) = words.plain(at).strip_suffix('+')
        && let Some((cents, true)) = number(plain)
    {
        return Some((Prices::of(AtLeast, cents), at + 1));
    }
    let amount = amount(words, at).filter(|amount| amount.marked)?;
    if words.ends_after(amount.next - 1) {
        return None;
    }
    let (phrase, bound) = AFTER.iter().find(|(phrase, _)| words.are(amount.next, phrase))?;
    Some((Prices::of(*bound, amount.cents), amount.next + phrase.len()))
}

/// "$10-$20", "between 10 and 20 dollars", "from $10 to $20".
fn range(words: &Words, at: usize) -> Option<(Prices, usize)> {
    let between =
        |one: Cents, other: Cents| Prices { min: Some(one.min(other)), max: Some(one.max(other)) };
    if let Some((one, other)) = words.plain(at).split_once(['-', '–', '—'])
        && let (Some(one), Some(other)) = (number(one), number(other))
    {
        let amount = with_money(words, at, other.0, one.1 || other.1);
        return amount.marked.then(|| (between(one.0, other.0), amount.next));
    }
    let spelled = ["between", "from"].contains(&words.plain(at));
    let one = amount(words, if spelled { at + 1 } else { at })?;
    if !["and", "to", "-", "–", "—"].contains(&words.plain(one.next))
        || words.ends_after(one.next - 1)
        || (!spelled && words.plain(one.next) == "and")
    {
        return None;
    }
    let other = amount(words, one.next + 1)?;
    let marked = one.marked || other.marked;
    let fits = if words.plain(at) == "between" {
        // The unit of the second is that of both.
        is_price(words, at, other) && (other.marked || is_price(words, at, one))
    } else {
        marked && (other.marked || goes_on(words, other))
    };
    fits.then(|| (between(one.cents, other.cents), other.next))
}

/// The amount at a place, with the word of money after it.
fn amount(words: &Words, at: usize) -> Option<Amount> {
    if ["$", "€", "£"].contains(&words.plain(at)) {
        let (cents, _) = number(words.plain(at + 1))?;
        return Some(Amount { cents, marked: true, next: at + 2 });
    }
    let (cents, marked) = number(words.plain(at))?;
    Some(with_money(words, at, cents, marked))
}

fn with_money(words: &Words, at: usize, cents: Cents, marked: bool) -> Amount {
    if words.ends_after(at) {
        return Amount { cents, marked, next: at + 1 };
    }
    let after = words.plain(at + 1);
    if ["cent", "cents"].contains(&after) && !marked {
        return Amount { cents: Cents(cents.0 / 100), marked: true, next: at + 2 };
    }
    if MONEY.contains(&after) {
        return Amount { cents, marked: true, next: at + 2 };
    }
    Amount { cents, marked, next: at + 1 }
}

/// Whether the amount after the word at `at` is one of money.
fn is_price(words: &Words, at: usize, amount: Amount) -> bool {
    let measures = (1..=2).any(|back| {
        at.checked_sub(back).is_some_and(|before| MEASURES.contains(&words.plain(before)))
    });
    amount.marked || (goes_on(words, amount) && !measures)
}

fn goes_on(words: &Words, amount: Amount) -> bool {
    words.ends_after(amount.next - 1)
        || words.get(amount.next).is_none_or(|word| word.taken)
        || GOES_ON.contains(&words.plain(amount.next))
}
