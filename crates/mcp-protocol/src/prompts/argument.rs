//! What a prompt can be told.

use retail_domain::{Principal, Visibility};
use rmcp::model::PromptArgument;

/// What an argument is: how it is checked, and what completes it. All of them are texts in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A phrase for days, such as `last week`.
    Period,
    /// A phrase for the days to compare with, such as `previous period`.
    Comparison,
    /// A store. Only those who see all of them can choose.
    Store,
    /// A category of products.
    Category,
    /// A type of products.
    ProductType,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// Anything.
    Text,
}

/// An argument of a prompt.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    /// What counts where nothing is given.
    pub(crate) default: Option<&'static str>,
}

impl Argument {
    /// The store, where the caller has a choice.
    pub(super) const STORE: Self = Self {
        name: "store",
        title: "Store",
        description: "One store, by name; the last word will do: Seattle. All stores if left out.",
        kind: Kind::Store,
        is_required: false,
        default: None,
    };

    /// A category that narrows the question.
    pub(super) const CATEGORY: Self = Self {
        name: "category",
        title: "Category",
        description: "One category of products, such as HAND TOOLS. All if left out.",
        kind: Kind::Category,
        is_required: false,
        default: None,
    };

    /// A product type that narrows the question.
    pub(super) const PRODUCT_TYPE: Self = Self {
        name: "product_type",
        title: "Product type",
        description: "One type of products, such as HAMMERS. All if left out.",
        kind: Kind::ProductType,
        is_required: false,
        default: None,
    };

    /// The days that the question is about.
    pub(super) const fn period(default: &'static str, description: &'static str) -> Self {
        Self {
            name: "period",
            title: "Period",
            description,
            kind: Kind::Period,
            is_required: false,
            default: Some(default),
        }
    }

    /// The days to compare with.
    pub(super) const fn comparison(default: &'static str, description: &'static str) -> Self {
        Self {
            name: "compare_to",
            title: "Compared with",
            description,
            kind: Kind::Comparison,
            is_required: false,
            default: Some(default),
        }
    }

    pub(super) fn listed(&self) -> PromptArgument {
        PromptArgument::new(self.name)
            .with_title(self.title)
            .with_description(self.description)
            .with_required(self.is_required)
    }
}

/// Whether there is a store to choose.
pub(super) fn sees_all(principal: &Principal) -> bool {
    matches!(principal.visibility(), Visibility::AllStores)
}
