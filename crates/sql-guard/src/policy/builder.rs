//! A policy made in code.

use super::file::take_off;
use super::{GuardPolicy, Limits, PolicyError};

/// Changes a policy step by step. Each step replaces or completes what is there.
#[derive(Debug, Clone)]
pub struct PolicyBuilder {
    policy: GuardPolicy,
    /// The first step that failed.
    failure: Option<PolicyError>,
}

impl From<GuardPolicy> for PolicyBuilder {
    fn from(policy: GuardPolicy) -> Self {
        Self { policy, failure: None }
    }
}

impl PolicyBuilder {
    /// Applies a policy text.
    ///
    /// # Errors
    /// [`PolicyError`] names the key.
    pub fn toml(mut self, text: &str) -> Result<Self, PolicyError> {
        self.policy.apply(text)?;
        Ok(self)
    }

    /// Lets a relation, `schema.name`, be read, with these columns.
    #[must_use]
    pub fn relation<I, S>(self, full_name: &str, columns: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.relation_with_hidden(full_name, columns, Vec::<String>::new())
    }

    /// Lets a relation be read that has columns which may not be read. `*` is refused for it.
    #[must_use]
    pub fn relation_with_hidden<I, S, H, T>(self, full_name: &str, columns: I, hidden: H) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
        H: IntoIterator<Item = T>,
        T: Into<String>,
    {
        let columns = columns.into_iter().map(Into::into).collect();
        let hidden = hidden.into_iter().map(Into::into).collect();
        self.step(|policy| policy.add_relation(full_name, columns, hidden))
    }

    /// Takes a relation, `schema.name`, off the list.
    #[must_use]
    pub fn without_relation(self, full_name: &str) -> Self {
        self.step(|policy| policy.remove_relation(full_name))
    }

    /// Whether a relation may be named without its schema. It may, unless this says no.
    #[must_use]
    pub fn unqualified_relations(self, allowed: bool) -> Self {
        self.step(|policy| {
            policy.unqualified = allowed;
            Ok(())
        })
    }

    /// Lets a function of `pg_catalog`, or of another schema as `schema.name`, be called. It must
    /// not be volatile, read settings or catalogues, or run text as SQL.
    #[must_use]
    pub fn function(self, name: &str) -> Self {
        self.step(|policy| {
            policy.functions.insert(name.to_owned());
            Ok(())
        })
    }

    /// Takes a function off the list.
    #[must_use]
    pub fn without_function(self, name: &str) -> Self {
        self.step(|policy| take_off("functions", &mut policy.functions, name))
    }

    /// Lets an operator be used.
    #[must_use]
    pub fn operator(self, name: &str) -> Self {
        self.step(|policy| {
            policy.operators.insert(name.to_owned());
            Ok(())
        })
    }

    /// Takes an operator off the list.
    #[must_use]
    pub fn without_operator(self, name: &str) -> Self {
        self.step(|policy| take_off("operators", &mut policy.operators, name))
    }

    /// Lets a type be used, by PostgreSQL's internal name (`int4`, not `integer`).
    #[must_use]
    pub fn data_type(self, name: &str) -> Self {
        self.step(|policy| {
            policy.types.insert(name.to_owned());
            Ok(())
        })
    }

    /// Takes a type off the list.
    #[must_use]
    pub fn without_data_type(self, name: &str) -> Self {
        self.step(|policy| take_off("types", &mut policy.types, name))
    }

    /// Changes limits.
    #[must_use]
    pub fn limits(self, change: impl FnOnce(&mut Limits)) -> Self {
        self.step(|policy| {
            change(&mut policy.limits);
            Ok(())
        })
    }

    /// The policy.
    ///
    /// # Errors
    /// The first step that could not be done.
    pub fn build(self) -> Result<GuardPolicy, PolicyError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.policy),
        }
    }

    fn step(mut self, change: impl FnOnce(&mut GuardPolicy) -> Result<(), PolicyError>) -> Self {
        if self.failure.is_none() {
            self.failure = change(&mut self.policy).err();
        }
        self
    }
}
