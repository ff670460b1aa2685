//! FROM: tables, subqueries, functions and joins.

use std::rc::Rc;

use pg_query::protobuf::{Alias, JoinExpr, JoinType, RangeFunction, RangeSubselect, RangeVar};
use pg_query::{Node, NodeEnum};

use super::names::{string, strings};
use super::scope::{Column, Columns, CteOutput, Item, Output};
use super::size::Size;
use super::{Check, Walker};
use crate::rejection::{RejectionCode, clip};

impl<'a> Walker<'a> {
    /// Checks an item of FROM, and makes it visible.
    pub(super) fn source(&mut self, item: &Node) -> Check {
        self.deeper(|walker| match &item.node {
            Some(NodeEnum::RangeVar(table)) => walker.table(table),
            Some(NodeEnum::RangeSubselect(subquery)) => walker.subquery(subquery),
            Some(NodeEnum::RangeFunction(function)) => walker.table_function(function),
            Some(NodeEnum::JoinExpr(join)) => walker.join(join),
            Some(NodeEnum::RangeTableSample(sample)) => Err(walker.unsupported(
                sample.location,
                "TABLESAMPLE",
                "Use WHERE with a condition on a key, for example order_id % 10 = 0.",
            )),
            Some(NodeEnum::RangeTableFunc(function)) => Err(walker.unsupported(
                function.location,
                "XMLTABLE",
                "There is no XML in the data. Read the tables directly.",
            )),
            Some(NodeEnum::JsonTable(table)) => Err(walker.unsupported(
                table.location,
                "JSON_TABLE",
                "Use jsonb_array_elements, jsonb_each or ->> instead.",
            )),
            _ => Err(walker.unexpected()),
        })
    }

    fn add_item(&mut self, item: Item<'a>) {
        if let Some(level) = self.levels.last_mut() {
            level.items.push(item);
        }
    }

    fn alias(&self, alias: Option<&Alias>) -> Check<(String, Vec<String>)> {
        let Some(Alias { aliasname, colnames }) = alias else {
            return Ok((String::new(), Vec::new()));
        };
        let names = strings(colnames).ok_or_else(|| self.unexpected())?;
        Ok((aliasname.clone(), names))
    }

