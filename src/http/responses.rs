//! What an operation answers, as a stream: for transports that stay open.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_graphql::{Response, parser::types::OperationType};
use futures_util::{
    StreamExt as _,
    stream::{BoxStream, once},
};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::graphql::{Chosen, Code, Endpoint, Item};

/// Whether an operation does not end by itself: a subscription ends when the client or the server ends it.
pub(super) fn is_endless(operation: &Chosen) -> bool {
    operation.kind() == Some(OperationType::Subscription)
}

/// What a subscription answers, or the one answer of another operation, which must come within `limit`. A panic ends the
/// operation, and nothing else.
///
/// What answers once runs in a task of its own: it may have a transaction open, for which others wait, and whoever takes
/// the answers may be held up for long by a client that reads nothing. Dropped, it ends.
pub(super) fn responses(endpoint: Endpoint, operation: Chosen, limit: Duration) -> BoxStream<'static, Item> {
    let responses = if is_endless(&operation) {
        endpoint.execute_stream(operation)
    } else {
        let deadline = Instant::now() + limit;
        let execute = async move { endpoint.execute_chosen(operation, Some(deadline)).await };
        let executed = AbortOnDropHandle::new(tokio::spawn(execute.in_current_span()));
        once(executed).map(|response| Item::Response(response.unwrap_or_else(|_| failed()))).boxed()
    };
    let failed = |_| Item::Response(failed());
    AssertUnwindSafe(responses).catch_unwind().map(move |item| item.unwrap_or_else(failed)).boxed()
}

/// The answer to an operation that failed in a way that it should not have.
pub(super) fn failed() -> Response {
    let message = "something failed that you can do nothing about; our log has it";
    Response::from_errors(vec![Code::Internal.server_error(message)])
}
