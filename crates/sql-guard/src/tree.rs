//! The children of each node that the walk allows.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CoercionForm, FuncCall, JsonAggConstructor, JsonKeyValue, JsonValueExpr, Node, SelectStmt,
    TypeName, WindowDef,
};

/// Where a constant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its type comes from the expression around it.
    Typed,
    /// Nothing around it gives it a type.
    AnyType,
    /// It must stay a constant.
    Kept,
}

/// Functions that take arguments of any type, and so give them none.
const OF_ANY_TYPE: [&str; 14] = [
    "concat",
    "concat_ws",
    "count",
    "format",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "num_nonnulls",
    "num_nulls",
];

/// Calls `visit` for each child.
pub(crate) fn each_child(node: &mut NodeEnum, visit: &mut dyn FnMut(&mut Node, Place)) {
    use Place::{AnyType, Kept, Typed};
    match node {
        NodeEnum::SelectStmt(select) => each_child_of_select(select, visit),
        NodeEnum::ResTarget(target) => all(&mut target.val, Typed, visit),
        NodeEnum::AExpr(expr) => {
            all(&mut expr.lexpr, Typed, visit);
            all(&mut expr.rexpr, Typed, visit);
        }
        NodeEnum::BoolExpr(expr) => all(&mut expr.args, Typed, visit),
        NodeEnum::NullTest(test) => all(&mut test.arg, AnyType, visit),
        NodeEnum::BooleanTest(test) => all(&mut test.arg, Typed, visit),
        NodeEnum::CaseExpr(case) => {
            all(&mut case.arg, Typed, visit);
            all(&mut case.args, Typed, visit);
            all(&mut case.defresult, Typed, visit);
        }
        NodeEnum::CaseWhen(when) => {
            all(&mut when.expr, Typed, visit);
            all(&mut when.result, Typed, visit);
        }
        NodeEnum::CoalesceExpr(expr) => all(&mut expr.args, Typed, visit),
        NodeEnum::MinMaxExpr(expr) => all(&mut expr.args, Typed, visit),
        NodeEnum::FuncCall(call) => each_child_of_call(call, visit),
        NodeEnum::TypeCast(cast) => all(&mut cast.arg, Typed, visit),
        NodeEnum::CollateClause(collate) => all(&mut collate.arg, Typed, visit),
        NodeEnum::SubLink(link) => {
            all(&mut link.testexpr, Typed, visit);
            all(&mut link.subselect, Kept, visit);
        }
        NodeEnum::AArrayExpr(array) => all(&mut array.elements, Typed, visit),
        NodeEnum::AIndirection(indirection) => {
            all(&mut indirection.arg, Typed, visit);
            all(&mut indirection.indirection, Kept, visit);
        }
        NodeEnum::AIndices(indices) => {
            all(&mut indices.lidx, Kept, visit);
            all(&mut indices.uidx, Kept, visit);
        }
        NodeEnum::RowExpr(row) => all(&mut row.args, Typed, visit),
        NodeEnum::List(list) => all(&mut list.items, Typed, visit),
        NodeEnum::NamedArgExpr(named) => all(&mut named.arg, Typed, visit),
        NodeEnum::GroupingFunc(grouping) => all(&mut grouping.args, Kept, visit),
        NodeEnum::GroupingSet(set) => all(&mut set.content, Kept, visit),
        NodeEnum::SortBy(sort) => all(&mut sort.node, Kept, visit),
        NodeEnum::WindowDef(window) => each_child_of_window(window, visit),
        NodeEnum::JoinExpr(join) => {
            all(&mut join.larg, Kept, visit);
            all(&mut join.rarg, Kept, visit);
            all(&mut join.quals, Kept, visit);
        }
        NodeEnum::RangeSubselect(subquery) => all(&mut subquery.subquery, Kept, visit),
        NodeEnum::RangeFunction(function) => all(&mut function.functions, Kept, visit),
        NodeEnum::CommonTableExpr(cte) => all(&mut cte.ctequery, Kept, visit),
        other => each_child_of_json(other, visit),
    }
}