    fn table(&mut self, table: &RangeVar) -> Check {
        let RangeVar {
            catalogname,
            schemaname,
            relname,
            inh: _,
            relpersistence: _,
            alias,
            location,
        } = table;
        let place = self.visit(*location);
        self.counts.relations += 1;
        let most = self.limits().max_relations;
        if self.counts.relations > most {
            return Err(self.too_many(place, "tables", most));
        }
        let (alias, names) = self.alias(alias.as_ref())?;
        let has_alias = !alias.is_empty();
        let name = if has_alias { alias } else { relname.clone() };
        if !catalogname.is_empty() {
            let message = format!("\"{}\" is a database name", clip(catalogname));
            return Err(self
                .refuse(RejectionCode::UnknownRelation, place, message)
                .advise("Write schema.table, without a database."));
        }
        if schemaname.is_empty()
            && let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == *relname)
        {
            let output = match &cte.output {
                CteOutput::Known(columns) => Output::Known(columns.as_ref().clone()),
                CteOutput::Open(size) => Output::Open(*size),
            };
            let columns = output.renamed(&names).into();
            self.add_item(Item { name, has_alias, columns, is_function: false, hidden: None });
            return Ok(());
        }
        let Some(relation) = self.policy.relation(schemaname, relname) else {
            return Err(self.unknown_relation(place, schemaname, relname));
        };
        self.relations.insert(&relation.full_name);
        let hidden = (!relation.hidden.is_empty()).then_some(relation);
        let columns = if names.is_empty() {
            Columns::Table(relation)
        } else if hidden.is_some() {
            // It would give the hidden columns other names.
            return Err(self
                .refuse(
                    RejectionCode::UnsupportedSyntax,
                    place,
                    format!("{} cannot take column aliases here", relation.full_name),
                )
                .advise("Rename columns in the SELECT list, with AS."));
        } else {
            Columns::Open(Size::of_column(self.limits().assumed_text_bytes))
        };
        self.add_item(Item { name, has_alias, columns, is_function: false, hidden });
        Ok(())
    }

    fn subquery(&mut self, subquery: &RangeSubselect) -> Check {
        let RangeSubselect { lateral: _, subquery, alias } = subquery;
        let (name, names) = self.alias(alias.as_ref())?;
        let query = subquery.as_ref().and_then(|query| query.node.as_ref());
        let Some(NodeEnum::SelectStmt(query)) = query else { return Err(self.unexpected()) };
        let columns = self.select(query)?.renamed(&names).into();
        self.add_item(Item { name, has_alias: true, columns, is_function: false, hidden: None });
        Ok(())
    }

    fn table_function(&mut self, function: &RangeFunction) -> Check {
        let RangeFunction { lateral: _, ordinality, is_rowsfrom: _, functions, alias, coldeflist } =
            function;
        let mut size = Size::default();
        let mut single = None;
        for part in functions {
            // Each is a list of the call and its column definitions.
            let Some(NodeEnum::List(part)) = &part.node else { return Err(self.unexpected()) };
            let Some((call, definitions)) = part.items.split_first() else {
                return Err(self.unexpected());
            };
            size = size.or(self.expr(call)?);
            single = single_column_function(call);
            if !coldeflist.is_empty() || definitions.iter().any(has_definitions) {
                return Err(self.unsupported(
                    -1,
                    "a column definition list",
                    "Use jsonb_array_elements and ->> to read JSON.",
                ));
            }
        }
        if functions.len() != 1 {
            single = None;
        }
        let (alias, names) = self.alias(alias.as_ref())?;
        let columns = if let Some(function) = single {
            let own = if alias.is_empty() { function.to_owned() } else { alias.clone() };
            let mut columns = vec![Column { name: own, size }];
            if *ordinality {
                columns.push(Column { name: "ordinality".to_owned(), size: Size::SMALL });
            }
            Output::Known(columns).renamed(&names).into()
        } else {
            // A function of one column calls it like itself.
            let names = if names.is_empty() { vec![alias.clone()] } else { names };
            let columns = names.into_iter().map(|name| Column { name, size });
            Columns::Some(Rc::new(columns.collect()), size)
        };
        let name = if alias.is_empty() { single.unwrap_or_default().to_owned() } else { alias };
        self.add_item(Item { name, has_alias: true, columns, is_function: true, hidden: None });
        Ok(())
    }

    fn join(&mut self, join: &JoinExpr) -> Check {
        let JoinExpr {
            jointype,
            is_natural,
            larg,
            rarg,
            using_clause,
            join_using_alias,
            quals,
            alias,
            rtindex: _,
        } = join;
        match JoinType::try_from(*jointype) {
            Ok(
                JoinType::JoinInner | JoinType::JoinLeft | JoinType::JoinFull | JoinType::JoinRight,
            ) => {}
            _ => return Err(self.unexpected()),
        }
        let before = self.items_len();
        let (Some(left), Some(right)) = (larg, rarg) else { return Err(self.unexpected()) };
        self.source(left)?;
        self.source(right)?;
        let joined = self.levels.last().and_then(|level| level.items.get(before..));
        if *is_natural && joined.unwrap_or_default().iter().any(|item| item.hidden.is_some()) {
            return Err(self
                .refuse(
                    RejectionCode::HiddenColumn,
                    -1,
                    "NATURAL JOIN would compare columns that are not available",
                )
                .advise("Write JOIN ... USING (column), or JOIN ... ON with the columns."));
        }
        for column in using_clause {
            let name = string(column).ok_or_else(|| self.unexpected())?;
            self.using_column(name, before)?;
        }
        self.optional(quals.as_deref())?;
        let (using_name, using_names) = self.alias(join_using_alias.as_ref())?;
        let (name, names) = self.alias(alias.as_ref())?;
        if !name.is_empty() {
            self.close_join(before, name, &names);
        } else if !using_name.is_empty() || !using_names.is_empty() {
            let columns = Columns::Open(Size::of_column(self.limits().assumed_text_bytes));
            self.add_item(Item {
                name: using_name,
                has_alias: true,
                columns,
                is_function: false,
                hidden: None,
            });
        }
        Ok(())
    }

    fn items_len(&self) -> usize {
        self.levels.last().map_or(0, |level| level.items.len())
    }

    /// A join with an alias hides what is in it.
    fn close_join(&mut self, before: usize, name: String, names: &[String]) {
        let column = Size::of_column(self.limits().assumed_text_bytes);
        let Some(level) = self.levels.last_mut() else { return };
        let inner = level.items.split_off(before.min(level.items.len()));
        let hidden = inner.iter().find_map(|item| item.hidden);
        let size = inner
            .iter()
            .fold(Size::default(), |size, item| size.or(item.columns.to_output(column).size()));
        // Column aliases do not matter: all that is known is the size.
        let _ = names;
        level.items.push(Item {
            name,
            has_alias: true,
            columns: Columns::Open(size),
            is_function: false,
            hidden,
        });
    }
}

fn has_definitions(node: &Node) -> bool {
    match &node.node {
        None => false,
        Some(NodeEnum::List(list)) => !list.items.is_empty(),
        Some(_) => true,
    }
}

/// The name of a set-returning function of one column.
fn single_column_function(call: &Node) -> Option<&'static str> {
    const SINGLE: [&str; 4] =
        ["generate_series", "generate_subscripts", "regexp_split_to_table", "string_to_table"];
    let Some(NodeEnum::FuncCall(call)) = &call.node else { return None };
    let name = string(call.funcname.last()?)?;
    SINGLE.into_iter().find(|single| *single == name)
}
