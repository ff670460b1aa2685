//! Conditions, with and without subqueries.

use super::Writer;
use super::schema::{EDGES, Kind, LIKES, REGEXES, STORES, TABLES};
use super::scope::Scope;

impl Writer {
    /// A condition over the scope, at most `depth` deep.
    pub(super) fn predicate(&mut self, scope: &Scope, depth: usize) -> String {
        if depth > 0 && self.choice.percent(45) {
            let a = self.predicate(scope, depth - 1);
            let b = self.predicate(scope, depth - 1);
            return match self.choice.below(5) {
                0 | 1 => format!("({a} AND {b})"),
                2 | 3 => format!("({a} OR {b})"),
                _ => format!("NOT ({a})"),
            };
        }
        if depth > 0 && self.choice.percent(25) {
            return self.subquery_condition(scope);
        }
        let kind = self.kind_of(scope);
        self.simple_condition(scope, kind, depth)
    }

    fn simple_condition(&mut self, scope: &Scope, kind: Kind, depth: usize) -> String {
        let a = self.expr(scope, kind, depth.min(1));
        if self.choice.percent(8) {
            let test = *self.choice.pick(&["IS NULL", "IS NOT NULL"]);
            return format!("{a} {test}");
        }
        if kind == Kind::Bool {
            let test = *self.choice.pick(&["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE"]);
            return format!("{a} {test}");
        }
        if kind == Kind::Text && self.choice.percent(50) {
            return match self.choice.below(5) {
                0 => format!("{a} LIKE '{}'", self.choice.pick(&LIKES)),
                1 => format!("{a} NOT ILIKE '{}'", self.choice.pick(&LIKES)),
                2 => format!("{a} ~ '{}'", self.choice.pick(&REGEXES)),
                3 => format!("{a} !~* '{}'", self.choice.pick(&REGEXES)),
                _ => format!("starts_with({a}, 'Z')"),
            };
        }
        let b = self.expr(scope, kind, 0);
        let c = self.literal(kind);
        match self.choice.below(9) {
            0 => format!("{a} BETWEEN least({b}, {c}) AND greatest({b}, {c})"),
            1 => format!("{a} IN ({b}, {c}, {})", self.literal(kind)),
            2 => format!("{a} NOT IN ({c}, {})", self.literal(kind)),
            3 => format!("{a} IS DISTINCT FROM {b}"),
            4 => format!("{a} IS NOT DISTINCT FROM {c}"),
            5 if kind == Kind::Int => format!("{a} = ANY (ARRAY[{c}, {}])", self.literal(kind)),
            6 if kind == Kind::Int => {
                let other = self.column(scope, Kind::Int);
                format!("({a}, {other}) < ({c}, {})", self.literal(kind))
            }
            _ => {
                let operator = *self.choice.pick(&["=", "<>", "<>", "<", "<=", ">", ">="]);
                format!("{a} {operator} {c}")
            }
        }
    }

    /// EXISTS, IN, ANY, ALL and scalar subqueries, correlated along a foreign key where there is one.
    fn subquery_condition(&mut self, scope: &Scope) -> String {
        let inner = self.alias();
        let Some((edge, outer)) = self.edge_below(scope) else {
            return self.uncorrelated(scope, &inner);
        };
        let table = self.table_name(edge.child);
        let from = format!("FROM {table} AS {inner}");
        let own = format!("{outer}.{}", edge.parent_column());
        let key = format!("{inner}.{}", edge.column);
        let definition = TABLES.get(edge.child).expect("an index of TABLES");
        let (name, kind) = *self.choice.pick(definition.columns);
        let column = format!("{inner}.{name}");
        let literal = self.literal(kind);
        match self.choice.below(7) {
            0 => format!("EXISTS (SELECT 1 {from} WHERE {key} = {own})"),
            1 => {
                format!("NOT EXISTS (SELECT 1 {from} WHERE {key} = {own} AND {column} = {literal})")
            }
            2 => {
                format!("{own} IN (SELECT {key} {from} WHERE {column} IS DISTINCT FROM {literal})")
            }
            3 => format!("{own} NOT IN (SELECT {key} {from} WHERE {column} = {literal})"),
            4 => {
                let least = self.choice.between(0, 4);
                format!("(SELECT count(*) {from} WHERE {key} = {own}) > {least}")
            }
            5 => format!("{own} <= ALL (SELECT {key} {from} WHERE {column} = {literal})"),
            _ => format!("{own} = ANY (SELECT {key} {from} WHERE {column} = {literal})"),
        }
    }

    fn uncorrelated(&mut self, scope: &Scope, inner: &str) -> String {
        let edge = *self.choice.pick(&EDGES);
        let table = self.table_name(edge.child);
        let value = self.column(scope, Kind::Int);
        let column = edge.column;
        let from = format!("FROM {table} AS {inner}");
        match self.choice.below(4) {
            0 => format!("{value} IN (SELECT {inner}.{column} {from})"),
            1 => format!("{value} NOT IN (SELECT {inner}.{column} {from})"),
            2 => format!("{value} < (SELECT max({inner}.{column}) {from})"),
            _ => {
                let stores = self.table_name(STORES);
                format!(
                    "EXISTS (SELECT 1 FROM {stores} AS {inner} WHERE {inner}.store_id = {value})"
                )
            }
        }
    }
}
