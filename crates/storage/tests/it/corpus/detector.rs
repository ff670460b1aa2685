//! Marks on all that one manager must not see, and how to find them, a write or a setting again.

use retail_testkit::TestDatabase;

/// Marks everything hidden from the manager of store `:own`: names, e-mails, dates, amounts, stock.
///
/// The amounts and stocks are far above any that a statement of the corpus could make of own rows.
/// The manager's own customers keep their data, also where they have ordered elsewhere.
pub(super) const PLANT: &str = "
    UPDATE retail.stores SET store_name = 'CANARY-STORE-' || store_id WHERE store_id <> :own;
    UPDATE retail.orders SET order_date = DATE '2031-05-01' + order_id % 90 WHERE store_id <> :own;
    UPDATE retail.order_items SET total_amount = 77000000 + order_item_id + 0.13,
        unit_price = 77000000 + order_item_id + 0.13 WHERE store_id <> :own;
    UPDATE retail.inventory SET stock_level = 880000000 + product_id WHERE store_id <> :own;
    UPDATE retail.customers c SET first_name = 'CANARY-FIRST-' || customer_id,
        last_name = 'CANARY-LAST-' || customer_id, phone = 'CANARY-PHONE-' || customer_id,
        email = 'CANARY' || primary_store_id || '-' || customer_id || '@other.example'
    WHERE primary_store_id <> :own AND NOT EXISTS (
        SELECT FROM retail.orders o WHERE o.customer_id = c.customer_id AND o.store_id = :own);
    -- The one that the corpus asks for by name.
    UPDATE retail.customers SET email = 'CANARY2-25@other.example' WHERE customer_id = (
        SELECT min(customer_id) FROM retail.customers
        WHERE email LIKE 'CANARY2-%' AND NOT EXISTS (
            SELECT FROM retail.customers WHERE email = 'CANARY2-25@other.example'));
    VACUUM ANALYZE";

/// Statements that show a canary of each kind to whoever sees all rows.
pub(super) const SHOWS_CANARIES: [&str; 5] = [
    "SELECT store_name FROM retail.stores",
    "SELECT max(order_date) FROM retail.orders",
    "SELECT max(total_amount) FROM retail.order_items",
    "SELECT max(stock_level) FROM retail.inventory",
    "SELECT min(email), min(last_name), min(phone) FROM retail.customers",
];

/// What of another store stands in a text that `sql` brought about. What the statement says itself
/// is not a find.
pub(super) fn canary(text: &str, sql: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '@'));
    words.filter(|word| is_canary(word) && !sql.contains(word)).map(ToOwned::to_owned).next()
}

fn is_canary(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    upper.contains("CANARY")
        || word.starts_with("2031-0")
        || word
            .strip_suffix(".13")
            .and_then(|whole| whole.strip_prefix("770"))
            .is_some_and(|rest| digits(rest, 5))
        || word.strip_prefix("880000").is_some_and(|rest| digits(rest, 3))
}

/// Settings that a caller could leave behind for the next.
pub(super) const SETTINGS: [&str; 14] = [
    "app.current_rls_user_id",
    "app.rls_signature",
    "role",
    "session_authorization",
    "search_path",
    "row_security",
    "statement_timeout",
    "lock_timeout",
    "default_transaction_read_only",
    "work_mem",
    "temp_file_limit",
    "standard_conforming_strings",
    "TimeZone",
    "DateStyle",
];

/// The first setting that is not as on an unused connection. PostgreSQL keeps the name of a setting
/// of ours once it was set, with an empty value.
pub(super) fn unclean(clean: &[Option<String>], now: &[Option<String>]) -> Option<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    SETTINGS
        .iter()
        .zip(clean.iter().zip(now))
        .find(|(_, (clean, now))| text(clean) != text(now))
        .map(|(name, (_, now))| format!("{name} = {:?}", text(now)))
}

/// All rows, and what is there to hold, give or read them.
pub(super) fn fingerprint(database: &TestDatabase) -> String {
    let rows = ["stores", "customers", "categories", "product_types", "products", "inventory"]
        .into_iter()
        .chain(["orders", "order_items", "product_description_embeddings"])
        .map(|table| {
            format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM retail.{table} t")
        });
    let objects = [
        "SELECT md5(string_agg(k::text, '|' ORDER BY k::text)) FROM retail_sec.identity_key k",
        "SELECT count(*), md5(string_agg(relname || relacl::text || reloptions::text, '|' ORDER BY oid)) FROM pg_class WHERE relpersistence <> 't'",
        "SELECT count(*) FROM pg_proc",
        "SELECT count(*) FROM pg_largeobject_metadata",
        "SELECT count(*) FROM pg_replication_slots",
        "SELECT md5(string_agg(rolname || coalesce(rolconfig::text, ''), '|' ORDER BY rolname))
         FROM pg_roles WHERE rolname LIKE 'retail%'",
        "SELECT md5(string_agg(polname || polrelid, '|' ORDER BY polname, polrelid)) FROM pg_policy",
    ];
    let all: Vec<String> = rows.chain(objects.map(ToOwned::to_owned)).collect();
    database.psql(&all.join(";\n"))
}
