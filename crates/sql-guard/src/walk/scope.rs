//! Which names are visible where.

use std::rc::Rc;

use super::size::Size;
use crate::policy::Relation;

/// One SELECT, as its expressions see it.
#[derive(Debug, Default)]
pub(super) struct Level<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// Names of the SELECT list, which ORDER BY and GROUP BY may use.
    pub(super) outputs: Vec<String>,
    /// Those of them that are written with AS.
    pub(super) aliases: Vec<String>,
}

/// Something in FROM.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// Its alias or name; empty when it has none.
    pub(super) name: String,
    /// Whether the name is an alias, which hides the relation's own name.
    pub(super) has_alias: bool,
    pub(super) columns: Columns<'a>,
    /// Whether it is a function. `f.name` would call `name(f)` where it has no such column.
    pub(super) is_function: bool,
    /// A relation with hidden columns, which `*` or a whole row of it would show.
    pub(super) hidden: Option<&'a Relation>,
}

/// What is known of an item's columns.
#[derive(Debug, Clone)]
pub(super) enum Columns<'a> {
    Table(&'a Relation),
    /// All of them.
    Known(Rc<Vec<Column>>),
    /// Some of them, and the size of the others.
    Some(Rc<Vec<Column>>, Size),
    /// Only their size.
    Open(Size),
}

/// An output column of a subquery.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) size: Size,
}

/// The output columns of a subquery: all, or only their size.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Known(Vec<Column>),
    Open(Size),
}

/// A query named by WITH.
#[derive(Debug, Clone)]
pub(super) struct Cte {
    pub(super) name: String,
    pub(super) output: CteOutput,
}

#[derive(Debug, Clone)]
pub(super) enum CteOutput {
    Known(Rc<Vec<Column>>),
    Open(Size),
}

impl Output {
    /// The size of any of the columns.
    pub(super) fn size(&self) -> Size {
        match self {
            Self::Known(columns) => {
                columns.iter().fold(Size::default(), |most, column| most.or(column.size))
            }
            Self::Open(size) => *size,
        }
    }

    /// The size of all the columns together.
    pub(super) fn row_size(&self) -> Size {
        match self {
            Self::Known(columns) => {
                columns.iter().fold(Size::default(), |all, column| all.plus(column.size))
            }
            Self::Open(size) => size.times(10),
        }
    }

    /// The same columns under other names; those not named keep theirs.
    pub(super) fn renamed(self, names: &[String]) -> Self {
        match self {
            Self::Known(mut columns) if names.len() <= columns.len() => {
                for (column, name) in columns.iter_mut().zip(names) {
                    column.name.clone_from(name);
                }
                Self::Known(columns)
            }
            Self::Known(_) => Self::Open(self.size()),
            Self::Open(size) => Self::Open(size),
        }
    }

    /// Columns that may come from either.
    pub(super) fn or(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(mut columns), Self::Known(others)) if columns.len() == others.len() => {
                for (column, other) in columns.iter_mut().zip(others) {
                    // The planner may compute what is above for each branch.
                    let weight = column.size.weight.saturating_add(other.size.weight);
                    column.size = Size { weight, ..column.size.or(other.size) };
                }
                Self::Known(columns)
            }
            (one, other) => Self::Open(one.size().or(other.size())),
        }
    }

    /// The same names, each size changed.
    pub(super) fn map(self, change: impl Fn(Size) -> Size) -> Self {
        match self {
            Self::Known(mut columns) => {
                for column in &mut columns {
                    column.size = change(column.size);
                }
                Self::Known(columns)
            }
            Self::Open(size) => Self::Open(change(size)),
        }
    }
}

impl From<Output> for CteOutput {
    fn from(output: Output) -> Self {
        match output {
            Output::Known(columns) => Self::Known(Rc::new(columns)),
            Output::Open(size) => Self::Open(size),
        }
    }
}

impl From<Output> for Columns<'_> {
    fn from(output: Output) -> Self {
        match output {
            Output::Known(columns) => Self::Known(Rc::new(columns)),
            Output::Open(size) => Self::Open(size),
        }
    }
}

impl Columns<'_> {
    /// The columns as those of a subquery.
    pub(super) fn to_output(&self, table_column: Size) -> Output {
        match self {
            Self::Table(relation) => {
                let column = |name: &String| Column { name: name.clone(), size: table_column };
                Output::Known(relation.columns.iter().map(column).collect())
            }
            Self::Known(columns) => Output::Known(columns.as_ref().clone()),
            Self::Some(_, size) | Self::Open(size) => Output::Open(*size),
        }
    }
}
