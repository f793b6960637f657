//! The lifecycles in force until a tenant sets others.

use std::sync::{Arc, LazyLock};

use super::{Lifecycle, Outcome, Owner, Phase, Quantifier, RollUpRule, State, Transition, event};

/// The version of the lifecycles that are built in.
pub const BUILT_IN_VERSION: i32 = 1;

static ORDER: LazyLock<Arc<Lifecycle>> = LazyLock::new(|| Arc::new(order()));
static WORK_ORDER: LazyLock<Arc<Lifecycle>> = LazyLock::new(|| Arc::new(work_order()));

fn order() -> Lifecycle {
    Lifecycle {
        version: BUILT_IN_VERSION,
        initial: "INITIATED".to_owned(),
        states: vec![
            state("INITIATED", Phase::Pending, None, true),
            state("CREATED", Phase::Pending, None, true),
            state("IN_PROGRESS", Phase::Active, None, true),
            state("EXECUTED", Phase::Settled, None, false),
            state("CLOSED", Phase::Settled, None, false),
        ],
        transitions: vec![
            order_event("E-601", event::VALIDATE, &["INITIATED"], "CREATED", None),
            order_event("E-602", event::REJECT, &["INITIATED"], "CLOSED", Some(Outcome::Rejected)),
            order_event("E-603", event::START, &["CREATED"], "IN_PROGRESS", None),
            order_event(
                "E-604",
                event::CANCEL,
                &["INITIATED", "CREATED", "IN_PROGRESS"],
                "CLOSED",
                Some(Outcome::Cancelled),
            ),
            order_event("E-605", event::EXECUTE, &["IN_PROGRESS"], "EXECUTED", None),
            order_event("E-606", event::CLOSE, &["EXECUTED"], "CLOSED", None),
        ],
        roll_up: vec![RollUpRule {
            quantifier: Quantifier::All,
            phase: Phase::Settled,
            outcome: None,
            event: event::EXECUTE.to_owned(),
        }],
    }
}

fn work_order() -> Lifecycle {
    Lifecycle {
        version: BUILT_IN_VERSION,
        initial: "CREATED".to_owned(),
        states: vec![
            state("CREATED", Phase::Pending, None, true),
            state("IN_PROGRESS", Phase::Active, None, true),
            state("ON_HOLD", Phase::Active, None, true),
            state("COMPLETED", Phase::Settled, Some(Outcome::Succeeded), false),
            state("FAILED", Phase::Settled, Some(Outcome::Failed), false),
            state("CANCELLED", Phase::Settled, Some(Outcome::Cancelled), false),
        ],
        transitions: vec![
            transition(event::START, &["CREATED"], "IN_PROGRESS"),
            transition(event::HOLD, &["IN_PROGRESS"], "ON_HOLD"),
            transition(event::RESUME, &["ON_HOLD"], "IN_PROGRESS"),
            transition(event::ATTEMPT_FAILED, &["IN_PROGRESS"], "IN_PROGRESS"),
            transition(event::COMPLETE, &["IN_PROGRESS"], "COMPLETED"),
            transition(event::FAIL, &["IN_PROGRESS", "ON_HOLD"], "FAILED"),
            transition(event::CANCEL, &["CREATED", "IN_PROGRESS", "ON_HOLD"], "CANCELLED"),
        ],
        roll_up: Vec::new(),
    }
}

/// The lifecycle that is in force until a tenant sets another.
pub fn built_in(owner: Owner) -> Arc<Lifecycle> {
    Arc::clone(match owner {
        Owner::Order => &ORDER,
        Owner::WorkOrder => &WORK_ORDER,
    })
}

/// The lifecycle of orders whose tenant has set none.
///
/// CLOSED has no outcome of its own: an order keeps there what EXECUTE made of it.
pub fn built_in_order_lifecycle() -> &'static Lifecycle {
    &ORDER
}

/// The lifecycle of work orders whose tenant has set none.
pub fn built_in_work_order_lifecycle() -> &'static Lifecycle {
    &WORK_ORDER
}

fn state(name: &str, phase: Phase, outcome: Option<Outcome>, cancellable: bool) -> State {
    State { name: name.to_owned(), phase, outcome, cancellable }
}

fn order_event(code: &str, event: &str, from: &[&str], to: &str, outcome: Option<Outcome>) -> Transition {
    Transition { code: Some(code.to_owned()), outcome, ..transition(event, from, to) }
}

fn transition(event: &str, from: &[&str], to: &str) -> Transition {
    Transition {
        event: event.to_owned(),
        code: None,
        from: from.iter().map(|&name| name.to_owned()).collect(),
        to: to.to_owned(),
        outcome: None,
    }
}
