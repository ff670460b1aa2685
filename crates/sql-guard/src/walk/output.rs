//! The names that PostgreSQL gives output columns without AS.

use pg_query::protobuf::{AExprKind, MinMaxOp, SubLinkType};
use pg_query::{Node, NodeEnum};

use super::names::string;

/// A name, and how sure it is: a cast prefers a sure name of its argument to that of its type.
enum Name {
    Sure(String),
    Weak(String),
    /// It has none.
    Nameless,
}

/// The name of an output column, or `None` where only PostgreSQL knows it.
pub(super) fn output_name(value: &Node) -> Option<String> {
    Some(match name_of(value)? {
        Name::Sure(name) | Name::Weak(name) => name,
        Name::Nameless => "?column?".to_owned(),
    })
}

fn name_of(value: &Node) -> Option<Name> {
    let sure = |name: &str| Some(Name::Sure(name.to_owned()));
    match value.node.as_ref()? {
        NodeEnum::ColumnRef(column) => sure(string(column.fields.last()?)?),
        NodeEnum::FuncCall(call) => sure(string(call.funcname.last()?)?),
        NodeEnum::AExpr(expr) if expr.kind == AExprKind::AexprNullif as i32 => sure("nullif"),
        NodeEnum::AConst(_)
        | NodeEnum::AExpr(_)
        | NodeEnum::BoolExpr(_)
        | NodeEnum::NullTest(_)
        | NodeEnum::BooleanTest(_) => Some(Name::Nameless),
        NodeEnum::CoalesceExpr(_) => sure("coalesce"),
        NodeEnum::MinMaxExpr(expr) if expr.op == MinMaxOp::IsGreatest as i32 => sure("greatest"),
        NodeEnum::MinMaxExpr(_) => sure("least"),
        NodeEnum::AArrayExpr(_) => sure("array"),
        NodeEnum::RowExpr(_) => sure("row"),
        NodeEnum::GroupingFunc(_) => sure("grouping"),
        NodeEnum::CollateClause(collate) => name_of(collate.arg.as_deref()?),
        NodeEnum::CaseExpr(case) => {
            let otherwise = case.defresult.as_deref().map(name_of);
            Some(match otherwise {
                Some(None) => return None,
                Some(Some(Name::Sure(name))) => Name::Sure(name),
                _ => Name::Weak("case".to_owned()),
            })
        }
        NodeEnum::TypeCast(cast) => Some(match name_of(cast.arg.as_deref()?)? {
            Name::Sure(name) => Name::Sure(name),
            _ => Name::Weak(string(cast.type_name.as_ref()?.names.last()?)?.to_owned()),
        }),
        NodeEnum::SubLink(link) => match SubLinkType::try_from(link.sub_link_type).ok()? {
            SubLinkType::ExistsSublink => sure("exists"),
            SubLinkType::ArraySublink => sure("array"),
            SubLinkType::ExprSublink => name_of_subquery(link.subselect.as_deref()?),
            SubLinkType::AnySublink | SubLinkType::AllSublink => Some(Name::Nameless),
            _ => None,
        },
        _ => None,
    }
}

/// A subquery goes by the name of its first column.
fn name_of_subquery(subquery: &Node) -> Option<Name> {
    let NodeEnum::SelectStmt(select) = subquery.node.as_ref()? else { return None };
    let NodeEnum::ResTarget(target) = select.target_list.first()?.node.as_ref()? else {
        return None;
    };
    if target.name.is_empty() {
        name_of(target.val.as_deref()?)
    } else {
        Some(Name::Sure(target.name.clone()))
    }
}
