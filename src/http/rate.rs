//! How many operations a second a caller may send, and all callers of a tenant together, where the operator says so.
//!
//! Each process counts for itself: behind a proxy that spreads requests over several, the limits are theirs together.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use governor::{
    Quota, RateLimiter, clock, middleware::StateInformationMiddleware, nanos::Nanos,
    state::keyed::HashMapStateStore,
};

use super::{media::Media, refusal::Refusal};
use crate::{
    access::{Caller, Tenant},
    config::Limits,
    graphql::Code,
    seam::Clock,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");
/// After so many operations, what is known of callers that were silent meanwhile is forgotten.
const FORGET_EVERY: u32 = 10_000;

/// The limits that are set.
pub(super) struct Rates {
    callers: Option<Rate<(Tenant, Arc<str>)>>,
    tenants: Option<Rate<Tenant>>,
}

/// A limit for each `K`.
struct Rate<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    most: NonZeroU32,
    taken: AtomicU32,
    limiter: RateLimiter<K, HashMapStateStore<K>, Ticks, StateInformationMiddleware>,
}

/// The program's clock, as the library wants it.
struct Ticks(Clock);

impl clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let nanos = self.0.now().timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok());
        Nanos::from(nanos.unwrap_or_default())
    }
}

/// How a caller stands, for the headers of its answer.
#[derive(Debug, Default)]
pub(super) struct Standing {
    policy: Vec<String>,
    state: Vec<String>,
}

/// A caller has to wait.
#[derive(Debug)]
pub(super) struct TooFast {
    whose: &'static str,
    most: NonZeroU32,
    wait: Duration,
    standing: Standing,
}

impl Rates {
    pub(super) fn new(limits: &Limits, clock: &Clock) -> Self {
        Self {
            callers: Rate::new("caller", limits.rate, clock),
            tenants: Rate::new("tenant", limits.tenant_rate, clock),
        }
    }

    /// Lets a caller send so many operations, or says how long it has to wait.
    pub(super) fn take(&self, caller: &Caller, operations: usize) -> Result<Standing, TooFast> {
        let Some(operations) = u32::try_from(operations).ok().and_then(NonZeroU32::new) else {
            return Ok(Standing::default());
        };
        let mut standing = Standing::default();
        if let Some(rate) = &self.callers {
            let key = (caller.tenant.clone(), Arc::clone(&caller.subject));
            standing = rate.take(&key, operations, standing)?;
        }
        if let Some(rate) = &self.tenants {
            standing = rate.take(&caller.tenant, operations, standing)?;
        }
        Ok(standing)
    }
}

impl<K: std::hash::Hash + Eq + Clone> Rate<K> {
    /// A limit of so many a second, if there is one. As many may come at once.
    fn new(name: &'static str, most: usize, clock: &Clock) -> Option<Self> {
        let most = NonZeroU32::new(u32::try_from(most).unwrap_or(u32::MAX))?;
        let limiter = RateLimiter::hashmap_with_clock(Quota::per_second(most), Ticks(clock.clone()));
        Some(Self { name, most, taken: AtomicU32::new(0), limiter: limiter.with_middleware() })
    }

    fn take(&self, key: &K, operations: NonZeroU32, mut standing: Standing) -> Result<Standing, TooFast> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let (left, wait) = match self.limiter.check_key_n(key, operations) {
            Ok(Ok(snapshot)) => (snapshot.remaining_burst_capacity(), None),
            Ok(Err(until)) => (0, Some(until.wait_time_from(clock::Clock::now(self.limiter.clock())))),
            // More at once than may ever come at once.
            Err(_) => (0, Some(Duration::from_secs(1))),
        };
        let (name, most) = (self.name, self.most);
        standing.policy.push(format!("\"{name}\";q={most};w=1"));
        standing.state.push(format!("\"{name}\";r={left};t=1"));
        match wait {
            None => Ok(standing),
            Some(wait) => Err(TooFast { whose: name, most, wait, standing }),
        }
    }
}

impl Standing {
    /// Tells the caller how it stands, where there are limits.
    pub(super) fn mark(&self, mut response: Response) -> Response {
        for (name, values) in [(POLICY, &self.policy), (STATE, &self.state)] {
            if let Some(value) =
                HeaderValue::from_str(&values.join(", ")).ok().filter(|value| !value.is_empty())
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl TooFast {
    pub(super) fn message(&self) -> String {
        let Self { whose, most, wait, .. } = self;
        let wait = whole_seconds(*wait);
        format!("the {whose} may send {most} operations a second; wait {wait} s and go on more slowly")
    }

    /// The answer over HTTP.
    pub(super) fn response(&self, media: Media) -> Response {
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, self.message());
        let headers = [(RETRY_AFTER, HeaderValue::from(whole_seconds(self.wait)))];
        self.standing.mark((headers, refusal.in_media(media)).into_response())
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
