//! How a subscription's resolver leaves the executor.
//!
//! The executor answers each event of each subscriber by itself, and keeps for it the document, the loaders and more. A
//! resolver that can write its answers without it leaves them here and ends; the endpoint then lets go of all that.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Response;
use futures_util::stream::BoxStream;

/// What an operation answers, once or again and again.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is moved from a stream to its transport and kept nowhere")]
pub enum Item {
    /// A response.
    Response(Response),
    /// One without errors, as the text that is sent.
    Written(Arc<str>),
}

/// Where a resolver leaves its answers.
#[derive(Default)]
pub struct Handover(Mutex<Option<BoxStream<'static, Item>>>);

impl Handover {
    /// Leaves answers for the endpoint.
    pub fn leave(&self, items: BoxStream<'static, Item>) {
        *self.lock() = Some(items);
    }

    /// Whether answers were left.
    pub fn is_full(&self) -> bool {
        self.lock().is_some()
    }

    /// What was left.
    pub fn take(&self) -> Option<BoxStream<'static, Item>> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<BoxStream<'static, Item>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
