//! Traces: which request led to what, across processes (OpenTelemetry, W3C Trace Context).
//!
//! A [`Trace`] is passed on whether or not anything is exported, so that a plugin's own traces join those of whoever sent
//! the mutation. A [`Span`] is recorded only where the operator named a collector. Nothing here holds what callers send
//! but the names of operations. The times of spans are the library's: they are for people, not for data.

mod context;
mod export;
mod span;

pub use context::{TRACE_PARENT, TRACE_STATE, Trace};
pub use export::{ExportError, Post};
pub use opentelemetry::{KeyValue, trace::SpanKind};
pub use span::Span;

use std::{borrow::Cow, fmt, time::Duration};

use opentelemetry::{
    Context,
    trace::{SpanBuilder, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::task::spawn_blocking;
use url::Url;

use crate::seam::Ids;

/// How long what was recorded may take to reach the collector once the server stops.
const FLUSHED_WITHIN: Duration = Duration::from_secs(5);

/// Records spans; cheap to clone.
#[derive(Clone)]
pub struct Traces {
    ids: Ids,
    exported: Option<Exported>,
}

/// Where spans go.
#[derive(Clone)]
struct Exported {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Traces").field("exported", &self.exported.is_some()).finish_non_exhaustive()
    }
}

impl Traces {
    /// Passes traces on, and records nothing.
    pub const fn off(ids: Ids) -> Self {
        Self { ids, exported: None }
    }

    /// Records spans and sends them to the collector at an OTLP endpoint, by `post`. Has to be called on the runtime.
    pub fn exporting(ids: Ids, endpoint: &str, post: Post) -> Result<Self, ExportError> {
        let (tracer, provider) = export::start(ids.clone(), endpoint, post)?;
        Ok(Self { ids, exported: Some(Exported { tracer, provider }) })
    }

    /// Whether spans are recorded at all.
    pub const fn are_recorded(&self) -> bool {
        self.exported.is_some()
    }

    /// Begins a span within another one, or in a trace of its own. Where nothing is recorded, it is in that other one's
    /// place, and `attributes` are not asked for.
    pub fn span(
        &self,
        kind: SpanKind,
        name: impl Into<Cow<'static, str>>,
        within: Option<&Trace>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Span {
        let Some(Exported { tracer, .. }) = &self.exported else { return Span::passed_on(within.cloned()) };
        let parent = within.map_or_else(Context::new, |trace| {
            Context::new().with_remote_span_context(trace.context().clone())
        });
        let span = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes());
        Span::recorded(tracer.build_with_context(span, &parent), within)
    }

    /// Begins the span of a call to somebody who is told of the trace: it always has a place of its own.
    pub fn call(
        &self,
        method: &'static str,
        url: &str,
        within: Option<&Trace>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Span {
        let attributes = || {
            let mut all = attributes();
            all.push(KeyValue::new("http.request.method", method));
            // The whole URL may hold secrets.
            if let Some((host, port)) = Url::parse(url).ok().as_ref().and_then(address) {
                all.push(KeyValue::new("server.address", host));
                all.push(KeyValue::new("server.port", port));
            }
            all
        };
        let span = self.span(SpanKind::Client, method, within, attributes);
        if self.are_recorded() {
            return span;
        }
        let trace = within.map_or_else(|| Trace::new(&self.ids), |trace| trace.next(&self.ids));
        Span::passed_on(Some(trace))
    }

    /// Sends what was recorded, in bounded time; nothing is recorded any more.
    pub async fn stop(&self) {
        let Some(Exported { provider, .. }) = self.exported.clone() else { return };
        let stopped = spawn_blocking(move || provider.shutdown_with_timeout(FLUSHED_WITHIN)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector of traces in time");
        }
    }
}

/// The host and the port of a URL.
fn address(url: &Url) -> Option<(String, i64)> {
    Some((url.host_str()?.to_owned(), i64::from(url.port_or_known_default()?)))
}
