//! A policy as TOML text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::limits::SomeLimits;
use super::{GuardPolicy, PolicyError, Relation};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    /// Whether a relation may be named without its schema.
    unqualified_relations: Option<bool>,
    #[serde(default)]
    relations: BTreeMap<String, RelationFile>,
    #[serde(default)]
    remove_relations: Vec<String>,
    #[serde(default)]
    functions: Changes,
    #[serde(default)]
    operators: Changes,
    #[serde(default)]
    types: Changes,
    #[serde(default)]
    collations: Changes,
    #[serde(default)]
    limits: SomeLimits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationFile {
    columns: Vec<String>,
    #[serde(default)]
    hidden: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

impl GuardPolicy {
    /// Applies one text on top of what is there.
    pub(super) fn apply(&mut self, text: &str) -> Result<(), PolicyError> {
        let file: PolicyFile =
            toml::from_str(text).map_err(|error| PolicyError::Unreadable(error.to_string()))?;
        let PolicyFile {
            unqualified_relations,
            relations,
            remove_relations,
            functions,
            operators,
            types,
            collations,
            limits,
        } = file;
        if let Some(unqualified) = unqualified_relations {
            self.unqualified = unqualified;
        }
        for (name, RelationFile { columns, hidden }) in relations {
            self.add_relation(&name, columns, hidden)?;
        }
        for name in remove_relations {
            self.remove_relation(&name)?;
        }
        change("functions", &mut self.functions, functions)?;
        change("operators", &mut self.operators, operators)?;
        change("types", &mut self.types, types)?;
        change("collations", &mut self.collations, collations)?;
        limits.apply_to(&mut self.limits);
        Ok(())
    }

    pub(super) fn add_relation(
        &mut self,
        full_name: &str,
        columns: Vec<String>,
        hidden: Vec<String>,
    ) -> Result<(), PolicyError> {
        let (schema, name) = split(full_name)?;
        if columns.is_empty() {
            return Err(PolicyError::NoColumns(full_name.to_owned()));
        }
        if let Some(column) = hidden.iter().find(|column| columns.contains(column)) {
            let (relation, column) = (full_name.to_owned(), column.clone());
            return Err(PolicyError::HiddenAndReadable { relation, column });
        }
        let relation =
            Relation { full_name: full_name.to_owned(), name: name.to_owned(), columns, hidden };
        self.relations.insert((schema.to_owned(), name.to_owned()), relation);
        Ok(())
    }

    pub(super) fn remove_relation(&mut self, full_name: &str) -> Result<(), PolicyError> {
        let (schema, name) = split(full_name)?;
        match self.relations.remove(&(schema.to_owned(), name.to_owned())) {
            Some(_) => Ok(()),
            None => Err(not_there("relations", full_name)),
        }
    }
}

fn split(full_name: &str) -> Result<(&str, &str), PolicyError> {
    match full_name.split_once('.') {
        Some((schema, name)) if !schema.is_empty() && !name.is_empty() => Ok((schema, name)),
        _ => Err(PolicyError::RelationName(full_name.to_owned())),
    }
}

/// Takes an entry off a list. An entry that is not there is an error: it is a misspelt name, and
/// what was meant would stay allowed.
pub(super) fn take_off(
    list: &'static str,
    set: &mut BTreeSet<String>,
    name: &str,
) -> Result<(), PolicyError> {
    if set.remove(name) { Ok(()) } else { Err(not_there(list, name)) }
}

fn not_there(list: &'static str, name: &str) -> PolicyError {
    PolicyError::NotOnTheList { list, name: name.to_owned() }
}

fn change(
    list: &'static str,
    set: &mut BTreeSet<String>,
    changes: Changes,
) -> Result<(), PolicyError> {
    let Changes { add, remove } = changes;
    set.extend(add);
    remove.iter().try_for_each(|name| take_off(list, set, name))
}
