//! Names of stores, categories and product types: what callers may filter by.

use retail_domain::{Error, ErrorCode, JsonRow, Visibility};
use serde_json::Value;

use crate::statement::Filter;
use crate::words::nearest;

/// The names that a caller can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// Stores, by name: of a store's manager, one.
    pub stores: Vec<String>,
    /// Categories, by name.
    pub categories: Vec<String>,
    /// Product types with their categories, by name.
    pub product_types: Vec<(String, String)>,
}

/// What was meant by a name.
enum Meant<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
    None,
}

impl Names {
    /// Gives all of them.
    pub(crate) const SQL: &'static str = "SELECT 's' AS kind, s.store_name AS name, NULL AS category FROM retail.stores s \
        UNION ALL SELECT 'c', c.category_name, NULL FROM retail.categories c \
        UNION ALL SELECT 't', t.type_name, c.category_name FROM retail.product_types t \
        JOIN retail.categories c ON c.category_id = t.category_id ORDER BY 1, 2, 3";

    pub(crate) fn read(rows: Vec<JsonRow>) -> Result<Self, Error> {
        let mut names = Self::default();
        for row in rows {
            let mut texts = row.into_iter().map(|value| match value {
                Value::String(text) => text,
                _ => String::new(),
            });
            let (Some(kind), Some(name), Some(category)) =
                (texts.next(), texts.next(), texts.next())
            else {
                return Err(Error::internal("a row of names has too few columns"));
            };
            match kind.as_str() {
                "s" => names.stores.push(name),
                "c" => names.categories.push(name),
                _ => names.product_types.push((name, category)),
            }
        }
        Ok(names)
    }

    /// The filter with names as they stand in the data.
    pub(crate) fn filter(&self, asked: &Filter, visible: &Visibility) -> Result<Filter, Error> {
        let store = match &asked.store {
            // Their own store is the one that a manager has.
            Some(store) if matches!(visible, Visibility::Store(_)) => {
                let stores = self.stores.iter().map(String::as_str);
                if let Meant::One(store) = meant(store, stores) {
                    Some(store.to_owned())
                } else {
                    let message = "'store' is not the caller's own, and no other is visible";
                    return Err(Error::new(ErrorCode::NotFound, message)
                        .with_hint("leave 'store' out; compare_with_peers says how it stands"));
                }
            }
            Some(store) => {
                let stores = self.stores.iter().map(String::as_str);
                Some(one("store", store, stores)?)
            }
            None => None,
        };
        let category = match &asked.category {
            Some(category) => {
                Some(one("category", category, self.categories.iter().map(String::as_str))?)
            }
            None => None,
        };
        let product_type = match &asked.product_type {
            Some(asked) => {
                let of_category = self
                    .product_types
                    .iter()
                    .filter(|(_, of)| category.as_ref().is_none_or(|category| category == of));
                Some(one("product_type", asked, of_category.map(|(name, _)| name.as_str()))?)
            }
            None => None,
        };
        Ok(Filter { store, category, product_type, sku: asked.sku.clone() })
    }
}

/// The one name that was meant.
fn one<'a>(
    argument: &'static str,
    asked: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<String, Error> {
    match meant(asked, names.clone()) {
        Meant::One(name) => Ok(name.to_owned()),
        Meant::Several(names) => {
            let message = format!("'{argument}' may mean {}", names.join(" or "));
            Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("say which one")
                .with_choices(argument, names.into_iter().map(str::to_owned).collect()))
        }
        Meant::None => {
            let mut all: Vec<&str> = names.clone().collect();
            all.dedup();
            let hint = match nearest(asked, names) {
                Some(near) => format!("did you mean {near}?"),
                None if all.len() <= 20 => format!("there are: {}", all.join(", ")),
                None => "complete the argument, or fetch the table".to_owned(),
            };
            Err(Error::new(ErrorCode::NotFound, format!("'{argument}' has no such name"))
                .with_hint(hint))
        }
    }
}

/// The same name, else the only one that has all the words asked for.
fn meant<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Meant<'a> {
    let folded = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let asked = folded(asked);
    let mut fitting: Vec<&str> = Vec::new();
    for name in names {
        let words = folded(name);
        if words == asked {
            return Meant::One(name);
        }
        if !asked.is_empty() && asked.iter().all(|word| words.contains(word)) {
            fitting.push(name);
        }
    }
    fitting.dedup();
    match fitting.as_slice() {
        [] => Meant::None,
        [one] => Meant::One(one),
        _ => Meant::Several(fitting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let text = |text: &str| text.to_owned();
        Names {
            stores: vec![text("Zava Retail Seattle"), text("Zava Retail Online")],
            categories: vec![text("HAND TOOLS"), text("POWER TOOLS"), text("GARDEN & OUTDOOR")],
            product_types: vec![(text("DRILLS"), text("POWER TOOLS"))],
        }
    }

    fn asked(store: &str, category: &str) -> Result<Filter, Error> {
        let asked = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let filter = Filter { store: asked(store), category: asked(category), ..Filter::default() };
        names().filter(&filter, &Visibility::AllStores)
    }

    #[test]
    fn a_name_is_known_by_its_words() {
        let filter = asked("seattle", "garden outdoor").unwrap();
        assert_eq!(filter.store.unwrap(), "Zava Retail Seattle");
        assert_eq!(filter.category.unwrap(), "GARDEN & OUTDOOR");
    }

    #[test]
    fn what_may_mean_two_is_asked_back() {
        let error = asked("", "tools").unwrap_err();
        assert_eq!(error.public_message(), "'category' may mean HAND TOOLS or POWER TOOLS");
        let choices = error.choices().unwrap();
        assert_eq!(
            (choices.argument, choices.values.as_slice()),
            ("category", ["HAND TOOLS", "POWER TOOLS"].map(str::to_owned).as_slice())
        );
        assert_eq!(asked("zava retail", "").unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn what_is_not_there_gets_a_near_name() {
        let error = asked("", "hand tool").unwrap_err();
        assert_eq!(error.hint(), Some("did you mean HAND TOOLS?"));
    }
}
