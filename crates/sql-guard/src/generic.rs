//! A statement without its values.
//!
//! A plan's cost depends on statistics of the whole table, so the cost for one value tells how many
//! rows of any store have it. A plan for parameters tells nothing about any value.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

use pg_query::NodeEnum;
use pg_query::protobuf::{self, AConst, Node, ParamRef, TypeCast, TypeName, a_const::Val};

use crate::parser;
use crate::tree::{Place, each_child, forget_places};

/// The statement with a parameter in place of each constant, or `None` where that is doubtful.
///
/// Kept are NULL, TRUE and FALSE, numbers of columns in ORDER BY and GROUP BY, LIMIT and OFFSET, and
/// what the grammar wants to be a constant.
pub(crate) fn without_values(sql: &str) -> Option<String> {
    let mut tree = parser::parse(sql, &[]).ok()?;
    let [statement] = tree.stmts.as_mut_slice() else { return None };
    statement.stmt_location = 0;
    statement.stmt_len = 0;
    let root = statement.stmt.as_deref_mut()?;
    forget_places(root);
    let mut rewriter = Rewriter::default();
    rewriter.node(root, Place::Kept);
    if rewriter.is_doubtful {
        return None;
    }
    let text = parser::deparse(&tree)?;
    // What is written must be read as it was meant.
    let read = parser::parse(&text, &[]).ok()?;
    (parser::deparse(&read)? == text).then_some(text)
}

#[derive(Debug, Default)]
struct Rewriter {
    /// The parameter of each constant, known by the expression around it and its number in there.
    /// The same expression gets the same parameters wherever it stands, so that GROUP BY still
    /// finds it in the SELECT list.
    parameters: HashMap<(u64, u32), i32>,
    around: u64,
    /// Something has a value of its own, and no type that the text tells.
    is_doubtful: bool,
    number: u32,
}

impl Rewriter {
    fn node(&mut self, node: &mut Node, place: Place) {
        let Some(inner) = &mut node.node else { return };
        if let NodeEnum::AConst(constant) = inner {
            if let Some(parameter) = self.constant(constant, place) {
                *inner = parameter;
            }
            return;
        }
        if let Some(data_type) = value_of_its_own(inner) {
            match data_type.and_then(|name| self.parameter(Some(name))) {
                Some(parameter) => *inner = parameter,
                None => self.is_doubtful = true,
            }
            return;
        }
        let mut hasher = DefaultHasher::new();
        if matches!(inner, NodeEnum::List(_)) {
            // A list alone says too little about the types in it.
            hasher.write_u64(self.around);
        }
        let mut text = Hashed(hasher);
        // Hashing never fails.
        let _ = write!(text, "{inner:?}");
        let outer = (self.around, self.number);
        (self.around, self.number) = (text.0.finish(), 0);
        each_child(inner, &mut |child, place| self.node(child, place));
        (self.around, self.number) = outer;
    }

    fn constant(&mut self, constant: &AConst, place: Place) -> Option<NodeEnum> {
        let AConst { isnull: _, location: _, val } = constant;
        let data_type = match val.as_ref() {
            Some(Val::Ival(_)) => Some("int4"),
            Some(Val::Fval(number)) if number.fval.parse::<i64>().is_ok() => Some("int8"),
            Some(Val::Fval(_)) => Some("numeric"),
            // Its place gives it a type, as it would to the text or NULL.
            Some(Val::Sval(_)) | None if place == Place::AnyType => Some("text"),
            Some(Val::Sval(_)) | None => None,
            Some(Val::Boolval(_)) => Some("bool"),
            Some(Val::Bsval(_)) => {
                self.is_doubtful = true;
                return None;
            }
        };
        if place == Place::Kept {
            return None;
        }
        self.parameter(data_type)
    }

    /// The parameter of the place.
    fn parameter(&mut self, data_type: Option<&str>) -> Option<NodeEnum> {
        let next = i32::try_from(self.parameters.len() + 1).ok()?;
        let number = *self.parameters.entry((self.around, self.number)).or_insert(next);
        self.number += 1;
        let parameter = NodeEnum::ParamRef(ParamRef { number, location: 0 });
        // Right under a cast, the cast is enough for text; a number keeps the type it had before.
        Some(match data_type {
            None => parameter,
            Some(name) => NodeEnum::TypeCast(Box::new(TypeCast {
                arg: Some(Box::new(Node { node: Some(parameter) })),
                type_name: Some(catalog_type(name)),
                location: 0,
            })),
        })
    }
}

/// The type of what has a value without any constant in it, such as `CURRENT_DATE` and `pi()`; an
/// inner `None` where it has one, but no type that we know.
#[expect(clippy::option_option, reason = "no value, a value, and a value of a known type")]
fn value_of_its_own(node: &NodeEnum) -> Option<Option<&'static str>> {
    use protobuf::SqlValueFunctionOp as Op;
    match node {
        NodeEnum::SqlvalueFunction(function) => Some(match Op::try_from(function.op) {
            Ok(Op::SvfopCurrentDate) => Some("date"),
            Ok(Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN) => Some("timestamptz"),
            Ok(Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN) => Some("timestamp"),
            Ok(Op::SvfopCurrentTime | Op::SvfopCurrentTimeN) => Some("timetz"),
            Ok(Op::SvfopLocaltime | Op::SvfopLocaltimeN) => Some("time"),
            _ => None,
        }),
        NodeEnum::FuncCall(call)
            if call.args.is_empty()
                && call.over.is_none()
                && !call.agg_star
                && !call.agg_within_group =>
        {
            let name = match call.funcname.last().and_then(|name| name.node.as_ref()) {
                Some(NodeEnum::String(name)) => name.sval.as_str(),
                _ => "",
            };
            Some(match name {
                "now" | "statement_timestamp" | "transaction_timestamp" => Some("timestamptz"),
                "pi" => Some("float8"),
                _ => None,
            })
        }
        NodeEnum::AArrayExpr(array) if array.elements.is_empty() => Some(None),
        NodeEnum::RowExpr(row) if row.args.is_empty() => Some(None),
        NodeEnum::JsonObjectConstructor(json) if json.exprs.is_empty() => Some(None),
        NodeEnum::JsonArrayConstructor(json) if json.exprs.is_empty() => Some(None),
        _ => None,
    }
}

fn catalog_type(name: &str) -> TypeName {
    let part = |sval: &str| Node {
        node: Some(NodeEnum::String(protobuf::String { sval: sval.to_owned() })),
    };
    // Only the grammar's own names of types are written with their schema.
    let names = if matches!(name, "text" | "date") {
        vec![part(name)]
    } else {
        vec![part("pg_catalog"), part(name)]
    };
    TypeName { names, typemod: -1, ..TypeName::default() }
}

/// Hashes what is written to it.
struct Hashed(DefaultHasher);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
