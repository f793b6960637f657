//! The one way to execute an operation, whatever the transport.

use std::{future::ready, sync::Arc, time::Duration};

use async_graphql::{
    Name, PathSegment, Response, ServerError, Value, Variables,
    dataloader::DataLoader,
    parser::{parse_query, types::OperationType},
};
use async_stream::stream;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::{
    Executable, Schema,
    context::Operation,
    documents::Document,
    error::{Code, add_codes},
    gather::Loads,
    guard,
    handover::{Handover, Item},
    limits,
    loaders::StoreLoader,
    metered::Metered,
    request::Request,
    scalar::raw_text,
    variables,
};
use crate::{
    access::Caller,
    app::App,
    budget::Budget,
    events::Place,
    metrics::Outcome,
    store::lane_of,
    trace::{KeyValue, Span, SpanKind, Trace},
};

const MAX_PARSE_ERROR_CHARS: usize = 1_000;
/// A longer name of an operation is not logged.
const MAX_LOGGED_NAME: usize = 100;

/// Executes operations of one caller.
#[derive(Clone)]
pub struct Endpoint {
    schema: Schema,
    app: App,
    caller: Caller,
    request_id: Arc<str>,
    may_change: bool,
    resume: Option<Arc<str>>,
    place: Option<Arc<Place>>,
}

impl Endpoint {
    /// An endpoint for one caller; `request_id` names the request, or the socket, in the log.
    pub fn new(schema: Schema, app: App, caller: Caller, request_id: &str) -> Self {
        let request_id = request_id.into();
        Self { schema, app, caller, request_id, may_change: true, resume: None, place: None }
    }

    /// Whose operations it executes.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The same for operations that change nothing; mutations are refused.
    #[must_use]
    pub fn only_reading(self) -> Self {
        Self { may_change: false, ..self }
    }

    /// The same for one subscription: it resumes at the cursor `after`, if there is one, and tells how far it has come.
    #[must_use]
    pub fn resuming(self, after: Option<&str>) -> (Self, Arc<Place>) {
        let place = Arc::new(Place::new(self.caller.tenant.clone()));
        (Self { resume: after.map(Into::into), place: Some(Arc::clone(&place)), ..self }, place)
    }

    /// Chooses the operation that a request asks for, before anything else is done with it, and reads the variables that
    /// it declares. An empty name is none: some clients send it where they mean none.
    pub fn choose(&self, request: &Request<'_>) -> Chosen {
        let name = request.operation_name.as_deref().filter(|name| !name.is_empty());
        let document = self.document(&request.query, name);
        let kind = document.as_ref().ok().map(|document| document.kind);
        let ready = document.and_then(|document| {
            self.check(&document)?;
            let variables = variables::read(request, &document, &self.schema.limits)?;
            Ok((document, variables))
        });
        Chosen { kind, ready }
    }

    /// Refuses an operation that its caller may not execute, whatever its variables are.
    fn check(&self, document: &Document) -> Result<(), ServerError> {
        guard::check(&document.needs, &self.caller)?;
        if !self.may_change && document.kind == OperationType::Mutation {
            let message = "a mutation is sent with POST, never with GET";
            return Err(Code::BadUserInput.server_error(message));
        }
        if document.introspects && !self.schema.introspection {
            let message = "this server answers no questions about its schema; `waybill schema` prints it";
            return Err(Code::Forbidden.server_error(message));
        }
        Ok(())
    }

    /// The document of a text, with the operation of that name.
    fn document(&self, text: &str, name: Option<&str>) -> Result<Arc<Document>, ServerError> {
        if let Some(document) = self.schema.documents.find(text, name) {
            return Ok(document);
        }
        limits::check_text(text, &self.schema.limits)?;
        let parsed = parse_query(text).map_err(|error| {
            let mut error = ServerError::from(error);
            // It shows the line with the fault, which may be the whole of a long document.
            error.message = error.message.chars().take(MAX_PARSE_ERROR_CHARS).collect();
            error.extensions.get_or_insert_default().set("code", Code::GraphqlParseFailed.as_str());
            error
        })?;
        let document = Document::choose(parsed, name, &self.schema.limits)?;
        Ok(self.schema.documents.keep(text, name, document))
    }

