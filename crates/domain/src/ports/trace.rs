//! Who joins calls with the traces that their callers and the database are part of.

use tracing::Span;

/// The target of spans that are for traces and not for the log. Without a layer for traces they cost nothing.
pub const TRACE_TARGET: &str = "retail_trace";

/// How a caller names its trace: values of the headers of W3C Trace Context, or of the same names in MCP's `_meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerTrace<'a> {
    /// `00-<trace id>-<span id>-<flags>`, as it came.
    pub traceparent: &'a str,
    /// What vendors add, as it came.
    pub tracestate: Option<&'a str>,
}

impl<'a> CallerTrace<'a> {
    /// The id of the trace, 32 lower-case hexadecimal digits, for the log. None where it is not one.
    pub fn trace_id(&self) -> Option<&'a str> {
        let (version, rest) = self.traceparent.split_once('-')?;
        let (id, _) = rest.split_once('-')?;
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = id.len() == 32 && is_hex(id) && id.bytes().any(|b| b != b'0');
        (version.len() == 2 && is_hex(version) && is_id).then_some(id)
    }
}

/// A span as another system is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanName {
    /// `00-<trace id>-<span id>-01`.
    pub traceparent: String,
    /// The tool that is called, if the span is part of a call.
    pub tool: Option<&'static str>,
}

impl SpanName {
    /// A comment for SQL, in the form of [sqlcommenter](https://google.github.io/sqlcommenter/spec/). It names no
    /// caller and no value.
    pub fn sql_comment(&self) -> String {
        let Self { traceparent, tool } = self;
        match tool {
            Some(tool) => format!("/*tool='{tool}',traceparent='{traceparent}'*/ "),
            None => format!("/*traceparent='{traceparent}'*/ "),
        }
    }
}

/// Begins the spans of calls, and names spans to others.
///
/// Which calls are recorded is its business: a span of one that is not is disabled, and so are those inside it.
pub trait Tracer: Send + Sync {
    /// The span of a call of `tool`, as part of the caller's trace if there is one.
    fn call(&self, tool: &'static str, caller: Option<CallerTrace<'_>>) -> Span;

    /// How another system is told of `span`. None where it is not recorded.
    fn name_of(&self, span: &Span) -> Option<SpanName>;
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    #[case("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true)]
    #[case("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true)]
    #[case("00-00000000000000000000000000000000-b7ad6b7169203331-01", false)]
    #[case("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false)]
    #[case("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", false)]
    #[case("0af7651916cd43dd8448eb211c80319c", false)]
    #[case("00-'; DROP TABLE x; --xxxxxxxxxxxxxx-b7ad6b7169203331-01", false)]
    #[case("", false)]
    fn a_trace_id_is_believed_by_its_shape(#[case] traceparent: &str, #[case] is_good: bool) {
        let id = CallerTrace { traceparent, tracestate: None }.trace_id();
        assert_eq!(id, is_good.then_some("0af7651916cd43dd8448eb211c80319c"));
    }

    #[test]
    fn the_comment_has_its_keys_in_order() {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        let name = SpanName { traceparent, tool: Some("execute_sales_query") };
        assert_eq!(
            name.sql_comment(),
            "/*tool='execute_sales_query',\
             traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/ "
        );
        let name = SpanName { tool: None, ..name };
        assert!(name.sql_comment().starts_with("/*traceparent='00-"));
    }
}
