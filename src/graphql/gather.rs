//! Executes an operation so that its loaders gather: what they were asked for is loaded once every resolver that can go
//! on has gone on, and not before.
//!
//! Left to itself, a loader loads after a delay. Resolvers of a list of more than 30 members give way to other tasks
//! every few members, so that after a delay of nothing it would load a few keys at a time: dozens of statements for one
//! level of the tree. Here loads are no tasks of their own; they are polled with the operation, after its resolvers. They
//! also end with it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::task::coop::has_budget_remaining;

/// Resolvers are polled for this long before others get their turn, however much they give way.
const MAX_SLICE: Duration = Duration::from_micros(500);

/// What the loaders of an operation want to load.
#[derive(Clone, Default)]
pub struct Loads(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Loads {
    /// Takes what loaders would have spawned.
    pub fn spawner(&self) -> impl Fn(BoxFuture<'static, ()>) + Send + Sync + use<> {
        let loads = self.clone();
        move |load| loads.lock().push(load)
    }

    /// An operation whose resolvers use these loaders.
    pub fn gather<T>(self, operation: T) -> Gathered<T> {
        Gathered { operation: Box::pin(operation), asked: self, running: FuturesUnordered::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation and its loads.
pub struct Gathered<T> {
    operation: Pin<Box<T>>,
    asked: Loads,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// Tells whether somebody woke the task since we looked.
struct Flag {
    woken: AtomicBool,
    task: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<T> Gathered<T> {
    fn drive<R>(
        &mut self,
        task: &mut Context<'_>,
        poll: impl Fn(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let flag = Arc::new(Flag { woken: AtomicBool::new(false), task: task.waker().clone() });
        let waker = Waker::from(Arc::clone(&flag));
        let begun = Instant::now();
        loop {
            loop {
                flag.woken.store(false, Ordering::Release);
                if let Poll::Ready(answer) = poll(self.operation.as_mut(), &mut Context::from_waker(&waker)) {
                    return Poll::Ready(answer);
                }
                // Without budget, whatever waits for tokio only seems to give way.
                if !flag.woken.load(Ordering::Acquire) || !has_budget_remaining() {
                    break;
                }
                if begun.elapsed() >= MAX_SLICE {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            self.running.extend(std::mem::take(&mut *self.asked.lock()));
            // After a load has ended, resolvers can go on.
            if !matches!(self.running.poll_next_unpin(task), Poll::Ready(Some(()))) {
                return Poll::Pending;
            }
        }
    }
}

impl<T: Future> Future for Gathered<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T::Output> {
        self.drive(task, Future::poll)
    }
}

impl<T: Stream> Stream for Gathered<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.drive(task, Stream::poll_next)
    }
}