fn each_child_of_call(call: &mut FuncCall, visit: &mut dyn FnMut(&mut Node, Place)) {
    use Place::{AnyType, Kept, Typed};
    let name = call.funcname.last().and_then(|name| match &name.node {
        Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
        _ => None,
    });
    let any_type = name.is_some_and(|name| OF_ANY_TYPE.contains(&name));
    // The field of EXTRACT and the form of NORMALIZE are words.
    let words = call.funcformat == CoercionForm::CoerceSqlSyntax as i32
        && name.is_some_and(|name| matches!(name, "extract" | "normalize" | "is_normalized"));
    for arg in &mut call.args {
        let is_word = words && matches!(arg.node, Some(NodeEnum::AConst(_)));
        let place = match (is_word, any_type) {
            (true, _) => Kept,
            (_, true) => AnyType,
            _ => Typed,
        };
        visit(arg, place);
    }
    all(&mut call.agg_order, Kept, visit);
    all(&mut call.agg_filter, Typed, visit);
    if let Some(over) = &mut call.over {
        each_child_of_window(over, visit);
    }
}

fn each_child_of_json(node: &mut NodeEnum, visit: &mut dyn FnMut(&mut Node, Place)) {
    use Place::{AnyType, Kept};
    match node {
        NodeEnum::JsonObjectConstructor(json) => all(&mut json.exprs, AnyType, visit),
        NodeEnum::JsonArrayConstructor(json) => all(&mut json.exprs, AnyType, visit),
        NodeEnum::JsonArrayQueryConstructor(json) => all(&mut json.query, Kept, visit),
        NodeEnum::JsonObjectAgg(json) => {
            aggregate(json.constructor.as_deref_mut(), visit);
            if let Some(pair) = &mut json.arg {
                key_value(pair, visit);
            }
        }
        NodeEnum::JsonArrayAgg(json) => {
            aggregate(json.constructor.as_deref_mut(), visit);
            if let Some(value) = &mut json.arg {
                json_value(value, visit);
            }
        }
        NodeEnum::JsonKeyValue(pair) => key_value(pair, visit),
        NodeEnum::JsonValueExpr(value) => json_value(value, visit),
        NodeEnum::JsonIsPredicate(predicate) => all(&mut predicate.expr, AnyType, visit),
        _ => {}
    }
}

/// Both forms in which children come.
trait Children {
    fn each(&mut self, visit: &mut dyn FnMut(&mut Node));
}

impl Children for Vec<Node> {
    fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        self.iter_mut().for_each(visit);
    }
}

impl Children for Option<Box<Node>> {
    fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        if let Some(node) = self {
            visit(node);
        }
    }
}

fn all(children: &mut impl Children, place: Place, visit: &mut dyn FnMut(&mut Node, Place)) {
    children.each(&mut |child| visit(child, place));
}

fn each_child_of_select(select: &mut SelectStmt, visit: &mut dyn FnMut(&mut Node, Place)) {
    use Place::{Kept, Typed};
    if let Some(with) = &mut select.with_clause {
        all(&mut with.ctes, Kept, visit);
    }
    all(&mut select.target_list, Typed, visit);
    all(&mut select.from_clause, Kept, visit);
    all(&mut select.where_clause, Kept, visit);
    all(&mut select.having_clause, Typed, visit);
    all(&mut select.values_lists, Typed, visit);
    // A number here is a column's place in the SELECT list.
    all(&mut select.distinct_clause, Kept, visit);
    all(&mut select.group_clause, Kept, visit);
    all(&mut select.sort_clause, Kept, visit);
    all(&mut select.window_clause, Kept, visit);
    all(&mut select.limit_offset, Kept, visit);
    all(&mut select.limit_count, Kept, visit);
    for side in [&mut select.larg, &mut select.rarg].into_iter().flatten() {
        each_child_of_select(side, visit);
    }
}

