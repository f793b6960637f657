//! A place in a trace, as W3C Trace Context tells it to others.

use std::{fmt, sync::Arc};

use axum::http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::seam::Ids;

/// The header that names a trace, the place in it, and whether it is recorded.
pub const TRACE_PARENT: &str = "traceparent";
/// The header with what the systems of a trace keep there for themselves.
pub const TRACE_STATE: &str = "tracestate";

/// More of a `tracestate` than everybody has to pass on is not passed on.
const MAX_STATE_BYTES: usize = 512;
/// `00-` and a trace id, a span id and flags in hexadecimal digits. Later versions may have more behind it.
const PARENT_BYTES: usize = 55;
/// Flags that this version knows: sampled, and the trace id is random.
const FLAGS: u8 = 0b11;

/// A place in a trace; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(Arc<SpanContext>);

impl Trace {
    /// A place in a trace of its own.
    pub fn new(ids: &Ids) -> Self {
        let context =
            SpanContext::new(trace_id(ids), span_id(ids), TraceFlags::SAMPLED, false, TraceState::NONE);
        Self(Arc::new(context))
    }

    /// Another place in the same trace.
    #[must_use]
    pub fn next(&self, ids: &Ids) -> Self {
        let state = self.0.trace_state().clone();
        let context = SpanContext::new(self.0.trace_id(), span_id(ids), self.0.trace_flags(), false, state);
        Self(Arc::new(context))
    }

    /// The place that a request was sent from, if its headers name one as they should.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACE_PARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        // Several such headers are one list.
        let states: Vec<_> =
            headers.get_all(TRACE_STATE).iter().filter_map(|state| state.to_str().ok()).collect();
        Self::read(parent, Some(states.join(",")).filter(|state| !state.is_empty()).as_deref())
    }

    /// The place that such a `traceparent` names, with its `tracestate`; a malformed one of those is left out.
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let version = hex(parent, 0, 2)?;
        let is_whole = parent.len() == PARENT_BYTES
            || (version != "00" && parent.as_bytes().get(PARENT_BYTES) == Some(&b'-'));
        let are_apart = [2, 35, 52].iter().all(|place| parent.as_bytes().get(*place) == Some(&b'-'));
        if version == "ff" || !is_whole || !are_apart {
            return None;
        }
        let trace = u128::from_str_radix(hex(parent, 3, 32)?, 16).ok()?;
        let span = u64::from_str_radix(hex(parent, 36, 16)?, 16).ok()?;
        let flags = u8::from_str_radix(hex(parent, 53, 2)?, 16).ok()?;
        let state = state.filter(|state| state.len() <= MAX_STATE_BYTES);
        let context = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(span),
            TraceFlags::new(flags & FLAGS),
            true,
            state.and_then(|state| state.parse().ok()).unwrap_or_default(),
        );
        // Neither id may be zero.
        context.is_valid().then(|| Self(Arc::new(context)))
    }

    /// Its `traceparent`.
    pub fn parent(&self) -> String {
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        format!("00-{trace}-{span}-{:02x}", self.0.trace_flags().to_u8())
    }

    /// Its `tracestate`, if it has one.
    pub fn state(&self) -> Option<String> {
        Some(self.0.trace_state().header()).filter(|state| !state.is_empty())
    }

    /// The id of the trace.
    pub fn id(&self) -> impl fmt::Display {
        self.0.trace_id()
    }

    /// The place in the words of the library.
    pub(super) fn context(&self) -> &SpanContext {
        &self.0
    }
}

impl From<SpanContext> for Trace {
    fn from(context: SpanContext) -> Self {
        Self(Arc::new(context))
    }
}

/// So many lower-case hexadecimal digits.
fn hex(text: &str, start: usize, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.get(start..start + length).filter(|digits| digits.bytes().all(is_digit))
}

