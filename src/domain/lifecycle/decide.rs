//! The lifecycle's one question: what does this command do to this order?

use super::decision::Decision;
use super::{Change, Command, Phase, Refusal, Situation, block, cancel, event, flow, roll_up};

/// What a command brings about, causes before effects, or why it changes nothing.
///
/// Roll-up runs in the same decision as the change that caused it. It runs after the order's own moves too: work
/// orders may all be settled (cancelled by hand) before the order comes to a state that it can EXECUTE from.
pub fn decide(situation: &Situation<'_>, command: &Command) -> Result<Vec<Change>, Refusal> {
    let mut decision = Decision::new(situation);
    match command {
        Command::Validate => validate(&mut decision)?,
        Command::RejectByPlugin => fire(&mut decision, event::REJECT, false)?,
        Command::Order { event } if event == event::CANCEL => cancel::request(&mut decision, false)?,
        Command::Order { event } => caller_event(&mut decision, event)?,
        Command::WorkOrder { sequence, event } => work_order_event(&mut decision, *sequence, event)?,
        Command::WorkOrderAdded => {}
        Command::Release => release(&mut decision)?,
        Command::Cancel { gated } => cancel::request(&mut decision, *gated)?,
        Command::CancellationApproved => cancel::approve(&mut decision),
        Command::CancellationRefused => cancel::refuse(&mut decision),
    }
    if decision.moved() || *command == Command::WorkOrderAdded {
        roll_up::run(&mut decision);
    }
    Ok(decision.into_changes())
}

/// Intake passed. With `readyToProcess` true, START follows VALIDATE at once.
fn validate(decision: &mut Decision<'_>) -> Result<(), Refusal> {
    fire(decision, event::VALIDATE, false)?;
    start_if_ready(decision);
    Ok(())
}

/// A caller's event. Where a tenant's own states lie between VALIDATE and START, START follows as soon as the order
/// comes to the state that it leads out of: callers cannot fire it.
fn caller_event(decision: &mut Decision<'_>, event: &str) -> Result<(), Refusal> {
    let now = decision.now();
    let Some(step) = now.order_step(event) else { return Err(block::order_not_allowed(now, event)) };
    block::refuse_if(block::caller_order_event(now, step), &now.order.status, event)?;
    let was_pending = now.order.phase == Phase::Pending;
    fire(decision, event, false)?;
    let intake_passed = decision.now().order_step(event::VALIDATE).is_none();
    if was_pending && decision.now().order.phase == Phase::Pending && intake_passed {
        start_if_ready(decision);
    }
    Ok(())
}

/// Fires an order's event for the service. One that settles the order, and REJECT, cancels the unfinished work orders.
fn fire(decision: &mut Decision<'_>, event: &str, released: bool) -> Result<(), Refusal> {
    let now = decision.now();
    let Some(step) = now.order_step(event) else { return Err(block::order_not_allowed(now, event)) };
    block::refuse_if(block::order_event(now, step), &now.order.status, event)?;
    decision.move_order(step, released);
    if block::clears(step) {
        let unfinished: Vec<_> = decision.now().unfinished().iter().map(|it| it.sequence).collect();
        for sequence in unfinished {
            decision.cancel_work_order(sequence);
        }
    }
    Ok(())
}

fn start_if_ready(decision: &mut Decision<'_>) {
    if decision.now().order.ready_to_process && decision.now().order_step(event::START).is_some() {
        // A START that is blocked leaves the order where it is: what came before it stands.
        let _blocked = fire(decision, event::START, false);
    }
}

/// Release happens once, one way: it sets `readyToProcess` true and fires START, as one fact.
///
/// Before the order has come to the state that START leads out of, there is no fact to carry it: a release during
/// intake is blocked, and is asked for again once the order is validated.
fn release(decision: &mut Decision<'_>) -> Result<(), Refusal> {
    let now = decision.now();
    let status = &now.order.status;
    if now.order.ready_to_process || now.order.phase == Phase::Settled {
        return Err(block::order_not_allowed(now, event::START));
    }
    if now.order_step(event::START).is_none() {
        let reason = if now.order_step(event::VALIDATE).is_some() {
            "START waits for intake: the order is not validated yet".to_owned()
        } else {
            format!("START does not lead out of {status}")
        };
        return block::refuse_if(vec![reason], status, event::START);
    }
    fire(decision, event::START, true)
}

/// A caller's event on a work order, and what it does to the siblings.
fn work_order_event(decision: &mut Decision<'_>, sequence: i32, event: &str) -> Result<(), Refusal> {
    let now = decision.now();
    let Some(work_order) = now.work_order(sequence) else { return Err(Refusal::NoSuchWorkOrder) };
    let Some(step) = now.work_order_step(work_order, event) else {
        return Err(block::work_order_not_allowed(now, work_order, event));
    };
    block::refuse_if(block::work_order_event(now, work_order, step), &work_order.status, event)?;
    let was_settled = work_order.phase == Phase::Settled;
    decision.move_work_order(sequence, step);
    if !was_settled {
        flow::follow(decision, sequence);
    }
    Ok(())
}
