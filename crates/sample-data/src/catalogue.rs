//! The products of the chain, read from one TOML file per category.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::Error;

/// The fewest products that the chain sells.
const MIN_PRODUCTS: usize = 424;

/// The catalogue files, in the order of the categories' numbers.
const FILES: [(&str, &str); 9] = [
    ("hand_tools.toml", include_str!("../catalog/hand_tools.toml")),
    ("power_tools.toml", include_str!("../catalog/power_tools.toml")),
    ("paint_finishes.toml", include_str!("../catalog/paint_finishes.toml")),
    ("hardware.toml", include_str!("../catalog/hardware.toml")),
    ("lumber_building_materials.toml", include_str!("../catalog/lumber_building_materials.toml")),
    ("electrical.toml", include_str!("../catalog/electrical.toml")),
    ("plumbing.toml", include_str!("../catalog/plumbing.toml")),
    ("garden_outdoor.toml", include_str!("../catalog/garden_outdoor.toml")),
    ("storage_organization.toml", include_str!("../catalog/storage_organization.toml")),
];

/// A row of `retail.categories`, with its seasons.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Category {
    /// The primary key, from 1.
    pub category_id: i32,
    /// The name in capitals, for example `HAND TOOLS`.
    pub name: String,
    /// Relative demand by month, January first.
    pub monthly_multipliers: [f64; 12],
    /// Where its products start and end in [`Catalogue::products`].
    pub(crate) products: std::ops::Range<usize>,
}

/// A row of `retail.product_types`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProductType {
    /// The primary key, from 1.
    pub type_id: i32,
    /// The category.
    pub category_id: i32,
    /// The name in capitals, for example `HAMMERS`.
    pub name: String,
    /// Where its products start and end in [`Catalogue::products`].
    pub(crate) products: std::ops::Range<usize>,
}

/// A row of `retail.products`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Product {
    /// The primary key, from 1.
    pub product_id: i32,
    /// The unique article number: category, type and a running number, for example `HTHMR001`.
    pub sku: String,
    /// The unique name.
    pub name: String,
    /// The category.
    pub category_id: i32,
    /// The product type.
    pub type_id: i32,
    /// What the chain pays, in cents.
    pub cost_cents: i64,
    /// The list price, in cents: the cost plus a gross margin of 33 percent.
    pub base_price_cents: i64,
    /// At least two sentences.
    pub description: String,
}

/// All categories, product types and products, each by ascending number.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    categories: Vec<Category>,
    types: Vec<ProductType>,
    products: Vec<Product>,
}

impl Catalogue {
    /// The chain's own catalogue.
    ///
    /// # Errors
    ///
    /// [`Error::ParseCatalogue`] or [`Error::InvalidCatalogue`] when a file of this crate is wrong.
    pub fn embedded() -> Result<Self, Error> {
        let catalogue = Self::from_toml(&FILES)?;
        if catalogue.products.len() < MIN_PRODUCTS {
            return Err(invalid(format!(
                "{} products, at least {MIN_PRODUCTS} are needed",
                catalogue.products.len()
            )));
        }
        Ok(catalogue)
    }

    /// A catalogue of (file name, TOML text) pairs, one for each category.
    ///
    /// # Errors
    ///
    /// [`Error::ParseCatalogue`] when a text is not TOML of the right shape,
    /// [`Error::InvalidCatalogue`] when a name, SKU, price, season or description breaks a rule.
    pub fn from_toml(files: &[(&str, &str)]) -> Result<Self, Error> {
        let mut catalogue = Self { categories: vec![], types: vec![], products: vec![] };
        for (file, text) in files {
            let parsed: CategoryFile = toml::from_str(text).map_err(|source| {
                Error::ParseCatalogue { file: (*file).to_owned(), source: Box::new(source) }
            })?;
            catalogue.add(file, parsed)?;
        }
        catalogue.check_unique()?;
        Ok(catalogue)
    }

    /// The categories.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The product types.
    pub fn types(&self) -> &[ProductType] {
        &self.types
    }

