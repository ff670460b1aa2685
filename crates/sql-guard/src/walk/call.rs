//! Function calls.

use pg_query::protobuf::{CoercionForm, FuncCall, WindowDef};
use pg_query::{Node, NodeEnum};

use super::bounds::{Call, rule};
use super::hints::{either, nearest};
use super::names::string;
use super::size::{Size, UNBOUNDED};
use super::{Check, Walker};
use crate::rejection::{Rejection, RejectionCode, clip};

impl Walker<'_> {
    pub(super) fn call(&mut self, call: &FuncCall) -> Check<Size> {
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic,
            funcformat,
            location,
        } = call;
        let place = self.visit(*location);
        let name = self.function_name(funcname, place)?;
        let named = args.iter().any(|arg| matches!(arg.node, Some(NodeEnum::NamedArgExpr(_))));
        let rule = rule(name);
        if (*func_variadic || named) && rule.is_some() {
            return Err(self.unsupported(
                place,
                &format!("{name} with VARIADIC or named arguments"),
                "Write its arguments one after the other.",
            ));
        }
        let mut sizes = Vec::with_capacity(args.len());
        for arg in args {
            sizes.push(self.expr(arg)?);
        }
        agg_order.iter().try_for_each(|item| self.sort_item(item, false))?;
        self.optional(agg_filter.as_deref())?;
        self.over(over.as_deref())?;
        self.visit(place);
        match rule {
            Some(rule) => self.call_bounds(rule, &Call { name, args, sizes, place }),
            None => Ok(result_size(name, &sizes)),
        }
        .map(|size| {
            // EXTRACT(YEAR FROM …) and the like give small values, whatever their arguments.
            let sql_syntax = *funcformat == CoercionForm::CoerceSqlSyntax as i32;
            if sql_syntax && name == "extract" { Size::SMALL } else { size }
        })
    }

    pub(super) fn over(&mut self, over: Option<&WindowDef>) -> Check {
        let Some(window) = over else { return Ok(()) };
        self.counts.windows += 1;
        let most = self.limits().max_windows;
        if self.counts.windows > most {
            return Err(self.too_many(window.location, "window functions", most));
        }
        self.window(window)
    }

    fn function_name<'t>(&mut self, parts: &'t [Node], place: i32) -> Check<&'t str> {
        let parts: Option<Vec<&str>> = parts.iter().map(string).collect();
        let parts = parts.ok_or_else(|| self.unexpected())?;
        let full = parts.join(".");
        let Some(name) = parts.last().copied() else { return Err(self.unexpected()) };
        let in_catalog = matches!(parts.as_slice(), [_] | ["pg_catalog", _]);
        if in_catalog && self.policy.allows_function(name) {
            self.functions.insert(name.to_owned());
            return Ok(name);
        }
        if !in_catalog && self.policy.allows_function(&full) {
            self.functions.insert(full);
            return Ok(name);
        }
        Err(self.unknown_function(&full, name, place))
    }

    fn unknown_function(&self, full: &str, name: &str, place: i32) -> Rejection {
        let hint = match name {
            "random" | "setseed" => {
                "Results must be repeatable: order by a key, or take every tenth row with key % 10 = 0.".to_owned()
            }
            "clock_timestamp" | "timeofday" => {
                "Use now() or CURRENT_TIMESTAMP, which stay the same in one statement.".to_owned()
            }
            "current_setting" | "set_config" => {
                "Settings are not available. Every query sees the rows of its own store already.".to_owned()
            }
            "version" | "current_database" | "current_schema" | "inet_server_addr" => {
                "Nothing can be read about the server, only data.".to_owned()
            }
            "ifnull" | "nvl" | "isnull" => "Use COALESCE(a, b).".to_owned(),
            "iff" | "if" | "iif" | "decode" => {
                "Use CASE WHEN condition THEN a ELSE b END.".to_owned()
            }
            "datediff" | "date_diff" | "timestampdiff" => {
                "Subtract: date2 - date1 gives days; EXTRACT(EPOCH FROM a - b) gives seconds.".to_owned()
            }
            "dateadd" | "adddate" => "Add an interval: d + INTERVAL '1 day'.".to_owned(),
            "year" | "month" | "day" | "hour" | "quarter" | "week" => {
                format!("Use EXTRACT({} FROM value).", name.to_uppercase())
            }
            "date_format" | "strftime" | "format_date" => {
                "Use to_char(value, 'YYYY-MM').".to_owned()
            }
            "getdate" | "sysdate" | "curdate" => "Use CURRENT_DATE or now().".to_owned(),
            "group_concat" | "listagg" => "Use string_agg(text, ', ').".to_owned(),
            "len" => "Use length(text).".to_owned(),
            "charindex" | "instr" => "Use strpos(text, part).".to_owned(),
            "median" => {
                "Use percentile_cont(0.5) WITHIN GROUP (ORDER BY value).".to_owned()
            }
            "to_date" => "Use CAST(text AS date).".to_owned(),
            _ => {
                let near = nearest(name, self.policy.functions());
                match near.as_slice() {
                    [] => "Use plain SQL: aggregates, window functions, to_char, date_trunc, EXTRACT, COALESCE, CASE.".to_owned(),
                    near => format!("Near to it: {}.", either(near)),
                }
            }
        };
        self.refuse(
            RejectionCode::FunctionNotAllowed,
            place,
            format!("the function {} is not available", clip(full)),
        )
        .advise(hint)
    }
}

/// What a function without a rule of its own makes of its arguments.
fn result_size(name: &str, sizes: &[Size]) -> Size {
    let all = sizes.iter().fold(Size::default(), |all, size| all.plus(*size));
    match name {
        // As many rows as there are.
        "string_agg" | "array_agg" | "json_agg" | "jsonb_agg" | "json_object_agg"
        | "jsonb_object_agg" => Size { grows: all.grows, ..Size::UNBOUNDED },
        "sum" => Size { digits: all.digits.saturating_add(20), ..all },
        // They tell about a value.
        "count" | "length" | "char_length" | "character_length" | "octet_length" | "bit_length"
        | "ascii" | "cardinality" | "array_length" | "array_lower" | "array_upper"
        | "array_ndims" | "array_position" | "rank" | "dense_rank" | "row_number" | "ntile"
        | "percent_rank" | "cume_dist" | "date_part" | "age" | "date_trunc" | "date_bin"
        | "make_date" | "make_interval" | "make_time" | "make_timestamp" | "make_timestamptz"
        | "to_date" | "to_timestamp" | "now" | "timezone" | "sign" | "num_nulls"
        | "num_nonnulls" | "md5" | "width_bucket" | "jsonb_array_length" | "json_array_length"
        | "jsonb_typeof" | "json_typeof" | "int4" | "int8" | "float8" | "date" | "bool_and"
        | "bool_or" | "every" | "overlaps" | "isfinite" | "starts_with" | "chr" | "to_hex" => {
            Size { text: 64, digits: 20, grows: all.grows, weight: 0 }
        }
        // One element of what may be long.
        "unnest" | "string_to_table" | "min" | "max" | "mode" | "first_value" | "last_value"
        | "any_value" | "lag" | "lead" | "nth_value" | "left" | "right" | "avg" => all,
        _ => Size { text: all.text.saturating_mul(2).saturating_add(64).min(UNBOUNDED), ..all },
    }
}
