//! Constants, as far as they are plain.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{MinMaxOp, TypeCast};
use pg_query::{Node, NodeEnum};

use super::names::{integer, string};

/// A constant text.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match constant.val.as_ref()? {
            Val::Sval(text) => Some(&text.sval),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => text(cast.arg.as_deref()?),
        _ => None,
    }
}

/// A constant number, also under a cast or with a sign.
pub(super) fn constant_number(node: &Node) -> Option<f64> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match constant.val.as_ref()? {
            Val::Ival(value) => Some(f64::from(value.ival)),
            Val::Fval(value) => value.fval.parse().ok(),
            Val::Sval(value) => value.sval.trim().parse().ok(),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => constant_number(cast.arg.as_deref()?),
        _ => None,
    }
}

/// The most that an integer can be: a constant, or `least(…, constant)`, also under a cast.
pub(super) fn bound(node: &Node) -> Option<u64> {
    match &node.node {
        Some(NodeEnum::AConst(_)) => {
            let value = integer(node).or_else(|| text(node)?.trim().parse().ok())?;
            Some(value.unsigned_abs())
        }
        Some(NodeEnum::TypeCast(cast)) => {
            let TypeCast { arg, type_name: _, location: _ } = cast.as_ref();
            bound(arg.as_deref()?)
        }
        Some(NodeEnum::MinMaxExpr(least)) => {
            if least.op != MinMaxOp::IsLeast as i32 {
                return None;
            }
            least.args.iter().filter_map(bound).min()
        }
        _ => None,
    }
}

/// Whether a value is certainly a float8: its powers take no time.
pub(super) fn is_float(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => cast.type_name.as_ref().is_some_and(|name| {
            name.array_bounds.is_empty()
                && matches!(name.names.last().and_then(string), Some("float4" | "float8"))
        }),
        _ => false,
    }
}

/// The biggest number written in a part of an expression.
pub(super) fn biggest_constant(node: &Node) -> f64 {
    match &node.node {
        Some(NodeEnum::AConst(_)) => match constant_number(node) {
            Some(number) => number.abs(),
            None => 0.0,
        },
        Some(NodeEnum::AExpr(expr)) => {
            let operands = [expr.lexpr.as_deref(), expr.rexpr.as_deref()];
            operands.into_iter().flatten().map(biggest_constant).fold(0.0, f64::max)
        }
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().map_or(0.0, biggest_constant),
        Some(NodeEnum::FuncCall(call)) => {
            call.args.iter().map(biggest_constant).fold(0.0, f64::max)
        }
        _ => 0.0,
    }
}
