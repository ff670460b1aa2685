//! Scalar expressions and aggregates of each kind.

use super::Writer;
use super::schema::{Kind, TEXTS};
use super::scope::Scope;

impl Writer {
    /// A column of a kind, or one of another kind turned into it: an answer that no row takes part
    /// in could not show a leak.
    pub(super) fn column(&mut self, scope: &Scope, kind: Kind) -> String {
        let columns = scope.of(kind);
        if !columns.is_empty() {
            return self.choice.pick(&columns).sql.clone();
        }
        let other = self.choice.pick(&scope.columns).clone();
        let (sql, from) = (other.sql, other.kind);
        let number = match from {
            Kind::Int | Kind::Bool => format!("({sql})::int"),
            Kind::Money => format!("floor({sql})::int"),
            Kind::Text => format!("length({sql})"),
            Kind::Date | Kind::Stamp => format!("extract(doy FROM {sql})::int"),
        };
        match (kind, from) {
            (Kind::Int, _) => number,
            (Kind::Money, _) => format!("round({number}::numeric / 7, 2)"),
            (Kind::Text, _) => format!("({sql})::text"),
            (Kind::Date, Kind::Stamp) => format!("({sql})::date"),
            (Kind::Stamp, Kind::Date) => format!("({sql})::timestamp"),
            (Kind::Date, _) => format!("(DATE '2024-01-01' + mod({number}, 900))"),
            (Kind::Stamp, _) => format!("(TIMESTAMP '2024-01-01' + {number} * INTERVAL '1 hour')"),
            (Kind::Bool, _) => format!("({number} > 20)"),
        }
    }

