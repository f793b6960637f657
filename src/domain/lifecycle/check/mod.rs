//! Whether a tenant's lifecycle is sound. Every problem is named, with its path in `lifecycleUpdate`'s input.

mod graph;

use graph::Graph;

use super::{
    super::{
        problem::{Code, Found, Path, Problem, Problems},
        value::{check_count, check_optional_text, echo},
    },
    Lifecycle, Owner, Phase, RollUpRule, event,
};

/// The most states of a lifecycle.
pub const MAX_STATES: usize = 100;
/// The most transitions.
pub const MAX_TRANSITIONS: usize = 500;
/// The most roll-up rules.
pub const MAX_RULES: usize = 50;
/// The most characters of a state's or an event's name, and of a code.
const NAME_MAX_CHARS: usize = 64;

/// The events that the service itself fires, or that its mutations and rules need, and what for.
const NEEDED_OF_ORDERS: [(&str, &str); 5] = [
    (event::VALIDATE, "it is how an order passes intake"),
    (event::REJECT, "it is how intake refuses an order"),
    (event::START, "it is how work begins"),
    (event::CANCEL, "it is how a cancellation closes the order"),
    (event::EXECUTE, "it is how an order whose work is done goes on"),
];
const NEEDED_OF_WORK_ORDERS: [(&str, &str); 4] = [
    (event::START, "it is how its work begins"),
    (event::COMPLETE, "it is how it ends well"),
    (event::FAIL, "it is how it ends in vain"),
    (event::CANCEL, "it is how it is called off"),
];

/// Whether a tenant's lifecycle is sound: one initial state, every state reachable, every non-settled state with a way to a
/// settled one, no transition out of a SETTLED state into another phase, and every event that a roll-up rule or the
/// service itself needs.
pub fn check(owner: Owner, lifecycle: &Lifecycle) -> Result<(), Problems> {
    let root = Path::root();
    let mut found = Found::new();
    check_count(lifecycle.states.len(), MAX_STATES, &root, "states", &mut found);
    check_count(lifecycle.transitions.len(), MAX_TRANSITIONS, &root, "transitions", &mut found);
    check_count(lifecycle.roll_up.len(), MAX_RULES, &root, "rollUp", &mut found);
    for (index, transition) in lifecycle.transitions.iter().take(MAX_TRANSITIONS).enumerate() {
        let at = root.field("transitions").index(index);
        check_count(transition.from.len(), MAX_STATES, &at, "from", &mut found);
    }
    if !found.is_empty() {
        // Nothing else is looked for: the number of problems, too, stays within the limits.
        return found.or(());
    }
    check_states(owner, lifecycle, &mut found);
    check_transitions(lifecycle, &mut found);
    check_needed(owner, lifecycle, &mut found);
    match owner {
        Owner::Order => {
            check_rules(lifecycle, &mut found);
            check_intake(lifecycle, &mut found);
        }
        Owner::WorkOrder if !lifecycle.roll_up.is_empty() => {
            let message = "rollUp is how orders follow their work orders: a WORK_ORDER lifecycle has none";
            found.push(Problem::invalid(&root.field("rollUp"), message));
        }
        Owner::WorkOrder => {}
    }
    Graph::of(owner, lifecycle).check(&mut found);
    found.or(())
}

fn check_states(owner: Owner, lifecycle: &Lifecycle, found: &mut Found) {
    let root = Path::root();
    match lifecycle.state(&lifecycle.initial) {
        None => {
            let message = format!("initial names no state: {}", echo(&lifecycle.initial));
            found.push(Problem::invalid(&root.field("initial"), message));
        }
        Some(state) if state.phase != Phase::Pending => {
            let message = "the initial state must be PENDING: nothing is born begun";
            found.push(Problem::invalid(&root.field("initial"), message));
        }
        Some(_) => {}
    }
    let list = root.field("states");
    for (index, state) in lifecycle.states.iter().enumerate() {
        let at = list.index(index);
        check_name(&state.name, &at, "name", found);
        if lifecycle.states.iter().take(index).any(|other| other.name == state.name) {
            let message = format!("there is another state {}: names are unique", echo(&state.name));
            found.push(Problem::invalid(&at.field("name"), message));
        }
        if state.outcome.is_some() && state.phase != Phase::Settled {
            let message = format!("{} is not SETTLED: only what has ended has an outcome", echo(&state.name));
            found.push(Problem::invalid(&at.field("outcome"), message));
        }
        if owner == Owner::WorkOrder && state.phase == Phase::Settled && state.outcome.is_none() {
            // What was settled before keeps the outcome that it has.
            let undecided = lifecycle.transitions.iter().find(|it| {
                it.to == state.name
                    && it.outcome.is_none()
                    && it.from.iter().any(|from| is_in(lifecycle, from, |phase| phase != Phase::Settled))
            });
            if let Some(undecided) = undecided {
                let message = format!(
                    "{} is SETTLED and needs an outcome, or else every transition into it does: {} has none",
                    echo(&state.name),
                    echo(&undecided.event)
                );
                found.push(Problem::required(&at.field("outcome"), message));
            }
        }
    }
}

