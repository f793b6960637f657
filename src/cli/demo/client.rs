//! The demo as a client of the API.

use anyhow::{Context as _, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    access::Caller,
    app::App,
    config::Config,
    graphql::{self, Endpoint, Request},
};

/// The demo's name in the history.
pub const SUBJECT: &str = "demo";
/// The demo looks at all of its open orders at once, which no honest client would.
const COMPLEXITY_FACTOR: usize = 5;

/// A client in the process.
pub struct Client(Endpoint);

/// The answer to an operation whose one field is called `result`.
#[derive(Deserialize)]
struct Data<T> {
    result: T,
}

/// The answer to a mutation that names its entity `entity`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    /// What was made; none where the demo does not ask.
    pub entity: Option<Entity>,
    user_errors: Vec<UserError>,
}

/// What has an id.
#[derive(Debug, Deserialize)]
pub struct Entity {
    pub id: String,
}

#[derive(Debug, Deserialize)]
struct UserError {
    message: String,
}

/// The members of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    pub nodes: Vec<T>,
}

impl Client {
    /// A client of the tenant of callers on this machine.
    pub fn new(app: App) -> Self {
        let mut config = Config::clone(&app.config);
        config.limits.complexity = config.limits.complexity.saturating_mul(COMPLEXITY_FACTOR);
        let schema = graphql::schema(&config);
        Self(Endpoint::new(schema, app, Caller::local().named(SUBJECT), SUBJECT))
    }

    /// Executes an operation whose one field is called `result`, and gives what that answers.
    pub async fn ask<T: DeserializeOwned>(&self, document: &str, variables: Value) -> anyhow::Result<T> {
        let request = Request::new(document).with_variables(&variables)?;
        let response = Box::pin(self.0.execute(&request)).await;
        if let Some(error) = response.errors.first() {
            bail!("{}", error.message);
        }
        let data: Data<T> = serde_json::from_value(response.data.into_json()?)?;
        Ok(data.result)
    }

    /// Makes something that has an id, and gives that.
    pub async fn create(&self, document: &str, variables: Value) -> anyhow::Result<String> {
        let payload: Payload = self.ask(document, variables).await?;
        if let Some(message) = payload.refusal() {
            bail!("it was refused: {message}");
        }
        Ok(payload.entity.context("the API's answer has no id")?.id)
    }
}

impl Payload {
    /// Why nothing happened, if nothing did.
    pub fn refusal(&self) -> Option<&str> {
        self.user_errors.first().map(|error| error.message.as_str())
    }
}
