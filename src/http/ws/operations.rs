//! The operations that run on one socket.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_stream::stream;
use futures_util::{
    StreamExt as _,
    stream::{AbortHandle, BoxStream, SelectAll, abortable},
};

use super::message::{self, ServerMessage};
use crate::{
    graphql::{Endpoint, Item, Request},
    http::{
        answer,
        responses::{failed, is_endless, responses},
    },
};

/// A message about an operation.
pub(super) struct Step {
    pub(super) id: Arc<str>,
    pub(super) text: String,
    /// Whether the operation has ended with it.
    pub(super) is_last: bool,
}

/// The operations of one socket, each with its id.
#[derive(Default)]
pub(super) struct Operations {
    running: HashMap<Arc<str>, Running>,
    steps: SelectAll<BoxStream<'static, Step>>,
}

struct Running {
    abort: AbortHandle,
    is_endless: bool,
}

impl Operations {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Begins an operation; one that is no subscription must end within `limit`.
    pub(super) fn begin(&mut self, id: &str, request: &Request<'_>, endpoint: Endpoint, limit: Duration) {
        let id: Arc<str> = id.into();
        let operation = endpoint.choose(request);
        let is_endless = is_endless(&operation);
        let responses = responses(endpoint, operation, limit);
        let (steps, abort) = abortable(steps(Arc::clone(&id), responses));
        self.running.insert(id, Running { abort, is_endless });
        self.steps.push(steps.boxed());
    }

    /// Ends an operation without another word.
    pub(super) fn end(&mut self, id: &str) {
        if let Some(running) = self.running.remove(id) {
            running.abort.abort();
        }
    }

    /// Ends those that would not end by themselves.
    pub(super) fn end_endless(&mut self) {
        self.running.retain(|_, running| {
            if running.is_endless {
                running.abort.abort();
            }
            !running.is_endless
        });
    }

    /// The next message about any of them; none if there is none to come.
    pub(super) async fn next(&mut self) -> Option<Step> {
        let step = self.steps.next().await?;
        if step.is_last {
            self.running.remove(&step.id);
        }
        Some(step)
    }
}

/// What is to be said about an operation.
fn steps(id: Arc<str>, mut items: BoxStream<'static, Item>) -> impl futures_util::Stream<Item = Step> + Send {
    stream! {
        while let Some(item) = items.next().await {
            let (text, is_last) = write(&id, &item);
            yield Step { id: Arc::clone(&id), text, is_last };
            if is_last {
                return;
            }
        }
        let text = ServerMessage::Complete { id: &id }.write().unwrap_or_default();
        yield Step { id, text, is_last: true };
    }
}

/// An answer as a message, and whether it is the last one.
fn write(id: &str, item: &Item) -> (String, bool) {
    let (message, is_last) = match item {
        Item::Written(text) => return (message::next_written(id, text), false),
        Item::Response(response) if answer::was_executed(response) => {
            (ServerMessage::next(id, response), false)
        }
        Item::Response(response) => (ServerMessage::Error { id, payload: &response.errors }, true),
    };
    let text = message.write().unwrap_or_else(|error| {
        tracing::error!(%error, "a response cannot be written");
        let failed = ServerMessage::Error { id, payload: &failed().errors }.write();
        failed.unwrap_or_default()
    });
    (text, is_last)
}