    /// Gives the operation what its resolvers need. One whose answers are a stream has a handover.
    fn prepare(&self, chosen: Chosen, handover: Option<&Arc<Handover>>) -> Result<Prepared, ServerError> {
        let (document, variables) = chosen.ready?;
        let cost = document.cost.check(&variables, &self.schema.limits)?;
        let span = self.begin(&document);
        let is_valid = document.is_valid_with(&variables);
        // Neither the text of the document nor what else was sent is needed any more.
        let mut request = async_graphql::Request::new("").variables(variables);
        request.set_parsed_query(document.parsed.clone());
        // The executor looks for the operation once more, and finds the one that everything above is about.
        request.operation_name = document.name.as_ref().map(ToString::to_string);
        let mut allowance = self.schema.limits.allowance();
        if document.kind == OperationType::Mutation {
            // Its input is bounded, and it may be long for all that.
            allowance.processor_time = self.schema.limits.request_timeout();
        }
        let budget = Arc::new(Budget::new(allowance));
        let mut reader = self.app.reader(&self.caller).within(Arc::clone(&budget));
        if document.kind == OperationType::Subscription {
            reader = reader.for_stream();
        }
        // The default delay gathers keys for a millisecond; `Loads` does it without.
        let loads = Loads::default();
        let loader = StoreLoader::new(reader.clone(), Arc::clone(&self.app.lifecycles));
        let loader = DataLoader::new(loader, loads.spawner()).delay(Duration::ZERO);
        let request = request.data(Operation {
            app: self.app.clone(),
            caller: self.caller.clone().within(span.trace().cloned()),
            reader,
            budget: Arc::clone(&budget),
            request_id: Arc::clone(&self.request_id),
            loader: Arc::new(loader),
            resume: self.resume.clone(),
            place: self.place.clone(),
            handover: handover.filter(|_| document.has_one_field).cloned(),
            forms: Arc::clone(&self.schema.forms),
        });
        let schema = if is_valid { &self.schema.unvalidated } else { &self.schema.validated };
        Ok(Prepared { request, document, budget, loads, schema: schema.clone(), cost, span })
    }

    /// Begins the span of an operation. As GraphQL's conventions have it, its name is only its kind: clients make up names.
    fn begin(&self, document: &Document) -> Span {
        let kind = kind_name(document.kind);
        self.app.traces.span(SpanKind::Internal, kind, self.caller.trace.as_ref(), || {
            let mut attributes = vec![
                KeyValue::new("graphql.operation.type", kind),
                KeyValue::new("tenant.id", self.caller.tenant.to_string()),
                KeyValue::new("request.id", self.request_id.to_string()),
            ];
            if let Some(name) = logged_name(document) {
                attributes.push(KeyValue::new("graphql.operation.name", name.to_owned()));
            }
            attributes
        })
    }

    /// Executes the operation of a request that is answered once, however long it takes.
    pub async fn execute(&self, request: &Request<'_>) -> Response {
        self.execute_chosen(self.choose(request), None).await
    }

    /// Executes an operation that answers once, until the deadline, if there is one.
    pub async fn execute_chosen(&self, chosen: Chosen, deadline: Option<Instant>) -> Response {
        match self.prepare(chosen, None) {
            Ok(Prepared { request, document, budget, loads, schema, cost, span: recorded }) => {
                // All at once: what is recorded in a span later has its fields written anew.
                let span = tracing::info_span!(
                    "operation",
                    request.id = %self.request_id,
                    tenant.id = %self.caller.tenant,
                    operation.name = logged_name(&document),
                    trace_id = recorded.trace().map(Trace::id).map(display),
                );
                let mut metered = Metered::new(schema.execute(request), Arc::clone(&budget));
                if document.kind == OperationType::Query {
                    let (turns, tenant) = (self.schema.turns.clone(), self.caller.tenant.clone());
                    metered = metered.in_turn(turns, tenant, lane_of(&self.caller.subject));
                }
                let running = Running::new(self, document, recorded);
                let executed = loads.gather(metered).instrument(span);
                let response = match deadline {
                    Some(deadline) => timeout_at(deadline, executed).await.ok(),
                    None => Some(executed.await),
                };
                let Some(response) = response else { return running.end(timed_out(), Outcome::Timeout) };
                let mut response = finish(response, &running.document);
                if was_executed(&response) {
                    response.extensions.insert("cost".to_owned(), cost.into());
                }
                let outcome = match budget.exhausted() {
                    // Its answer looks like that of an operation that was not executed.
                    Some(_) => Outcome::Failed,
                    None => outcome(&response),
                };
                running.end(response, outcome)
            }
            Err(error) => {
                let response = Response::from_errors(vec![error]);
                self.app.metrics.operation("", None, Outcome::Refused, codes(&response), None);
                response
            }
        }
    }

