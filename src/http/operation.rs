//! A GraphQL request as it is sent, by whatever transport.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::graphql::{Request, Schema};

/// The members of a request that mean something.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    #[serde(borrow)]
    variables: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
}

/// What the body of a POST holds.
pub(super) enum Operations<'a> {
    /// One request.
    One(Request<'a>),
    /// A list of requests, each usable or not.
    Batch(Vec<Result<Request<'a>, Unusable>>),
}

/// Why something is no request that could be executed.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It has not the form of one; the text says what is wrong.
    Malformed(String),
    /// It has, but its document is not to be had.
    Refused(Box<ServerError>),
}

impl Unusable {
    /// The answer to such a request; `what` is unusable.
    pub(super) fn response(self, what: &str) -> Response {
        Response::from_errors(vec![match self {
            Self::Malformed(problem) => {
                crate::graphql::Code::BadUserInput.server_error(format!("{what} is not usable: {problem}"))
            }
            Self::Refused(error) => *error,
        }])
    }
}

impl From<String> for Unusable {
    fn from(problem: String) -> Self {
        Self::Malformed(problem)
    }
}

impl From<&str> for Unusable {
    fn from(problem: &str) -> Self {
        Self::Malformed(problem.to_owned())
    }
}

/// Reads the body of a POST, which may hold up to `most` requests.
pub(super) fn read_body<'a>(
    schema: &Schema,
    text: &'a [u8],
    most: usize,
) -> Result<Operations<'a>, Unusable> {
    if most < 2 || first(text) != Some(b'[') {
        return read(schema, text).map(Operations::One);
    }
    let members: Vec<&RawValue> =
        serde_json::from_slice(text).map_err(|error| format!("it is not JSON: {error}"))?;
    match members.len() {
        0 => Err("it is an empty list; send at least one request".into()),
        count if count > most => {
            Err(format!("it holds {count} requests; send at most {most} at a time").into())
        }
        _ => Ok(Operations::Batch(
            members.into_iter().map(|member| read(schema, member.get().as_bytes())).collect(),
        )),
    }
}

/// Reads a request.
pub(super) fn read<'a>(schema: &Schema, text: &'a [u8]) -> Result<Request<'a>, Unusable> {
    match first(text) {
        None => {
            return Err("it is empty; send an object such as {\"query\": \"{ viewer { tenantId } }\"}".into());
        }
        Some(b'[') => return Err("it is a list; batches are not taken, send one request at a time".into()),
        Some(_) => {}
    }
    let body: Body<'_> = serde_json::from_slice(text).map_err(|error| {
        let kind = if error.is_data() { "it is not a GraphQL request" } else { "it is not JSON" };
        format!("{kind}: {error}")
    })?;
    for (name, value) in [("variables", body.variables), ("extensions", body.extensions)] {
        if value.is_some_and(|value| !is_object(value)) {
            return Err(format!("it is not a GraphQL request: the member {name} is not an object").into());
        }
    }
    body.request(schema, "it has no member \"query\" with the document to execute")
}

/// Reads a request out of the query of a URL.
pub(super) fn read_parameters(schema: &Schema, parameters: &str) -> Result<Request<'static>, Unusable> {
    let (mut variables, mut extensions) = (None, None);
    let mut body = Body::default();
    for (name, value) in
        url::form_urlencoded::parse(parameters.as_bytes()).filter(|(_, value)| !value.is_empty())
    {
        match name.as_ref() {
            "query" => body.query = Some(value.into_owned()),
            "documentId" => body.document_id = Some(value.into_owned()),
            "operationName" => body.operation_name = Some(value.into_owned()),
            "variables" => variables = read_object(&name, &value)?,
            "extensions" => extensions = read_object(&name, &value)?,
            _ => {}
        }
    }
    body.extensions = extensions.as_deref();
    let request = body.request(schema, "it has no parameter \"query\"")?;
    Ok(Request {
        query: request.query,
        operation_name: request.operation_name,
        variables: variables.map(Cow::Owned),
    })
}

