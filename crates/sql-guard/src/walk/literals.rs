//! Constants, values of the session, and what is no expression.

use pg_query::NodeEnum;
use pg_query::protobuf::{AConst, SqlValueFunction, SqlValueFunctionOp, a_const};

use super::size::Size;
use super::{Check, Walker};
use crate::rejection::{Rejection, RejectionCode};

impl Walker<'_> {
    pub(super) fn constant(&mut self, constant: &AConst) -> Check<Size> {
        let AConst { isnull: _, location, val } = constant;
        let place = self.visit(*location);
        match val {
            None | Some(a_const::Val::Boolval(_) | a_const::Val::Ival(_)) => {
                Ok(Size { text: 11, digits: 10, grows: 0, weight: 0 })
            }
            Some(a_const::Val::Fval(number)) => self.number(&number.fval, place),
            Some(a_const::Val::Sval(text)) => Ok(Size::of_text(text.sval.len())),
            Some(a_const::Val::Bsval(_)) => {
                Err(self.unsupported(place, "a bit string", "Write a number or a text."))
            }
        }
    }

    /// A number that is no plain integer: `1e9` has ten digits.
    fn number(&self, number: &str, place: i32) -> Check<Size> {
        let exponent = number.split_once(['e', 'E']).map(|(_, exponent)| exponent.parse::<i32>());
        let exponent = match exponent {
            None => 0,
            Some(Ok(exponent)) => u64::from(exponent.unsigned_abs()),
            Some(Err(_)) => u64::MAX,
        };
        let digits = exponent.saturating_add(number.len() as u64);
        if digits > u64::from(self.limits().max_digits) {
            return Err(self
                .refuse(RejectionCode::TooExpensive, place, "the number is too big")
                .advise("Write a number with fewer digits."));
        }
        Ok(Size { text: digits, digits, grows: 0, weight: 0 })
    }

    pub(super) fn value_function(&mut self, function: &SqlValueFunction) -> Check<Size> {
        use SqlValueFunctionOp as Op;
        let SqlValueFunction { xpr, op, r#type: _, typmod: _, location } = function;
        let place = self.visit(*location);
        self.absent(xpr.as_ref())?;
        match Op::try_from(*op) {
            Ok(
                Op::SvfopCurrentDate
                | Op::SvfopCurrentTime
                | Op::SvfopCurrentTimeN
                | Op::SvfopCurrentTimestamp
                | Op::SvfopCurrentTimestampN
                | Op::SvfopLocaltime
                | Op::SvfopLocaltimeN
                | Op::SvfopLocaltimestamp
                | Op::SvfopLocaltimestampN,
            ) => Ok(Size::SMALL),
            _ => Err(self
                .refuse(
                    RejectionCode::FunctionNotAllowed,
                    place,
                    "CURRENT_USER and the like are not available",
                )
                .advise("Leave it out: every query sees the rows of its own store already.")),
        }
    }

    /// A node that is no expression, or none that is available.
    pub(super) fn other(&self, node: &NodeEnum) -> Rejection {
        match node {
            NodeEnum::ParamRef(parameter) => self
                .refuse(
                    RejectionCode::Parameter,
                    parameter.location,
                    "parameters such as $1 are not available",
                )
                .advise("Write the value itself, text and dates in single quotes."),
            NodeEnum::SetToDefault(default) => {
                self.unsupported(default.location, "DEFAULT", "Write the value itself.")
            }
            NodeEnum::CurrentOfExpr(_) => {
                self.unsupported(-1, "WHERE CURRENT OF", "Use a condition on a key.")
            }
            NodeEnum::XmlExpr(_) | NodeEnum::XmlSerialize(_) => {
                self.unsupported(-1, "XML", "Use JSON_OBJECT, json_agg or plain columns.")
            }
            NodeEnum::JsonFuncExpr(_)
            | NodeEnum::JsonParseExpr(_)
            | NodeEnum::JsonScalarExpr(_)
            | NodeEnum::JsonSerializeExpr(_) => self.unsupported(
                -1,
                "this SQL/JSON function",
                "Use ->, ->>, jsonb_build_object, JSON_OBJECT or JSON_ARRAY.",
            ),
            _ => self.unexpected(),
        }
    }
}
