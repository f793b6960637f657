//! Something that is done within a trace.

use opentelemetry::{
    KeyValue, Value,
    trace::{Span as _, Status},
};
use opentelemetry_sdk::trace::Span as Recorded;

use super::Trace;

/// Something that is done within a trace; it ends when this is dropped.
#[derive(Debug)]
pub struct Span {
    trace: Option<Trace>,
    /// Boxed, because it is large and most often not there.
    recorded: Option<Box<Recorded>>,
}

impl Span {
    /// One that leaves no record: what is done for it is in that place.
    pub const fn passed_on(trace: Option<Trace>) -> Self {
        Self { trace, recorded: None }
    }

    pub(super) fn recorded(span: Recorded, within: Option<&Trace>) -> Self {
        let context = span.span_context();
        // Once recording has stopped, spans have no place.
        let trace = if context.is_valid() { Some(context.clone().into()) } else { within.cloned() };
        Self { trace, recorded: Some(Box::new(span)) }
    }

    /// Its place: what is done for it is within that. None where nothing is recorded and nobody named a trace.
    pub const fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Adds what became known meanwhile.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.recorded {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Says that it failed, and by which kind of error.
    pub fn fail(&mut self, kind: impl Into<Value>) {
        if let Some(span) = &mut self.recorded {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(""));
        }
    }

    /// Adds how often the same was sent before, if it was.
    pub fn sent_before(&mut self, times: i32) {
        if times > 0 {
            self.set("http.request.resend_count", i64::from(times));
        }
    }

    /// Adds the status that somebody who was called answered, or why there was no answer. As HTTP clients have it, a
    /// status from 400 on is a failure.
    pub fn answered(&mut self, answer: Result<u16, &'static str>) {
        match answer {
            Ok(status) => {
                self.set("http.response.status_code", i64::from(status));
                if status >= 400 {
                    self.fail(status.to_string());
                }
            }
            Err(kind) => self.fail(kind),
        }
    }
}
