//! Names of types, operators and collations.

use pg_query::protobuf::TypeName;
use pg_query::{Node, NodeEnum};

use super::hints::nearest;
use super::{Check, Walker};
use crate::rejection::{Rejection, RejectionCode, clip};

/// The text of a name node.
pub(super) fn string(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(string)) => Some(&string.sval),
        _ => None,
    }
}

/// The texts of a list of names.
pub(super) fn strings(nodes: &[Node]) -> Option<Vec<String>> {
    nodes.iter().map(|node| string(node).map(str::to_owned)).collect()
}

/// A constant integer.
pub(super) fn integer(node: &Node) -> Option<i64> {
    use pg_query::protobuf::a_const::Val;
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match constant.val.as_ref()? {
            Val::Ival(value) => Some(i64::from(value.ival)),
            Val::Fval(value) => value.fval.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

impl Walker<'_> {
    /// Checks the type of a cast, and gives its internal name.
    pub(super) fn type_name<'t>(&mut self, name: &'t TypeName) -> Check<&'t str> {
        let TypeName {
            names,
            type_oid: _,
            setof,
            pct_type,
            typmods,
            typemod: _,
            array_bounds,
            location,
        } = name;
        let place = self.visit(*location);
        let parts: Option<Vec<&str>> = names.iter().map(string).collect();
        let name = match parts.as_deref() {
            Some([name] | ["pg_catalog", name]) if !setof && !pct_type => *name,
            Some(parts) => return Err(self.unknown_type(place, &parts.join("."))),
            None => return Err(self.unexpected()),
        };
        if !self.policy.allows_type(name) {
            return Err(self.unknown_type(place, name));
        }
        let most = match name {
            // They only cut off.
            "varchar" => i64::MAX,
            // A mask of fields, such as YEAR TO MONTH.
            "interval" => 0x7fff,
            _ => i64::from(self.limits().max_type_modifier),
        };
        for modifier in typmods {
            match integer(modifier) {
                Some(value) if value <= most => {}
                _ => {
                    let message = format!("the precision of {name} must be a number up to {most}");
                    return Err(self
                        .refuse(RejectionCode::TooExpensive, place, message)
                        .advise("Use a smaller one, or none."));
                }
            }
        }
        if array_bounds.len() > 6 {
            return Err(self.unknown_type(place, name));
        }
        Ok(name)
    }

    fn unknown_type(&self, place: i32, name: &str) -> Rejection {
        let known: Vec<&str> = self.policy.types().collect();
        let hint = match nearest(name, known.iter().copied()).first() {
            Some(nearest) => format!("Did you mean {nearest}? "),
            None => String::new(),
        };
        self.refuse(
            RejectionCode::TypeNotAllowed,
            place,
            format!("the type \"{}\" is not available", clip(name)),
        )
        .advise(format!("{hint}Available types: {}.", known.join(", ")))
    }

    /// Checks an operator's name, and gives it without its schema.
    pub(super) fn operator<'t>(&mut self, name: &'t [Node], place: i32) -> Check<&'t str> {
        let parts: Option<Vec<&str>> = name.iter().map(string).collect();
        let parts = parts.ok_or_else(|| self.unexpected())?;
        match parts.as_slice() {
            [name] | ["pg_catalog", name] if self.policy.allows_operator(name) => Ok(name),
            parts => {
                let name = parts.join(".");
                let hint = match parts.last() {
                    Some(&"&&") => {
                        "Compare ranges with < and >=, or use OVERLAPS for times; for arrays use = ANY(…) on unnest."
                    }
                    Some(&("@>" | "<@")) => "Use value = ANY(array), or BETWEEN for ranges.",
                    _ => "Use a plain operator or a function instead.",
                };
                let message = format!("the operator {} is not available", clip(&name));
                Err(self.refuse(RejectionCode::OperatorNotAllowed, place, message).advise(hint))
            }
        }
    }

    pub(super) fn collation(&mut self, name: &[Node], place: i32) -> Check {
        let parts: Option<Vec<&str>> = name.iter().map(string).collect();
        match parts.as_deref() {
            Some([name] | ["pg_catalog", name]) if self.policy.allows_collation(name) => Ok(()),
            _ => Err(self
                .refuse(
                    RejectionCode::CollationNotAllowed,
                    place,
                    "this collation is not available",
                )
                .advise("Leave COLLATE out, or write COLLATE \"C\".")),
        }
    }
}
