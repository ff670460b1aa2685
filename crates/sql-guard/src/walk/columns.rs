//! Column references.

use pg_query::protobuf::ColumnRef;
use pg_query::{Node, NodeEnum};

use super::names::string;
use super::scope::{Columns, Item, Output};
use super::size::Size;
use super::{Check, Walker};
use crate::policy::Relation;
use crate::rejection::{RejectionCode, clip};

/// Columns that PostgreSQL adds to every table. They show how rows of all stores lie on disk.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// The last part of a column reference.
enum Last<'t> {
    Column(&'t str),
    Star,
}

/// What an item knows about a column.
enum Lookup<'a> {
    Stored(&'a Relation, &'a str),
    Derived(Size),
    Hidden(&'a Relation),
    Unknown(Size),
    Absent,
}

impl<'a> Walker<'a> {
    /// A column reference as a value.
    pub(super) fn column(&mut self, column: &ColumnRef) -> Check<Size> {
        let ColumnRef { fields, location } = column;
        let place = self.visit(*location);
        match self.column_parts(fields)? {
            (qualifier, Last::Column(name)) => self.named_column(&qualifier, name, place),
            (qualifier, Last::Star) => {
                let output = self.expand_star(&qualifier, place)?;
                Ok(output.row_size())
            }
        }
    }

    /// The columns that an item of the SELECT list stands for, if it is `*` or ends with `.*`.
    pub(super) fn star(&mut self, value: &Node) -> Check<Option<Output>> {
        match &value.node {
            Some(NodeEnum::ColumnRef(ColumnRef { fields, location })) => {
                let place = self.visit(*location);
                match self.column_parts(fields)? {
                    (qualifier, Last::Star) => self.expand_star(&qualifier, place).map(Some),
                    (_, Last::Column(_)) => Ok(None),
                }
            }
            Some(NodeEnum::AIndirection(indirection))
                if indirection
                    .indirection
                    .last()
                    .is_some_and(|last| matches!(last.node, Some(NodeEnum::AStar(_)))) =>
            {
                Ok(Some(Output::Open(self.expr(value)?)))
            }
            _ => Ok(None),
        }
    }

    /// ORDER BY, GROUP BY and DISTINCT ON also take names of the SELECT list.
    pub(super) fn expr_or_output(&mut self, node: &Node) -> Check {
        if let Some(NodeEnum::ColumnRef(ColumnRef { fields, location: _ })) = &node.node
            && let [field] = fields.as_slice()
            && let Some(name) = string(field)
            && !is_system_column(name)
            && let Some(level) = self.levels.last()
            && level.outputs.iter().any(|output| output == name)
        {
            // PostgreSQL prefers the output's name; a hidden column is never one.
            if self.hiding(name).is_none() {
                self.note_column(name);
                return Ok(());
            }
        }
        self.expr(node).map(drop)
    }

