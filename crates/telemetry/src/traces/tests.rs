use std::sync::{Arc, Mutex};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span as SdkSpan, SpanData, SpanProcessor};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const CALLER: CallerTrace<'_> = CallerTrace {
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: None,
};

/// Keeps the spans that have ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut SdkSpan, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// What ended while `run` was going on, with the log listening as well.
fn ended(run: impl FnOnce()) -> Vec<SpanData> {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder().with_span_processor(ended.clone()).build();
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let subscriber = tracing_subscriber::registry()
        .with(log.with_filter(tracing_subscriber::filter::filter_fn(|metadata| {
            metadata.target() != TRACE_TARGET
        })))
        .with(Traces::layer(&provider));
    tracing::subscriber::with_default(subscriber, run);
    drop(provider);
    ended.0.lock().unwrap().clone()
}

fn traces(sample_ratio: f64, followed_per_second: u32) -> Traces {
    Traces::new(TraceSettings { sample_ratio, followed_per_second })
}

fn inner() -> Span {
    info_span!(target: TRACE_TARGET, "inner")
}

#[test]
fn spans_of_a_call_that_is_not_traced_are_disabled() {
    let spans = ended(|| {
        let traces = traces(0.0, 0);
        let request = traces.request("POST", "/mcp", Some(CALLER));
        assert!(request.is_disabled());
        request.in_scope(|| {
            let call = traces.call("execute_sales_query", Some(CALLER));
            assert!(call.is_disabled());
            call.in_scope(|| assert!(inner().is_disabled()));
            assert_eq!(traces.name_of(&call), None);
        });
    });
    assert!(spans.is_empty(), "{spans:?}");
}

#[test]
fn calls_without_requests_begin_traces_until_there_is_a_request() {
    let spans = ended(|| {
        let traces = traces(1.0, 0);
        traces.call("get_current_utc_date", None).in_scope(|| drop(inner()));
        traces.request("GET", "other", None);
        assert!(traces.call("get_current_utc_date", None).is_disabled());
    });
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["inner", "tools/call get_current_utc_date", "GET other"]);
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
}

#[test]
fn what_is_inside_a_call_knows_the_tool() {
    ended(|| {
        let traces = traces(1.0, 0);
        traces.request("POST", "/mcp", None).in_scope(|| {
            let request = traces.name_of(&Span::current()).unwrap();
            assert_eq!(request.tool, None);
            traces.call("execute_sales_query", None).in_scope(|| {
                let statement = traces.name_of(&inner()).unwrap();
                assert_eq!(statement.tool, Some("execute_sales_query"));
                assert_eq!(statement.traceparent[..36], request.traceparent[..36]);
                assert_ne!(statement.traceparent, request.traceparent);
            });
        });
    });
}

#[test]
fn callers_are_followed_so_often_and_no_more() {
    let spans = ended(|| {
        let traces = traces(0.0, 3);
        for _ in 0..50 {
            traces.request("POST", "/mcp", Some(CALLER));
        }
    });
    assert!((3..10).contains(&spans.len()), "{}", spans.len());
    let endless = "k=v,".repeat(200);
    let spans = ended(|| {
        let caller = CallerTrace { tracestate: Some(&endless), ..CALLER };
        traces(0.0, 3).request("POST", "/mcp", Some(caller));
    });
    assert_eq!(spans[0].span_context.trace_state().header(), "");
}

/// A log that hides the spans of traces must not hide them from traces.
#[test]
fn names_are_of_a_small_set() {
    let spans = ended(|| {
        let traces = traces(1.0, 0);
        traces.request("GET", "/metrics", None);
    });
    assert_eq!(spans[0].name, "GET /metrics");
    assert_eq!(spans[0].span_kind, opentelemetry::trace::SpanKind::Server);
}
