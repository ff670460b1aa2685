use rstest::rstest;

use super::*;
use crate::token_estimate;
use retail_domain::{Relationship, RowEstimate};

/// A column as `name type flags|comment`; flags are `pk`, `unique` and `null`.
fn column(line: &str) -> ColumnSchema {
    let (facts, comment) = line.split_once('|').unwrap();
    let mut facts = facts.split_whitespace();
    let name = facts.next().unwrap().to_owned();
    let pg_type = facts.next().unwrap().replace('_', " ");
    let flags: Vec<&str> = facts.collect();
    ColumnSchema {
        name,
        pg_type,
        comment: Some(comment.to_owned()),
        nullable: flags.contains(&"null"),
        key: if flags.contains(&"pk") {
            Some(KeyRole::Primary)
        } else if flags.contains(&"unique") {
            Some(KeyRole::Unique)
        } else {
            None
        },
    }
}

fn table(
    table: RetailTable,
    purpose: &str,
    rows: u64,
    columns: &[&str],
    references: &[(&str, RetailTable, &str)],
) -> TableSchema {
    TableSchema {
        table,
        purpose: purpose.to_owned(),
        columns: columns.iter().map(|line| column(line)).collect(),
        relationships: references
            .iter()
            .map(|(column, table, references)| Relationship {
                column: (*column).to_owned(),
                references_table: *table,
                references_column: (*references).to_owned(),
            })
            .collect(),
        valid_values: Vec::new(),
        rows: Some(RowEstimate::About(rows)),
    }
}

fn with_values(mut schema: TableSchema, of: &str, heading: &str, values: &str) -> TableSchema {
    schema.valid_values = vec![ValidValues {
        of: of.to_owned(),
        heading: heading.to_owned(),
        values: values.split("; ").map(str::to_owned).collect(),
    }];
    schema
}

const STORES: &str = "Zava Retail Bellevue; Zava Retail Everett; Zava Retail Kirkland; Zava Retail \
    Online; Zava Retail Redmond; Zava Retail Seattle; Zava Retail Spokane; Zava Retail Tacoma";
const CATEGORIES: &str = "ELECTRICAL; GARDEN & OUTDOOR; HAND TOOLS; HARDWARE; LUMBER & BUILDING \
    MATERIALS; PAINT & FINISHES; PLUMBING; POWER TOOLS; STORAGE & ORGANIZATION";
const TYPES: &str = "BATTERIES, DUST CONTROL & LIGHTS; BOLTS, NUTS & WASHERS; BRACKETS & HOOKS; \
    BRUSHES; CABINET HARDWARE; CASTERS & FURNITURE FEET; CHAIN, ROPE & CABLE; CHISELS & PLANES; \
    CIRCUIT BREAKERS & PANELS; CIRCULAR & TABLE SAWS; CLAMPS & VISES; CLEANUP & SOLVENTS; CLOSET \
    ORGANIZATION; CONCRETE & MASONRY; CONDUIT & FITTINGS; DECKING & FENCING; DOOR LOCKS & KNOBS; \
    DRAINS & TRAPS; DRILLS & DRIVERS; DRYWALL; ELECTRICAL BOXES; EXTENSION CORDS & POWER STRIPS; \
    EXTERIOR PAINT; FAUCETS; FENCING & LANDSCAPING; FRAMING LUMBER; FREESTANDING SHELVING; GARAGE \
    WALL & CEILING STORAGE; GRILLS & OUTDOOR HEATING; GRINDERS & METALWORKING; HAMMERS; HAND GARDEN \
    TOOLS; HAND SAWS; HEAT, SPRAY & GLUE TOOLS; HINGES; INSULATION; INTERIOR PAINT; JIGSAWS & \
    RECIPROCATING SAWS; KITCHEN & PANTRY STORAGE; KNIVES & CUTTERS; LIGHT BULBS; LIGHT FIXTURES; \
    MASKING & SURFACE PREP; MEASURING & LAYOUT; NAILERS & STAPLERS; NAILS; OUTDOOR & SEASONAL \
    STORAGE; OUTDOOR LIGHTING & PEST CONTROL; OUTDOOR POWER EQUIPMENT; OUTLETS & WALL PLATES; PAINT \
    & CHEMICAL STORAGE; PAINT STORAGE & CONTAINERS; PATIO FURNITURE & SHADE; PIPE & TUBING; PIPE \
    FITTINGS; PLANTERS & RAISED BEDS; PLIERS; PLUMBING TOOLS & SEALANTS; PLYWOOD & PANELS; \
    PRESSURE-TREATED LUMBER; PRIMERS & SEALERS; PRY BARS & DEMOLITION; PUMPS & WATER FILTERS; \
    ROLLERS & TRAYS; ROOFING; ROTARY & OSCILLATING TOOLS; ROUTERS & PLANERS; SANDERS & POLISHERS; \
    SCREWDRIVERS; SCREWS; SEEDS & LAWN CARE; SIDING & TRIM; SMALL PARTS ORGANIZERS; SOIL, MULCH & \
    FERTILIZER; SPRAY PAINT; STORAGE BINS & TOTES; SWITCHES & DIMMERS; TOILETS & REPAIR PARTS; TOOL \
    STORAGE; VALVES & SUPPLY LINES; WALL ANCHORS; WALL SHELVES & BRACKETS; WATER HEATERS; WATERING \
    & IRRIGATION; WIRE & CABLE; WOOD STAINS & CLEAR COATS; WRENCHES";

