//! Creates that come at the same time go into one transaction.
//!
//! A commit costs a store the same for one order as for many, and commits of one tenant queue behind each other in any
//! case (see `events::cursor`). So while a transaction of a caller's is under way, further orders of theirs wait, and
//! then go into the next one together; one who comes alone waits for nobody. Each order is accepted, refused or repeated
//! for itself, as with `ordersCreate`. Callers do not wait for each other.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::create::{Created, Item, OnError, create_many};
use crate::{
    access::{Granted, KeptGrant, right::OrdersWrite},
    app::App,
    fault::Fault,
    store::Tenant,
    usecase::Error,
};

/// Orders in one transaction: enough for the commit to cost little, and few enough for it to be short.
const MOST_TOGETHER: usize = 64;

/// Who waits for whom; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Together(Arc<Mutex<Queues>>);

/// The orders of each caller who has a transaction under way. They wait with their requests, which bounds them.
type Queues = HashMap<Who, VecDeque<Waiting>>;

/// What distinguishes callers in what they write.
type Who = (Tenant, Arc<str>);

#[derive(Debug)]
struct Waiting {
    item: Item,
    answer: oneshot::Sender<Result<Created, Error>>,
}

impl Together {
    /// Registers an order with its work orders: all or nothing.
    pub(super) async fn create(
        &self,
        app: &App,
        caller: Granted<'_, OrdersWrite>,
        item: Item,
    ) -> Result<Created, Error> {
        let (answer, answered) = oneshot::channel();
        let who = (caller.tenant.clone(), Arc::clone(&caller.subject));
        let is_first = {
            let mut queues = self.lock();
            let is_first = !queues.contains_key(&who);
            queues.entry(who.clone()).or_default().push_back(Waiting { item, answer });
            is_first
        };
        if is_first {
            // A task of its own: the request may be given up, and others' orders with it.
            let work = Work { together: self.clone(), who, has_ended: false };
            tokio::spawn(work.run(app.clone(), caller.keep()));
        }
        answered
            .await
            .unwrap_or_else(|_| Err(Fault::broken("an order was neither created nor refused").into()))
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transactions of a caller, one after the other, for as long as orders wait.
struct Work {
    together: Together,
    who: Who,
    has_ended: bool,
}

impl Drop for Work {
    /// After a panic: nobody waits for what does not come.
    fn drop(&mut self) {
        if !self.has_ended {
            self.together.lock().remove(&self.who);
        }
    }
}

impl Work {
    async fn run(mut self, app: App, caller: KeptGrant<OrdersWrite>) {
        while let Some(group) = self.next() {
            create_group(&app, caller.granted(), group).await;
        }
    }

    /// The next group; where none waits, the queue is gone and the next who comes is the first.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queues = self.together.lock();
        let queue = queues.get_mut(&self.who)?;
        // Whoever gave up while waiting is not there any more.
        queue.retain(|waiting| !waiting.answer.is_closed());
        let group: Vec<_> = queue.drain(..queue.len().min(MOST_TOGETHER)).collect();
        if group.is_empty() {
            queues.remove(&self.who);
            self.has_ended = true;
            return None;
        }
        Some(group)
    }
}

async fn create_group(app: &App, caller: Granted<'_, OrdersWrite>, group: Vec<Waiting>) {
    let (items, answers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|waiting| (waiting.item, waiting.answer)).unzip();
    // For one there is nothing to be tried again.
    let again = if items.len() > 1 { items.clone() } else { Vec::new() };
    match create_many(app, caller, items, OnError::SkipFailed).await {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                tell(answer, result.map_err(Error::from));
            }
        }
        Err(error) if again.is_empty() || !is_final(&error) => {
            for answer in answers {
                tell(answer, Err(repeated(&error)));
            }
        }
        // One of them is at fault; the others are not to suffer for it. Nothing was written.
        Err(_) => {
            for (answer, item) in answers.into_iter().zip(again) {
                let result = create_many(app, caller, vec![item], OnError::SkipFailed).await;
                match result.map(|mut results| results.pop()) {
                    Ok(Some(result)) => tell(answer, result.map_err(Error::from)),
                    // Dropped without an answer, it tells that there is none.
                    Ok(None) => {}
                    Err(error) => tell(answer, Err(error)),
                }
            }
        }
    }
}

/// Whether a transaction that failed so was certainly not committed.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Refused(_) => true,
        Error::Fault(fault) => fault.is_refusal(),
    }
}

fn repeated(error: &Error) -> Error {
    match error {
        Error::Refused(problems) => Error::Refused(problems.clone()),
        Error::Fault(fault) => Error::Fault(fault.repeated()),
    }
}

fn tell(answer: oneshot::Sender<Result<Created, Error>>, result: Result<Created, Error>) {
    // Whoever gave up does not hear it; with an idempotency key they can ask again.
    let _ = answer.send(result);
}
