//! A GraphQL response as it is sent.

use std::collections::BTreeMap;

use async_graphql::{Response, ServerError, Value};
use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response as HttpResponse},
};
use serde::Serialize;

use super::media::Media;
pub(super) use crate::graphql::was_executed;
use crate::graphql::{Code, Writer};

/// A response in its form on the wire: one that was not executed has no `data`, not even null.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> From<&'a Response> for Answer<'a> {
    fn from(response: &'a Response) -> Self {
        let data = was_executed(response).then_some(&response.data);
        Self { errors: &response.errors, data, extensions: &response.extensions }
    }
}

/// The answer to a request that is a GraphQL request, at least by its form.
pub(super) fn respond(response: &Response, media: Media) -> HttpResponse {
    let status = match media {
        // The status is not for the client here: anybody on the way may have set another one.
        Media::Json => StatusCode::OK,
        Media::GraphqlResponse if was_executed(response) => StatusCode::OK,
        Media::GraphqlResponse => status_of(&response.errors),
    };
    let (status, body) = written(response).map_or_else(unwritable, |body| (status, body));
    sent(status, media, body)
}

/// The answer to a batch: a list of answers, in the order of the requests. Its status says nothing of them.
pub(super) fn respond_all(responses: &[Response], media: Media) -> HttpResponse {
    let texts: Option<Vec<_>> = responses.iter().map(written).collect();
    let body = texts.map(|texts| format!("[{}]", texts.join(",")));
    let (status, body) = body.map_or_else(unwritable, |body| (StatusCode::OK, body));
    sent(status, media, body)
}

fn sent(status: StatusCode, media: Media, body: String) -> HttpResponse {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media.content_type()))], body).into_response()
}

/// What is sent where a response cannot be.
fn unwritable() -> (StatusCode, String) {
    tracing::error!("a response cannot be written");
    let failed = [Code::Internal.server_error("the response cannot be written")];
    (StatusCode::INTERNAL_SERVER_ERROR, serde_json::json!({ "errors": failed }).to_string())
}

/// A response as text. The same as [`Answer`], but documents of rows are passed on without being looked at once more.
pub(super) fn written(response: &Response) -> Option<String> {
    let mut out = Writer::default();
    let mut separator = "{";
    if !response.errors.is_empty() {
        out.json(r#"{"errors":"#);
        out.value(&response.errors);
        separator = ",";
    }
    if was_executed(response) {
        out.json(separator);
        out.json(r#""data":"#);
        out.answer(&response.data);
        separator = ",";
    }
    if !response.extensions.is_empty() {
        out.json(separator);
        out.json(r#""extensions":"#);
        out.value(&response.extensions);
    }
    out.json("}");
    out.finish()
}

/// The status of an operation that was not executed.
fn status_of(errors: &[ServerError]) -> StatusCode {
    let codes = errors.iter().filter_map(|error| error.extensions.as_ref()?.get("code"));
    let statuses = codes.filter_map(|code| match code {
        Value::String(code) => Some(code.as_str()),
        _ => None,
    });
    statuses
        .map(|code| match code {
            "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
            "FORBIDDEN" => StatusCode::FORBIDDEN,
            "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
            "TIMEOUT" => StatusCode::GATEWAY_TIMEOUT,
            "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
            "INTERNAL" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        })
        .max()
        .unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, value};

    use super::*;

    fn error(code: &str, path: &[&str]) -> ServerError {
        let mut error = ServerError::new("no", None);
        error.extensions.get_or_insert_default().set("code", code);
        error.path = path.iter().map(|name| PathSegment::Field((*name).to_owned())).collect();
        error
    }

    fn response(data: Value, errors: Vec<ServerError>) -> Response {
        let mut response = Response::new(data);
        response.errors = errors;
        response
    }

    #[test]
    fn the_status_tells_what_the_media_type_wants_it_to_tell() {
        for (response, text, status) in [
            (response(value!({"a": 1}), vec![]), r#"{"data":{"a":1}}"#, 200),
            (
                response(Value::Null, vec![error("BAD_USER_INPUT", &["a"])]),
                r#"{"errors":[{"message":"no","path":["a"],"extensions":{"code":"BAD_USER_INPUT"}}],"data":null}"#,
                200,
            ),
            (
                response(Value::Null, vec![error("GRAPHQL_PARSE_FAILED", &[])]),
                r#"{"errors":[{"message":"no","extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}"#,
                400,
            ),
            (
                response(Value::Null, vec![error("TIMEOUT", &[])]),
                r#"{"errors":[{"message":"no","extensions":{"code":"TIMEOUT"}}]}"#,
                504,
            ),
        ] {
            assert_eq!(serde_json::to_string(&Answer::from(&response)).unwrap(), text);
            assert_eq!(written(&response).unwrap(), text);
            assert_eq!(respond(&response, Media::GraphqlResponse).status().as_u16(), status, "{text}");
            assert_eq!(respond(&response, Media::Json).status().as_u16(), 200, "{text}");
        }
    }
}
