//! Statements of the shapes in which row security has leaked before, or could.
//!
//! Each answer and each error depends on the caller's own rows alone, unless row security fails.
//! An error must come in every plan or in none, so a condition that may fail stands alone.

use super::Writer;
use super::recipes::Query;
use super::schema::Kind;

use Kind::{Bool, Date, Int, Money, Text};

/// Template and kinds of its columns. `{s}`: any store, `{c}`: any customer, `{n}`: any order,
/// `{t}`: a table with `store_id`, `{k}`: a small number.
const TEMPLATES: &[(&str, &[Kind])] = &[
    // Errors in conditions and in casts.
    ("SELECT count(*) FROM retail.{t} WHERE 100 / (store_id - {s}) IS NOT NULL", &[Int]),
    ("SELECT count(*) FROM retail.order_items WHERE total_amount / quantity > {k}", &[Int]),
    ("SELECT count(*) FROM retail.customers WHERE (substr(phone, 2, 3))::int > {k}00", &[Int]),
    (
        "SELECT customer_id, CASE WHEN primary_store_id = {s} THEN (email)::int ELSE 0 END \
         FROM retail.customers",
        &[Int, Int],
    ),
    (
        "SELECT count(*) FROM retail.customers \
         WHERE CASE WHEN customer_id = {c} THEN (last_name)::date IS NULL ELSE true END",
        &[Int],
    ),
    ("SELECT count(*) FROM retail.orders WHERE extract(year FROM order_date)::int > 20{k}", &[Int]),
    (
        "SELECT max(order_date - DATE '2020-01-01'), min(DATE '2030-01-01' - order_date) FROM retail.orders",
        &[Int, Int],
    ),
    ("SELECT (SELECT store_name FROM retail.stores)", &[Text]),
    ("SELECT (SELECT DISTINCT store_id FROM retail.{t})", &[Int]),
    (
        "SELECT 1 / CASE WHEN EXISTS (SELECT 1 FROM retail.customers WHERE email LIKE '%.{c}@example.com' \
         AND primary_store_id IS NULL) THEN 0 ELSE 1 END",
        &[Int],
    ),
    ("SELECT sum(quantity * 1000000) FROM retail.order_items WHERE store_id <> {s}", &[Int]),
    // OR tricks and negations.
    (
        "SELECT count(*), min(store_id), max(store_id) FROM retail.{t} WHERE true OR store_id = {s}",
        &[Int, Int, Int],
    ),
    ("SELECT count(*) FROM retail.{t} WHERE store_id = {s} OR 1 = 1", &[Int]),
    ("SELECT count(*) FROM retail.{t} WHERE NOT (store_id = {s})", &[Int]),
    (
        "SELECT count(*) FROM retail.{t} WHERE store_id IS DISTINCT FROM {s} OR store_id IS NULL",
        &[Int],
    ),
    ("SELECT DISTINCT store_id FROM retail.{t} WHERE store_id BETWEEN 0 AND 100", &[Int]),
    ("SELECT store_id, count(*) FROM retail.{t} GROUP BY CUBE (store_id)", &[Int, Int]),
    ("SELECT count(*) FILTER (WHERE store_id <> {s}), count(*) FROM retail.{t}", &[Int, Int]),
    // Joins that keep rows without a partner.
    (
        "SELECT s.store_name, o.store_id, count(*) FROM retail.stores s \
         LEFT JOIN retail.orders o ON o.store_id <> s.store_id GROUP BY 1, 2",
        &[Text, Int, Int],
    ),
    (
        "SELECT s.store_id, count(o.order_id), count(*) FROM retail.stores s \
         FULL JOIN retail.orders o ON s.store_id = o.store_id + {k} - {k} GROUP BY 1",
        &[Int, Int, Int],
    ),
    (
        "SELECT count(*) FROM retail.orders o LEFT JOIN retail.customers c USING (customer_id) \
         WHERE c.customer_id IS NULL",
        &[Int],
    ),
    (
        "SELECT count(*) FROM retail.customers c LEFT JOIN retail.orders o USING (customer_id) \
         WHERE o.order_id IS NULL",
        &[Int],
    ),
    (
        "SELECT p.product_id, i.stock_level, count(oi.order_item_id) FROM retail.products p \
         LEFT JOIN retail.inventory i ON i.product_id = p.product_id AND i.store_id = {s} \
         LEFT JOIN retail.order_items oi ON oi.product_id = p.product_id GROUP BY 1, 2",
        &[Int, Int, Int],
    ),
    (
        "SELECT count(*), sum(a.stock_level), sum(b.stock_level) FROM retail.inventory a \
         FULL JOIN retail.inventory b ON a.product_id = b.product_id AND a.store_id = b.store_id + 1",
        &[Int, Int, Int],
    ),
    ("SELECT a.store_id, b.store_id FROM retail.stores a CROSS JOIN retail.stores b", &[Int, Int]),
    (
        "SELECT g.n, o.customer_id FROM generate_series({n}, {n} + 60) AS g(n) \
         LEFT JOIN retail.orders o ON o.order_id = g.n",
        &[Int, Int],
    ),
    (
        "SELECT g.n, c.last_name FROM generate_series({c}, {c} + 40) AS g(n) \
         LEFT JOIN retail.customers c ON c.customer_id = g.n",
        &[Int, Text],
    ),
    // Single rows of others, by key.
    ("SELECT email, phone FROM retail.customers WHERE customer_id = {c}", &[Text, Text]),
    ("SELECT count(*) FROM retail.customers WHERE email LIKE '%.{c}@example.com'", &[Int]),
    (
        "SELECT count(*) FROM retail.customers WHERE customer_id IN ({c}, {c} + 1, {c} + 2, 999999)",
        &[Int],
    ),
    ("SELECT EXISTS (SELECT 1 FROM retail.orders WHERE order_id = {n})", &[Bool]),
    ("SELECT order_date FROM retail.orders WHERE order_id = {n}", &[Date]),
    (
        "SELECT total_amount FROM retail.order_items WHERE order_id BETWEEN {n} AND {n} + 3",
        &[Money],
    ),
    // Extremes, counts and shares of the whole.
    ("SELECT min(order_id), max(order_id), count(*) FROM retail.orders", &[Int, Int, Int]),
    ("SELECT min(customer_id), max(customer_id), count(*) FROM retail.customers", &[Int, Int, Int]),
    ("SELECT max(order_item_id) - min(order_item_id) FROM retail.order_items", &[Int]),
    ("SELECT min(order_date), max(order_date) FROM retail.orders", &[Date, Date]),
    (
        "SELECT order_id, count(*) OVER () FROM retail.orders ORDER BY order_id LIMIT {k}",
        &[Int, Int],
    ),
    (
        "SELECT round(avg(total_amount), 2), round(stddev_samp(total_amount), 2) FROM retail.order_items",
        &[Money, Money],
    ),
    (
        "SELECT store_id, rank() OVER (ORDER BY n DESC), n FROM (SELECT store_id, count(*) AS n \
         FROM retail.{t} GROUP BY store_id) q",
        &[Int, Int, Int],
    ),
    ("SELECT string_agg(store_name, ';' ORDER BY store_name) FROM retail.stores", &[Text]),
    ("SELECT md5(string_agg(email, ';' ORDER BY email)) FROM retail.customers", &[Text]),
    (
        "SELECT order_id, lag(order_id) OVER (ORDER BY order_id), lead(customer_id) OVER (ORDER BY order_id) \
         FROM retail.orders",
        &[Int, Int, Int],
    ),
    // NOT IN, with NULLs among the hidden rows.
    (
        "SELECT count(*) FROM retail.stores WHERE store_id NOT IN (SELECT primary_store_id FROM retail.customers)",
        &[Int],
    ),
    (
        "SELECT count(*) FROM generate_series(1, 12) g WHERE g NOT IN (SELECT store_id FROM retail.{t})",
        &[Int],
    ),
    (
        "SELECT count(*) FROM generate_series(1, 500) g WHERE g NOT IN (SELECT customer_id FROM retail.customers)",
        &[Int],
    ),
    (
        "SELECT count(*) FROM retail.products WHERE product_id NOT IN (SELECT product_id FROM retail.order_items)",
        &[Int],
    ),
    // Correlated existence.
    (
        "SELECT count(*) FROM retail.customers c WHERE NOT EXISTS (SELECT 1 FROM retail.orders o \
         WHERE o.customer_id = c.customer_id)",
        &[Int],
    ),
    (
        "SELECT c.customer_id, (SELECT count(*) FROM retail.orders o WHERE o.customer_id = c.customer_id), \
         (SELECT max(o.order_date) FROM retail.orders o WHERE o.customer_id = c.customer_id) \
         FROM retail.customers c",
        &[Int, Int, Date],
    ),
    (
        "SELECT count(*) FROM retail.customers c WHERE EXISTS (SELECT 1 FROM retail.customers d \
         WHERE d.last_name = c.last_name AND d.customer_id <> c.customer_id)",
        &[Int],
    ),
    (
        "SELECT count(*) FROM retail.order_items i WHERE NOT EXISTS (SELECT 1 FROM retail.orders o \
         WHERE o.order_id = i.order_id)",
        &[Int],
    ),
    (
        "SELECT p.product_id, (SELECT sum(i.stock_level) FROM retail.inventory i \
         WHERE i.product_id = p.product_id) FROM retail.products p WHERE EXISTS (SELECT 1 \
         FROM retail.inventory i WHERE i.product_id = p.product_id AND i.store_id = {s})",
        &[Int, Int],
    ),
    (
        "SELECT x.store_name, y.n FROM retail.stores x CROSS JOIN LATERAL (SELECT count(*) AS n \
         FROM retail.customers c WHERE c.primary_store_id IS DISTINCT FROM x.store_id) y",
        &[Text, Int],
    ),
    (
        "SELECT count(*) FROM retail.orders o WHERE o.order_id > ALL (SELECT p.order_id FROM retail.orders p \
         WHERE p.order_date < DATE '20{k}-06-01')",
        &[Int],
    ),
    (
        "SELECT product_id FROM retail.products EXCEPT SELECT product_id FROM retail.inventory WHERE store_id = {s}",
        &[Int],
    ),
    (
        "SELECT coalesce((SELECT store_name FROM retail.stores WHERE store_id = {s}), 'none'), \
         (SELECT is_online FROM retail.stores WHERE store_id = {s})",
        &[Text, Bool],
    ),
];

impl Writer {
    /// A query made from a template.
    pub(super) fn nasty(&mut self) -> Query {
        let (template, columns) = *self.choice.pick(TEMPLATES);
        let table = *self.choice.pick(&["orders", "order_items", "inventory", "stores"]);
        let values = [
            ("{t}", table.to_owned()),
            ("{s}", self.choice.between(1, 9).to_string()),
            ("{c}", self.choice.between(1, 420).to_string()),
            ("{n}", self.choice.between(1, 2200).to_string()),
            ("{k}", self.choice.between(20, 26).to_string()),
        ];
        let body = values
            .iter()
            .fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value));
        let body =
            if body.contains(" LIMIT ") { format!("SELECT * FROM ({body}) z") } else { body };
        Query { with: Vec::new(), body, columns: columns.to_vec() }
    }
}