    /// Counts an operation that has ended, or a subscription that begins.
    fn count(
        &self,
        document: &Document,
        outcome: Outcome,
        codes: impl Iterator<Item = String>,
        duration: Option<Duration>,
    ) {
        let metrics = &self.app.metrics;
        let (kind, name) = (kind_name(document.kind), document.name.as_deref());
        // Whoever may do nothing has no part in which names are told apart.
        if let Some(name) = name.filter(|_| outcome != Outcome::Refused && !self.caller.scopes.is_empty()) {
            metrics.tell_apart(name);
        }
        metrics.operation(kind, name, outcome, codes, duration);
    }

    /// Executes a subscription, which answers again and again.
    pub fn execute_stream(&self, chosen: Chosen) -> BoxStream<'static, Item> {
        let handover = Arc::<Handover>::default();
        let mut prepared = self.prepare(chosen, Some(&handover));
        match &mut prepared {
            // It counts as it is taken up: its end may be days away.
            Ok(Prepared { document, span, .. }) => {
                if document.kind == OperationType::Subscription {
                    *span = Span::passed_on(None);
                }
                self.count(document, Outcome::Ok, std::iter::empty(), None);
            }
            Err(error) => {
                let response = Response::from_errors(vec![error.clone()]);
                self.app.metrics.operation("", None, Outcome::Refused, codes(&response), None);
            }
        }
        let left = Arc::clone(&handover);
        let executed = stream! {
            match prepared {
                Ok(Prepared { request, document, budget, loads, schema, mut span, .. }) => {
                    let mut responses = loads.gather(Metered::new(schema.execute_stream(request), budget));
                    while let Some(response) = responses.next().await {
                        let response = finish(response, &document);
                        end(&mut span, &response);
                        yield Item::Response(response);
                    }
                    if left.is_full() {
                        document.found_valid();
                    }
                }
                Err(error) => yield Item::Response(Response::from_errors(vec![error])),
            }
        };
        // What executed it is gone when this begins: it is boxed apart, and a subscriber may wait for days.
        let left = stream::once(async move { handover.take() }).filter_map(ready).flatten();
        executed.boxed().chain(left).boxed()
    }
}

/// The operation that a request chooses, with the values of its variables, or with why it is not executed.
pub struct Chosen {
    kind: Option<OperationType>,
    ready: Result<(Arc<Document>, Variables), ServerError>,
}

impl Chosen {
    /// The kind of the operation; none where there is no such operation.
    pub const fn kind(&self) -> Option<OperationType> {
        self.kind
    }
}

/// An operation that is ready to be executed.
struct Prepared {
    request: async_graphql::Request,
    document: Arc<Document>,
    budget: Arc<Budget>,
    loads: Loads,
    /// Validates the document, unless it is known to be valid.
    schema: Executable,
    cost: u64,
    span: Span,
}

/// An operation that is being executed. It is counted once, however it ends: one that is dropped before it has an answer
/// was given up by its client, or panicked.
struct Running<'a> {
    endpoint: &'a Endpoint,
    document: Arc<Document>,
    begun: Instant,
    span: Span,
    has_ended: bool,
}

impl<'a> Running<'a> {
    fn new(endpoint: &'a Endpoint, document: Arc<Document>, span: Span) -> Self {
        Self { endpoint, document, begun: Instant::now(), span, has_ended: false }
    }

