//! The shapes of a query: plain, grouped, windows, DISTINCT, set operations, recursion.

use super::Writer;
use super::schema::Kind;
use super::scope::Scope;

/// A query without its outermost ORDER BY.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// WITH entries, in the order in which they need each other.
    pub(super) with: Vec<String>,
    pub(super) body: String,
    /// The kinds of its columns.
    pub(super) columns: Vec<Kind>,
}

impl Writer {
    /// Any query.
    pub(super) fn query(&mut self, depth: usize) -> Query {
        match self.choice.below(20) {
            0..=3 => self.plain(depth),
            4..=9 => self.grouped(depth),
            10..=13 => self.windowed(depth),
            14 => self.distinct(depth),
            15 => self.distinct_on(depth),
            16 | 17 => self.set_operation(depth),
            18 => self.recursive(),
            _ => self.documents(depth),
        }
    }

    fn filter(&mut self, scope: &Scope, share: usize) -> String {
        let depth = self.choice.weighted(&[(3, 0), (5, 1), (2, 2)]);
        if self.choice.percent(share) {
            format!(" WHERE {}", self.predicate(scope, depth))
        } else {
            String::new()
        }
    }

    /// Some expressions of some kinds.
    fn list(&mut self, scope: &Scope, kinds: &[Kind]) -> String {
        let items: Vec<String> = kinds.iter().map(|kind| self.expr(scope, *kind, 2)).collect();
        items.join(", ")
    }

    fn kinds(&mut self, scope: &Scope, least: usize, most: usize) -> Vec<Kind> {
        let count = self.choice.between(least, most);
        (0..count).map(|_| self.kind_of(scope)).collect()
    }

    fn plain(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let mut columns = self.kinds(&scope, 1, 5);
        let mut list = self.list(&scope, &columns);
        if let Some((edge, outer)) = self.edge_below(&scope)
            && self.choice.percent(30)
        {
            let (table, inner) = (self.table_name(edge.child), self.alias());
            let function = *self.choice.pick(&["count", "min", "max"]);
            let (key, parent) = (edge.column, edge.parent_column());
            list = format!(
                "{list}, (SELECT {function}({inner}.{key}) FROM {table} AS {inner} \
                 WHERE {inner}.{key} = {outer}.{parent})"
            );
            columns.push(Kind::Int);
        }
        let filter = self.filter(&scope, 55);
        Query {
            with: scope.with,
            body: format!("SELECT {list} FROM {}{filter}", scope.from),
            columns,
        }
    }

