//! Recursive queries, from templates: a recursion that ends is hard to make up.

use super::Writer;
use super::recipes::Query;
use super::schema::{Kind, ORDERS};

impl Writer {
    /// A recursive query.
    pub(super) fn recursive(&mut self) -> Query {
        let name = self.alias();
        let rounds = self.choice.between(3, 12);
        let orders = self.table_name(ORDERS);
        match self.choice.below(5) {
            0 => Query {
                with: vec![format!(
                    "{name}(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM {name} WHERE i < {rounds})"
                )],
                body: format!(
                    "SELECT {name}.i, count(o.order_id) FROM {name} \
                     LEFT JOIN {orders} AS o ON extract(month FROM o.order_date) = {name}.i GROUP BY 1"
                ),
                columns: vec![Kind::Int, Kind::Int],
            },
            1 => Query {
                with: vec![format!(
                    "{name}(m) AS (SELECT DATE '2025-01-01' UNION ALL \
                     SELECT (m + INTERVAL '1 month')::date FROM {name} WHERE m < DATE '2025-12-01')"
                )],
                body: format!(
                    "SELECT {name}.m, (SELECT count(*) FROM {orders} AS o \
                     WHERE date_trunc('month', o.order_date)::date = {name}.m) FROM {name}"
                ),
                columns: vec![Kind::Date, Kind::Int],
            },
            2 => {
                let category = self.choice.between(1, 9);
                Query {
                    with: vec![format!(
                        "{name}(id, path, depth) AS (SELECT category_id, category_name, 1 \
                         FROM retail.categories WHERE category_id = {category} UNION ALL \
                         SELECT t.category_id, {name}.path || ' > ' || t.type_name, {name}.depth + 1 \
                         FROM {name} JOIN retail.product_types t ON t.category_id = {name}.id \
                         WHERE {name}.depth < 2)"
                    )],
                    body: format!("SELECT path, depth FROM {name}"),
                    columns: vec![Kind::Text, Kind::Int],
                }
            }
            // Hops from one visible key to the next: a hidden row would be a stop.
            3 => {
                let start = self.choice.between(0, 2000);
                Query {
                    with: vec![format!(
                        "{name}(id, depth) AS (SELECT min(order_id), 1 FROM {orders} \
                         WHERE order_id > {start} UNION ALL \
                         SELECT (SELECT min(o.order_id) FROM {orders} AS o WHERE o.order_id > {name}.id), \
                         depth + 1 FROM {name} WHERE depth < {rounds} AND id IS NOT NULL)"
                    )],
                    body: format!("SELECT id, depth FROM {name}"),
                    columns: vec![Kind::Int, Kind::Int],
                }
            }
            // Customers who bought on the same day, at most so many steps away.
            _ => Query {
                with: vec![format!(
                    "{name}(id, day) AS (SELECT customer_id, order_date FROM {orders} \
                     WHERE order_id = (SELECT max(order_id) FROM {orders}) UNION \
                     SELECT o.customer_id, o.order_date FROM {name} JOIN {orders} AS o \
                     ON o.order_date BETWEEN {name}.day - 3 AND {name}.day - 1)"
                )],
                body: format!("SELECT count(*), count(DISTINCT id), min(day) FROM {name}"),
                columns: vec![Kind::Int, Kind::Int, Kind::Date],
            },
        }
    }
}
