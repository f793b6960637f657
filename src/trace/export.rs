//! Spans on their way to a collector: a bounded queue that nobody waits for, and a thread that sends what is in it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use opentelemetry::{
    Key, KeyValue, Value,
    trace::{SpanId, TraceId, TracerProvider as _},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchSpanProcessor, IdGenerator, Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::{Handle, TryCurrentError};

use super::context::{span_id, trace_id};
use crate::seam::Ids;

/// Where OTLP has traces, below the endpoint.
const PATH: &str = "/v1/traces";
/// What the service is called, unless the operator says otherwise.
const SERVICE: &str = "waybill";
/// A collector that is away is logged no more often.
const WARN_EVERY: Duration = Duration::from_mins(5);

/// Posts a body with headers to a URL, in bounded time, and gives the status and the body of the answer.
pub type Post = Arc<
    dyn Fn(String, Vec<(String, String)>, Vec<u8>) -> BoxFuture<'static, Result<(u16, Vec<u8>), String>>
        + Send
        + Sync,
>;

/// Traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// One of the standard variables is not usable.
    #[error("the settings of the exporter are not usable")]
    Settings(#[from] ExporterBuildError),
    /// There is nothing to send with.
    #[error("there is no runtime")]
    Runtime(#[from] TryCurrentError),
}

/// Starts to send.
pub(super) fn start(
    ids: Ids,
    endpoint: &str,
    post: Post,
) -> Result<(SdkTracer, SdkTracerProvider), ExportError> {
    let client = Client { post, runtime: Handle::try_current()? };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}{PATH}"))
        .build()?;
    let exporter = Exporter { sender: exporter, warned: Warned::default() };
    let provider = SdkTracerProvider::builder()
        .with_id_generator(SeamIds(ids))
        // Whoever began the trace decides whether it is recorded.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(resource())
        .with_span_processor(BatchSpanProcessor::builder(exporter).build())
        .build();
    Ok((provider.tracer(SERVICE), provider))
}

/// What the spans are of. The library reads the standard variables `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let named = found.get_ref(&Key::from_static_str("service.name")).map(Value::as_str);
    let mut resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named.is_none_or(|name| name.starts_with("unknown_service")) {
        resource = resource.with_service_name(SERVICE);
    }
    resource.build()
}

/// Sends spans, and says once in a while that it cannot.
#[derive(Debug)]
struct Exporter {
    sender: opentelemetry_otlp::SpanExporter,
    warned: Warned,
}

/// When it was last warned.
#[derive(Debug, Default)]
struct Warned(Mutex<Option<Instant>>);

impl Warned {
    /// Whether it is time to warn, which then counts as done.
    fn is_due(&self, now: Instant) -> bool {
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = warned.is_none_or(|warned| now.duration_since(warned) >= WARN_EVERY);
        if is_due {
            *warned = Some(now);
        }
        is_due
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.sender.export(batch).await;
        if let Err(error) = &sent
            && self.warned.is_due(Instant::now())
        {
            tracing::warn!(spans, %error, "spans did not reach the collector of traces and are lost; serving on");
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.sender.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.sender.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sender.set_resource(resource);
    }
}

/// Ids of traces and spans come from where all others do.
#[derive(Debug)]
struct SeamIds(Ids);

impl IdGenerator for SeamIds {
    fn new_trace_id(&self) -> TraceId {
        trace_id(&self.0)
    }

    fn new_span_id(&self) -> SpanId {
        span_id(&self.0)
    }
}

/// Posts on our runtime for a thread that has none.
struct Client {
    post: Post,
    runtime: Handle,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Client")
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let post = (self.post)(head.uri.to_string(), headers.collect(), body.to_vec());
        let (status, body) = self.runtime.spawn(post).await??;
        Ok(Response::builder().status(status).body(body.into())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_is_away_is_logged_once_in_a_while() {
        let (warned, start) = (Warned::default(), Instant::now());
        let due = [0, 1, 299, 300, 301, 599, 600]
            .map(|seconds| warned.is_due(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }
}
