//! The one way to execute an operation, whatever the transport.

use std::{
    future::ready,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{
    Name, PathSegment, Request, Response, ServerError, Value,
    dataloader::DataLoader,
    parser::{parse_query, types::OperationType},
};
use async_stream::stream;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

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
    scalar::raw_text,
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

    /// Chooses the operation that a request asks for, before anything else is done with it. An empty name is none: some
    /// clients send it where they mean none.
    pub fn choose(&self, request: Request) -> Chosen {
        let name = request.operation_name.as_deref().filter(|name| !name.is_empty());
        let document = self.document(&request.query, name);
        Chosen { request, document }
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
        let Chosen { mut request, document } = chosen;
        let document = document?;
        guard::check(&document.needs, &self.caller)?;
        if !self.may_change && document.kind == OperationType::Mutation {
            let message = "a mutation is sent with POST, never with GET";
            return Err(Code::BadUserInput.server_error(message));
        }
        if document.introspects && !self.schema.introspection {
            let message = "this server answers no questions about its schema; `waybill schema` prints it";
            return Err(Code::Forbidden.server_error(message));
        }
        let cost = document.cost.check(&request.variables, &self.schema.limits)?;
        let span = self.begin(&document);
        request.set_parsed_query(document.parsed.clone());
        // The executor looks for the operation once more, and finds the one that everything above is about.
        request.operation_name = document.name.as_ref().map(ToString::to_string);
        let mut allowance = self.schema.limits.allowance();
        if document.kind == OperationType::Mutation {
            // Its input is bounded, and it may be long for all that.
            allowance.processor_time = self.schema.limits.request_timeout();
        }
        let budget = Arc::new(Budget::new(allowance));
        let reader = self.app.reader(&self.caller).within(Arc::clone(&budget));
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
        let is_valid = document.is_valid_with(&request.variables);
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

    /// Executes the operation of a request that is answered once.
    pub async fn execute(&self, request: Request) -> Response {
        self.execute_chosen(self.choose(request)).await
    }

    /// Executes an operation that answers once.
    pub async fn execute_chosen(&self, chosen: Chosen) -> Response {
        let begun = Instant::now();
        match self.prepare(chosen, None) {
            Ok(Prepared { request, document, budget, loads, schema, cost, span: mut recorded }) => {
                // All at once: what is recorded in a span later has its fields written anew.
                let span = tracing::info_span!(
                    "operation",
                    request.id = %self.request_id,
                    tenant.id = %self.caller.tenant,
                    operation.name = logged_name(&document),
                    trace_id = recorded.trace().map(Trace::id).map(display),
                );
                let mut metered = Metered::new(schema.execute(request), budget);
                if document.kind == OperationType::Query {
                    let (turns, tenant) = (self.schema.turns.clone(), self.caller.tenant.clone());
                    metered = metered.in_turn(turns, tenant, lane_of(&self.caller.subject));
                }
                let response = loads.gather(metered).instrument(span).await;
                let mut response = finish(response, &document);
                if was_executed(&response) {
                    response.extensions.insert("cost".to_owned(), cost.into());
                }
                end(&mut recorded, &response);
                self.count(&document, &response, Some(begun.elapsed()));
                response
            }
            Err(error) => {
                let response = Response::from_errors(vec![error]);
                self.app.metrics.operation("", None, Outcome::Refused, codes(&response), None);
                response
            }
        }
    }

    /// Counts an operation that was answered.
    fn count(&self, document: &Document, response: &Response, duration: Option<Duration>) {
        let outcome = match (was_executed(response), response.errors.is_empty()) {
            (false, _) => Outcome::Refused,
            (true, false) => Outcome::Failed,
            (true, true) => Outcome::Ok,
        };
        let (kind, name) = (kind_name(document.kind), document.name.as_deref());
        self.app.metrics.operation(kind, name, outcome, codes(response), duration);
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
                self.count(document, &Response::default(), None);
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

/// A request with the operation that it chooses, or with what is wrong with its document.
pub struct Chosen {
    request: Request,
    document: Result<Arc<Document>, ServerError>,
}

impl Chosen {
    /// The kind of the operation; none where there is no operation to execute.
    pub fn kind(&self) -> Option<OperationType> {
        self.document.as_ref().ok().map(|document| document.kind)
    }
}

/// An operation that is ready to be executed.
struct Prepared {
    request: Request,
    document: Arc<Document>,
    budget: Arc<Budget>,
    loads: Loads,
    /// Validates the document, unless it is known to be valid.
    schema: Executable,
    cost: u64,
    span: Span,
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