fn check_transitions(lifecycle: &Lifecycle, found: &mut Found) {
    let list = Path::root().field("transitions");
    for (index, transition) in lifecycle.transitions.iter().enumerate() {
        let at = list.index(index);
        check_name(&transition.event, &at, "event", found);
        check_optional_text(transition.code.as_deref(), NAME_MAX_CHARS, &at, "code", found);
        if transition.from.is_empty() {
            found.push(Problem::required(&at.field("from"), "a transition leads out of at least one state"));
        }
        for (number, from) in transition.from.iter().enumerate() {
            let at = at.field("from").index(number);
            if lifecycle.state(from).is_none() {
                found.push(Problem::invalid(&at, format!("there is no state {}", echo(from))));
            }
            let earlier = lifecycle
                .transitions
                .iter()
                .take(index)
                .any(|other| other.event == transition.event && other.from.contains(from));
            if earlier || transition.from.iter().take(number).any(|other| other == from) {
                let (event, from) = (echo(&transition.event), echo(from));
                let message = format!("{event} leads out of {from} already: this one could never happen");
                found.push(Problem::invalid(&at, message));
            }
        }
        match lifecycle.state(&transition.to) {
            None => {
                let message = format!("there is no state {}", echo(&transition.to));
                found.push(Problem::invalid(&at.field("to"), message));
            }
            Some(to) => {
                let leaves_settled = |from: &&String| is_in(lifecycle, from, |phase| phase == Phase::Settled);
                if to.phase != Phase::Settled
                    && let Some(from) = transition.from.iter().find(leaves_settled)
                {
                    let (event, from) = (echo(&transition.event), echo(from));
                    let message = format!(
                        "{event} leads out of the SETTLED state {from} into another phase: what has ended stays so"
                    );
                    found.push(Problem::invalid(&at.field("to"), message));
                }
                if to.phase != Phase::Settled && transition.outcome.is_some() {
                    let message =
                        format!("{} is not SETTLED: only what has ended has an outcome", echo(&to.name));
                    found.push(Problem::invalid(&at.field("outcome"), message));
                }
            }
        }
    }
}

/// The needed events are there, and those that end something do so.
fn check_needed(owner: Owner, lifecycle: &Lifecycle, found: &mut Found) {
    let list = Path::root().field("transitions");
    let needed: &[(&str, &str)] = match owner {
        Owner::Order => &NEEDED_OF_ORDERS,
        Owner::WorkOrder => &NEEDED_OF_WORK_ORDERS,
    };
    for (event, what_for) in needed {
        if lifecycle.transitions.iter().all(|transition| transition.event != *event) {
            found.push(Problem::required(&list, format!("no transition has the event {event}: {what_for}")));
        }
    }
    for (index, transition) in lifecycle.transitions.iter().enumerate() {
        let ends =
            transition.event == event::CANCEL || owner == Owner::Order && transition.event == event::REJECT;
        if ends && is_in(lifecycle, &transition.to, |phase| phase != Phase::Settled) {
            let message = format!("{} must lead to a SETTLED state", transition.event);
            found.push(Problem::invalid(&list.index(index).field("to"), message));
        }
    }
}

fn check_rules(lifecycle: &Lifecycle, found: &mut Found) {
    let list = Path::root().field("rollUp");
    for (index, RollUpRule { quantifier: _, phase, outcome, event }) in lifecycle.roll_up.iter().enumerate() {
        let at = list.index(index);
        if lifecycle.transitions.iter().all(|transition| transition.event != *event) {
            let message = format!("no transition has the event {}", echo(event));
            found.push(Problem::invalid(&at.field("event"), message));
        }
        if event == event::VALIDATE {
            let message = "VALIDATE belongs to intake: no work order brings an order past its gates";
            found.push(Problem::invalid(&at.field("event"), message));
        }
        if outcome.is_some() && *phase != Phase::Settled {
            let message = "only a work order that is SETTLED has an outcome: this rule would never hold";
            found.push(Problem::invalid(&at.field("outcome"), message));
        }
    }
}

/// An order is born where intake decides on it, and comes there once: VALIDATE is fired only then.
fn check_intake(lifecycle: &Lifecycle, found: &mut Found) {
    let list = Path::root().field("transitions");
    for event in [event::VALIDATE, event::REJECT] {
        let exists = lifecycle.transitions.iter().any(|transition| transition.event == event);
        if exists && lifecycle.transition(&lifecycle.initial, event).is_none() {
            let message = format!(
                "{event} must lead out of the initial state {}: orders are decided on there",
                echo(&lifecycle.initial)
            );
            found.push(Problem::required(&list, message));
        }
    }
    for (index, transition) in lifecycle.transitions.iter().enumerate() {
        if transition.event == event::VALIDATE
            && transition.from.iter().any(|from| *from != lifecycle.initial)
        {
            let message = "VALIDATE leads out of the initial state only: intake is over after that";
            found.push(Problem::invalid(&list.index(index).field("from"), message));
        }
        if transition.to == lifecycle.initial && transition.from.iter().any(|from| *from != lifecycle.initial)
        {
            let message = "nothing leads back into the initial state: an order passes intake once";
            found.push(Problem::invalid(&list.index(index).field("to"), message));
        }
    }
}

fn check_name(name: &str, at: &Path, field: &str, found: &mut Found) {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if name.is_empty() {
        found.push(Problem::required(&at.field(field), format!("{field} must not be blank")));
    } else if !begins || !goes_on || name.len() > NAME_MAX_CHARS {
        let message = format!(
            "{field} must be a letter and up to {} letters, digits and underscores, such as IN_PROGRESS, not {}",
            NAME_MAX_CHARS - 1,
            echo(name)
        );
        found.push(Problem::new(Code::Invalid, &at.field(field), message));
    }
}

fn is_in(lifecycle: &Lifecycle, name: &str, wanted: impl Fn(Phase) -> bool) -> bool {
    lifecycle.state(name).is_some_and(|state| wanted(state.phase))
}