    fn column_parts<'t>(&self, fields: &'t [Node]) -> Check<(Vec<&'t str>, Last<'t>)> {
        let Some((last, qualifier)) = fields.split_last() else { return Err(self.unexpected()) };
        let qualifier: Option<Vec<&str>> = qualifier.iter().map(string).collect();
        let qualifier = qualifier.ok_or_else(|| self.unexpected())?;
        let last = match &last.node {
            Some(NodeEnum::AStar(_)) => Last::Star,
            Some(NodeEnum::String(name)) => Last::Column(&name.sval),
            _ => return Err(self.unexpected()),
        };
        Ok((qualifier, last))
    }

    fn named_column(&mut self, qualifier: &[&str], name: &str, place: i32) -> Check<Size> {
        self.no_system_column(name, place)?;
        match qualifier {
            [] => self.bare_column(name, place),
            [_] | [_, _] => {
                let Some(item) = self.find_item(qualifier) else {
                    return Err(self.unknown_qualifier(qualifier, place));
                };
                self.item_column(&item, name, place)
            }
            _ => Err(self
                .refuse(RejectionCode::UnknownColumn, place, "a column name has too many parts")
                .advise("Write alias.column.")),
        }
    }

    fn no_system_column(&self, name: &str, place: i32) -> Check {
        if is_system_column(name) {
            return Err(self
                .refuse(
                    RejectionCode::HiddenColumn,
                    place,
                    format!("the system column \"{name}\" is not available"),
                )
                .advise("Use the table's own columns; call a result of yours by another name."));
        }
        // `t.f` also means `f(t)`.
        if name.starts_with("pg_") {
            return Err(self
                .refuse(
                    RejectionCode::UnknownColumn,
                    place,
                    format!("there is no column \"{}\"", clip(name)),
                )
                .advise(
                    "Names that begin with pg_ are PostgreSQL's own; use the tables' columns.",
                ));
        }
        Ok(())
    }

    fn bare_column(&mut self, name: &str, place: i32) -> Check<Size> {
        if let Some(relation) = self.hiding(name) {
            return Err(self.hidden_column(relation, name, place));
        }
        for level in self.levels.iter().rev() {
            let mut unknown = None;
            let mut found: Vec<Lookup<'a>> = Vec::new();
            for item in &level.items {
                match lookup(item, name) {
                    Lookup::Absent | Lookup::Hidden(_) => {}
                    Lookup::Unknown(size) => unknown = Some(size.or(unknown.unwrap_or_default())),
                    lookup => found.push(lookup),
                }
            }
            if !found.is_empty() {
                let mut size = unknown.unwrap_or_default();
                let mut stored = Vec::new();
                for lookup in found {
                    match lookup {
                        Lookup::Stored(relation, column) => {
                            size = size.or(self.column_size());
                            stored.push((relation.full_name.as_str(), column));
                        }
                        Lookup::Derived(derived) => {
                            self.add_weight(derived.weight)?;
                            size = size.or(derived);
                        }
                        _ => {}
                    }
                }
                // In a join by USING, both sides have it.
                if unknown.is_none() {
                    self.columns.extend(stored);
                }
                return Ok(size);
            }
            // A whole row, or what a function in FROM gives.
            if let Some(item) = level.items.iter().find(|item| item.name == name) {
                let item = item.clone();
                return self.whole_row(&item, place);
            }
            if let Some(size) = unknown {
                self.add_weight(size.weight)?;
                return Ok(size);
            }
        }
        Err(self.unknown_column(name, place))
    }

    /// Notes which relation a name of the SELECT list comes from, if it is plain.
    fn note_column(&mut self, name: &str) {
        let Some(level) = self.levels.last() else { return };
        let stored: Vec<_> = level
            .items
            .iter()
            .filter_map(|item| match lookup(item, name) {
                Lookup::Stored(relation, column) => Some((relation.full_name.as_str(), column)),
                _ => None,
            })
            .collect();
        if let [one] = stored.as_slice() {
            self.columns.insert(*one);
        }
    }

    fn item_column(&mut self, item: &Item<'a>, name: &str, place: i32) -> Check<Size> {
        match lookup(item, name) {
            Lookup::Stored(relation, column) => {
                self.columns.insert((&relation.full_name, column));
                Ok(self.column_size())
            }
            Lookup::Hidden(relation) => Err(self.hidden_column(relation, name, place)),
            Lookup::Unknown(_) if item.is_function && !self.is_field(name) => {
                Err(self.absent_column(item, name, place))
            }
            Lookup::Derived(size) | Lookup::Unknown(size) => {
                self.add_weight(size.weight)?;
                Ok(size)
            }
            Lookup::Absent => Err(self.absent_column(item, name, place)),
        }
    }

    /// The item that a qualifier names, from the inside out.
    fn find_item(&self, qualifier: &[&str]) -> Option<Item<'a>> {
        let matches = |item: &&Item<'a>| match qualifier {
            [name] => item.name == *name,
            [schema, name] => {
                let Columns::Table(relation) = item.columns else { return false };
                !item.has_alias
                    && self.policy.relation(schema, name).is_some_and(|found| found == relation)
            }
            _ => false,
        };
        self.levels.iter().rev().find_map(|level| level.items.iter().find(matches)).cloned()
    }

    /// Checks `*` or `item.*`, and gives the columns that it stands for.
    fn expand_star(&mut self, qualifier: &[&str], place: i32) -> Check<Output> {
        let items: Vec<Item<'a>> = match qualifier {
            [] => self.levels.last().map(|level| level.items.clone()).unwrap_or_default(),
            [_] | [_, _] => match self.find_item(qualifier) {
                Some(item) => vec![item],
                None => return Err(self.unknown_qualifier(qualifier, place)),
            },
            _ => return Err(self.unexpected()),
        };
        if let Some(relation) = items.iter().find_map(|item| item.hidden) {
            return Err(self.star_shows_hidden(relation, place));
        }
        let size = self.column_size();
        let mut all = Vec::new();
        let mut open = None;
        for item in &items {
            match item.columns.to_output(size) {
                Output::Known(columns) => all.extend(columns),
                Output::Open(size) => open = Some(size.or(open.unwrap_or_default())),
            }
        }
        let known = Output::Known(all);
        self.add_weight(known.row_size().plus(open.unwrap_or_default()).weight)?;
        Ok(match open {
            Some(size) => Output::Open(size.or(known.size())),
            None => known,
        })
    }

    fn whole_row(&mut self, item: &Item<'a>, place: i32) -> Check<Size> {
        if let Some(relation) = item.hidden {
            return Err(self.star_shows_hidden(relation, place));
        }
        let size = item.columns.to_output(self.column_size()).row_size();
        self.add_weight(size.weight)?;
        Ok(size)
    }

    /// A column that both sides of a join have.
    pub(super) fn using_column(&mut self, name: &str, before: usize) -> Check {
        let place = self.here;
        self.no_system_column(name, place)?;
        if let Some(relation) = self.hiding(name) {
            return Err(self.hidden_column(relation, name, place));
        }
        let items = self.levels.last().map(|level| level.items.get(before..).unwrap_or_default());
        let mut absent = None;
        let mut stored = Vec::new();
        let mut found = 0;
        for item in items.unwrap_or_default() {
            match lookup(item, name) {
                Lookup::Stored(relation, column) => {
                    found += 1;
                    stored.push((relation.full_name.as_str(), column));
                }
                Lookup::Absent => absent = Some(item.clone()),
                _ => found += 2,
            }
        }
        self.columns.extend(stored);
        match absent {
            // Of many tables joined before, one must have it.
            Some(item) if found < 2 => Err(self.absent_column(&item, name, place)),
            _ => Ok(()),
        }
    }

    /// A field of a composite value, as in `(o).order_date`.
    pub(super) fn field(&mut self, arg: &Node, name: &str) -> Check<Size> {
        let place = self.here;
        self.no_system_column(name, place)?;
        if let Some(NodeEnum::ColumnRef(ColumnRef { fields, location: _ })) = &arg.node {
            let qualifier: Option<Vec<&str>> = fields.iter().map(string).collect();
            if let Some(item) = qualifier.and_then(|qualifier| self.find_item(&qualifier)) {
                return self.item_column(&item, name, place);
            }
        }
        // `(x).f` also means `f(x)`, for every function there is, so only fields pass.
        if !self.is_field(name) {
            return Err(self
                .refuse(
                    RejectionCode::UnknownColumn,
                    place,
                    format!("there is no field \"{}\"", clip(name)),
                )
                .advise("Name a column of a table, or `key` and `value` of jsonb_each; call functions as f(x)."));
        }
        Ok(Size::UNBOUNDED)
    }

    /// Whether a name is certainly a field and no function.
    fn is_field(&self, name: &str) -> bool {
        matches!(name, "key" | "value" | "ordinality")
            || self.policy.all_relations().any(|relation| relation.has(name))
    }

    pub(super) fn column_size(&self) -> Size {
        Size::of_column(self.limits().assumed_text_bytes)
    }

    /// The relation in sight that hides a column of this name.
    fn hiding(&self, name: &str) -> Option<&'a Relation> {
        let items = self.levels.iter().rev().flat_map(|level| &level.items);
        items.filter_map(|item| item.hidden).find(|relation| relation.hides(name))
    }
}

fn lookup<'a>(item: &Item<'a>, name: &str) -> Lookup<'a> {
    match &item.columns {
        Columns::Table(relation) if relation.hides(name) => Lookup::Hidden(relation),
        Columns::Table(relation) => {
            let column = relation.columns.iter().find(|column| *column == name);
            column.map_or(Lookup::Absent, |column| Lookup::Stored(relation, column))
        }
        Columns::Known(columns) => {
            let column = columns.iter().find(|column| column.name == name);
            column.map_or(Lookup::Absent, |column| Lookup::Derived(column.size))
        }
        Columns::Some(columns, size) => {
            let column = columns.iter().find(|column| column.name == name);
            column.map_or(Lookup::Unknown(*size), |column| Lookup::Derived(column.size))
        }
        Columns::Open(_) if item.hidden.is_some_and(|relation| relation.hides(name)) => {
            item.hidden.map_or(Lookup::Absent, Lookup::Hidden)
        }
        Columns::Open(size) => Lookup::Unknown(*size),
    }
}

fn is_system_column(name: &str) -> bool {
    SYSTEM_COLUMNS.contains(&name)
}