/// All tables as a full data set describes them.
#[expect(clippy::too_many_lines, reason = "it is one table of data")]
fn all_tables() -> Vec<TableSchema> {
    use RetailTable as T;
    vec![
        table(
            T::Customers,
            "Registered customers",
            50_000,
            &[
                "customer_id integer pk|Key of the customer",
                "first_name text|First name",
                "last_name text|Last name",
                "email text unique|E-mail address",
                "phone text null|Phone number, as (206) 555-0100",
                "primary_store_id integer null|Home store; orders may be from others too",
                "created_at timestamp_without_time_zone null|Time of registration, UTC",
            ],
            &[("primary_store_id", T::Stores, "store_id")],
        ),
        with_values(
            table(
                T::Stores,
                "Stores of the chain, the online store included",
                8,
                &[
                    "store_id integer pk|Key of the store",
                    "store_name text unique|Full name, such as Zava Retail Seattle",
                    "is_online boolean|True for the online store",
                ],
                &[],
            ),
            "store_name",
            "Stores Locations",
            STORES,
        ),
        with_values(
            table(
                T::Categories,
                "Product categories, the upper of two levels",
                9,
                &[
                    "category_id integer pk|Key of the category",
                    "category_name text unique|Name in capitals, such as HAND TOOLS",
                ],
                &[],
            ),
            "category_name",
            "Valid Categories",
            CATEGORIES,
        ),
        with_values(
            table(
                T::ProductTypes,
                "Product types, the lower of two levels",
                87,
                &[
                    "type_id integer pk|Key of the type",
                    "category_id integer|Category of the type",
                    "type_name text|Name in capitals, such as HAMMERS",
                ],
                &[("category_id", T::Categories, "category_id")],
            ),
            "type_name",
            "Valid Product Types",
            TYPES,
        ),
        table(
            T::Products,
            "Products, the same in all stores",
            450,
            &[
                "product_id integer pk|Key of the product",
                "sku text unique|Stock keeping unit",
                "product_name text|Name on the shelf",
                "category_id integer|Category of the product",
                "type_id integer|Type of the product",
                "cost numeric(10,2)|Purchase cost of one unit, USD",
                "base_price numeric(10,2)|List price of one unit, USD",
                "gross_margin_percent numeric(5,2) null|(list price - cost) / list price * 100",
                "product_description text|What it is and what it is for",
            ],
            &[
                ("category_id", T::Categories, "category_id"),
                ("type_id", T::ProductTypes, "type_id"),
            ],
        ),
        with_values(
            table(
                T::Orders,
                "Orders (baskets); the amounts are in order_items",
                198_783,
                &[
                    "order_id integer pk|Key of the order",
                    "customer_id integer|Who bought",
                    "store_id integer|Store that sold",
                    "order_date date|Day of the order",
                ],
                &[
                    ("customer_id", T::Customers, "customer_id"),
                    ("store_id", T::Stores, "store_id"),
                ],
            ),
            "year of order_date",
            "Available Years",
            "2020; 2021; 2022; 2023; 2024; 2025; 2026",
        ),
        table(
            T::OrderItems,
            "Lines of the orders; net sales = sum(total_amount)",
            500_000,
            &[
                "order_item_id integer pk|Key of the line",
                "order_id integer|Order of the line",
                "store_id integer|Store that sold, as in orders",
                "product_id integer|Product sold",
                "quantity integer|Units sold",
                "unit_price numeric(10,2)|Price of one unit before discount, USD",
                "discount_percent integer null|Discount, percent",
                "discount_amount numeric(10,2) null|Discount of the line, USD",
                "total_amount numeric(10,2)|Net sales of the line, USD: quantity * unit_price - \
                 discount_amount",
            ],
            &[
                ("order_id", T::Orders, "order_id"),
                ("store_id", T::Stores, "store_id"),
                ("product_id", T::Products, "product_id"),
            ],
        ),
        table(
            T::Inventory,
            "Stock on hand by store and product",
            3_600,
            &[
                "store_id integer pk|Store",
                "product_id integer pk|Product",
                "stock_level integer|Units on hand now",
            ],
            &[("store_id", T::Stores, "store_id"), ("product_id", T::Products, "product_id")],
        ),
        table(
            T::SalesByDay,
            "Sales of each store by day, always equal to the sums of orders and order_items and far \
             faster: use it for revenue, orders or units by day, week, month, quarter, year or store",
            20_000,
            &[
                "store_id integer pk|Store that sold",
                "order_date date pk|Day of the orders",
                "order_count bigint|Orders; add up for any period",
                "line_count bigint|Lines of the orders",
                "units_sold bigint|sum(quantity)",
                "gross_sales numeric(18,2)|sum(quantity * unit_price), before discount, USD",
                "discount_amount numeric(18,2)|Discounts, USD",
                "net_sales numeric(18,2)|Net sales (revenue), USD: sum(total_amount)",
            ],
            &[],
        ),
        table(
            T::SalesByProductDay,
            "Sales of each store by product and day, always equal to the sums of orders and \
             order_items: use it for top products, or sales by product, type or category, in a \
             period such as a quarter or a year",
            470_000,
            &[
                "store_id integer pk|Store that sold",
                "order_date date pk|Day of the orders",
                "product_id integer pk|Product sold; join with products for its name, type and category",
                "order_count bigint|Orders with the product; add up over days and stores, never over \
                 products: an order has several",
                "line_count bigint|Lines of orders with the product",
                "units_sold bigint|sum(quantity)",
                "gross_sales numeric(18,2)|sum(quantity * unit_price), before discount, USD",
                "discount_amount numeric(18,2)|Discounts, USD",
                "net_sales numeric(18,2)|Net sales (revenue), USD: sum(total_amount)",
            ],
            &[],
        ),
        table(
            T::SalesByOrder,
            "Orders with their sums and when the customer had ordered before at the store, always \
             equal to orders and order_items and far faster: use it for baskets, for what customers \
             spent, and to count active, new or returning customers",
            200_000,
            &[
                "order_id integer pk|The order",
                "store_id integer|Store that sold",
                "order_date date|Day of the order",
                "customer_id integer|Customer who ordered",
                "units_sold bigint|sum(quantity)",
                "net_sales numeric(18,2)|Net sales (basket value), USD: sum(total_amount)",
                "previous_order_date date null|Day of the customer's order before at this store; null \
                 for the first",
                "second_previous_order_date date null|Day of the order before that; null for the first \
                 two",
            ],
            &[],
        ),
        table(
            T::StoreBenchmark,
            "How a store stands among the others: a row for each store, complete month, \
             category and metric, as published when the month was over",
            13_000,
            &[
                "store_id integer pk|Store that is compared with the others",
                "month date pk|First day of the calendar month",
                "category_id integer pk|Category, or 0: all of them together; filter, never add \
                 up over it",
                "metric text pk|net_sales (USD), units; only for category 0 also orders, \
                 basket_value (USD an order), units_per_order, discount_rate (percent of gross \
                 sales)",
                "value numeric(18,2)|Own figure, in the metric's unit",
                "rank integer null|Place by value, 1 is highest; NULL where fewer than 6 stores \
                 sold",
                "store_count integer null|Stores compared, own included",
                "percentile integer null|Percent of the others that are not higher; 100 is \
                 highest",
                "peer_mean numeric(18,2) null|Mean of the others without own, 2 significant \
                 digits; NULL where suppressed",
                "suppressed boolean|Whether peer_mean is held back",
                "reason text null|few_stores: fewer than 5 others sold; protected: it would \
                 tell of single stores",
            ],
            &[],
        ),
    ]
}

