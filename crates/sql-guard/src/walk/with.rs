//! WITH: which queries have a name, and how values grow in recursive ones.

use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, CteCycleClause, CteSearchClause, WithClause};

use super::names::strings;
use super::scope::{Column, Cte, CteOutput, Output};
use super::size::Size;
use super::{Check, Walker};
use crate::guard::statement_word;
use crate::prescan::instead_of;
use crate::rejection::RejectionCode;

impl Walker<'_> {
    pub(super) fn with(&mut self, with: &WithClause) -> Check {
        let WithClause { ctes, recursive, location } = with;
        self.visit(*location);
        let first = self.ctes.len();
        if *recursive {
            // Each can name itself and the others.
            for cte in ctes {
                let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node else {
                    return Err(self.unexpected());
                };
                // Until its body is seen, only the names written in WITH are known.
                let names = strings(&cte.aliascolnames).ok_or_else(|| self.unexpected())?;
                let column = |name| Column { name, size: Size::UNBOUNDED };
                let output = if names.is_empty() {
                    Output::Open(Size::UNBOUNDED)
                } else {
                    Output::Known(names.into_iter().map(column).collect())
                };
                self.ctes.push(Cte { name: cte.ctename.clone(), output: output.into() });
            }
        }
        for (index, cte) in ctes.iter().enumerate() {
            let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node else {
                return Err(self.unexpected());
            };
            self.counts.ctes += 1;
            if self.counts.ctes > self.limits().max_ctes {
                let most = self.limits().max_ctes;
                return Err(self.too_many(cte.location, "WITH queries", most));
            }
            let place = first + index;
            let output = self.cte(cte, recursive.then_some(place))?;
            let seen = Cte { name: cte.ctename.clone(), output: output.into() };
            match self.ctes.get_mut(place) {
                Some(known) => *known = seen,
                None => self.ctes.push(seen),
            }
        }
        Ok(())
    }

    fn cte(&mut self, cte: &CommonTableExpr, recursive: Option<usize>) -> Check<Output> {
        let CommonTableExpr {
            ctename: _,
            aliascolnames,
            ctematerialized: _,
            ctequery,
            search_clause,
            cycle_clause,
            location,
            cterecursive: _,
            cterefcount: _,
            ctecolnames: _,
            ctecoltypes: _,
            ctecoltypmods: _,
            ctecolcollations: _,
        } = cte;
        let place = self.visit(*location);
        let names = strings(aliascolnames).ok_or_else(|| self.unexpected())?;
        let query = ctequery.as_ref().and_then(|query| query.node.as_ref());
        let Some(NodeEnum::SelectStmt(query)) = query else {
            let word = statement_word(query);
            let message = format!("{} in a WITH query is not available", word.to_uppercase());
            return Err(self
                .refuse(RejectionCode::NotASelect, place, message)
                .advise(instead_of(word)));
        };
        // Outside of the recursion nothing grows any more.
        let at_rest = |size: Size| Size { grows: 0, ..size };
        let output = self.select_in(query, recursive)?.renamed(&names).map(at_rest);
        let mut more = Vec::new();
        if let Some(search) = search_clause {
            let CteSearchClause {
                search_col_list: _,
                search_breadth_first: _,
                search_seq_column,
                location: _,
            } = search;
            more.push(search_seq_column.clone());
        }
        if let Some(cycle) = cycle_clause {
            let CteCycleClause {
                cycle_col_list: _,
                cycle_mark_column,
                cycle_mark_value,
                cycle_mark_default,
                cycle_path_column,
                location: _,
                cycle_mark_type: _,
                cycle_mark_typmod: _,
                cycle_mark_collation: _,
                cycle_mark_neop: _,
            } = cycle.as_ref();
            self.optional(cycle_mark_value.as_deref())?;
            self.optional(cycle_mark_default.as_deref())?;
            more.extend([cycle_mark_column.clone(), cycle_path_column.clone()]);
        }
        Ok(match output {
            Output::Known(mut columns) => {
                let size = Size::UNBOUNDED;
                columns.extend(more.into_iter().map(|name| Column { name, size }));
                Output::Known(columns)
            }
            open @ Output::Open(_) => open,
        })
    }
}

/// What the recursive part sees of its own query: the columns of the first part, which may grow.
pub(super) fn recursive_seed(left: &Output, known: &CteOutput) -> Output {
    let names: Vec<String> = match known {
        CteOutput::Known(columns) => columns.iter().map(|column| column.name.clone()).collect(),
        CteOutput::Open(_) => Vec::new(),
    };
    let grow = |size: Size, column: u32| Size {
        digits: size.digits.max(1500),
        grows: 1_u64.checked_shl(column).unwrap_or(u64::MAX),
        ..size
    };
    match left.clone().renamed(&names) {
        Output::Known(mut columns) => {
            for (index, column) in (0..).zip(&mut columns) {
                column.size = grow(column.size, index);
            }
            Output::Known(columns)
        }
        Output::Open(size) => Output::Open(grow(size, u32::MAX)),
    }
}
