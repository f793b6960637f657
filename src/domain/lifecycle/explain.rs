//! Why an order is in its state, in one sentence.

use super::{CancellationStatus, Outcome, Phase, Situation, available, event};

/// How many work orders a sentence names before it only counts.
const NAMED_AT_MOST: usize = 5;

/// What plugins have to do with the state of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    /// How many unfinished runs it waits for, at intake or for the answer to a request for cancellation.
    pub open: usize,
    /// How many of them are held.
    pub held: usize,
    /// Why it was rejected.
    pub objection: Option<String>,
}

/// One sentence about what the order waits for, or how it ended; `name` gives a work order's public id from its sequence
/// number.
pub fn explain(situation: &Situation<'_>, plugins: &Plugins, name: impl Fn(i32) -> String) -> String {
    let order = &situation.order;
    if order.phase == Phase::Settled {
        return ended(situation, plugins);
    }
    match order.cancellation {
        Some(CancellationStatus::Requested) => {
            return format!("waits for the plugins' verdict on its cancellation{}", held(plugins));
        }
        Some(CancellationStatus::Returning) => {
            return format!("is being cancelled and {}", waiting(situation, name));
        }
        Some(CancellationStatus::Completed | CancellationStatus::Refused) | None => {}
    }
    if situation.order_step(event::VALIDATE).is_some() {
        let held = held(plugins);
        return match plugins.open {
            0 => "waits for intake to be finished".to_owned(),
            1 => format!("waits for 1 plugin run that gates intake{held}"),
            open => format!("waits for {open} plugin runs that gate intake{held}"),
        };
    }
    if !order.ready_to_process && situation.order_step(event::START).is_some() {
        return "waits for its release: readyToProcess is false".to_owned();
    }
    if !situation.unfinished().is_empty() {
        return waiting(situation, name);
    }
    let callers: Vec<_> = available::available_for_order(situation)
        .into_iter()
        .filter(|it| it.allowed)
        .map(|it| it.event)
        .collect();
    let next = if callers.is_empty() { "another work order".to_owned() } else { callers.join(" or ") };
    format!("waits for {next}: all its work orders are settled, and no rule of its lifecycle moves it on")
}

/// Which work orders are waited for; only the first few are named.
pub(super) fn waiting(situation: &Situation<'_>, name: impl Fn(i32) -> String) -> String {
    let unfinished = situation.unfinished();
    let named: Vec<_> = unfinished
        .iter()
        .take(NAMED_AT_MOST)
        .map(|it| format!("{} {}", name(it.sequence), it.status))
        .collect();
    let more = unfinished.len().saturating_sub(NAMED_AT_MOST);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    let all = situation.work_orders.len();
    let noun = if all == 1 { "work order" } else { "work orders" };
    format!("waits for {} of {all} {noun}: {}{tail}", unfinished.len(), named.join(", "))
}

fn held(plugins: &Plugins) -> String {
    match plugins.held {
        0 => String::new(),
        held => format!("; {held} of them HELD until pluginRunRetry"),
    }
}

fn ended(situation: &Situation<'_>, plugins: &Plugins) -> String {
    let forward = situation.by_sequence(super::WorkOrderState::is_forward);
    let succeeded = forward.iter().filter(|it| it.outcome == Some(Outcome::Succeeded)).count();
    let all = forward.len();
    let noun = if all == 1 { "work order" } else { "work orders" };
    match situation.order.outcome {
        Some(Outcome::Succeeded) => format!("ended SUCCEEDED: {succeeded} of {all} {noun} succeeded"),
        Some(Outcome::PartiallySucceeded) => {
            format!("ended PARTIALLY_SUCCEEDED: {succeeded} of {all} {noun} succeeded")
        }
        Some(Outcome::Failed) => format!("ended FAILED: {succeeded} of {all} {noun} succeeded"),
        Some(Outcome::Cancelled) => "ended CANCELLED: it was called off".to_owned(),
        Some(Outcome::Rejected) => {
            let objection = plugins.objection.as_deref().unwrap_or("it was not taken on");
            format!("ended REJECTED: {objection}")
        }
        None => "is settled".to_owned(),
    }
}
