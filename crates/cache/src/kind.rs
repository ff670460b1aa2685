//! What can be kept, for whom, and for how long.

use std::time::Duration;

use retail_domain::TableGroups;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Who may be given a kept answer. Either [`Everyone`] or [`OneIdentity`].
pub trait Audience: sealed::Sealed {
    /// Whether it is kept for one identity.
    const IS_PERSONAL: bool;
}

/// The answer is the same whoever asks. Nothing in it may come from a row that row security hides from
/// anybody, or depend on a scope.
#[derive(Debug, Clone, Copy)]
pub enum Everyone {}

/// The answer is for the identity that asked, and for no other.
#[derive(Debug, Clone, Copy)]
pub enum OneIdentity {}

impl Audience for Everyone {
    const IS_PERSONAL: bool = false;
}

impl Audience for OneIdentity {
    const IS_PERSONAL: bool = true;
}

mod sealed {
    /// A third audience would need a way to make its keys.
    pub trait Sealed {}
    impl Sealed for super::Everyone {}
    impl Sealed for super::OneIdentity {}
}

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its name in statistics and in the names of Redis keys. Two kinds never have the same.
    pub name: &'static str,
    /// To be raised when the written form of the values changes: they do not say of what shape they are.
    pub format: u32,
    /// Longest age of an answer that is given, whatever else holds, unless the settings of a cache say another.
    pub time_to_live: Duration,
    /// Longest age of an answer that is given though the data have changed, while a newer one is read. Zero: such
    /// an answer is never given.
    pub stale_for: Duration,
    /// All that any answer of the kind can depend on.
    pub depends_on: TableGroups,
}

/// An answer that can be kept.
///
/// ```
/// use std::time::Duration;
///
/// use retail_cache::{Cacheable, Everyone, Kind};
/// use retail_domain::{TableGroup, TableGroups};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Categories(Vec<String>);
///
/// impl Cacheable for Categories {
///     type Audience = Everyone;
///     type Request<'a> = ();
///     const KIND: Kind = Kind {
///         name: "categories",
///         format: 1,
///         time_to_live: Duration::from_secs(3600),
///         stale_for: Duration::ZERO,
///         depends_on: TableGroups::NONE.with(TableGroup::Catalogue),
///     };
///
///     fn weight(&self) -> usize {
///         self.0.iter().map(|name| size_of::<String>() + name.len()).sum()
///     }
/// }
/// ```
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Who may be given it.
    type Audience: Audience;

    /// What decides the answer, besides the identity. It must be written the same way each time: so no
    /// `HashMap`.
    type Request<'a>: Serialize;

    /// Its kind.
    const KIND: Kind;

    /// Bytes of memory that it takes, on the heap and inline.
    fn weight(&self) -> usize;

    /// What this answer depends on: a part of [`Kind::depends_on`].
    fn depends_on(&self) -> TableGroups {
        Self::KIND.depends_on
    }

    /// Whether it is worth keeping.
    fn is_worth_keeping(&self) -> bool {
        true
    }
}
