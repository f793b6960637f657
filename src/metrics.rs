//! What the process counts about itself, for Prometheus. Nothing here names a tenant, a caller or anything they send but
//! the names of operations, and of those only so many.

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Names of operations that are told apart; further ones are counted together.
const MAX_NAMES: usize = 200;
/// A longer name is not kept.
const MAX_NAME_BYTES: usize = 100;
/// What operations are called together whose names are not told apart.
const OTHER: &str = "other";

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    http_requests: Family<HttpLabels, Counter>,
    unauthenticated: Family<TransportLabels, Counter>,
    sockets_refused: Family<ReasonLabels, Counter>,
    operations: Family<OperationLabels, Counter>,
    operation_seconds: Family<NameLabels, Histogram>,
    errors: Family<CodeLabels, Counter>,
    plugin_attempts: Family<AttemptLabels, Counter>,
    plugin_attempt_seconds: Histogram,
    plugin_conditions_exhausted: Counter,
    webhook_attempts: Family<AttemptLabels, Counter>,
    webhook_attempt_seconds: Histogram,
    event_lag_seconds: Histogram,
    sockets: Gauge,
    subscriptions: Gauge,
    database_connections: Family<PoolLabels, Gauge>,
    database_statements: Gauge,
    names: Mutex<HashSet<String>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    path: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabels {
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    kind: &'static str,
    name: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    kind: &'static str,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
    state: &'static str,
}

/// How somebody reaches the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// GraphQL by POST or GET.
    Http,
    /// GraphQL over Server-Sent Events.
    Sse,
    /// GraphQL over a WebSocket.
    WebSocket,
    /// A plugin's answer that comes later.
    Callback,
}

impl Transport {
    const ALL: [Self; 4] = [Self::Http, Self::Sse, Self::WebSocket, Self::Callback];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
            Self::Callback => "callback",
        }
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed, without errors.
    Ok,
    /// It was executed, with errors.
    Failed,
    /// It was not executed.
    Refused,
    /// It ran into the time limit.
    Timeout,
    /// It was dropped before it had an answer.
    Abandoned,
}

