//! A larger catalogue, for measuring: the chain's products, each in many variants.

use std::ops::Range;

use super::{Catalogue, Product, base_price_cents, invalid, next_id};
use crate::Error;

/// The brands of variants. None exists.
const BRANDS: [&str; 40] = [
    "Alderway",
    "Bexford",
    "Brantley",
    "Calloway",
    "Cascadia",
    "Corvane",
    "Dunmore",
    "Eastlake",
    "Elmstead",
    "Farrow Hill",
    "Fennick",
    "Garrison",
    "Glenmark",
    "Halvorsen",
    "Harwick",
    "Ironvale",
    "Juniper",
    "Kestrel",
    "Kingsley",
    "Larkspur",
    "Lindgren",
    "Marlowe",
    "Meridian",
    "Northgate",
    "Oakridge",
    "Orbison",
    "Pendry",
    "Pinecrest",
    "Quarry",
    "Rainier",
    "Redfern",
    "Silvermere",
    "Stonebrook",
    "Tamarack",
    "Thornbury",
    "Umber",
    "Vanmoor",
    "Westerly",
    "Wickham",
    "Yarrow",
];

/// Grades: a word of the name, a sentence of the description, and the cost in percent of the base's.
const GRADES: [(&str, &str, i64); 6] = [
    ("Basic", "The basic grade suits occasional use around the home.", 78),
    ("Standard", "The standard grade is made for regular weekend projects.", 100),
    ("Select", "The select grade is checked twice and lasts longer.", 117),
    ("Pro", "The pro grade stands up to daily work on site.", 141),
    ("Heritage", "The heritage grade keeps to a design of fifty years ago.", 128),
    ("Ultra", "The ultra grade is the toughest of the range.", 173),
];

/// Colours of the product or of its label.
const COLOURS: [&str; 16] = [
    "Black", "White", "Graphite", "Silver", "Red", "Blue", "Green", "Yellow", "Orange", "Teal",
    "Sand", "Brown", "Ivory", "Navy", "Maroon", "Lime",
];

/// Packs: what follows the name, a sentence of the description, and the cost in percent of one.
const PACKS: [(&str, &str, i64); 20] = [
    ("Single", "Sold one at a time.", 100),
    ("Boxed", "Comes in a box that stacks.", 104),
    ("Twin Pack", "Two come in each pack.", 188),
    ("Trade Pack of 5", "Five come in a trade pack.", 440),
    ("Case of 10", "Ten come in a case.", 830),
    ("Display Pack", "Comes on a card with a hole for display.", 106),
    ("Refurbished", "Returned, repaired and tested.", 62),
    ("Gift Edition", "Comes in a gift box with a ribbon.", 125),
    ("With Spares", "Small spare parts are enclosed.", 119),
    ("Bulk Bag", "Comes loose in a bulk bag.", 92),
    ("Series 2", "The second series of this model.", 103),
    ("Series 3", "The third series of this model.", 107),
    ("Series 4", "The fourth series of this model.", 111),
    ("Winter Stock", "Made for the winter season.", 98),
    ("Summer Stock", "Made for the summer season.", 97),
    ("Compact", "A little smaller than the usual model.", 90),
    ("Large", "A little larger than the usual model.", 122),
    ("Lightweight", "Lighter than the usual model.", 115),
    ("Reinforced", "Reinforced where it wears.", 131),
    ("Club Price", "For members of the chain's club.", 95),
];

/// Variants that one product can have.
const VARIANTS: usize = BRANDS.len() * GRADES.len() * COLOURS.len() * PACKS.len();
/// Has no common divisor with [`VARIANTS`], so that steps of it reach every variant once.
const STEP: usize = 7919;
/// The most products: their stock, in eight stores, is eight million rows.
const MAX_PRODUCTS: usize = 1_000_000;

impl Catalogue {
    /// A catalogue of exactly so many products, for measuring: those of [`Catalogue::embedded`]
    /// unchanged, and variants of each, which differ in brand, grade, colour and pack, in name,
    /// description and price. The categories and types stay, with more products in each.
    ///
    /// The same number gives the same catalogue. A variant's SKU is that of its base product with
    /// a hyphen and a number of five digits from 1, for example `HTHMR001-00042`. Numbers of
    /// products follow categories and types, so a base product has another one than in the chain's own
    /// catalogue. Takes about 600 bytes a product.
    ///
    /// ```
    /// use retail_sample_data::Catalogue;
    ///
    /// let catalogue = Catalogue::scaled(5_000)?;
    /// assert_eq!(catalogue.products().len(), 5_000);
    /// # Ok::<(), retail_sample_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCatalogue`] for fewer products than the chain sells or more than 1,000,000, and
    /// the errors of [`Catalogue::embedded`].
    pub fn scaled(products: usize) -> Result<Self, Error> {
        let mut catalogue = Self::embedded()?;
        let base = std::mem::take(&mut catalogue.products);
        if !(base.len()..=MAX_PRODUCTS).contains(&products) {
            return Err(invalid(format!(
                "{products} products, from {} to {MAX_PRODUCTS} are possible",
                base.len()
            )));
        }
        catalogue.products.reserve_exact(products);
        let each = products / base.len();
        let one_more_before = products % base.len();
        for product_type in &mut catalogue.types {
            let first = catalogue.products.len();
            for index in product_type.products.clone() {
                let Some(product) = base.get(index) else { continue };
                let count = each + usize::from(index < one_more_before);
                catalogue.products.push(Product {
                    product_id: next_id(catalogue.products.len()),
                    ..product.clone()
                });
                for number in 1..count {
                    let product_id = next_id(catalogue.products.len());
                    catalogue.products.push(variant(product, product_id, number));
                }
            }
            product_type.products = first..catalogue.products.len();
        }
        for category in &mut catalogue.categories {
            let of_category = |product_type: &&super::ProductType| {
                product_type.category_id == category.category_id
            };
            let mut types = catalogue.types.iter().filter(of_category);
            let first = types.next().map_or(0..0, |first| first.products.clone());
            let end = types.next_back().map_or(first.end, |last| last.products.end);
            category.products = Range { start: first.start, end };
        }
        catalogue.check_unique()?;
        Ok(catalogue)
    }
}

