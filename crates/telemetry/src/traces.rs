//! Which calls are traced, and the spans that begin a trace here.
//!
//! It is decided once, where a request comes in. Spans of a call that is not traced are disabled, those of all layers
//! below among them, so that it costs next to nothing.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};

use governor::clock::MonotonicClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, propagation::Extractor, propagation::TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use retail_domain::ports::{CallerTrace, SpanName, TRACE_TARGET, Tracer};
use tracing::field::Empty;
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Context as LayerContext;
use tracing_subscriber::registry::LookupSpan;

/// Names of the spans that begin here. Others exist only inside them.
const REQUEST: &str = "request";
const CALL: &str = "call";

/// Longest `tracestate` that is passed on: what W3C Trace Context asks for at least.
const MAX_TRACESTATE_BYTES: usize = 512;

/// Which calls are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TraceSettings {
    /// Share of the requests without a trace of their own: 0 to 1.
    pub sample_ratio: f64,
    /// Most requests a second that are traced because their caller traces them. Anybody may say so.
    pub followed_per_second: u32,
}

impl Default for TraceSettings {
    /// One of ten, and 10 a second.
    fn default() -> Self {
        Self { sample_ratio: 0.1, followed_per_second: 10 }
    }
}

/// Begins spans, for the layer of [`layer`](Self::layer).
#[derive(Debug)]
pub struct Traces {
    settings: TraceSettings,
    followed: Option<RateLimiter<NotKeyed, InMemoryState, MonotonicClock>>,
    propagator: TraceContextPropagator,
    /// Whether calls have requests around them, which were decided on: over standard input they have none.
    has_requests: AtomicBool,
}

/// The tool of the call that a span is part of.
#[derive(Debug, Clone, Copy)]
struct Tool(&'static str);

impl Traces {
    /// Traces by these settings.
    pub fn new(settings: TraceSettings) -> Self {
        let followed = NonZeroU32::new(settings.followed_per_second)
            .map(|most| RateLimiter::direct_with_clock(Quota::per_second(most), MonotonicClock));
        let has_requests = AtomicBool::new(false);
        Self { settings, followed, propagator: TraceContextPropagator::new(), has_requests }
    }

    /// The layer that gives spans to `provider`. It hears of nothing else.
    pub fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("retail-mcp"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_for_traces).with_max_level_hint(LevelFilter::INFO))
            .and_then(Gate)
    }

    /// The span of an HTTP request, as part of the trace that its headers name. `method` and `route` are of a small set.
    /// Record `http.response.status_code` in it when it is answered.
    pub fn request(
        &self,
        method: &'static str,
        route: &'static str,
        caller: Option<CallerTrace<'_>>,
    ) -> Span {
        self.has_requests.store(true, Ordering::Relaxed);
        let parent = match caller.and_then(|caller| self.context_of(caller)) {
            Some(caller) if self.follows(caller.span().span_context()) => caller,
            None if self.takes() => Context::new(),
            _ => return Span::none(),
        };
        let span = info_span!(
            target: TRACE_TARGET,
            parent: None,
            REQUEST,
            otel.name = format!("{method} {route}"),
            otel.kind = "server",
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        // It fails where no layer listens.
        let _ = span.set_parent(parent);
        span
    }

    fn takes(&self) -> bool {
        rand::random::<f64>() < self.settings.sample_ratio
    }

    fn follows(&self, caller: &SpanContext) -> bool {
        caller.is_sampled() && self.followed.as_ref().is_some_and(|most| most.check().is_ok())
    }

    fn context_of(&self, caller: CallerTrace<'_>) -> Option<Context> {
        let context = self.propagator.extract_with_context(&Context::new(), &Headers(caller));
        context.span().span_context().is_valid().then_some(context)
    }
}

impl Tracer for Traces {
    fn call(&self, tool: &'static str, caller: Option<CallerTrace<'_>>) -> Span {
        let around = Context::current();
        let request = around.span().span_context().clone();
        let caller = caller
            .and_then(|caller| self.context_of(caller))
            .filter(|caller| caller.span().span_context().trace_id() != request.trace_id());
        let (parent, link) = match caller {
            Some(caller) if self.follows(caller.span().span_context()) => (caller, Some(request)),
            _ if request.is_sampled() => (around, None),
            None if !self.has_requests.load(Ordering::Relaxed) && self.takes() => {
                (Context::new(), None)
            }
            _ => return Span::none(),
        };
        let span = info_span!(
            target: TRACE_TARGET,
            parent: None,
            CALL,
            otel.name = format!("tools/call {tool}"),
            otel.kind = "server",
            mcp.method.name = "tools/call",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = tool,
            error.type = Empty,
            otel.status_code = Empty,
        );
        let _ = span.set_parent(parent.with_value(Tool(tool)));
        if let Some(request) = link {
            span.add_link(request);
        }
        span
    }

    fn name_of(&self, span: &Span) -> Option<SpanName> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        let tool = context.get::<Tool>().map(|tool| tool.0);
        let span = context.span();
        let named = span.span_context();
        named.is_sampled().then(|| SpanName {
            traceparent: format!("00-{}-{}-01", named.trace_id(), named.span_id()),
            tool,
        })
    }
}

/// Disables spans of calls that are not traced. No filter of a layer: that would leave them in the registry.
#[derive(Debug, Clone, Copy)]
struct Gate;

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_for_traces(metadata) { Interest::sometimes() } else { Interest::always() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: LayerContext<'_, S>) -> bool {
        !is_for_traces(metadata)
            || matches!(metadata.name(), REQUEST | CALL)
            || Context::map_current(|context| context.span().span_context().is_sampled())
    }
}

fn is_for_traces(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TRACE_TARGET
}

/// Names of headers to what a caller said under them.
struct Headers<'a>(CallerTrace<'a>);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.0.traceparent),
            "tracestate" => self.0.tracestate.filter(|state| state.len() <= MAX_TRACESTATE_BYTES),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

#[cfg(test)]
mod tests;