#[test]
fn all_tables_fit_the_token_budget() {
    let text = describe(&all_tables());
    let tokens = token_estimate(&text);
    println!("all tables: {tokens} tokens");
    assert!(tokens < 3_000, "{tokens} tokens:\n{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn values_with_commas_stay_apart() {
    let text = describe(&all_tables());
    assert!(text.contains("BOLTS, NUTS & WASHERS; BRACKETS & HOOKS"));
    assert!(text.contains("2020, 2021"));
}

#[rstest]
#[case("Key of the store", "store_id", RetailTable::Stores, false)]
#[case("Category of the product", "category_id", RetailTable::Products, false)]
#[case("Discount, percent", "discount_percent", RetailTable::OrderItems, false)]
#[case("Units sold", "quantity", RetailTable::OrderItems, true)]
#[case("Home store", "primary_store_id", RetailTable::Customers, true)]
fn a_comment_that_repeats_the_name_is_left_out(
    #[case] comment: &str,
    #[case] column: &str,
    #[case] table: RetailTable,
    #[case] shown: bool,
) {
    assert_eq!(says_more(comment, column, table), shown);
}

#[test]
fn an_unknown_row_count_is_not_shown() {
    let mut schema = all_tables().remove(1);
    schema.rows = None;
    assert!(!describe(&[schema]).contains("Rows"));
}
