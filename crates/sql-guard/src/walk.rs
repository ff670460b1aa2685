//! The walk over the syntax tree: what is not named here is refused.

mod bounds;
mod call;
mod column_hints;
mod columns;
mod constants;
mod expr;
mod from;
mod grouping;
mod hints;
mod json;
mod literals;
mod names;
mod numbers;
mod output;
mod scope;
mod select;
mod series;
mod size;
mod texts;
mod with;

use std::collections::BTreeSet;

use pg_query::protobuf::SelectStmt;

use crate::policy::{GuardPolicy, Limits};
use crate::rejection::{Rejection, RejectionCode};
use scope::{Cte, Level};

/// The result of a look at one part of the tree.
type Check<T = ()> = Result<T, Rejection>;

/// What a statement touches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) relations: Vec<String>,
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) functions: Vec<String>,
}

/// Walks one statement. It stops at the first thing that is not allowed.
#[derive(Debug)]
pub(crate) struct Walker<'a> {
    policy: &'a GuardPolicy,
    sql: &'a str,
    /// The SELECTs around the current place, the innermost last.
    levels: Vec<Level<'a>>,
    /// The WITH queries that can be named at the current place, the innermost last.
    ctes: Vec<Cte>,
    /// The last place seen, for parts of the tree that have none.
    here: i32,
    /// Whether a SELECT list is being walked: only there does a recursive query grow.
    in_targets: bool,
    /// How deep the walk is.
    depth: u32,
    /// Parts of expressions so far, each subquery's as often as its columns are named.
    weight: u64,
    counts: Counts,
    relations: BTreeSet<&'a str>,
    columns: BTreeSet<(&'a str, &'a str)>,
    functions: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Counts {
    relations: u32,
    ctes: u32,
    set_branches: u32,
    windows: u32,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(policy: &'a GuardPolicy, sql: &'a str) -> Self {
        Self {
            policy,
            sql,
            levels: Vec::new(),
            ctes: Vec::new(),
            here: -1,
            in_targets: false,
            depth: 0,
            weight: 0,
            counts: Counts::default(),
            relations: BTreeSet::new(),
            columns: BTreeSet::new(),
            functions: BTreeSet::new(),
        }
    }

    /// Checks the statement.
    pub(crate) fn statement(&mut self, select: &SelectStmt) -> Check {
        self.select(select).map(drop)
    }

    pub(crate) fn into_found(self) -> Found {
        Found {
            relations: self.relations.into_iter().map(str::to_owned).collect(),
            columns: self
                .columns
                .into_iter()
                .map(|(relation, column)| (relation.to_owned(), column.to_owned()))
                .collect(),
            functions: self.functions.into_iter().collect(),
        }
    }

    fn limits(&self) -> &'a Limits {
        self.policy.limits()
    }

    /// Remembers the place of a node, and gives it.
    fn visit(&mut self, location: i32) -> i32 {
        if location >= 0 {
            self.here = location;
        }
        self.here
    }

    /// A refusal at a place.
    fn refuse(&self, code: RejectionCode, location: i32, message: impl Into<String>) -> Rejection {
        let rejection = Rejection::new(code, message);
        let place = if location >= 0 { location } else { self.here };
        match usize::try_from(place) {
            Ok(byte) => rejection.at(self.sql, byte),
            Err(_) => rejection,
        }
    }

    /// A refusal of a form of SELECT.
    fn unsupported(&self, location: i32, what: &str, hint: &str) -> Rejection {
        self.refuse(RejectionCode::UnsupportedSyntax, location, format!("{what} is not available"))
            .advise(hint)
    }

    /// A part of the tree that PostgreSQL's parser never makes.
    fn unexpected(&self) -> Rejection {
        self.refuse(RejectionCode::UnsupportedSyntax, -1, "this form is not available")
            .advise("Write it in a plainer way.")
    }

    /// Refuses a part of the tree that must be absent.
    fn absent<T>(&self, part: Option<&T>) -> Check {
        match part {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn too_many(&self, location: i32, what: &str, most: u32) -> Rejection {
        self.refuse(
            RejectionCode::TooComplex,
            location,
            format!("more than {most} {what} in one statement"),
        )
        .advise("Ask for less at a time.")
    }

    /// Adds parts of expressions. The planner's memory and time grow with them, and nothing stops it
    /// there.
    fn add_weight(&mut self, weight: u64) -> Check {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= u64::from(self.limits().max_expressions) {
            return Ok(());
        }
        Err(self
            .refuse(
                RejectionCode::TooExpensive,
                -1,
                "columns of subqueries are used so often that planning could take all memory",
            )
            .advise("Aggregate in the subqueries, or name a computed column fewer times."))
    }

    /// Goes one level down, so that no tree exhausts the stack.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Check<T>) -> Check<T> {
        // The decoder of the tree allows about 50 levels already.
        const MOST: u32 = 128;
        if self.depth >= MOST {
            return Err(self
                .refuse(RejectionCode::TooComplex, -1, "the statement is nested too deeply")
                .advise("Use fewer levels, or name parts of it in WITH queries."));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}