    /// Counts the operation, whose answer this is.
    fn end(mut self, response: Response, outcome: Outcome) -> Response {
        self.has_ended = true;
        end(&mut self.span, &response);
        self.endpoint.count(&self.document, outcome, codes(&response), Some(self.begun.elapsed()));
        response
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.span.fail(Outcome::Abandoned.as_str());
            let duration = Some(self.begun.elapsed());
            self.endpoint.count(&self.document, Outcome::Abandoned, std::iter::empty(), duration);
        }
    }
}

/// What became of an operation that was answered.
fn outcome(response: &Response) -> Outcome {
    match (was_executed(response), response.errors.is_empty()) {
        (false, _) => Outcome::Refused,
        (true, false) => Outcome::Failed,
        (true, true) => Outcome::Ok,
    }
}

/// The answer to an operation that ran into its deadline.
fn timed_out() -> Response {
    let message = "the operation took too long and was given up; a mutation may have taken effect all the same: send \
                   it again with the same idempotencyKey";
    Response::from_errors(vec![Code::Timeout.server_error(message)])
}

/// Says in a span how its operation ended.
fn end(span: &mut Span, response: &Response) {
    if let Some(code) = codes(response).next() {
        span.fail(code);
    }
}

/// A kind of operation in a word.
const fn kind_name(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// The name of the operation, unless it is overlong.
fn logged_name(document: &Document) -> Option<&str> {
    document.name.as_deref().filter(|name| name.len() <= MAX_LOGGED_NAME)
}

/// The codes of the errors of an answer.
fn codes(response: &Response) -> impl Iterator<Item = String> {
    let codes = response.errors.iter().filter_map(|error| error.extensions.as_ref()?.get("code"));
    codes.filter_map(|code| match code {
        Value::String(code) => Some(code.clone()),
        _ => None,
    })
}

/// Whether execution began. Where it did not, there is nothing but errors, and none of them is about a field.
pub fn was_executed(response: &Response) -> bool {
    response.errors.is_empty()
        || response.data != Value::Null
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// What the executor leaves to be done.
fn finish(mut response: Response, document: &Document) -> Response {
    if was_executed(&response) {
        document.found_valid();
    }
    add_codes(&mut response);
    for error in &response.errors {
        add_failed_field(&mut response.data, &error.path);
    }
    document.order.apply(&mut response.data);
    response
}

/// A field that failed is null, as the specification has it; async-graphql 7 leaves it out.
fn add_failed_field(data: &mut Value, path: &[PathSegment]) {
    let [segment, below @ ..] = path else { return };
    if raw_text(data).is_some() {
        // Whoever wrote the text wrote null into it.
        return;
    }
    match (data, segment) {
        (Value::Object(fields), PathSegment::Field(name)) => {
            let field = fields.entry(Name::new(name)).or_insert(Value::Null);
            add_failed_field(field, below);
        }
        (Value::List(members), PathSegment::Index(index)) => {
            if let Some(member) = members.get_mut(*index) {
                add_failed_field(member, below);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, Value};
    use serde_json::json;

    use super::add_failed_field;

    #[test]
    fn a_failed_field_is_null_where_its_object_is_there() {
        let field = |name: &str| PathSegment::Field(name.to_owned());
        for (data, path, expected) in [
            (json!({"b": 1}), vec![field("a")], json!({"a": null, "b": 1})),
            (
                json!({"a": [{}, {"b": 2}]}),
                vec![field("a"), PathSegment::Index(0), field("b")],
                json!({"a": [{"b": null}, {"b": 2}]}),
            ),
            (json!({"a": {"b": 1}}), vec![field("a"), field("b")], json!({"a": {"b": 1}})),
            (json!({"a": null}), vec![field("a"), field("b")], json!({"a": null})),
            (json!(null), vec![field("a")], json!(null)),
            (json!({"a": [1]}), vec![field("a"), PathSegment::Index(7)], json!({"a": [1]})),
        ] {
            let mut data = Value::from_json(data).unwrap();
            add_failed_field(&mut data, &path);
            assert_eq!(data.into_json().unwrap(), expected);
        }
    }
}
