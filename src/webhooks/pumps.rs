//! The pumps that run.

use std::{collections::HashMap, sync::Arc};

use tokio::task::{self, JoinSet};

use super::pump::Bell;
use crate::store::queue::Webhook;

/// The pumps that run, one for an endpoint, with their bells. Each gives how many attempts it made.
#[derive(Debug, Default)]
pub(super) struct Pumps {
    running: JoinSet<usize>,
    bells: HashMap<Webhook, Arc<Bell>>,
    /// Whose a task is, also where it panics.
    webhooks: HashMap<task::Id, Webhook>,
}

/// A pump that ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// How many attempts it made.
    pub(super) attempts: usize,
    /// The endpoint, if there was more to send when its pump ended.
    pub(super) again: Option<Webhook>,
}

impl Pumps {
    /// Whether none runs.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Starts the pump of an endpoint, or rings the bell of the one that runs.
    pub(super) fn start<F>(&mut self, webhook: Webhook, pump: impl FnOnce(Arc<Bell>) -> F)
    where
        F: Future<Output = usize> + Send + 'static,
    {
        if let Some(bell) = self.bells.get(&webhook) {
            bell.ring();
            return;
        }
        let bell = Arc::new(Bell::default());
        let handle = self.running.spawn(pump(Arc::clone(&bell)));
        self.bells.insert(webhook.clone(), bell);
        self.webhooks.insert(handle.id(), webhook);
    }

    /// Waits for the end of a pump; none, if none runs. One that panicked is a defect, and loses nothing but its own bell: the
    /// next look at what is due starts another.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        let (id, attempts) = match self.running.join_next_with_id().await? {
            Ok((id, attempts)) => (id, Some(attempts)),
            Err(error) => (error.id(), None),
        };
        let webhook = self.webhooks.remove(&id);
        let bell = webhook.as_ref().and_then(|webhook| self.bells.remove(webhook));
        if let (None, Some(Webhook { tenant, endpoint_id })) = (attempts, &webhook) {
            tracing::error!(tenant.id = %tenant, webhook_endpoint.id = %endpoint_id, "a webhook pump panicked");
        }
        let again = webhook.filter(|_| attempts.is_some() && bell.is_some_and(|bell| bell.is_rung()));
        Some(Ended { attempts: attempts.unwrap_or(0), again })
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use entity::id::WebhookEndpointId;
    use uuid::Uuid;

    use super::*;
    use crate::store::Tenant;

    fn webhook(number: u128) -> Webhook {
        Webhook { tenant: Tenant::new("a"), endpoint_id: WebhookEndpointId(Uuid::from_u128(number)) }
    }

    #[tokio::test]
    async fn one_that_panics_loses_its_own_bell_and_no_other() {
        let mut pumps = Pumps::default();
        let (mut bells, mut ends) = (Vec::new(), Vec::new());
        for number in 1..=2 {
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            pumps.start(webhook(number), |bell| {
                bells.push(bell);
                async move {
                    ended.await.unwrap();
                    7
                }
            });
            ends.push(end);
        }
        // The first pump panics.
        drop(ends.remove(0));
        assert_eq!(pumps.next().await, Some(Ended { attempts: 0, again: None }));
        let none = |_| -> std::future::Ready<usize> { panic!("the second pump has a twin") };
        pumps.start(webhook(2), none);
        assert!(bells[1].is_rung());
        // The first is started anew.
        let mut is_started = false;
        pumps.start(webhook(1), |_| {
            is_started = true;
            std::future::ready(3)
        });
        assert!(is_started);
        assert_eq!(pumps.next().await, Some(Ended { attempts: 3, again: None }));
        ends.remove(0).send(()).unwrap();
        assert_eq!(pumps.next().await, Some(Ended { attempts: 7, again: Some(webhook(2)) }));
        assert_eq!(pumps.next().await, None);
        assert!(pumps.is_empty() && pumps.bells.is_empty() && pumps.webhooks.is_empty());
    }
}