    /// A literal of a kind.
    pub(super) fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int => match self.choice.below(4) {
                0 => self.choice.between(1, 8).to_string(),
                1 => self.choice.between(1, 3000).to_string(),
                _ => self.choice.between(0, 40).to_string(),
            },
            Kind::Money => {
                format!("{}.{:02}", self.choice.below(300), self.choice.below(100))
            }
            Kind::Text => format!("'{}'", self.choice.pick(&TEXTS)),
            Kind::Date => self.date_literal(),
            Kind::Stamp => {
                let day = self.day();
                format!("TIMESTAMP '{day} 12:00:00'")
            }
            Kind::Bool => (*self.choice.pick(&["true", "false"])).to_owned(),
        }
    }

    fn day(&mut self) -> String {
        let year = self.choice.between(2020, 2026);
        let month = self.choice.between(1, 12);
        format!("{year}-{month:02}-{:02}", self.choice.between(1, 28))
    }

    /// A day of the sample data.
    pub(super) fn date_literal(&mut self) -> String {
        let day = self.day();
        format!("DATE '{day}'")
    }

    /// A kind of which the scope has a column.
    pub(super) fn kind_of(&mut self, scope: &Scope) -> Kind {
        self.choice.pick(&scope.columns).kind
    }

    /// An expression of a kind, at most `depth` calls deep.
    pub(super) fn expr(&mut self, scope: &Scope, kind: Kind, depth: usize) -> String {
        if depth == 0 {
            return if self.choice.percent(80) {
                self.column(scope, kind)
            } else {
                self.literal(kind)
            };
        }
        if self.choice.percent(15) {
            return self.choosing(scope, kind, depth - 1);
        }
        match kind {
            Kind::Int => self.int(scope, depth - 1),
            Kind::Money => self.money(scope, depth - 1),
            Kind::Text => self.text(scope, depth - 1),
            Kind::Date => self.date(scope, depth - 1),
            Kind::Stamp => self.stamp(scope, depth - 1),
            Kind::Bool => format!("({})", self.predicate(scope, depth - 1)),
        }
    }

    /// CASE, COALESCE and their like, for any kind.
    fn choosing(&mut self, scope: &Scope, kind: Kind, depth: usize) -> String {
        let a = self.expr(scope, kind, depth);
        let b = self.expr(scope, kind, depth);
        match self.choice.below(5) {
            0 => {
                let when = self.predicate(scope, depth);
                format!("CASE WHEN {when} THEN {a} ELSE {b} END")
            }
            1 => {
                let value = self.column(scope, Kind::Int);
                let (one, two) = (self.literal(Kind::Int), self.literal(Kind::Int));
                format!("CASE {value} WHEN {one} THEN {a} WHEN {two} THEN {b} END")
            }
            2 if kind != Kind::Bool => format!("greatest({a}, {b})"),
            3 if kind != Kind::Bool => format!("least({a}, {b})"),
            4 if kind == Kind::Int => format!("nullif({a}, {b})"),
            _ => format!("coalesce({a}, {b})"),
        }
    }

    fn int(&mut self, scope: &Scope, depth: usize) -> String {
        let a = self.expr(scope, Kind::Int, depth);
        let text = self.expr(scope, Kind::Text, depth);
        let date = self.expr(scope, Kind::Date, depth);
        let n = self.choice.between(2, 9);
        match self.choice.below(15) {
            0 => format!("({a} + {n})"),
            1 => format!("({a} * {n})"),
            2 => format!("mod({a}, {n})"),
            3 => format!("abs({a} - {n})"),
            4 => format!("length({text})"),
            5 => format!("strpos({text}, 'a')"),
            6 => format!("position('e' IN {text})"),
            7 => format!("extract(year FROM {date})::int"),
            8 => format!("extract(dow FROM {date})::int"),
            9 => format!("date_part('quarter', {date})::int"),
            10 => format!("({date} - {})", self.date_literal()),
            11 => {
                let money = self.column(scope, Kind::Money);
                format!("width_bucket({money}, 0, 500, {n})")
            }
            12 => format!("ascii({text})"),
            13 => {
                let money = self.column(scope, Kind::Money);
                format!("floor({money})::int")
            }
            _ => format!("({a} / {n})"),
        }
    }

    fn money(&mut self, scope: &Scope, depth: usize) -> String {
        let a = self.expr(scope, Kind::Money, depth);
        let b = self.expr(scope, Kind::Money, depth);
        let int = self.column(scope, Kind::Int);
        match self.choice.below(8) {
            0 => format!("round({a} + {b}, 2)"),
            1 => format!("round({a} - {b}, 2)"),
            2 => format!("round({a} * 1.095, 2)"),
            3 => format!("round({a} / nullif({b}, 0), 2)"),
            4 => format!("round({int}::numeric / 7, 2)"),
            5 => format!("round(abs({a}), 2)"),
            // Never 0 in a row of the caller's own.
            6 if int.ends_with(".quantity") => format!("round({a} / {int}, 2)"),
            _ => format!("round({a}, 2)"),
        }
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> String {
        let a = self.expr(scope, Kind::Text, depth);
        let b = self.column(scope, Kind::Text);
        let date = self.column(scope, Kind::Date);
        let n = self.choice.between(1, 8);
        match self.choice.below(18) {
            0 => format!("upper({a})"),
            1 => format!("lower({a})"),
            2 => format!("initcap({a})"),
            3 => format!("left({a}, {n})"),
            4 => format!("right({a}, {n})"),
            5 => format!("substr({a}, {n}, 4)"),
            6 => format!("split_part({a}, ' ', 1)"),
            7 => format!("replace({a}, 'a', '4')"),
            8 => format!("({a} || '/' || {b})"),
            9 => format!("concat_ws('-', {a}, {b})"),
            10 => format!("concat({a}, {n})"),
            11 => format!("to_char({date}, 'YYYY-MM')"),
            12 => {
                let money = self.column(scope, Kind::Money);
                format!("to_char({money}, 'FM999999990.00')")
            }
            13 => format!("md5({a})"),
            14 => format!("lpad(left({a}, 5), 8, '*')"),
            15 => format!("regexp_replace({a}, '[aeiou]+', '_', 'g')"),
            16 => format!("translate(btrim({a}), 'abc', 'xyz')"),
            _ => format!("format('%s (%s)', {a}, {b})"),
        }
    }

    fn date(&mut self, scope: &Scope, depth: usize) -> String {
        let a = self.expr(scope, Kind::Date, depth);
        match self.choice.below(6) {
            0 => format!("date_trunc('month', {a})::date"),
            1 => format!("date_trunc('quarter', {a})::date"),
            2 => format!("({a} + {})", self.choice.between(1, 90)),
            3 => format!("({a} + INTERVAL '1 month')::date"),
            4 => {
                let stamp = self.column(scope, Kind::Stamp);
                format!("({stamp})::date")
            }
            _ => {
                let int = self.column(scope, Kind::Int);
                format!("make_date(2024, 1 + mod(abs({int}), 12)::int, 1)")
            }
        }
    }

    fn stamp(&mut self, scope: &Scope, depth: usize) -> String {
        let a = self.expr(scope, Kind::Stamp, depth);
        match self.choice.below(4) {
            0 => format!("date_trunc('hour', {a})"),
            1 => format!("({a} - INTERVAL '36 hours')"),
            2 => format!("date_bin(INTERVAL '7 days', {a}, TIMESTAMP '2020-01-06')"),
            _ => {
                let date = self.column(scope, Kind::Date);
                format!("({date})::timestamp")
            }
        }
    }

    /// Something to group by: always of columns, since a constant cannot be grouped by.
    pub(super) fn group_key(&mut self, scope: &Scope) -> (String, Kind) {
        let column = self.choice.pick(&scope.columns).clone();
        let sql = column.sql;
        match (column.kind, self.choice.below(3)) {
            (Kind::Date, 0) => (format!("date_trunc('month', {sql})::date"), Kind::Date),
            (Kind::Date, 1) => (format!("extract(year FROM {sql})::int"), Kind::Int),
            (Kind::Stamp, 0 | 1) => (format!("date_trunc('year', {sql})"), Kind::Stamp),
            (Kind::Int, 0) => (format!("mod({sql}, 5)"), Kind::Int),
            (Kind::Text, 0) => (format!("upper(left({sql}, 2))"), Kind::Text),
            (Kind::Money, 0 | 1) => (format!("floor({sql} / 100)::int"), Kind::Int),
            (kind, _) => (sql, kind),
        }
    }

    /// An aggregate over the scope, and the kind that it gives.
    pub(super) fn aggregate(&mut self, scope: &Scope) -> (String, Kind) {
        let (call, kind, wrap) = self.aggregate_call(scope);
        let filter = if self.choice.percent(30) {
            let condition = self.predicate(scope, 1);
            format!(" FILTER (WHERE {condition})")
        } else {
            String::new()
        };
        (wrap.replace("{}", &format!("{call}{filter}")), kind)
    }

    /// The call, the kind, and what stands around the call and its FILTER.
    fn aggregate_call(&mut self, scope: &Scope) -> (String, Kind, &'static str) {
        let order = scope.order();
        let int = self.expr(scope, Kind::Int, 1);
        let money = self.expr(scope, Kind::Money, 1);
        let text = self.expr(scope, Kind::Text, 1);
        let date = self.column(scope, Kind::Date);
        let column = self.choice.pick(&scope.columns).sql.clone();
        match self.choice.below(19) {
            0 => ("count(*)".to_owned(), Kind::Int, "{}"),
            1 => (format!("count({column})"), Kind::Int, "{}"),
            2 => (format!("count(DISTINCT {column})"), Kind::Int, "{}"),
            3 => (format!("sum({int})"), Kind::Int, "({})::bigint"),
            4 => (format!("sum(DISTINCT {int})"), Kind::Int, "({})::bigint"),
            5 | 6 => (format!("sum({money})"), Kind::Money, "round({}, 2)"),
            7 => (format!("avg({money})"), Kind::Money, "round({}, 2)"),
            8 => (format!("min({int})"), Kind::Int, "{}"),
            9 => (format!("max({text})"), Kind::Text, "{}"),
            10 => (format!("max({date})"), Kind::Date, "{}"),
            11 => {
                let condition = self.predicate(scope, 0);
                let call = *self.choice.pick(&["bool_or", "bool_and", "every"]);
                (format!("{call}({condition})"), Kind::Bool, "{}")
            }
            12 => {
                (format!("string_agg(DISTINCT {text}, ',' ORDER BY {text})"), Kind::Text, "md5({})")
            }
            13 => (format!("string_agg({text}, ',' ORDER BY {order})"), Kind::Text, "left({}, 80)"),
            14 => (format!("array_agg({int} ORDER BY {order})"), Kind::Text, "(({})[1:3])::text"),
            15 => (format!("jsonb_agg({column} ORDER BY {order})"), Kind::Text, "md5(({})::text)"),
            16 => (format!("stddev_samp({money})"), Kind::Money, "round({}, 2)"),
            17 => {
                let call = format!("percentile_cont(0.5) WITHIN GROUP (ORDER BY {money})");
                (call, Kind::Money, "round(({})::numeric, 2)")
            }
            _ => {
                let call = self.choice.weighted(&[(1, "mode()"), (1, "percentile_disc(0.25)")]);
                (format!("{call} WITHIN GROUP (ORDER BY {int})"), Kind::Int, "{}")
            }
        }
    }
}
