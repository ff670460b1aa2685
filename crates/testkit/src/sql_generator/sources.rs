//! FROM clauses beyond plain joins: laterals, VALUES, calendars, queries within queries.

use super::Writer;
use super::recipes::Query;
use super::schema::{Kind, ORDERS, TABLES};
use super::scope::{Column, Scope};

impl Writer {
    /// Any FROM clause.
    pub(super) fn source(&mut self, depth: usize) -> Scope {
        let mut scope = match self.choice.below(10) {
            0 if depth > 0 => self.nested(depth - 1),
            1 if depth > 0 => self.named(depth - 1),
            2 => self.calendar(),
            _ => {
                let tables = self.choice.weighted(&[(25, 1), (35, 2), (25, 3), (15, 4)]);
                self.joined(tables)
            }
        };
        if self.choice.percent(12) {
            self.add_lateral(&mut scope);
        }
        if self.choice.percent(8) {
            self.add_values(&mut scope);
        }
        scope
    }

    /// A query as a subquery in FROM.
    fn nested(&mut self, depth: usize) -> Scope {
        let query = self.query(depth);
        let (alias, columns) = self.names(&query);
        let list = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let from = format!("({}) AS {alias}({list})", query.body);
        renamed(from, &alias, &columns, query.with)
    }

    /// A query as a WITH entry.
    fn named(&mut self, depth: usize) -> Scope {
        let query = self.query(depth);
        let (alias, columns) = self.names(&query);
        let list = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let how = *self.choice.pick(&["AS", "AS MATERIALIZED", "AS NOT MATERIALIZED"]);
        let mut with = query.with;
        with.push(format!("{alias}({list}) {how} ({})", query.body));
        renamed(alias.clone(), &alias, &columns, with)
    }

    fn names(&mut self, query: &Query) -> (String, Vec<(String, Kind)>) {
        let alias = self.alias();
        let columns =
            query.columns.iter().enumerate().map(|(i, kind)| (format!("c{i}"), *kind)).collect();
        (alias, columns)
    }

    /// Days or months, with the orders of each.
    fn calendar(&mut self) -> Scope {
        let (alias, orders) = (self.alias(), self.alias());
        let (unit, first, last) = self.choice.weighted(&[
            (1, ("month", "2023-01-01", "2025-12-01")),
            (1, ("week", "2025-01-06", "2025-09-01")),
            (1, ("day", "2026-09-01", "2026-11-22")),
        ]);
        let table = self.table_name(ORDERS);
        let from = format!(
            "(SELECT g::date AS day FROM generate_series(DATE '{first}', DATE '{last}', \
             INTERVAL '1 {unit}') AS g) AS {alias} \
             LEFT JOIN {table} AS {orders} ON date_trunc('{unit}', {orders}.order_date)::date = {alias}.day"
        );
        let mut columns = vec![Column { sql: format!("{alias}.day"), kind: Kind::Date }];
        columns.push(Column { sql: format!("{orders}.order_id"), kind: Kind::Int });
        columns.push(Column { sql: format!("{orders}.customer_id"), kind: Kind::Int });
        let keys = vec![format!("{alias}.day"), format!("{orders}.order_id")];
        Scope { from, columns, keys, ..Scope::default() }
    }

    /// The latest children of each row, or a count of them.
    fn add_lateral(&mut self, scope: &mut Scope) {
        let Some((edge, outer)) = self.edge_below(scope) else { return };
        let (alias, inner) = (self.alias(), self.alias());
        let table = self.table_name(edge.child);
        let definition = TABLES.get(edge.child).expect("an index of TABLES");
        let on = format!("{inner}.{} = {outer}.{}", edge.column, edge.parent_column());
        if self.choice.percent(50) {
            let columns = definition
                .columns
                .iter()
                .map(|(name, kind)| Column { sql: format!("{inner}.{name}"), kind: *kind })
                .collect();
            let keys = definition.key.iter().map(|name| format!("{inner}.{name}")).collect();
            let inside = Scope { columns, keys, ..Scope::default() };
            let (value, kind) = self.aggregate(&inside);
            scope.from = format!(
                "{} LEFT JOIN LATERAL (SELECT count(*) AS n, {value} AS v FROM {table} AS {inner} \
                 WHERE {on}) AS {alias} ON true",
                scope.from
            );
            scope.columns.push(Column { sql: format!("{alias}.n"), kind: Kind::Int });
            scope.columns.push(Column { sql: format!("{alias}.v"), kind });
            return;
        }
        let order: Vec<String> =
            definition.key.iter().map(|name| format!("{inner}.{name} DESC")).collect();
        let names: Vec<String> =
            definition.columns.iter().map(|(name, _)| format!("{inner}.{name}")).collect();
        let limit = self.choice.between(1, 3);
        scope.from = format!(
            "{} CROSS JOIN LATERAL (SELECT {} FROM {table} AS {inner} WHERE {on} \
             ORDER BY {} LIMIT {limit}) AS {alias}",
            scope.from,
            names.join(", "),
            order.join(", ")
        );
        for (name, kind) in definition.columns {
            scope.columns.push(Column { sql: format!("{alias}.{name}"), kind: *kind });
        }
        scope.keys.extend(definition.key.iter().map(|name| format!("{alias}.{name}")));
    }

    /// Bands of an amount or a number.
    fn add_values(&mut self, scope: &mut Scope) {
        let kind = if scope.of(Kind::Money).is_empty() { Kind::Int } else { Kind::Money };
        if scope.of(kind).is_empty() {
            return;
        }
        let value = self.column(scope, kind);
        let alias = self.alias();
        let join = *self.choice.pick(&["JOIN", "LEFT JOIN"]);
        let middle = self.choice.between(5, 200);
        scope.from = format!(
            "{} {join} (VALUES ('low', 0, {middle}), ('high', {middle}, 100000), ('none', NULL, NULL)) \
             AS {alias}(label, lo, hi) ON {value} >= {alias}.lo AND {value} < {alias}.hi",
            scope.from
        );
        scope.columns.push(Column { sql: format!("{alias}.label"), kind: Kind::Text });
        scope.columns.push(Column { sql: format!("{alias}.lo"), kind: Kind::Int });
        scope.keys.push(format!("{alias}.label"));
    }
}

/// A scope of the columns of a query. All of them together are its order: rows that do not differ
/// in any may change places unseen.
fn renamed(from: String, alias: &str, columns: &[(String, Kind)], with: Vec<String>) -> Scope {
    let columns: Vec<Column> = columns
        .iter()
        .map(|(name, kind)| Column { sql: format!("{alias}.{name}"), kind: *kind })
        .collect();
    let keys = columns.iter().map(|column| column.sql.clone()).collect();
    Scope { from, columns, keys, tables: Vec::new(), with }
}
