//! What may be used, as data.

mod builder;
mod file;
mod limits;

use std::collections::{BTreeMap, BTreeSet};

pub use builder::PolicyBuilder;
pub use limits::Limits;

/// The allow-lists and limits of a guard: what is not on a list is refused.
///
/// [`GuardPolicy::default`] allows functions, operators and types that any schema needs, and no
/// relation. Relations come from a TOML text or from [`GuardPolicy::builder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardPolicy {
    /// By schema and name.
    relations: BTreeMap<(String, String), Relation>,
    unqualified: bool,
    functions: BTreeSet<String>,
    operators: BTreeSet<String>,
    types: BTreeSet<String>,
    collations: BTreeSet<String>,
    limits: Limits,
}

/// A table or view that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// `schema.name`
    pub(crate) full_name: String,
    pub(crate) name: String,
    /// Columns that may be read.
    pub(crate) columns: Vec<String>,
    /// Columns that are there and may not be read.
    pub(crate) hidden: Vec<String>,
}

impl Relation {
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    pub(crate) fn hides(&self, column: &str) -> bool {
        self.hidden.iter().any(|name| name == column)
    }
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not TOML, or has a key that no policy has. The message names it.
    #[error("the guard policy cannot be read: {0}")]
    Unreadable(String),
    /// A relation is not written as `schema.name`.
    #[error("`relations.{0}`: write a relation as \"schema.name\"")]
    RelationName(String),
    /// A relation has no columns.
    #[error("`relations.{0}.columns`: name at least one column")]
    NoColumns(String),
    /// A column is both readable and hidden.
    #[error("`relations.{relation}.hidden`: `{column}` is in `columns` too")]
    HiddenAndReadable {
        /// `schema.name`
        relation: String,
        /// The column.
        column: String,
    },
    /// Something to remove is not there.
    #[error("`{list}.remove`: `{name}` is not on the list")]
    NotOnTheList {
        /// The list, such as `functions`.
        list: &'static str,
        /// The entry.
        name: String,
    },
}

impl Default for GuardPolicy {
    #[expect(clippy::expect_used, reason = "the text is in the program, and a test reads it")]
    fn default() -> Self {
        let mut policy = Self {
            relations: BTreeMap::new(),
            unqualified: true,
            functions: BTreeSet::new(),
            operators: BTreeSet::new(),
            types: BTreeSet::new(),
            collations: BTreeSet::new(),
            limits: Limits::default(),
        };
        policy.apply(include_str!("../policy/default.toml")).expect("a valid default policy");
        policy
    }
}

impl GuardPolicy {
    /// Starts from the default policy.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::from(Self::default())
    }

    /// Reads a policy in TOML, on top of the default policy.
    ///
    /// # Errors
    /// [`PolicyError`] names the key.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        Self::builder().toml(text)?.build()
    }

    /// The functions that may be called, in alphabetical order.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(String::as_str)
    }

    /// The operators that may be used.
    pub fn operators(&self) -> impl Iterator<Item = &str> {
        self.operators.iter().map(String::as_str)
    }

    /// The relations that may be read, as `schema.name`, in alphabetical order.
    pub fn relations(&self) -> impl Iterator<Item = &str> {
        self.relations.values().map(|relation| relation.full_name.as_str())
    }

    /// The columns of a relation that may be read. Empty for an unknown relation.
    pub fn columns(&self, schema: &str, relation: &str) -> impl Iterator<Item = &str> {
        let found = self.relations.get(&(schema.to_owned(), relation.to_owned()));
        found.into_iter().flat_map(|relation| relation.columns.iter().map(String::as_str))
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn all_relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The relation of this name; without a schema, the first of this name.
    pub(crate) fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        if schema.is_empty() {
            let mut all = self.relations.values();
            return all.find(|relation| self.unqualified && relation.name == name);
        }
        self.relations.get(&(schema.to_owned(), name.to_owned()))
    }

    pub(crate) fn allows_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    pub(crate) fn allows_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    pub(crate) fn allows_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    pub(crate) fn allows_collation(&self, name: &str) -> bool {
        self.collations.contains(name)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(String::as_str)
    }
}
