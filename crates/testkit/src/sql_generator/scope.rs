//! What a FROM clause offers: columns by kind, and what tells its rows apart.

use super::Writer;
use super::schema::{CATEGORIES, EDGES, Edge, Kind, PRODUCT_TYPES, STORES, TABLES};

/// A column that can be named.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) sql: String,
    pub(super) kind: Kind,
}

/// A FROM clause.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// What stands behind FROM.
    pub(super) from: String,
    pub(super) columns: Vec<Column>,
    /// Expressions that together order rows totally.
    pub(super) keys: Vec<String>,
    /// The tables in it, by index, with their aliases.
    pub(super) tables: Vec<(usize, String)>,
    /// WITH entries that it needs.
    pub(super) with: Vec<String>,
}

impl Scope {
    /// The columns of a kind.
    pub(super) fn of(&self, kind: Kind) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.kind == kind).collect()
    }

    /// The total order of its rows.
    pub(super) fn order(&self) -> String {
        self.keys.join(", ")
    }

    fn add_table(&mut self, table: usize, alias: &str) {
        let definition = TABLES.get(table).expect("an index of TABLES");
        self.columns.extend(
            definition
                .columns
                .iter()
                .map(|(name, kind)| Column { sql: format!("{alias}.{name}"), kind: *kind }),
        );
        self.keys.extend(definition.key.iter().map(|name| format!("{alias}.{name}")));
        self.tables.push((table, alias.to_owned()));
    }
}

/// One way to join a further table.
struct Step {
    edge: Edge,
    /// Alias of the table that is there.
    alias: String,
    /// From child to parent, which adds no rows.
    up: bool,
}

impl Step {
    fn new_table(&self) -> usize {
        if self.up { self.edge.parent } else { self.edge.child }
    }

    fn columns(&self) -> (&'static str, &'static str) {
        let (child, parent) = (self.edge.column, self.edge.parent_column());
        if self.up { (child, parent) } else { (parent, child) }
    }
}

impl Writer {
    /// The name of a table, with its schema or found by the search path.
    pub(super) fn table_name(&mut self, table: usize) -> String {
        let name = TABLES.get(table).expect("an index of TABLES").name;
        match self.choice.below(10) {
            0 => name.to_owned(),
            1 => format!("\"retail\".\"{name}\""),
            _ => format!("retail.{name}"),
        }
    }

    /// A table, or a subquery that gives its columns, and the alias.
    fn relation(&mut self, table: usize, alias: &str) -> String {
        let name = self.table_name(table);
        if !self.choice.percent(12) {
            return format!("{name} AS {alias}");
        }
        let definition = TABLES.get(table).expect("an index of TABLES");
        let columns: Vec<&str> = definition.columns.iter().map(|(name, _)| *name).collect();
        let inner = self.alias();
        let mut scope = Scope::default();
        scope.add_table(table, &inner);
        let barrier = if self.choice.percent(20) { " OFFSET 0" } else { "" };
        let filter = self.predicate(&scope, 0);
        format!(
            "(SELECT {} FROM {name} AS {inner} WHERE {filter}{barrier}) AS {alias}",
            columns.join(", ")
        )
    }

    /// A single table.
    pub(super) fn single(&mut self, table: usize) -> Scope {
        let alias = self.alias();
        let mut scope = Scope { from: self.relation(table, &alias), ..Scope::default() };
        scope.add_table(table, &alias);
        scope
    }

    /// Tables joined along foreign keys, in random order.
    pub(super) fn joined(&mut self, tables: usize) -> Scope {
        let first = self.choice.below(TABLES.len());
        let mut scope = self.single(first);
        while scope.tables.len() < tables {
            let steps = steps(&scope);
            if steps.is_empty() {
                break;
            }
            let step = self.choice.pick(&steps);
            self.join(&mut scope, step);
        }
        scope
    }

    fn join(&mut self, scope: &mut Scope, step: &Step) {
        let alias = self.alias();
        let relation = self.relation(step.new_table(), &alias);
        let (here, there) = step.columns();
        let kind = self.choice.weighted(&[
            (45, "JOIN"),
            (10, "INNER JOIN"),
            (25, "LEFT JOIN"),
            (12, "FULL JOIN"),
            (8, "RIGHT JOIN"),
        ]);
        let condition = if scope.tables.len() == 1 && here == there && self.choice.percent(30) {
            format!("USING ({here})")
        } else {
            let equal = format!("{alias}.{there} = {}.{here}", step.alias);
            if kind == "LEFT JOIN" && self.choice.percent(25) {
                let mut joined = Scope::default();
                joined.add_table(step.new_table(), &alias);
                let more = self.predicate(&joined, 0);
                format!("ON {equal} AND {more}")
            } else {
                format!("ON {equal}")
            }
        };
        scope.from = format!("{} {kind} {relation} {condition}", scope.from);
        scope.add_table(step.new_table(), &alias);
    }

    /// An entry that a table has in the scope, or not: a foreign key into one that is there.
    pub(super) fn edge_below(&mut self, scope: &Scope) -> Option<(Edge, String)> {
        let below: Vec<(Edge, String)> = scope
            .tables
            .iter()
            .flat_map(|(table, alias)| {
                EDGES
                    .iter()
                    .filter(move |edge| edge.parent == *table)
                    .map(move |edge| (*edge, alias.clone()))
            })
            .collect();
        if below.is_empty() { None } else { Some(self.choice.pick(&below).clone()) }
    }
}

/// The joins that a scope allows. Several children of one store or category would multiply.
fn steps(scope: &Scope) -> Vec<Step> {
    let mut steps = Vec::new();
    for (table, alias) in &scope.tables {
        for edge in EDGES {
            if edge.child == *table {
                steps.push(Step { edge, alias: alias.clone(), up: true });
            }
            let wide = matches!(*table, STORES | CATEGORIES | PRODUCT_TYPES);
            if edge.parent == *table && (!wide || scope.tables.len() == 1) {
                steps.push(Step { edge, alias: alias.clone(), up: false });
            }
        }
    }
    steps
}
