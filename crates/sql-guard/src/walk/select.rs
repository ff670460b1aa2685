//! SELECT, WITH, UNION and VALUES.

use pg_query::protobuf::{
    IntoClause, LimitOption, ResTarget, SelectStmt, SetOperation, SortBy, SortByDir, WindowDef,
};
use pg_query::{Node, NodeEnum};

use super::output::output_name;
use super::scope::{Column, Columns, Item, Level, Output};
use super::size::Size;
use super::with::recursive_seed;
use super::{Check, Walker};

impl Walker<'_> {
    /// Checks a whole SELECT, and gives its output columns.
    pub(super) fn select(&mut self, select: &SelectStmt) -> Check<Output> {
        self.select_in(select, None)
    }

    /// `recursive` is the place of the WITH query whose recursive body this may be.
    pub(super) fn select_in(
        &mut self,
        select: &SelectStmt,
        recursive: Option<usize>,
    ) -> Check<Output> {
        let outer_ctes = self.ctes.len();
        self.levels.push(Level::default());
        let output = self.deeper(|walker| walker.select_body(select, recursive));
        self.levels.pop();
        self.ctes.truncate(outer_ctes);
        output
    }

    fn select_body(&mut self, select: &SelectStmt, recursive: Option<usize>) -> Check<Output> {
        let SelectStmt {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option,
            locking_clause,
            with_clause,
            op,
            all: _,
            larg,
            rarg,
        } = select;
        self.only_reads(into_clause.as_deref(), locking_clause)?;
        if let Some(with) = with_clause {
            self.with(with)?;
        }
        let outer = std::mem::replace(&mut self.in_targets, false);
        let output = match SetOperation::try_from(*op) {
            Ok(SetOperation::SetopNone) => {
                if larg.is_some() || rarg.is_some() {
                    return Err(self.unexpected());
                }
                for item in from_clause {
                    self.source(item)?;
                }
                self.set_outputs(target_list);
                self.in_targets = true;
                let output = if values_lists.is_empty() {
                    self.targets(target_list)?
                } else {
                    self.values(values_lists)?
                };
                self.in_targets = false;
                self.optional(where_clause.as_deref())?;
                self.group_by(group_clause)?;
                self.optional(having_clause.as_deref())?;
                self.windows(window_clause)?;
                self.distinct(distinct_clause)?;
                if stays_a_subquery(select) {
                    output.map(|size| Size { weight: 1, ..size })
                } else {
                    output
                }
            }
            Ok(
                SetOperation::SetopUnion | SetOperation::SetopIntersect | SetOperation::SetopExcept,
            ) => {
                let plain = target_list.is_empty()
                    && from_clause.is_empty()
                    && where_clause.is_none()
                    && group_clause.is_empty()
                    && having_clause.is_none()
                    && window_clause.is_empty()
                    && values_lists.is_empty()
                    && distinct_clause.is_empty();
                let (true, Some(left), Some(right)) = (plain, larg, rarg) else {
                    return Err(self.unexpected());
                };
                self.set_operation(left, right, recursive)?
            }
            _ => return Err(self.unexpected()),
        };
        self.order_by(sort_clause)?;
        self.optional(limit_offset.as_deref())?;
        self.optional(limit_count.as_deref())?;
        self.in_targets = outer;
        match LimitOption::try_from(*limit_option) {
            Ok(LimitOption::Undefined) | Err(_) => Err(self.unexpected()),
            Ok(LimitOption::Default | LimitOption::Count | LimitOption::WithTies) => Ok(output),
        }
    }

    /// Neither INTO nor a lock.
    fn only_reads(&self, into: Option<&IntoClause>, locking: &[Node]) -> Check {
        if let Some(into) = into {
            let place = into.rel.as_ref().map_or(-1, |relation| relation.location);
            return Err(self.unsupported(
                place,
                "SELECT INTO",
                "Leave INTO out: rows come back as the answer. For intermediate results use WITH.",
            ));
        }
        if !locking.is_empty() {
            return Err(self.unsupported(
                -1,
                "FOR UPDATE or FOR SHARE",
                "Leave it out: data is only read, so nothing needs a lock.",
            ));
        }
        Ok(())
    }

    fn set_operation(
        &mut self,
        left: &SelectStmt,
        right: &SelectStmt,
        recursive: Option<usize>,
    ) -> Check<Output> {
        self.counts.set_branches += 1;
        if self.counts.set_branches >= self.limits().max_set_branches {
            return Err(self.too_many(-1, "branches of UNION", self.limits().max_set_branches));
        }
        let left = self.select(left)?;
        if let Some(cte) = recursive.and_then(|place| self.ctes.get_mut(place)) {
            cte.output = recursive_seed(&left, &cte.output).into();
        }
        let right = self.select(right)?;
        let output = left.or(&right);
        // ORDER BY sees the output columns alone; PostgreSQL judges their names.
        if let Some(level) = self.levels.last_mut() {
            let columns = Columns::Open(output.size());
            level.items.push(Item {
                name: String::new(),
                has_alias: true,
                columns,
                is_function: false,
                hidden: None,
            });
        }
        Ok(output)
    }

    fn values(&mut self, rows: &[Node]) -> Check<Output> {
        let mut output: Option<Output> = None;
        for row in rows {
            let Some(NodeEnum::List(row)) = &row.node else { return Err(self.unexpected()) };
            self.check_width(row.items.len())?;
            let mut columns = Vec::with_capacity(row.items.len());
            for (index, value) in row.items.iter().enumerate() {
                let size = self.expr(value)?;
                columns.push(Column { name: format!("column{}", index + 1), size });
            }
            let row = Output::Known(columns);
            output = Some(match output {
                None => row,
                Some(rows) => rows.or(&row),
            });
        }
        output.ok_or_else(|| self.unexpected())
    }

    fn check_width(&self, width: usize) -> Check {
        let most = self.limits().max_columns;
        if width > most as usize {
            return Err(self.too_many(-1, "columns", most));
        }
        Ok(())
    }

    fn targets(&mut self, targets: &[Node]) -> Check<Output> {
        self.check_width(targets.len())?;
        let mut columns = Some(Vec::with_capacity(targets.len()));
        let mut most = Size::default();
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = &target.node else {
                return Err(self.unexpected());
            };
            let ResTarget { name, indirection, val, location } = target.as_ref();
            self.visit(*location);
            if !indirection.is_empty() {
                return Err(self.unexpected());
            }
            let Some(value) = val else { return Err(self.unexpected()) };
            if let Some(stars) = self.star(value)? {
                most = most.or(stars.size());
                columns = match (columns, stars) {
                    (Some(mut columns), Output::Known(more)) => {
                        columns.extend(more);
                        Some(columns)
                    }
                    _ => None,
                };
                continue;
            }
            let before = self.weight;
            let size = self.expr(value)?;
            let size = Size { weight: self.weight - before, ..size };
            most = most.or(size);
            let name = if name.is_empty() { output_name(value) } else { Some(name.clone()) };
            columns = columns.zip(name).map(|(mut columns, name)| {
                columns.push(Column { name, size });
                columns
            });
        }
        Ok(columns.map_or(Output::Open(most), Output::Known))
    }

    /// Notes the names that ORDER BY and GROUP BY may use.
    fn set_outputs(&mut self, targets: &[Node]) {
        let (mut outputs, mut aliases) = (Vec::new(), Vec::new());
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = &target.node else { continue };
            if target.name.is_empty() {
                outputs.extend(target.val.as_ref().and_then(|value| output_name(value)));
            } else {
                outputs.push(target.name.clone());
                aliases.push(target.name.clone());
            }
        }
        if let Some(level) = self.levels.last_mut() {
            (level.outputs, level.aliases) = (outputs, aliases);
        }
    }

    fn distinct(&mut self, items: &[Node]) -> Check {
        for item in items {
            // DISTINCT without ON is one empty node.
            if item.node.is_some() {
                self.expr_or_output(item)?;
            }
        }
        Ok(())
    }

    pub(super) fn order_by(&mut self, items: &[Node]) -> Check {
        for item in items {
            self.sort_item(item, true)?;
        }
        Ok(())
    }

    /// `outputs`: whether names of the SELECT list may be used.
    pub(super) fn sort_item(&mut self, item: &Node, outputs: bool) -> Check {
        let Some(NodeEnum::SortBy(sort)) = &item.node else { return Err(self.unexpected()) };
        let SortBy { node, sortby_dir, sortby_nulls: _, use_op, location } = sort.as_ref();
        self.visit(*location);
        if *sortby_dir == SortByDir::SortbyUsing as i32 || !use_op.is_empty() {
            return Err(self.unsupported(*location, "ORDER BY … USING", "Write ASC or DESC."));
        }
        let Some(node) = node else { return Err(self.unexpected()) };
        if outputs { self.expr_or_output(node) } else { self.expr(node).map(drop) }
    }

    fn windows(&mut self, windows: &[Node]) -> Check {
        windows.iter().try_for_each(|window| match &window.node {
            Some(NodeEnum::WindowDef(window)) => self.window(window),
            _ => Err(self.unexpected()),
        })
    }

    pub(super) fn window(&mut self, window: &WindowDef) -> Check {
        let WindowDef {
            name: _,
            refname: _,
            partition_clause,
            order_clause,
            frame_options: _,
            start_offset,
            end_offset,
            location,
        } = window;
        self.visit(*location);
        for item in partition_clause {
            self.expr(item)?;
        }
        for item in order_clause {
            self.sort_item(item, false)?;
        }
        self.optional(start_offset.as_deref())?;
        self.optional(end_offset.as_deref())
    }
}

/// Whether the planner keeps it apart from the query around it (`is_simple_subquery` in PostgreSQL).
fn stays_a_subquery(select: &SelectStmt) -> bool {
    !select.group_clause.is_empty()
        || !select.distinct_clause.is_empty()
        || select.having_clause.is_some()
        || select.limit_count.is_some()
        || select.limit_offset.is_some()
}
