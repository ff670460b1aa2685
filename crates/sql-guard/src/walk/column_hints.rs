//! Refusals of columns, and what was probably meant.

use super::Walker;
use super::hints::{either, nearest};
use super::scope::{Columns, Item};
use crate::policy::Relation;
use crate::rejection::{Rejection, RejectionCode, clip};

impl<'a> Walker<'a> {
    pub(super) fn hidden_column(&self, relation: &Relation, name: &str, place: i32) -> Rejection {
        self.refuse(
            RejectionCode::HiddenColumn,
            place,
            format!("the column \"{}\" of {} is not available", clip(name), relation.full_name),
        )
        .advise(format!("Available columns: {}.", relation.columns.join(", ")))
    }

    pub(super) fn star_shows_hidden(&self, relation: &Relation, place: i32) -> Rejection {
        self.refuse(
            RejectionCode::HiddenColumn,
            place,
            format!("whole rows of {} are not available", relation.full_name),
        )
        .advise(format!("Name the columns: {}.", relation.columns.join(", ")))
    }

    pub(super) fn unknown_qualifier(&self, qualifier: &[&str], place: i32) -> Rejection {
        let items = self.levels.iter().rev().flat_map(|level| &level.items);
        let names: Vec<&str> =
            items.map(|item| item.name.as_str()).filter(|name| !name.is_empty()).collect();
        let hint = if names.is_empty() {
            "Name the table in FROM.".to_owned()
        } else {
            format!(
                "In FROM there is {}. A table with an alias goes by the alias alone.",
                either(&names)
            )
        };
        self.refuse(
            RejectionCode::UnknownRelation,
            place,
            format!("\"{}\" is not in FROM", clip(&qualifier.join("."))),
        )
        .advise(hint)
    }

    pub(super) fn absent_column(&self, item: &Item<'a>, name: &str, place: i32) -> Rejection {
        let (owner, columns) = describe(item);
        let near = nearest(name, columns.iter().map(String::as_str));
        let question = self.meant(name, &near);
        self.refuse(
            RejectionCode::UnknownColumn,
            place,
            format!("{owner} has no column \"{}\"", clip(name)),
        )
        .advise(format!("{question}Columns of {owner}: {}.", some(&columns)))
    }

    /// A bare name that no table in sight has.
    pub(super) fn unknown_column(&self, name: &str, place: i32) -> Rejection {
        let message = format!("the column \"{}\" does not exist here", clip(name));
        let rejection = self.refuse(RejectionCode::UnknownColumn, place, message);
        let is_alias = |level: &super::Level<'_>| level.aliases.iter().any(|alias| alias == name);
        if self.levels.last().is_some_and(is_alias) {
            return rejection.advise(format!(
                "`{}` is a name of the SELECT list: only ORDER BY and GROUP BY can use it. Repeat the expression, or put the SELECT into FROM (…) and filter outside.",
                clip(name)
            ));
        }
        let items: Vec<&Item<'_>> =
            self.levels.iter().rev().flat_map(|level| &level.items).collect();
        if items.is_empty() {
            return rejection.advise(
                "There is no FROM here. Name a table in FROM; write text in single quotes.",
            );
        }
        let described: Vec<(String, Vec<String>)> =
            items.iter().map(|item| describe(item)).collect();
        let known = described.iter().flat_map(|(_, columns)| columns.iter().map(String::as_str));
        let near = nearest(name, known);
        let question = self.meant(name, &near);
        let lists: Vec<String> = described
            .iter()
            .take(4)
            .map(|(owner, columns)| format!("{owner}: {}.", some(columns)))
            .collect();
        rejection.advise(format!("{question}Columns of {}", lists.join(" ")))
    }

    /// The first sentences of a hint at a wrong column name.
    pub(super) fn meant(&self, name: &str, near: &[&str]) -> String {
        let mut meant = self.elsewhere(name);
        if !near.is_empty() {
            let question = if meant.is_empty() { "Did you mean" } else { "Or did you mean" };
            meant = format!("{meant}{question} {}? ", either(near));
        }
        meant
    }

    /// Says which relation, not in FROM, has a column of this name.
    pub(super) fn elsewhere(&self, name: &str) -> String {
        let owners: Vec<&str> = self
            .policy
            .all_relations()
            .filter(|relation| relation.has(name))
            .map(|relation| relation.full_name.as_str())
            .collect();
        match owners.as_slice() {
            [] => String::new(),
            owners => format!("{} has it: join it. ", either(owners)),
        }
    }
}

fn describe(item: &Item<'_>) -> (String, Vec<String>) {
    match &item.columns {
        Columns::Table(relation) => (relation.full_name.clone(), relation.columns.clone()),
        Columns::Known(columns) | Columns::Some(columns, _) => {
            let columns = columns.iter().map(|column| column.name.clone());
            (format!("`{}`", clip(&item.name)), columns.collect())
        }
        Columns::Open(_) => (format!("`{}`", clip(&item.name)), Vec::new()),
    }
}

/// A list of names that fits into a hint.
fn some(names: &[String]) -> String {
    const MOST: usize = 30;
    let mut list: Vec<String> = names.iter().take(MOST).map(|name| clip(name)).collect();
    if names.len() > MOST {
        list.push("…".to_owned());
    }
    list.join(", ")
}
