//! Which shapes of statements took the most time lately.

use std::collections::HashMap;
use std::time::Duration;

use retail_domain::ports::ObservedTransaction;
use serde::Serialize;

/// Shapes that are counted at once. A manager's assistant has written some dozens in a day.
const MAX_SHAPES: usize = 500;

/// How long a generation lasts. What is told is of this one and the one before it.
const GENERATION: Duration = Duration::from_hours(1);

/// A shape of statements, and what it took in the last one to two hours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlowStatement {
    /// The shape, as in the audit log.
    pub fingerprint: String,
    /// How often it ran.
    pub calls: u64,
    /// How often it failed.
    pub errors: u64,
    /// Time of all its transactions.
    pub total_seconds: f64,
    /// The longest one.
    pub max_seconds: f64,
    /// Hash of the plan that PostgreSQL had for it last: its nodes, tables and indexes. None where it is not known.
    pub plan: Option<String>,
    /// How many different ones there were, eight at most. Head office's is another one than a store's, by row security.
    pub plans: usize,
}

/// Plans of one shape that are told apart.
const MAX_PLANS: usize = 8;

#[derive(Debug, Clone, Default)]
struct Took {
    calls: u64,
    errors: u64,
    total: Duration,
    max: Duration,
    /// What the one had taken whose place it has. It counts when places are given up, so that two that come in turns
    /// do not always drive each other out ("space saving", Metwally et al., 2005).
    inherited: Duration,
    /// Different plans, the last one at the end.
    plans: Vec<Box<str>>,
}

impl Took {
    fn weight(&self) -> Duration {
        self.total + self.inherited
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.total += other.total;
        self.max = self.max.max(other.max);
        for plan in &other.plans {
            self.plans.retain(|known| known != plan);
            if self.plans.len() == MAX_PLANS {
                self.plans.remove(0);
            }
            self.plans.push(plan.clone());
        }
    }
}

/// Two generations of counts.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    generation: u64,
    now: HashMap<Box<str>, Took>,
    before: HashMap<Box<str>, Took>,
}

impl Statements {
    /// Counts a transaction, if its statement was a caller's.
    pub(crate) fn record(&mut self, at: Duration, transaction: &ObservedTransaction<'_>) {
        self.turn(at);
        let Some(shape) = transaction.fingerprint else { return };
        let mut one = Took {
            calls: 1,
            errors: transaction.error.is_some().into(),
            total: transaction.duration,
            max: transaction.duration,
            plans: transaction.plan.map(Into::into).into_iter().collect(),
            ..Took::default()
        };
        if let Some(known) = self.now.get_mut(shape) {
            known.add(&one);
            return;
        }
        if self.now.len() >= MAX_SHAPES {
            // The one that matters least makes room.
            let least = self.now.iter().min_by_key(|(_, took)| took.weight());
            if let Some((shape, weight)) = least.map(|(shape, took)| (shape.clone(), took.weight()))
            {
                one.inherited = weight;
                self.now.remove(&shape);
            }
        }
        self.now.insert(shape.into(), one);
    }

    /// The `count` shapes that took the most time together, the longest first.
    pub(crate) fn slowest(&mut self, at: Duration, count: usize) -> Vec<SlowStatement> {
        self.turn(at);
        let mut all = self.before.clone();
        for (shape, took) in &self.now {
            all.entry(shape.clone()).or_default().add(took);
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by(|(a_shape, a), (b_shape, b)| b.total.cmp(&a.total).then(a_shape.cmp(b_shape)));
        all.truncate(count);
        all.into_iter()
            .map(|(shape, took)| SlowStatement {
                fingerprint: shape.into(),
                calls: took.calls,
                errors: took.errors,
                total_seconds: took.total.as_secs_f64(),
                max_seconds: took.max.as_secs_f64(),
                plans: took.plans.len(),
                plan: took.plans.last().map(ToString::to_string),
            })
            .collect()
    }

    fn turn(&mut self, at: Duration) {
        let generation = at.as_secs() / GENERATION.as_secs();
        match generation.saturating_sub(self.generation) {
            0 => return,
            1 => self.before = std::mem::take(&mut self.now),
            _ => {
                self.before.clear();
                self.now.clear();
            }
        }
        self.generation = generation;
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::ErrorCode;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    impl Statements {
        fn ran(&mut self, at: Duration, shape: &str, took: Duration, failed: bool) {
            self.planned(at, shape, took, failed, None);
        }

        fn planned(
            &mut self,
            at: Duration,
            shape: &str,
            took: Duration,
            failed: bool,
            plan: Option<&str>,
        ) {
            let mut one = ObservedTransaction::new("stores", took);
            (one.fingerprint, one.plan) = (Some(shape), plan);
            one.error = failed.then_some(ErrorCode::QueryFailed);
            self.record(at, &one);
        }
    }

    #[test]
    fn different_plans_are_told_apart() {
        let mut statements = Statements::default();
        for plan in [Some("p1"), None, Some("p2"), Some("p1"), None] {
            statements.planned(Duration::ZERO, "a", MS, false, plan);
        }
        let told = statements.slowest(Duration::ZERO, 1);
        assert_eq!((told[0].plan.as_deref(), told[0].plans), (Some("p1"), 2));
        // Across two generations, too, and never many.
        for n in 0..100 {
            statements.planned(GENERATION, "a", MS, false, Some(&format!("q{n}")));
        }
        let told = statements.slowest(GENERATION, 1);
        assert_eq!((told[0].plan.as_deref(), told[0].plans), (Some("q99"), MAX_PLANS));
    }

    #[test]
    fn the_longest_come_first_and_the_old_are_forgotten() {
        let mut statements = Statements::default();
        let minute = Duration::from_mins(1);
        statements.ran(minute, "a", MS, false);
        statements.ran(minute, "b", MS * 6, true);
        statements.ran(minute, "a", MS * 3, false);
        let told = statements.slowest(minute * 61, 10);
        assert_eq!(told.iter().map(|s| s.fingerprint.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((told[0].calls, told[0].errors, told[1].calls, told[1].errors), (1, 1, 2, 0));
        assert!((told[1].total_seconds - 0.004).abs() < 1e-9);
        assert!((told[1].max_seconds - 0.003).abs() < 1e-9);
        statements.ran(minute * 61, "a", MS, false);
        assert_eq!(statements.slowest(minute * 61, 1)[0].fingerprint, "b");
        assert_eq!(statements.slowest(minute * 121, 10).len(), 1, "only that of the last hour");
        assert!(statements.slowest(minute * 600, 10).is_empty());
    }

    #[test]
    fn two_that_come_in_turns_keep_their_places() {
        let mut statements = Statements::default();
        for n in 0..MAX_SHAPES {
            statements.ran(Duration::ZERO, &n.to_string(), MS * 1000, false);
        }
        for _ in 0..1000 {
            statements.ran(Duration::ZERO, "x", MS * 500, false);
            statements.ran(Duration::ZERO, "y", MS * 500, false);
        }
        let told = statements.slowest(Duration::ZERO, 2);
        assert_eq!(told.iter().map(|s| s.fingerprint.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((told[0].calls, told[1].calls), (1000, 1000));
    }

    #[test]
    fn there_are_never_many() {
        let mut statements = Statements::default();
        statements.ran(Duration::ZERO, "long", MS * 1000, false);
        for n in 0..10 * MAX_SHAPES {
            statements.ran(Duration::ZERO, &n.to_string(), MS, false);
        }
        assert_eq!(statements.now.len(), MAX_SHAPES);
        assert_eq!(statements.slowest(Duration::ZERO, 1)[0].fingerprint, "long");
    }
}
