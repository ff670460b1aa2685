//! Analytic statements over the twelve tables, made up at random and repeatable.
//!
//! Each statement is valid SQL, runs in milliseconds on the tiny sample data, and orders its rows
//! by all their columns: two databases in which a caller sees the same rows must give the same
//! bytes. Hence no floating point in an answer, no scale of a `numeric` left to the plan, and an
//! ORDER BY inside each aggregate and window that depends on one.
//!
//! ```
//! use retail_testkit::SqlGenerator;
//!
//! let first: Vec<String> = SqlGenerator::new(7).take(3).collect();
//! assert_eq!(first, SqlGenerator::new(7).take(3).collect::<Vec<_>>());
//! ```

mod choice;
mod expressions;
mod nasty;
mod predicates;
mod recipes;
mod recursion;
mod schema;
mod scope;
mod sources;
#[cfg(test)]
mod tests;

use choice::Choice;
use recipes::Query;

/// How deep queries stand in each other.
const DEPTH: usize = 2;

/// An endless series of statements. The same seed gives the same series.
#[derive(Debug, Clone)]
pub struct SqlGenerator {
    seed: u64,
    next: u64,
}

impl SqlGenerator {
    /// The series of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    /// One statement of the series, by its number from 0: what a failed test names.
    pub fn statement(&self, number: u64) -> String {
        Writer { choice: Choice::new(self.seed, number), aliases: 0 }.statement()
    }
}

impl Iterator for SqlGenerator {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let statement = self.statement(self.next);
        self.next += 1;
        Some(statement)
    }
}

/// Writes one statement.
#[derive(Debug)]
struct Writer {
    choice: Choice,
    aliases: usize,
}

impl Writer {
    /// A name that the statement does not have yet.
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn statement(&mut self) -> String {
        if self.choice.percent(25) {
            // Whole: whether a cut one meets an error would depend on the plan.
            let query = self.nasty();
            return self.ordered(&query);
        }
        let query = self.query(DEPTH);
        let ordered = self.ordered(&query);
        self.cut(ordered)
    }

    /// The query in a total order.
    fn ordered(&mut self, query: &Query) -> String {
        let with = if query.with.is_empty() {
            String::new()
        } else {
            format!("WITH RECURSIVE {} ", query.with.join(", "))
        };
        let order: Vec<String> = (1..=query.columns.len())
            .map(|number| {
                let direction = *self.choice.pick(&[
                    "",
                    "",
                    " ASC",
                    " DESC",
                    " NULLS FIRST",
                    " DESC NULLS LAST",
                ]);
                format!("{number}{direction}")
            })
            .collect();
        format!("{with}{} ORDER BY {}", query.body, order.join(", "))
    }

    /// The statement, sometimes without all its rows.
    fn cut(&mut self, statement: String) -> String {
        let rows = self.choice.between(1, 60);
        match self.choice.below(10) {
            0 | 1 => format!("{statement} LIMIT {rows}"),
            2 => format!("{statement} LIMIT {rows} OFFSET {}", self.choice.below(20)),
            3 => format!("{statement} FETCH FIRST {rows} ROWS ONLY"),
            // PostgreSQL hands the ties down to the index scan that it makes of min() and max(),
            // and then fails for more than one row.
            4 if !statement.contains("min(") && !statement.contains("max(") => {
                format!("{statement} FETCH FIRST {rows} ROWS WITH TIES")
            }
            _ => statement,
        }
    }
}
