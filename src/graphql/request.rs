//! A GraphQL request before its operation is chosen.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// A request whose variables are still text: which of them mean anything is known once its operation is chosen. It borrows
/// what was sent, so that nothing of that can stay with a subscription.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The document.
    pub query: String,
    /// The name of the operation to execute.
    pub operation_name: Option<String>,
    /// The values of variables: a JSON object.
    pub variables: Option<Cow<'a, RawValue>>,
}

impl Request<'static> {
    /// A request without variables.
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    /// The same request with variables.
    pub fn with_variables(self, variables: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { variables: Some(Cow::Owned(to_raw_value(variables)?)), ..self })
    }
}
