//! Tests of the lifecycle engine.
//!
//! A situation is written `STATUS flags | work order, work order`. Flags: `unreleased`, `sequential`, `together`
//! (COMPLETE_TOGETHER), `requested`, `returning`, `refused`, and `=OUTCOME`. A work order is `kind STATUS`, with kind
//! `move`, `service`, `digital` or `return:N`; a `+` behind a status says that it was started, which is understood of
//! ACTIVE ones. Commands are `validate`, `rejected`, `added`, `release`, `cancel`, `cancel gated`, `approved`, `refused`,
//! `order EVENT` and `SEQUENCE EVENT`.

mod available;
mod cancellation;
mod check;
mod flows;
mod machines;
mod matrix;
mod orders;
mod properties;
mod sound;
mod tenants;
mod walk;
mod work_orders;

use super::*;

/// Decides and compares the answer's text, a change a line.
#[track_caller]
fn check(situation: &str, order: &str, expected: &[&str]) {
    let answer = answer(&parse(situation), &command(order));
    assert_eq!(answer, expected, "{order} on {situation}");
}

fn answer(situation: &Situation<'_>, command: &Command) -> Vec<String> {
    match decide(situation, command) {
        Ok(changes) => changes.iter().map(change).collect(),
        Err(Refusal::NotAllowed { current_status, event, allowed }) => {
            vec![format!("{event} not allowed in {current_status}, but {allowed:?}").replace('"', "")]
        }
        Err(Refusal::Blocked { current_status, event, blocked_by }) => {
            vec![format!("{event} blocked in {current_status}: {}", blocked_by.join("; "))]
        }
        Err(Refusal::NoSuchWorkOrder) => vec!["no such work order".to_owned()],
    }
}

fn change(change: &Change) -> String {
    let how = |outcome: &Option<Outcome>| outcome.map(|it| format!(" {it:?}")).unwrap_or_default();
    match change {
        Change::OrderMoved { event, from, to, phase: _, outcome, released } => {
            format!("order {event} {from}>{to}{}{}", how(outcome), if *released { " released" } else { "" })
        }
        Change::WorkOrderMoved { sequence, event, from, to, phase: _, outcome, attempts } => {
            let tried = if *attempts == 0 { String::new() } else { format!(" attempts={attempts}") };
            format!("{sequence} {event} {from}>{to}{}{tried}", how(outcome))
        }
        Change::ReturnAdded { sequence, return_of } => format!("{sequence} returns {return_of}"),
        Change::CancellationChanged { from, to, failure_reason_code } => {
            let from = from.map(|it| format!("{it:?}")).unwrap_or_default();
            let code = failure_reason_code.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            format!("cancellation {from}>{to:?}{code}")
        }
    }
}

fn command(text: &str) -> Command {
    match text {
        "validate" => Command::Validate,
        "rejected" => Command::RejectByPlugin,
        "added" => Command::WorkOrderAdded,
        "release" => Command::Release,
        "cancel" => Command::Cancel { gated: false },
        "cancel gated" => Command::Cancel { gated: true },
        "approved" => Command::CancellationApproved,
        "refused" => Command::CancellationRefused,
        _ => {
            let (target, event) = text.split_once(' ').unwrap();
            let event = event.to_owned();
            if target == "order" {
                Command::Order { event }
            } else {
                Command::WorkOrder { sequence: target.parse().unwrap(), event }
            }
        }
    }
}

/// A situation under the built-in lifecycles.
pub(in crate::domain) fn parse(text: &str) -> Situation<'static> {
    parse_with(text, built_in_order_lifecycle(), built_in_work_order_lifecycle())
}

fn parse_with<'a>(text: &str, orders: &'a Lifecycle, work_orders: &'a Lifecycle) -> Situation<'a> {
    let (order, rest) = text.split_once('|').unwrap();
    let mut words = order.split_whitespace();
    let status = words.next().unwrap();
    let state = orders.state(status).unwrap();
    let mut parsed = OrderState {
        status: status.to_owned(),
        phase: state.phase,
        outcome: state.outcome,
        ready_to_process: true,
        flow: Flow::StartTogether,
        cancellation: None,
    };
    for flag in words {
        match flag {
            "unreleased" => parsed.ready_to_process = false,
            "sequential" => parsed.flow = Flow::Sequential,
            "together" => parsed.flow = Flow::CompleteTogether,
            "requested" => parsed.cancellation = Some(CancellationStatus::Requested),
            "returning" => parsed.cancellation = Some(CancellationStatus::Returning),
            "refused" => parsed.cancellation = Some(CancellationStatus::Refused),
            "=SUCCEEDED" => parsed.outcome = Some(Outcome::Succeeded),
            "=PARTIALLY_SUCCEEDED" => parsed.outcome = Some(Outcome::PartiallySucceeded),
            "=FAILED" => parsed.outcome = Some(Outcome::Failed),
            "=CANCELLED" => parsed.outcome = Some(Outcome::Cancelled),
            "=REJECTED" => parsed.outcome = Some(Outcome::Rejected),
            _ => panic!("unknown flag {flag}"),
        }
    }
    let work_order_states = rest.split(',').map(str::trim).filter(|it| !it.is_empty());
    Situation {
        order: parsed,
        work_orders: (1..).zip(work_order_states).map(|(n, it)| work_order(n, it, work_orders)).collect(),
        order_lifecycle: orders,
        work_order_lifecycle: work_orders,
    }
}

fn work_order(sequence: i32, text: &str, lifecycle: &Lifecycle) -> WorkOrderState {
    let (kind, status) = text.split_once(' ').unwrap();
    let return_of = kind.strip_prefix("return:").map(|it| it.parse().unwrap());
    let state = lifecycle.state(status.trim_end_matches('+')).unwrap();
    WorkOrderState {
        sequence,
        kind: match kind {
            "service" => WorkOrderType::PhysicalService,
            "digital" => WorkOrderType::DigitalService,
            _ => WorkOrderType::MoveContainers,
        },
        direction: if return_of.is_some() { Direction::Return } else { Direction::Forward },
        return_of,
        status: state.name.clone(),
        phase: state.phase,
        outcome: state.outcome,
        attempts: 0,
        started: status.ends_with('+') || state.phase == Phase::Active,
    }
}