/// The JSON object in a parameter of a URL; null is none.
fn read_object(name: &str, text: &str) -> Result<Option<Box<RawValue>>, Unusable> {
    let malformed = |error: &dyn std::fmt::Display| {
        Unusable::Malformed(format!("the parameter {name} is not a JSON object: {error}"))
    };
    let value: Option<Box<RawValue>> = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    match value {
        Some(value) if !is_object(&value) => Err(malformed(&"it is another JSON value")),
        value => Ok(value),
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

impl<'a> Body<'a> {
    /// The request, with the document that it has or names; `missing` says that it does neither.
    fn request(self, schema: &Schema, missing: &str) -> Result<Request<'a>, Unusable> {
        let document = schema.document(self.query, self.document_id.as_deref(), self.extensions);
        let query = document.map_err(|error| Unusable::Refused(Box::new(error)))?.ok_or(missing)?;
        let variables = self.variables.map(Cow::Borrowed);
        Ok(Request { query, operation_name: self.operation_name, variables })
    }
}

fn first(text: &[u8]) -> Option<u8> {
    text.iter().find(|byte| !byte.is_ascii_whitespace()).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::{config::Config, graphql::schema};

    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| schema(&Config::default()));

    fn read(text: &[u8]) -> Result<Request<'_>, String> {
        super::read(&SCHEMA, text).map_err(problem)
    }

    fn read_parameters(parameters: &str) -> Result<Request<'static>, String> {
        super::read_parameters(&SCHEMA, parameters).map_err(problem)
    }

    fn problem(unusable: Unusable) -> String {
        match unusable {
            Unusable::Malformed(problem) => problem,
            Unusable::Refused(error) => error.message,
        }
    }

    #[test]
    fn a_request_is_read_with_all_its_members() {
        let text =
            br#" {"query": "query Q($a: Int) { x(a: $a) }", "operationName": "Q", "variables": {"a": 1}, "more": {}}"#;
        let request = read(text).unwrap();
        assert_eq!(request.query, "query Q($a: Int) { x(a: $a) }");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(request.variables.unwrap().get(), r#"{"a": 1}"#);
    }

    #[test]
    fn a_request_is_read_from_parameters() {
        let request =
            read_parameters("query=%7Bx%7D&operationName=&variables=%7B%22a%22%3A1%7D&more=1").unwrap();
        assert_eq!((request.query.as_str(), request.operation_name), ("{x}", None));
        assert_eq!(request.variables.unwrap().get(), r#"{"a":1}"#);
        let request = read_parameters("query=%7Bx%7D&variables=null&extensions=null").unwrap();
        assert!(request.variables.is_none());
        for (parameters, part) in [
            ("", "no parameter \"query\""),
            ("variables=%7B%7D", "no parameter \"query\""),
            ("query=%7Bx%7D&variables=7", "the parameter variables is not a JSON object"),
            ("query=%7Bx%7D&extensions=%7B", "the parameter extensions is not a JSON object"),
        ] {
            let message = read_parameters(parameters).unwrap_err();
            assert!(message.contains(part), "{parameters}: {message}");
        }
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let text = br#"{"query": "{x}", "operationName": null, "variables": null, "extensions": null}"#;
        let request = read(text).unwrap();
        assert!(request.operation_name.is_none() && request.variables.is_none());
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("[]", "batches are not taken"),
            (r#" [{"query": "{x}"}]"#, "batches are not taken"),
            ("NONSENSE", "it is not JSON: expected value at line 1 column 1"),
            (r#"{"query": "{x}""#, "it is not JSON: EOF"),
            (r#"{"query": "{x}"} {}"#, "it is not JSON: trailing characters"),
            ("\"{x}\"", "it is not a GraphQL request: invalid type: string"),
            ("7", "it is not a GraphQL request: invalid type: integer"),
            ("null", "it is not a GraphQL request"),
            (r#"{"qeury": "{x}"}"#, "no member \"query\""),
            (r#"{"query": null}"#, "no member \"query\""),
            (r#"{"query": 1}"#, "it is not a GraphQL request: invalid type: integer `1`, expected a string"),
            (r#"{"query": "{x}", "variables": [7]}"#, "the member variables is not an object"),
            (r#"{"query": "{x}", "variables": "{}"}"#, "the member variables is not an object"),
            (r#"{"query": "{x}", "operationName": 1}"#, "expected a string"),
            (r#"{"query": "{x}", "extensions": 1}"#, "the member extensions is not an object"),
            (r#"{"query": "{x}", "query": "{y}"}"#, "duplicate field `query`"),
        ] {
            let message = read(text.as_bytes()).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        let deep = format!("{{\"query\": \"{{x}}\", \"variables\": {{\"a\": {}", "[".repeat(100_000));
        assert!(read(deep.as_bytes()).unwrap_err().contains("it is not JSON: EOF"));
        assert!(read(b"{\"query\": \"\xff\"}").unwrap_err().contains("it is not JSON"));
    }
}