    /// The products.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    fn add(&mut self, file: &str, parsed: CategoryFile) -> Result<(), Error> {
        let multipliers: [f64; 12] =
            parsed.monthly_multipliers.try_into().map_err(|found: Vec<f64>| {
                invalid(format!("{file}: {} monthly multipliers, not 12", found.len()))
            })?;
        if !multipliers.iter().all(|multiplier| (0.1..=10.0).contains(multiplier)) {
            return Err(invalid(format!("{file}: a monthly multiplier is not from 0.1 to 10")));
        }
        check_code(file, &parsed.sku_prefix, 2)?;
        let category_id = next_id(self.categories.len());
        let first_product = self.products.len();
        for parsed_type in parsed.types {
            check_code(file, &parsed_type.sku_code, 3)?;
            let type_id = next_id(self.types.len());
            let first_of_type = self.products.len();
            for (number, product) in (1..).zip(parsed_type.products) {
                let sku = format!("{}{}{number:03}", parsed.sku_prefix, parsed_type.sku_code);
                let product_id = next_id(self.products.len());
                self.products.push(product.into_row(product_id, sku, category_id, type_id)?);
            }
            if self.products.len() == first_of_type {
                return Err(invalid(format!("{file}: type {:?} is empty", parsed_type.name)));
            }
            self.types.push(ProductType {
                type_id,
                category_id,
                name: parsed_type.name,
                products: first_of_type..self.products.len(),
            });
        }
        if self.products.len() == first_product {
            return Err(invalid(format!("{file}: no products")));
        }
        self.categories.push(Category {
            category_id,
            name: parsed.name,
            monthly_multipliers: multipliers,
            products: first_product..self.products.len(),
        });
        Ok(())
    }

    fn check_unique(&self) -> Result<(), Error> {
        if self.categories.is_empty() {
            return Err(invalid("no categories".to_owned()));
        }
        check_unique("category name", self.categories.iter().map(|row| row.name.as_str()))?;
        check_unique("type name", self.types.iter().map(|row| row.name.as_str()))?;
        check_unique("product name", self.products.iter().map(|row| row.name.as_str()))?;
        check_unique("SKU", self.products.iter().map(|row| row.sku.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryFile {
    name: String,
    sku_prefix: String,
    monthly_multipliers: Vec<f64>,
    types: Vec<TypeEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeEntry {
    name: String,
    sku_code: String,
    products: Vec<ProductEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductEntry {
    name: String,
    cost: String,
    description: String,
}

impl ProductEntry {
    fn into_row(
        self,
        product_id: i32,
        sku: String,
        category_id: i32,
        type_id: i32,
    ) -> Result<Product, Error> {
        let cost_cents = parse_cents(&self.cost)
            .ok_or_else(|| invalid(format!("{sku}: the cost {:?} is not like 14.20", self.cost)))?;
        if self.name.trim().is_empty() {
            return Err(invalid(format!("{sku}: no name")));
        }
        if sentence_count(&self.description) < 2 {
            return Err(invalid(format!("{sku}: the description is not two sentences")));
        }
        Ok(Product {
            product_id,
            sku,
            name: self.name,
            category_id,
            type_id,
            cost_cents,
            base_price_cents: base_price_cents(cost_cents),
            description: self.description,
        })
    }
}

fn invalid(reason: String) -> Error {
    Error::InvalidCatalogue { reason }
}

/// The number after `count` rows. Catalogues have far fewer rows than 32-bit numbers.
fn next_id(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX - 1) + 1
}

/// The cost over 0.67, rounded half up to the cent: a gross margin of 33 percent.
fn base_price_cents(cost_cents: i64) -> i64 {
    (cost_cents * 200 + 67) / 134
}

/// The cents of an amount that is written with exactly two decimals and is above zero.
fn parse_cents(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(cents) || cents.len() != 2 || whole.len() > 6 {
        return None;
    }
    let total = whole.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?;
    (total > 0).then_some(total)
}

/// Counts full stops and their like at the end of the text or before a space and a capital or
/// a digit.
fn sentence_count(text: &str) -> usize {
    let chars: Vec<char> = text.trim_end().chars().collect();
    chars
        .iter()
        .enumerate()
        .filter(|(index, letter)| {
            let after = chars.get(index + 1);
            let then = chars.get(index + 2);
            matches!(letter, '.' | '!' | '?')
                && (after.is_none()
                    || after == Some(&' ')
                        && then.is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()))
        })
        .count()
}

fn check_code(file: &str, code: &str, length: usize) -> Result<(), Error> {
    if code.len() == length && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(invalid(format!("{file}: the code {code:?} is not {length} capital letters")))
}

fn check_unique<'a>(what: &str, values: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(invalid(format!("the {what} {value:?} occurs twice")));
        }
    }
    Ok(())
}

mod scaled;
#[cfg(test)]
mod tests;