    fn grouped(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let filter = self.filter(&scope, 45);
        let mut keys: Vec<(String, Kind)> = Vec::new();
        for _ in 0..self.choice.below(4) {
            let key = self.group_key(&scope);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut items: Vec<String> = keys.iter().map(|(sql, _)| sql.clone()).collect();
        let mut columns: Vec<Kind> = keys.iter().map(|(_, kind)| *kind).collect();
        let group = self.group_by(&items, &mut columns);
        if let Some((_, Some(grouping))) = &group {
            items.push(grouping.clone());
        }
        for _ in 0..self.choice.between(1, 4) {
            let (sql, kind) = self.aggregate(&scope);
            items.push(sql);
            columns.push(kind);
        }
        if !keys.is_empty() && self.choice.percent(20) {
            items.push("rank() OVER (ORDER BY count(*) DESC)".to_owned());
            columns.push(Kind::Int);
        }
        let group = group.map(|(clause, _)| clause).unwrap_or_default();
        let having = if self.choice.percent(25) {
            format!(" HAVING count(*) > {}", self.choice.below(4))
        } else {
            String::new()
        };
        let body =
            format!("SELECT {} FROM {}{filter}{group}{having}", items.join(", "), scope.from);
        Query { with: scope.with, body, columns }
    }

    /// GROUP BY, and for grouping sets the GROUPING call that tells the levels apart.
    fn group_by(
        &mut self,
        keys: &[String],
        columns: &mut Vec<Kind>,
    ) -> Option<(String, Option<String>)> {
        let first = keys.first()?;
        let all = keys.join(", ");
        let sets = match self.choice.below(8) {
            0 => format!("ROLLUP ({all})"),
            1 => format!("CUBE ({all})"),
            2 => format!("GROUPING SETS (({all}), ({first}), ())"),
            _ => return Some((format!(" GROUP BY {all}"), None)),
        };
        columns.push(Kind::Int);
        Some((format!(" GROUP BY {sets}"), Some(format!("GROUPING({all})"))))
    }

    fn windowed(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let filter = self.filter(&scope, 45);
        let mut columns = self.kinds(&scope, 1, 3);
        let mut items = vec![self.list(&scope, &columns)];
        let named = self.choice.percent(20);
        let window = self.window(&scope);
        for _ in 0..self.choice.between(1, 3) {
            let over = if named { "w".to_owned() } else { format!("({})", self.window(&scope)) };
            let (sql, kind) = self.window_call(&scope, &over);
            items.push(sql);
            columns.push(kind);
        }
        let clause = if named { format!(" WINDOW w AS ({window})") } else { String::new() };
        let body = format!("SELECT {} FROM {}{filter}{clause}", items.join(", "), scope.from);
        Query { with: scope.with, body, columns }
    }

    /// A window in a total order, or one whose frame takes ties together.
    fn window(&mut self, scope: &Scope) -> String {
        let partition = if self.choice.percent(50) {
            format!("PARTITION BY {} ", self.choice.pick(&scope.columns).sql)
        } else {
            String::new()
        };
        let order = scope.order();
        let first = self.choice.pick(&scope.columns).sql.clone();
        let direction = *self.choice.pick(&["", " DESC", " DESC NULLS LAST", " NULLS FIRST"]);
        let frame = *self.choice.pick(&[
            "",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
        ]);
        match self.choice.below(8) {
            0 => partition,
            1 if !scope.of(Kind::Int).is_empty() => {
                let by = self.column(scope, Kind::Int);
                format!("{partition}ORDER BY {by} RANGE BETWEEN 3 PRECEDING AND CURRENT ROW")
            }
            _ => format!("{partition}ORDER BY {first}{direction}, {order}{frame}"),
        }
    }

    fn window_call(&mut self, scope: &Scope, over: &str) -> (String, Kind) {
        let kind = self.kind_of(scope);
        let value = self.expr(scope, kind, 1);
        let money = self.column(scope, Kind::Money);
        // In a window without a total order these would depend on the order of the rows.
        let is_total = over.contains(&format!(", {}", scope.order()));
        match self.choice.below(if is_total { 13 } else { 6 }) {
            0 => (format!("count(*) OVER {over}"), Kind::Int),
            1 => (format!("round(sum({money}) OVER {over}, 2)"), Kind::Money),
            2 => (format!("round(avg({money}) OVER {over}, 2)"), Kind::Money),
            3 => (format!("rank() OVER {over}"), Kind::Int),
            4 => (format!("dense_rank() OVER {over}"), Kind::Int),
            5 => {
                let call = *self.choice.pick(&["percent_rank", "cume_dist"]);
                (format!("round(({call}() OVER {over})::numeric, 2)"), Kind::Money)
            }
            6 => (format!("row_number() OVER {over}"), Kind::Int),
            7 => (format!("ntile(4) OVER {over}"), Kind::Int),
            8 => (format!("lag({value}) OVER {over}"), kind),
            9 => (format!("lead({value}, 2) OVER {over}"), kind),
            10 => (format!("first_value({value}) OVER {over}"), kind),
            11 => (format!("last_value({value}) OVER {over}"), kind),
            _ => (format!("nth_value({value}, 2) OVER {over}"), kind),
        }
    }

    fn distinct(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let columns = self.kinds(&scope, 1, 3);
        let list = self.list(&scope, &columns);
        let filter = self.filter(&scope, 45);
        let body = format!("SELECT DISTINCT {list} FROM {}{filter}", scope.from);
        Query { with: scope.with, body, columns }
    }

    /// In brackets, since its own ORDER BY says which row is taken.
    fn distinct_on(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let columns = self.kinds(&scope, 1, 3);
        let items: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(i, kind)| format!("{} AS d{i}", self.expr(&scope, *kind, 1)))
            .collect();
        let filter = self.filter(&scope, 45);
        let on = self.choice.pick(&scope.columns).sql.clone();
        let alias = self.alias();
        let body = format!(
            "SELECT {alias}.* FROM (SELECT DISTINCT ON ({on}) {} FROM {}{filter} \
             ORDER BY {on}, {}) AS {alias}",
            items.join(", "),
            scope.from,
            scope.order()
        );
        Query { with: scope.with, body, columns }
    }

    fn set_operation(&mut self, depth: usize) -> Query {
        let count = self.choice.between(1, 3);
        let columns: Vec<Kind> = (0..count)
            .map(|_| *self.choice.pick(&[Kind::Int, Kind::Money, Kind::Text, Kind::Date]))
            .collect();
        let mut with = Vec::new();
        let mut sides = Vec::new();
        for _ in 0..self.choice.between(2, 3) {
            let scope = self.source(depth.saturating_sub(1));
            let list = self.list(&scope, &columns);
            let filter = self.filter(&scope, 50);
            sides.push(format!("SELECT {list} FROM {}{filter}", scope.from));
            with.extend(scope.with);
        }
        let operator =
            *self.choice.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
        Query { with, body: sides.join(&format!(" {operator} ")), columns }
    }

    /// JSON made of rows, as text: `json` has no order.
    fn documents(&mut self, depth: usize) -> Query {
        let scope = self.source(depth);
        let filter = self.filter(&scope, 50);
        let (one, two) = (self.column(&scope, Kind::Int), self.column(&scope, Kind::Text));
        let three = self.column(&scope, Kind::Date);
        let list = match self.choice.below(4) {
            0 => format!("json_build_object('a', {one}, 'b', {two})::text"),
            1 => format!("jsonb_build_array({one}, {two}, {three})::text"),
            2 => format!("JSON_OBJECT('a': {one}, 'b': {three})::text"),
            _ => format!("(to_jsonb({one}))::text"),
        };
        let body = format!("SELECT {list} FROM {}{filter}", scope.from);
        Query { with: scope.with, body, columns: vec![Kind::Text] }
    }
}
