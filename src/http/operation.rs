//! A GraphQL request as it is sent, by whatever transport.

use async_graphql::{Extensions, Request, Variables};
use serde::Deserialize;

/// The members of a request that mean something.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    extensions: Option<Extensions>,
}

/// Reads a request. The error says what is wrong with it.
pub(super) fn read(text: &[u8]) -> Result<Request, String> {
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => {
            return Err("it is empty; send an object such as {\"query\": \"{ viewer { tenantId } }\"}".into());
        }
        Some(b'[') => return Err("it is a list; batches are not taken, send one request at a time".into()),
        Some(_) => {}
    }
    let body: Body = serde_json::from_slice(text).map_err(|error| {
        let kind = if error.is_data() { "it is not a GraphQL request" } else { "it is not JSON" };
        format!("{kind}: {error}")
    })?;
    let query = body.query.ok_or("it has no member \"query\" with the document to execute")?;
    let mut request = Request::new(query).variables(body.variables);
    request.operation_name = body.operation_name;
    request.extensions = body.extensions.unwrap_or_default();
    Ok(request)
}

/// Reads a request out of the query of a URL. The error says what is wrong with it.
pub(super) fn read_parameters(parameters: &str) -> Result<Request, String> {
    let mut request = Request::new("");
    for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        let malformed = |error| format!("the parameter {name} is not a JSON object: {error}");
        match name.as_ref() {
            "query" => request.query = value.into_owned(),
            "operationName" if !value.is_empty() => request.operation_name = Some(value.into_owned()),
            "variables" if !value.is_empty() => {
                request.variables = serde_json::from_str(&value).map_err(malformed)?;
            }
            "extensions" if !value.is_empty() => {
                request.extensions = serde_json::from_str(&value).map_err(malformed)?;
            }
            _ => {}
        }
    }
    if request.query.is_empty() { Err("it has no parameter \"query\"".into()) } else { Ok(request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_all_its_members() {
        let text =
            br#" {"query": "query Q($a: Int) { x(a: $a) }", "operationName": "Q", "variables": {"a": 1}, "more": {}}"#;
        let request = read(text).unwrap();
        assert_eq!(request.query, "query Q($a: Int) { x(a: $a) }");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(serde_json::to_string(&request.variables).unwrap(), r#"{"a":1}"#);
    }

    #[test]
    fn a_request_is_read_from_parameters() {
        let request =
            read_parameters("query=%7Bx%7D&operationName=&variables=%7B%22a%22%3A1%7D&more=1").unwrap();
        assert_eq!((request.query.as_str(), request.operation_name), ("{x}", None));
        assert_eq!(serde_json::to_string(&request.variables).unwrap(), r#"{"a":1}"#);
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
        assert_eq!((request.operation_name, request.variables.len()), (None, 0));
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
            (r#"{"query": "{x}", "variables": [7]}"#, "expected a map"),
            (r#"{"query": "{x}", "variables": "{}"}"#, "expected a map"),
            (r#"{"query": "{x}", "operationName": 1}"#, "expected a string"),
            (r#"{"query": "{x}", "extensions": 1}"#, "expected a map"),
            (r#"{"query": "{x}", "query": "{y}"}"#, "duplicate field `query`"),
        ] {
            let message = read(text.as_bytes()).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        let deep = format!("{{\"query\": \"{{x}}\", \"variables\": {{\"a\": {}", "[".repeat(100_000));
        assert!(read(deep.as_bytes()).unwrap_err().contains("recursion limit"));
        assert!(read(b"{\"query\": \"\xff\"}").unwrap_err().contains("it is not JSON"));
    }
}