/// The variant of a product with this number, from 1.
fn variant(base: &Product, product_id: i32, number: usize) -> Product {
    // Each product begins elsewhere, so that the same brand does not come first everywhere.
    let start = usize::try_from(base.product_id).unwrap_or(0) * 104_729;
    let mut rest = (start + number * STEP) % VARIANTS;
    let mut digit = |base: usize| {
        let digit = rest % base;
        rest /= base;
        digit
    };
    let (grade, grade_text, grade_percent) = pick(&GRADES, digit(GRADES.len()));
    let brand = pick(&BRANDS, digit(BRANDS.len()));
    let (pack, pack_text, pack_percent) = pick(&PACKS, digit(PACKS.len()));
    let colour = pick(&COLOURS, digit(COLOURS.len()));
    // At least a cent, for the cheapest nail in the cheapest grade.
    let cost_cents = (base.cost_cents * grade_percent * pack_percent / 10_000).max(1);
    Product {
        product_id,
        sku: format!("{}-{number:05}", base.sku),
        name: format!("{brand} {grade} {}, {colour}, {pack}", base.name),
        category_id: base.category_id,
        type_id: base.type_id,
        cost_cents,
        base_price_cents: base_price_cents(cost_cents),
        description: format!(
            "{} {grade_text} Made by {brand} in {}. {pack_text}",
            base.description,
            colour.to_lowercase()
        ),
    }
}

/// An entry of a table.
#[expect(clippy::indexing_slicing, reason = "no table is empty, and the index is kept below N")]
fn pick<T: Copy, const N: usize>(table: &[T; N], index: usize) -> T {
    table[index % N]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_scaled_catalogue_keeps_the_chains_products_and_adds_variants() {
        let base = Catalogue::embedded().unwrap();
        let scaled = Catalogue::scaled(3_000).unwrap();
        assert_eq!(scaled.products().len(), 3_000);
        for product in base.products() {
            let same = scaled.products().iter().find(|other| other.sku == product.sku).unwrap();
            assert_eq!(Product { product_id: product.product_id, ..same.clone() }, *product);
        }
        let ids = scaled.products().iter().map(|product| product.product_id);
        assert!(ids.eq(1..=3_000), "numbered without gaps");
        let texts: BTreeSet<&str> =
            scaled.products().iter().map(|product| product.description.as_str()).collect();
        assert_eq!(texts.len(), 3_000, "no two descriptions are the same");
        let skus = |number: &str| scaled.products().iter().any(|product| product.sku == number);
        assert!(skus("HTHMR001-00001") && skus("HTHMR001-00006") && !skus("HTHMR001-00007"));
    }

    #[test]
    fn every_product_is_in_the_range_of_its_type_and_its_category() {
        let scaled = Catalogue::scaled(1_111).unwrap();
        let mut next = 0;
        for product_type in &scaled.types {
            assert_eq!(product_type.products.start, next);
            next = product_type.products.end;
            let rows = &scaled.products[product_type.products.clone()];
            assert!(!rows.is_empty());
            assert!(rows.iter().all(|row| row.type_id == product_type.type_id));
        }
        assert_eq!(next, 1_111);
        next = 0;
        for category in &scaled.categories {
            assert_eq!(category.products.start, next);
            next = category.products.end;
            let rows = &scaled.products[category.products.clone()];
            assert!(rows.iter().all(|row| row.category_id == category.category_id));
        }
        assert_eq!(next, 1_111);
    }

    #[test]
    fn the_smallest_scaled_catalogue_is_the_chains_own() {
        let base = Catalogue::embedded().unwrap();
        let count = base.products().len();
        assert_eq!(Catalogue::scaled(count).unwrap(), base);
        assert!(Catalogue::scaled(count - 1).is_err());
        assert!(Catalogue::scaled(MAX_PRODUCTS + 1).is_err());
    }

    #[test]
    fn steps_reach_every_variant() {
        let mut seen = vec![false; VARIANTS];
        (0..VARIANTS).for_each(|number| seen[number * STEP % VARIANTS] = true);
        assert!(seen.into_iter().all(|seen| seen));
    }
}
