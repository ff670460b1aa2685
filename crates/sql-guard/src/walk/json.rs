//! `JSON_OBJECT`, `JSON_ARRAY` and their aggregates.

use pg_query::protobuf::{
    JsonAggConstructor, JsonArrayAgg, JsonArrayConstructor, JsonArrayQueryConstructor, JsonFormat,
    JsonIsPredicate, JsonKeyValue, JsonObjectAgg, JsonObjectConstructor, JsonOutput, JsonReturning,
    JsonValueExpr,
};
use pg_query::{Node, NodeEnum};

use super::size::Size;
use super::{Check, Walker};

impl Walker<'_> {
    pub(super) fn json(&mut self, node: &NodeEnum) -> Check<Size> {
        match node {
            NodeEnum::JsonObjectConstructor(constructor) => {
                let JsonObjectConstructor { exprs, output, absent_on_null: _, unique: _, location } =
                    constructor;
                self.json_document(exprs, output.as_ref(), *location)
            }
            NodeEnum::JsonArrayConstructor(constructor) => {
                let JsonArrayConstructor { exprs, output, absent_on_null: _, location } =
                    constructor;
                self.json_document(exprs, output.as_ref(), *location)
            }
            NodeEnum::JsonArrayQueryConstructor(constructor) => {
                let JsonArrayQueryConstructor {
                    query,
                    output,
                    format,
                    absent_on_null: _,
                    location,
                } = constructor.as_ref();
                self.visit(*location);
                json_format(format.as_ref());
                self.json_output(output.as_ref())?;
                let query = query.as_ref().and_then(|query| query.node.as_ref());
                let Some(NodeEnum::SelectStmt(query)) = query else {
                    return Err(self.unexpected());
                };
                self.select(query)?;
                Ok(Size::UNBOUNDED)
            }
            NodeEnum::JsonObjectAgg(aggregate) => {
                let JsonObjectAgg { constructor, arg, absent_on_null: _, unique: _ } =
                    aggregate.as_ref();
                self.json_aggregate(constructor.as_deref())?;
                match arg {
                    Some(arg) => self.key_value(arg)?,
                    None => return Err(self.unexpected()),
                };
                Ok(Size::UNBOUNDED)
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                let JsonArrayAgg { constructor, arg, absent_on_null: _ } = aggregate.as_ref();
                self.json_aggregate(constructor.as_deref())?;
                match arg {
                    Some(arg) => self.json_value(arg)?,
                    None => return Err(self.unexpected()),
                };
                Ok(Size::UNBOUNDED)
            }
            NodeEnum::JsonKeyValue(pair) => self.key_value(pair),
            NodeEnum::JsonValueExpr(value) => self.json_value(value),
            NodeEnum::JsonIsPredicate(predicate) => {
                let JsonIsPredicate { expr, format, item_type: _, unique_keys: _, location } =
                    predicate.as_ref();
                self.visit(*location);
                json_format(format.as_ref());
                self.required(expr.as_deref())?;
                Ok(Size::SMALL)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn json_document(
        &mut self,
        parts: &[Node],
        output: Option<&JsonOutput>,
        location: i32,
    ) -> Check<Size> {
        let place = self.visit(location);
        self.json_output(output)?;
        self.parts(parts, place)
    }

    fn key_value(&mut self, pair: &JsonKeyValue) -> Check<Size> {
        let JsonKeyValue { key, value } = pair;
        let key = self.required(key.as_deref())?;
        match value {
            Some(value) => Ok(key.plus(self.json_value(value)?)),
            None => Err(self.unexpected()),
        }
    }

    fn json_value(&mut self, value: &JsonValueExpr) -> Check<Size> {
        let JsonValueExpr { raw_expr, formatted_expr, format } = value;
        json_format(format.as_ref());
        self.absent(formatted_expr.as_ref())?;
        self.required(raw_expr.as_deref())
    }

    fn json_aggregate(&mut self, aggregate: Option<&JsonAggConstructor>) -> Check {
        let Some(aggregate) = aggregate else { return Err(self.unexpected()) };
        let JsonAggConstructor { output, agg_filter, agg_order, over, location } = aggregate;
        self.visit(*location);
        self.json_output(output.as_ref())?;
        self.optional(agg_filter.as_deref())?;
        agg_order.iter().try_for_each(|item| self.sort_item(item, false))?;
        self.over(over.as_deref())
    }

    fn json_output(&mut self, output: Option<&JsonOutput>) -> Check {
        let Some(JsonOutput { type_name, returning }) = output else { return Ok(()) };
        if let Some(JsonReturning { format, typid: _, typmod: _ }) = returning {
            json_format(format.as_ref());
        }
        match type_name {
            Some(name) => self.type_name(name).map(drop),
            None => Ok(()),
        }
    }
}

/// FORMAT JSON only says how text is read. Taken apart, so that a new field is noticed.
fn json_format(format: Option<&JsonFormat>) {
    if let Some(JsonFormat { format_type: _, encoding: _, location: _ }) = format {}
}