/// A new id of a trace, which is never zero.
pub(super) fn trace_id(ids: &Ids) -> TraceId {
    let mut bytes = [0; 16];
    ids.fill(&mut bytes);
    TraceId::from(u128::from_be_bytes(bytes).max(1))
}

/// A new id of a span, which is never zero.
pub(super) fn span_id(ids: &Ids) -> SpanId {
    let mut bytes = [0; 8];
    ids.fill(&mut bytes);
    SpanId::from(u64::from_be_bytes(bytes).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_well_formed_parent_is_read_and_written_as_it_was() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (given, flags) in [
            (PARENT.to_owned(), "01"),
            (format!("00-{trace}-{span}-00"), "00"),
            // What a later version may mean by further flags, or by what comes behind them, is not known.
            (format!("00-{trace}-{span}-ff"), "03"),
            (format!("cc-{trace}-{span}-01"), "01"),
            (format!("cc-{trace}-{span}-01-what-the-future-brings"), "01"),
        ] {
            let read = Trace::read(&given, None).map(|trace| trace.parent());
            assert_eq!(read, Some(format!("00-{trace}-{span}-{flags}")), "{given}");
        }
    }

    #[test]
    fn a_malformed_parent_is_ignored() {
        let upper = PARENT.replace("4bf9", "4BF9");
        for given in [
            "",
            "00",
            "00-1-1-01",
            PARENT.trim_end_matches('1'),
            &upper,
            &PARENT.replace("00-4", "ff-4"),
            &PARENT.replace("00-4", "0x-4"),
            &format!("{PARENT}-01"),
            &PARENT.replace("00-4", "cc-4").replace("-01", "-01.more"),
            &PARENT.replace("-00f0", "_00f0"),
            &PARENT.replace("-00f0", "-+0f0"),
            &PARENT.replace("-00f0", "-äf0"),
            &PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &format!(" {PARENT}"),
        ] {
            assert_eq!(Trace::read(given, None), None, "{given}");
        }
    }

    #[test]
    fn headers_name_one_place() {
        let mut headers = HeaderMap::new();
        assert_eq!(Trace::of_headers(&headers), None);
        headers.append(TRACE_STATE, "a=1".parse().unwrap());
        assert_eq!(Trace::of_headers(&headers), None);
        headers.append(TRACE_PARENT, PARENT.parse().unwrap());
        headers.append(TRACE_STATE, "b=2".parse().unwrap());
        let trace = Trace::of_headers(&headers).unwrap();
        assert_eq!((trace.parent().as_str(), trace.state().as_deref()), (PARENT, Some("a=1,b=2")));
        headers.append(TRACE_PARENT, PARENT.parse().unwrap());
        assert_eq!(Trace::of_headers(&headers), None);
    }

    #[test]
    fn a_state_that_is_too_long_or_malformed_is_left_out() {
        let long = format!("a={}", "x".repeat(MAX_STATE_BYTES - 1));
        let longest = format!("a={}", "x".repeat(200));
        for (given, kept) in [
            (None, None),
            (Some("rojo=00f067aa0ba902b7, congo=t61"), Some("rojo=00f067aa0ba902b7,congo=t61")),
            (Some(longest.as_str()), Some(longest.as_str())),
            (Some(long.as_str()), None),
            (Some("no list"), None),
            (Some("A=1"), None),
        ] {
            let trace = Trace::read(PARENT, given).unwrap();
            assert_eq!(trace.state().as_deref(), kept, "{given:?}");
            assert_eq!(trace.parent(), PARENT);
        }
    }

    #[test]
    fn the_next_place_is_in_the_same_trace() {
        let ids = Ids::random();
        let first = Trace::read(PARENT, Some("a=1")).unwrap();
        let second = first.next(&ids);
        assert_eq!(second.id().to_string(), first.id().to_string());
        assert_ne!(second.parent(), first.parent());
        assert_eq!(second.state().as_deref(), Some("a=1"));
        assert_ne!(Trace::new(&ids).id().to_string(), Trace::new(&ids).id().to_string());
    }
}
