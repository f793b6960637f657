//! Creates batches of orders through the API.

use std::time::Duration;

use async_graphql::{Response, ServerError, Value};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Problem, input::Batch, item::Item};
use crate::{
    access::Caller,
    app::App,
    graphql::{self, Code, Endpoint, Request},
    store::Tenant,
};

const DOCUMENT: &str = "mutation Import($input: OrdersCreateInput!) {
    ordersCreate(input: $input) { results { idempotentReplay userErrors { code message path } } }
}";
/// The name of the import in the history of what it creates.
const SUBJECT: &str = "import";
/// How long to wait before each further attempt while the store cannot answer.
const TRY_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many orders were created.
    pub created: u64,
    /// How many were there already.
    pub already_there: u64,
    /// How many were refused.
    pub failed: u64,
    /// Why, in the order of the input.
    pub problems: Vec<Problem>,
}

/// Creates orders through the API, as one caller.
pub struct Importer(Endpoint);

/// What the API said to a number of orders.
enum Answer {
    /// A result for each.
    Results(Vec<OrderResult>),
    /// One of them does not fit the schema, so that none was looked at.
    Misfit(ServerError),
}

/// What the document takes.
#[derive(Serialize)]
struct Variables<'a> {
    input: Input<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    on_error: &'static str,
    orders: Vec<&'a Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    orders_create: Payload,
}

#[derive(Deserialize)]
struct Payload {
    results: Vec<OrderResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderResult {
    idempotent_replay: bool,
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
struct UserError {
    code: String,
    message: String,
    path: Vec<String>,
}

impl Importer {
    /// An importer of a tenant's orders.
    pub fn new(app: App, tenant: Tenant) -> Self {
        let schema = graphql::schema(&app.config);
        Self(Endpoint::new(schema, app, Caller::system(tenant).named(SUBJECT), SUBJECT))
    }

    /// Creates the orders of a batch that are not there yet. An error is of the kind that will not go away by itself;
    /// part of the batch may be created then.
    pub async fn import(&self, batch: Batch, shutdown: &CancellationToken) -> Result<Outcome, String> {
        let mut outcome = Outcome { failed: count(batch.problems.len()), ..Outcome::default() };
        outcome.problems = batch.problems;
        // One order that does not fit the schema makes the API refuse the whole call. So halves are tried, and halves
        // of halves, until it stands alone.
        let mut open = vec![batch.items];
        while let Some(mut items) = open.pop() {
            if items.is_empty() {
                continue;
            }
            match self.send(&items, shutdown).await? {
                Answer::Results(results) if results.len() == items.len() => {
                    for (item, result) in items.iter().zip(results) {
                        outcome.add(item, result);
                    }
                }
                Answer::Results(_) => {
                    return Err("the API gave not as many results as there were orders".to_owned());
                }
                Answer::Misfit(error) => {
                    if let [item] = items.as_slice() {
                        outcome.failed += 1;
                        outcome.problems.push(misfit(item, &error));
                    } else {
                        let second = items.split_off(items.len() / 2);
                        open.extend([second, items]);
                    }
                }
            }
        }
        outcome.problems.sort_by_key(|problem| problem.place);
        Ok(outcome)
    }

    async fn send(&self, items: &[Item], shutdown: &CancellationToken) -> Result<Answer, String> {
        let orders = items.iter().map(|item| &item.order).collect();
        let variables = Variables { input: Input { on_error: "SKIP_FAILED", orders } };
        let request = Request::new(DOCUMENT).with_variables(&variables).map_err(|error| error.to_string())?;
        for pause in TRY_AGAIN_AFTER.map(Some).into_iter().chain([None]) {
            let error = match read(Box::pin(self.0.execute(&request)).await)? {
                Ok(results) => return Ok(Answer::Results(results)),
                Err(error) => error,
            };
            let code = code(&error);
            let may_pass = [Code::Unavailable, Code::Timeout].iter().any(|passing| passing.as_str() == code);
            let is_ours = may_pass || code == Code::Internal.as_str();
            match pause {
                _ if !is_ours => return Ok(Answer::Misfit(error)),
                Some(pause) if may_pass => {
                    tracing::warn!("{code}: {}; trying again in {} s", error.message, pause.as_secs());
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = shutdown.cancelled() => return Err("stopped while the store could not answer".to_owned()),
                    }
                }
                _ => return Err(format!("{code}: {}", error.message)),
            }
        }
        Err("the store did not answer".to_owned())
    }
}

impl Outcome {
    fn add(&mut self, item: &Item, result: OrderResult) {
        if !result.user_errors.is_empty() {
            self.failed += 1;
            self.problems.extend(result.user_errors.into_iter().map(|error| Problem {
                place: item.place,
                // It begins with `orders` and the number in the batch.
                path: error.path.get(2..).unwrap_or_default().join("."),
                code: error.code,
                message: error.message,
            }));
        } else if result.idempotent_replay {
            self.already_there += 1;
        } else {
            self.created += 1;
        }
    }
}

/// The results, or the first error; failing where it is neither.
fn read(response: Response) -> Result<Result<Vec<OrderResult>, ServerError>, String> {
    if let Some(error) = response.errors.into_iter().next() {
        return Ok(Err(error));
    }
    let data = response.data.into_json().and_then(serde_json::from_value::<Data>);
    data.map(|data| Ok(data.orders_create.results))
        .map_err(|error| format!("the API's answer cannot be read: {error}"))
}

fn code(error: &ServerError) -> &str {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code,
        _ => "",
    }
}

/// The API's own words on an order that does not fit the schema, in its two forms. They name places in the call, which
/// mean nothing to the reader.
fn misfit(item: &Item, error: &ServerError) -> Problem {
    let message = error.message.as_str();
    let placed = message.strip_prefix("Invalid value for argument \"input.orders.0");
    let (path, message) = if let Some((path, message)) = placed.and_then(|rest| rest.split_once("\", ")) {
        (path.trim_start_matches('.'), message.to_owned())
    } else {
        let mut parts = message.split(" (occurred while parsing \"");
        let what = parts.next().unwrap_or(message);
        // The innermost type; the outer ones follow from it.
        let within = parts.next().and_then(|part| part.split('"').next());
        ("", within.map_or_else(|| what.to_owned(), |within| format!("{what} (in {within})")))
    };
    Problem { place: item.place, path: path.to_owned(), code: code(error).to_owned(), message }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