fn each_child_of_window(window: &mut WindowDef, visit: &mut dyn FnMut(&mut Node, Place)) {
    all(&mut window.partition_clause, Place::Kept, visit);
    all(&mut window.order_clause, Place::Kept, visit);
    all(&mut window.start_offset, Place::Kept, visit);
    all(&mut window.end_offset, Place::Kept, visit);
}

fn aggregate(json: Option<&mut JsonAggConstructor>, visit: &mut dyn FnMut(&mut Node, Place)) {
    let Some(json) = json else { return };
    all(&mut json.agg_filter, Place::Typed, visit);
    all(&mut json.agg_order, Place::Kept, visit);
    if let Some(over) = &mut json.over {
        each_child_of_window(over, visit);
    }
}

fn key_value(pair: &mut JsonKeyValue, visit: &mut dyn FnMut(&mut Node, Place)) {
    all(&mut pair.key, Place::AnyType, visit);
    if let Some(value) = &mut pair.value {
        json_value(value, visit);
    }
}

fn json_value(value: &mut JsonValueExpr, visit: &mut dyn FnMut(&mut Node, Place)) {
    all(&mut value.raw_expr, Place::AnyType, visit);
}

/// Sets every place in the text to 0, so that equal expressions are equal.
pub(crate) fn forget_places(node: &mut Node) {
    let Some(inner) = &mut node.node else { return };
    match inner {
        NodeEnum::AConst(node) => node.location = 0,
        NodeEnum::ColumnRef(node) => node.location = 0,
        NodeEnum::ResTarget(node) => node.location = 0,
        NodeEnum::AExpr(node) => {
            (node.location, node.rexpr_list_start, node.rexpr_list_end) = (0, 0, 0);
        }
        NodeEnum::BoolExpr(node) => node.location = 0,
        NodeEnum::NullTest(node) => node.location = 0,
        NodeEnum::BooleanTest(node) => node.location = 0,
        NodeEnum::CaseExpr(node) => node.location = 0,
        NodeEnum::CaseWhen(node) => node.location = 0,
        NodeEnum::CoalesceExpr(node) => node.location = 0,
        NodeEnum::MinMaxExpr(node) => node.location = 0,
        NodeEnum::FuncCall(node) => {
            node.location = 0;
            if let Some(over) = &mut node.over {
                over.location = 0;
            }
        }
        NodeEnum::TypeCast(node) => {
            node.location = 0;
            forget_type_place(node.type_name.as_mut());
        }
        NodeEnum::CollateClause(node) => node.location = 0,
        NodeEnum::SubLink(node) => node.location = 0,
        NodeEnum::AArrayExpr(node) => {
            (node.location, node.list_start, node.list_end) = (0, 0, 0);
        }
        NodeEnum::RowExpr(node) => node.location = 0,
        NodeEnum::NamedArgExpr(node) => node.location = 0,
        NodeEnum::GroupingFunc(node) => node.location = 0,
        NodeEnum::GroupingSet(node) => node.location = 0,
        NodeEnum::SqlvalueFunction(node) => node.location = 0,
        NodeEnum::SortBy(node) => node.location = 0,
        NodeEnum::WindowDef(node) => node.location = 0,
        NodeEnum::RangeVar(node) => node.location = 0,
        NodeEnum::CommonTableExpr(node) => node.location = 0,
        NodeEnum::JsonObjectConstructor(node) => node.location = 0,
        NodeEnum::JsonArrayConstructor(node) => node.location = 0,
        NodeEnum::JsonArrayQueryConstructor(node) => node.location = 0,
        NodeEnum::JsonIsPredicate(node) => node.location = 0,
        _ => {}
    }
    each_child(inner, &mut |child, _| forget_places(child));
}

fn forget_type_place(name: Option<&mut TypeName>) {
    if let Some(name) = name {
        name.location = 0;
        for modifier in &mut name.typmods {
            forget_places(modifier);
        }
    }
}
