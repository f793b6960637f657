//! Executes an operation within its budget.
//!
//! Objects, texts and rows are spent where they are made; here the time on a processor is measured, and an operation that
//! has used something up is ended, wherever it is. An operation that needs much of a processor waits for its turn, so
//! that the heavy ones of one tenant leave processors to the others.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::Response;
use futures_util::{FutureExt as _, Stream, future::BoxFuture};

use super::error::{Code, given_up};
use crate::{
    budget::{Budget, Resource},
    fair::{Full, Gate, Place},
    seam,
    store::Tenant,
};

/// An operation that has used a processor for this long is heavy.
const HEAVY_AFTER: Duration = Duration::from_millis(10);

/// The turns of heavy operations on the processors.
pub type Turns = Gate<Tenant, u8>;

/// An operation with its budget.
pub struct Metered<T> {
    operation: Pin<Box<T>>,
    budget: Arc<Budget>,
    turn: Turn,
    /// Whether it was given up.
    is_over: bool,
}

/// The turn of an operation, once it is heavy.
enum Turn {
    /// It may need one.
    Light(Turns, Tenant, u8),
    /// It waits for one.
    Waiting(BoxFuture<'static, Result<Place<Tenant, u8>, Full>>),
    /// It has one.
    Held { _place: Place<Tenant, u8> },
    /// It takes none.
    Free,
}

impl<T> Metered<T> {
    /// An operation that takes no turns. Where it answers again and again, the budget is for each answer.
    pub fn new(operation: T, budget: Arc<Budget>) -> Self {
        Self { operation: Box::pin(operation), budget, turn: Turn::Free, is_over: false }
    }

    /// The same for a query of a caller in that lane of a tenant, which takes turns with other heavy ones. A mutation does
    /// not: it may have a transaction open, for which others wait.
    #[must_use]
    pub fn in_turn(self, turns: Turns, tenant: Tenant, lane: u8) -> Self {
        Self { turn: Turn::Light(turns, tenant, lane), ..self }
    }

    /// Polls the operation, if it is its turn; an error where it was given up.
    fn drive<R>(
        &mut self,
        task: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<Result<R, Response>> {
        match self.turn.poll(&self.budget, task) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(Full)) => {
                let message = "the server has too many heavy operations of this tenant to execute; try again";
                return Poll::Ready(Err(self.give_up(Code::Unavailable, message)));
            }
            Poll::Pending => return Poll::Pending,
        }
        let begun = seam::processor_time();
        let polled = poll(self.operation.as_mut(), task);
        // That it is too much is looked at below, with everything else.
        let _ = self.budget.spend_time(Resource::ProcessorTime, seam::processor_time().saturating_sub(begun));
        match self.budget.exhausted() {
            Some(exhausted) => Poll::Ready(Err(self.give_up(Code::QueryTooComplex, given_up(exhausted)))),
            None => polled.map(Ok),
        }
    }

    fn give_up(&mut self, code: Code, message: impl Into<String>) -> Response {
        self.is_over = true;
        Response::from_errors(vec![code.server_error(message)])
    }
}

impl Turn {
    fn poll(&mut self, budget: &Budget, task: &mut Context<'_>) -> Poll<Result<(), Full>> {
        if let Self::Light(turns, tenant, lane) = self
            && Duration::from_micros(budget.spent(Resource::ProcessorTime)) >= HEAVY_AFTER
        {
            let (turns, tenant, lane) = (turns.clone(), tenant.clone(), *lane);
            *self = Self::Waiting(async move { turns.acquire(&tenant, &lane).await }.boxed());
        }
        if let Self::Waiting(place) = self {
            let Poll::Ready(place) = place.poll_unpin(task) else { return Poll::Pending };
            match place {
                Ok(place) => *self = Self::Held { _place: place },
                Err(full) => return Poll::Ready(Err(full)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Future<Output = Response>> Future for Metered<T> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Response> {
        self.drive(task, Future::poll).map(|answer| answer.unwrap_or_else(|given_up| given_up))
    }
}

impl<T: Stream<Item = Response>> Stream for Metered<T> {
    type Item = Response;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Response>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let answer = self.drive(task, Stream::poll_next).map(|answer| answer.unwrap_or_else(Some));
        if answer.is_ready() {
            self.budget.renew();
        }
        answer
    }
}