/// What is only looked at when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// WebSockets and event streams that are open.
    pub sockets: usize,
    /// Subscriptions that wait for live events.
    pub subscriptions: usize,
    /// Pools of connections to the database: the name, connections in use, connections at rest.
    pub pools: Vec<(&'static str, usize, usize)>,
    /// Statements that went to the database so far.
    pub statements: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || {
            Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
            ])
        };
        let mut metrics = Self {
            registry: Registry::with_prefix("waybill"),
            http_requests: Family::default(),
            unauthenticated: Family::default(),
            sockets_refused: Family::default(),
            operations: Family::default(),
            operation_seconds: Family::new_with_constructor(seconds),
            errors: Family::default(),
            plugin_attempts: Family::default(),
            plugin_attempt_seconds: seconds(),
            plugin_conditions_exhausted: Counter::default(),
            webhook_attempts: Family::default(),
            webhook_attempt_seconds: seconds(),
            event_lag_seconds: seconds(),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            database_connections: Family::default(),
            database_statements: Gauge::default(),
            names: Mutex::default(),
        };
        metrics.register();
        // Those that are nought as yet are shown as well.
        for transport in Transport::ALL {
            drop(metrics.unauthenticated.get_or_create(&TransportLabels { transport: transport.as_str() }));
        }
        for attempts in [&metrics.plugin_attempts, &metrics.webhook_attempts] {
            for outcome in [None, Some(200), Some(300), Some(400), Some(500)] {
                drop(attempts.get_or_create(&AttemptLabels { outcome: attempt(outcome) }));
            }
        }
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests over HTTP", self.http_requests.clone());
        registry.register(
            "unauthenticated",
            "Requests and WebSockets that were refused for want of a valid token",
            self.unauthenticated.clone(),
        );
        registry.register(
            "sockets_refused",
            "WebSockets and event streams that were refused for want of room",
            self.sockets_refused.clone(),
        );
        registry.register("operations", "GraphQL operations, once each", self.operations.clone());
        registry.register(
            "operation_seconds",
            "How long queries and mutations took",
            self.operation_seconds.clone(),
        );
        registry.register("errors", "Errors of operations at the top level", self.errors.clone());
        registry.register("plugin_attempts", "Calls of plugins", self.plugin_attempts.clone());
        registry.register(
            "plugin_attempt_seconds",
            "How long plugins took to answer",
            self.plugin_attempt_seconds.clone(),
        );
        registry.register(
            "plugin_conditions_exhausted",
            "Conditions of workflows that took too long, so that no run began",
            self.plugin_conditions_exhausted.clone(),
        );
        registry.register("webhook_attempts", "Calls of webhook endpoints", self.webhook_attempts.clone());
        registry.register(
            "webhook_attempt_seconds",
            "How long webhook endpoints took to answer",
            self.webhook_attempt_seconds.clone(),
        );
        registry.register(
            "event_lag_seconds",
            "From an event's record to when it is handed to this process's subscribers",
            self.event_lag_seconds.clone(),
        );
        registry.register("sockets", "Open WebSockets and event streams", self.sockets.clone());
        registry.register(
            "subscriptions",
            "Subscriptions that wait for live events",
            self.subscriptions.clone(),
        );
        registry.register(
            "database_connections",
            "Connections to the database",
            self.database_connections.clone(),
        );
        registry.register(
            "database_statements",
            "Statements that went to the database so far",
            self.database_statements.clone(),
        );
    }

    /// A request was answered. `path` is one of the routes.
    pub fn http(&self, path: &'static str, status: u16) {
        self.http_requests.get_or_create(&HttpLabels { path, status }).inc();
    }

    /// Somebody was refused who did not show a valid token.
    pub fn unauthenticated(&self, transport: Transport) {
        self.unauthenticated.get_or_create(&TransportLabels { transport: transport.as_str() }).inc();
    }

    /// Shows refusals of sockets for these reasons before there are any.
    pub fn show_socket_refusals(&self, reasons: impl IntoIterator<Item = &'static str>) {
        for reason in reasons {
            drop(self.sockets_refused.get_or_create(&ReasonLabels { reason }));
        }
    }

    /// A WebSocket or an event stream was refused for want of room.
    pub fn socket_refused(&self, reason: &'static str) {
        self.sockets_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// An operation has ended; a subscription, when it began. `codes` are those of its errors.
    pub fn operation(
        &self,
        kind: &'static str,
        name: Option<&str>,
        outcome: Outcome,
        codes: impl Iterator<Item = String>,
        duration: Option<Duration>,
    ) {
        let name = match outcome {
            Outcome::Refused => String::new(),
            Outcome::Ok | Outcome::Failed | Outcome::Timeout | Outcome::Abandoned => {
                self.bounded(name.unwrap_or_default())
            }
        };
        if let Some(duration) = duration.filter(|_| outcome != Outcome::Refused) {
            let labels = NameLabels { kind, name: name.clone() };
            self.operation_seconds.get_or_create(&labels).observe(duration.as_secs_f64());
        }
        self.operations.get_or_create(&OperationLabels { kind, name, outcome: outcome.as_str() }).inc();
        for code in codes {
            self.errors.get_or_create(&CodeLabels { code }).inc();
        }
    }

    /// A plugin was called, and answered or did not.
    pub fn plugin_attempt(&self, status: Option<u16>, duration: Duration) {
        self.plugin_attempts.get_or_create(&AttemptLabels { outcome: attempt(status) }).inc();
        self.plugin_attempt_seconds.observe(duration.as_secs_f64());
    }

    /// A workflow's condition took too long.
    pub fn condition_exhausted(&self) {
        self.plugin_conditions_exhausted.inc();
    }

    /// A webhook endpoint was called, and answered or did not.
    pub fn webhook_attempt(&self, status: Option<u16>, duration: Duration) {
        self.webhook_attempts.get_or_create(&AttemptLabels { outcome: attempt(status) }).inc();
        self.webhook_attempt_seconds.observe(duration.as_secs_f64());
    }

    /// Where the age of events is put down when they are handed out.
    pub fn event_lag(&self) -> Histogram {
        self.event_lag_seconds.clone()
    }

    /// Everything in the text format of `OpenMetrics`.
    pub fn text(&self, now: &Now) -> Result<String, fmt::Error> {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.sockets, now.sockets);
        set(&self.subscriptions, now.subscriptions);
        for (pool, used, idle) in &now.pools {
            for (state, count) in [("used", used), ("idle", idle)] {
                set(&self.database_connections.get_or_create(&PoolLabels { pool, state }), *count);
            }
        }
        self.database_statements.set(i64::try_from(now.statements).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Tells operations of that name apart from now on, unless so many are already.
    pub fn tell_apart(&self, name: &str) {
        let mut names = self.names();
        if names.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES && !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    /// The name, if it is one of those that are told apart.
    fn bounded(&self, name: &str) -> String {
        if name.is_empty() || self.names().contains(name) { name } else { OTHER }.to_owned()
    }

    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// Its name in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What became of a call, by the status of its answer.
const fn attempt(status: Option<u16>) -> &'static str {
    match status {
        None => "no answer",
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(_) => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_whatever_callers_send() {
        let metrics = Metrics::default();
        let run = |name: &str, outcome| metrics.operation("query", Some(name), outcome, [].into_iter(), None);
        for number in 0..10_000 {
            // Nobody who counts has asked for it.
            run(&format!("Q{number}"), Outcome::Ok);
        }
        for number in 0..10_000 {
            metrics.tell_apart(&format!("Q{number}"));
            run(&format!("Q{number}"), Outcome::Ok);
        }
        metrics.tell_apart(&"x".repeat(101));
        run(&"x".repeat(101), Outcome::Ok);
        metrics.operation("query", Some("Unknown"), Outcome::Refused, ["X".to_owned()].into_iter(), None);
        let text = metrics.text(&Now::default()).unwrap();
        let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
        assert_eq!(count("waybill_operations_total{"), MAX_NAMES + 2);
        assert!(
            text.contains(r#"waybill_operations_total{kind="query",name="other",outcome="ok"} 19801"#),
            "{text}"
        );
        assert!(text.contains(r#"waybill_operations_total{kind="query",name="",outcome="refused"} 1"#));
        assert!(text.contains(r#"waybill_errors_total{code="X"} 1"#));
    }
}
