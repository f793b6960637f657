//! What is wrong with a tenant's lifecycle is named, all of it at once.

use super::tenants::{order_machine, rule, state, transition, work_order_machine};
use super::*;
use crate::domain::value::fixtures::report;

#[track_caller]
fn wrong(owner: Owner, lifecycle: &Lifecycle, expected: &[&str]) {
    let report = report(|found| {
        found.absorb(super::super::check(owner, lifecycle));
    });
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines, expected);
}

#[track_caller]
fn wrong_order(change: impl FnOnce(&mut Lifecycle), expected: &[&str]) {
    wrong(Owner::Order, &order_machine(change), expected);
}

#[track_caller]
fn wrong_work_order(change: impl FnOnce(&mut Lifecycle), expected: &[&str]) {
    wrong(Owner::WorkOrder, &work_order_machine(change), expected);
}

#[test]
fn the_built_in_ones_are_sound() {
    wrong(Owner::Order, built_in_order_lifecycle(), &[]);
    wrong(Owner::WorkOrder, built_in_work_order_lifecycle(), &[]);
}

#[test]
fn a_tenants_own_states_and_events_are_welcome() {
    wrong_order(
        |it| {
            it.transitions.push(transition("NOTE", &["INITIATED"], "INITIATED"));
            it.states.push(state("REVIEW", Phase::Pending, None, true));
            it.states.push(state("ON_HOLD", Phase::Active, None, false));
            it.states.push(state("BROKEN", Phase::Settled, Some(Outcome::Failed), false));
            it.transitions.push(transition("REVIEW", &["CREATED"], "REVIEW"));
            it.transitions.push(transition("START", &["REVIEW"], "IN_PROGRESS"));
            it.transitions.push(transition("HOLD", &["IN_PROGRESS"], "ON_HOLD"));
            it.transitions.push(transition("RESUME", &["ON_HOLD"], "IN_PROGRESS"));
            it.transitions.push(transition("BREAK", &["IN_PROGRESS", "ON_HOLD"], "BROKEN"));
            it.roll_up.insert(0, rule(Quantifier::Any, Phase::Settled, Some(Outcome::Failed), "BREAK"));
        },
        &[],
    );
    wrong_work_order(
        |it| {
            it.states.push(state("AT_DOOR", Phase::Active, None, false));
            it.states.push(state("ARCHIVED", Phase::Settled, None, false));
            it.transitions.push(transition("ARRIVE", &["IN_PROGRESS"], "AT_DOOR"));
            it.transitions.push(transition("COMPLETE", &["AT_DOOR"], "COMPLETED"));
            // What was settled before keeps its outcome.
            it.transitions.push(transition("ARCHIVE", &["COMPLETED", "FAILED"], "ARCHIVED"));
        },
        &[],
    );
}

#[test]
fn there_is_one_initial_state() {
    wrong_order(
        |it| it.initial = "NOWHERE".to_owned(),
        &[
            "INVALID initial: initial names no state: \"NOWHERE\"",
            "REQUIRED transitions: VALIDATE must lead out of the initial state \"NOWHERE\": orders are decided on there",
            "REQUIRED transitions: REJECT must lead out of the initial state \"NOWHERE\": orders are decided on there",
            "INVALID transitions.0.from: VALIDATE leads out of the initial state only: intake is over after that",
        ],
    );
    wrong_work_order(
        |it| it.initial = "IN_PROGRESS".to_owned(),
        &[
            "INVALID initial: the initial state must be PENDING: nothing is born begun",
            "INVALID states.0: no way leads from the initial state to \"CREATED\"",
        ],
    );
}

#[test]
fn every_state_is_reachable() {
    wrong_work_order(
        |it| {
            it.states.push(state("LOST", Phase::Active, None, true));
            it.transitions.push(transition("FAIL", &["LOST"], "FAILED"));
        },
        &["INVALID states.6: no way leads from the initial state to \"LOST\""],
    );
}

#[test]
fn whatever_is_not_settled_can_be_left_for_good() {
    wrong_work_order(
        |it| {
            it.states.push(state("STUCK", Phase::Active, None, true));
            it.transitions.push(transition("STICK", &["IN_PROGRESS"], "STUCK"));
            it.transitions.push(transition("SHAKE", &["STUCK"], "STUCK"));
        },
        &[
            "INVALID states.6: no way leads out of \"STUCK\", which is not SETTLED: what comes here stays for ever",
        ],
    );
    wrong_work_order(
        |it| {
            it.states.push(state("PING", Phase::Active, None, true));
            it.states.push(state("PONG", Phase::Active, None, true));
            it.transitions.push(transition("PLAY", &["IN_PROGRESS"], "PING"));
            it.transitions.push(transition("HIT", &["PING"], "PONG"));
            it.transitions.push(transition("RETURN", &["PONG"], "PING"));
        },
        &[
            "INVALID states.6: no way leads from \"PING\" to a SETTLED state: what comes here goes round for ever",
            "INVALID states.7: no way leads from \"PONG\" to a SETTLED state: what comes here goes round for ever",
        ],
    );
}

#[test]
fn somebody_can_fire_what_leads_to_the_end() {
    let problem = "INVALID states.2: no way that always opens leads from \"IN_PROGRESS\" to a SETTLED state: where a rule in \
                   rollUp for SETTLED leads on, callers get no turn; EXECUTE needs such a rule without an outcome, CANCEL \
                   a cancellable state, and START follows intake only";
    for rules in [
        vec![],
        vec![rule(Quantifier::All, Phase::Settled, Some(Outcome::Succeeded), "EXECUTE")],
        vec![rule(Quantifier::All, Phase::Active, None, "EXECUTE")],
    ] {
        let locked = |it: &mut Lifecycle| {
            it.roll_up.clone_from(&rules);
            it.states[2].cancellable = false;
        };
        wrong_order(locked, &[problem]);
        // A cancellation ends it.
        wrong_order(|it| it.roll_up.clone_from(&rules), &[]);
    }
}

#[test]
fn a_parked_order_can_be_taken_up_again() {
    let parked = |it: &mut Lifecycle| {
        it.states.push(state("PARKED", Phase::Pending, None, false));
        it.transitions.push(transition("PARK", &["IN_PROGRESS"], "PARKED"));
        it.transitions.push(transition("START", &["PARKED"], "IN_PROGRESS"));
    };
    let problem = "INVALID states.5: no way that always opens leads from \"PARKED\" to a SETTLED state: where a rule in rollUp \
                   for SETTLED leads on, callers get no turn; EXECUTE needs such a rule without an outcome, CANCEL a \
                   cancellable state, and START follows intake only";
    wrong_order(parked, &[problem]);
    let own = |it: &mut Lifecycle| {
        parked(it);
        it.transitions.push(transition("UNPARK", &["PARKED"], "IN_PROGRESS"));
    };
    wrong_order(own, &[]);
}

#[test]
fn start_is_not_followed_by_start() {
    // A release out of INITIATED would leave the order in CREATED, where nobody could fire START again.
    let twice = |it: &mut Lifecycle| {
        it.states[1].cancellable = false;
        it.transitions.push(transition("START", &["INITIATED"], "CREATED"));
    };
    let problem = "INVALID states.1: no way that always opens leads from \"CREATED\" to a SETTLED state: where a rule in rollUp \
                   for SETTLED leads on, callers get no turn; EXECUTE needs such a rule without an outcome, CANCEL a \
                   cancellable state, and START follows intake only";
    wrong_order(twice, &[problem]);
    let cancellable = |it: &mut Lifecycle| {
        twice(it);
        it.states[1].cancellable = true;
    };
    wrong_order(cancellable, &[]);
}

#[test]
fn rules_do_not_lead_an_order_past_its_end() {
    let problems = |names: [&str; 2]| {
        let problem = |(place, name): (usize, &str)| {
            format!(
                "INVALID states.{place}: no way that always opens leads from \"{name}\" to a SETTLED state: where a rule \
                 in rollUp for SETTLED leads on, callers get no turn; EXECUTE needs such a rule without an outcome, \
                 CANCEL a cancellable state, and START follows intake only"
            )
        };
        [2, 5].into_iter().zip(names).map(problem).collect::<Vec<_>>()
    };
    let endable =
        |it: &mut Lifecycle, name: &str| it.transitions.push(transition("CANCEL", &[name], "CLOSED"));
    // Whenever the order comes back, it is to be inspected again.
    let inspected = |it: &mut Lifecycle| {
        it.states.push(state("INSPECTION", Phase::Active, None, true));
        it.transitions.push(transition("INSPECT", &["IN_PROGRESS"], "INSPECTION"));
        it.transitions.push(transition("INSPECTED", &["INSPECTION"], "IN_PROGRESS"));
        it.roll_up.insert(0, rule(Quantifier::All, Phase::Settled, None, "INSPECT"));
    };
    // What has failed once does so for ever.
    let troubled = |it: &mut Lifecycle| {
        it.states.push(state("TROUBLE", Phase::Active, None, true));
        it.transitions.push(transition("WARN", &["IN_PROGRESS"], "TROUBLE"));
        it.transitions.push(transition("SOLVE", &["TROUBLE"], "IN_PROGRESS"));
        it.roll_up.insert(0, rule(Quantifier::Any, Phase::Settled, Some(Outcome::Failed), "WARN"));
    };
    let found = problems(["IN_PROGRESS", "INSPECTION"]);
    wrong_order(inspected, &found.iter().map(String::as_str).collect::<Vec<_>>());
    let found = problems(["IN_PROGRESS", "TROUBLE"]);
    wrong_order(troubled, &found.iter().map(String::as_str).collect::<Vec<_>>());
    wrong_order(
        |it| {
            inspected(it);
            endable(it, "INSPECTION");
        },
        &[],
    );
    wrong_order(
        |it| {
            troubled(it);
            it.transitions.push(transition("EXECUTE", &["TROUBLE"], "EXECUTED"));
        },
        &[],
    );
}

#[test]
fn what_has_ended_stays_so() {
    wrong_work_order(
        |it| it.transitions.push(transition("REOPEN", &["FAILED"], "CREATED")),
        &[
            "INVALID transitions.7.to: \"REOPEN\" leads out of the SETTLED state \"FAILED\" into another phase: what has \
           ended stays so",
        ],
    );
}

#[test]
fn every_needed_event_is_there() {
    let missing = |owner, lifecycle: &Lifecycle, event: &str| {
        let mut lifecycle = lifecycle.clone();
        lifecycle.transitions.retain(|it| it.event != event);
        report(|found| {
            found.absorb(super::super::check(owner, &lifecycle));
        })
    };
    for event in ["VALIDATE", "REJECT", "START", "CANCEL", "EXECUTE"] {
        let report = missing(Owner::Order, built_in_order_lifecycle(), event);
        let expected = format!("REQUIRED transitions: no transition has the event {event}: it is how");
        assert!(report.starts_with(&expected), "{report}");
    }
    for event in ["START", "COMPLETE", "FAIL", "CANCEL"] {
        let report = missing(Owner::WorkOrder, built_in_work_order_lifecycle(), event);
        let expected = format!("REQUIRED transitions: no transition has the event {event}: it is how");
        assert!(report.starts_with(&expected), "{report}");
    }
    // HOLD and CLOSE are not needed.
    assert_eq!(missing(Owner::WorkOrder, built_in_work_order_lifecycle(), "ATTEMPT_FAILED"), "");
    wrong_order(
        |it| it.roll_up.push(rule(Quantifier::Any, Phase::Active, None, "PROGRESS")),
        &["INVALID rollUp.1.event: no transition has the event \"PROGRESS\""],
    );
}

#[test]
fn called_off_is_the_end() {
    wrong_order(
        |it| {
            it.states.push(state("LIMBO", Phase::Active, None, true));
            it.transitions.push(transition("LEAVE", &["LIMBO"], "CLOSED"));
            it.transitions[1].to = "LIMBO".to_owned();
            it.transitions[1].outcome = None;
            it.transitions[3].to = "LIMBO".to_owned();
            it.transitions[3].outcome = None;
        },
        &[
            "INVALID transitions.1.to: REJECT must lead to a SETTLED state",
            "INVALID transitions.3.to: CANCEL must lead to a SETTLED state",
        ],
    );
}

#[test]
fn an_order_passes_intake_once() {
    wrong_order(
        |it| {
            it.transitions.push(transition("BACK", &["CREATED"], "INITIATED"));
            it.transitions.push(transition("VALIDATE", &["CREATED"], "IN_PROGRESS"));
            it.roll_up.push(rule(Quantifier::All, Phase::Pending, None, "VALIDATE"));
        },
        &[
            "INVALID rollUp.1.event: VALIDATE belongs to intake: no work order brings an order past its gates",
            "INVALID transitions.6.to: nothing leads back into the initial state: an order passes intake once",
            "INVALID transitions.7.from: VALIDATE leads out of the initial state only: intake is over after that",
        ],
    );
}

#[test]
fn outcomes_belong_to_what_has_ended() {
    wrong_work_order(
        |it| {
            it.states[1].outcome = Some(Outcome::Succeeded);
            it.states[3].outcome = None;
            it.transitions[1].outcome = Some(Outcome::Failed);
        },
        &[
            "INVALID states.1.outcome: \"IN_PROGRESS\" is not SETTLED: only what has ended has an outcome",
            "REQUIRED states.3.outcome: \"COMPLETED\" is SETTLED and needs an outcome, or else every transition into it \
             does: \"COMPLETE\" has none",
            "INVALID transitions.1.outcome: \"ON_HOLD\" is not SETTLED: only what has ended has an outcome",
        ],
    );
    wrong_work_order(
        |it| {
            it.states[3].outcome = None;
            it.transitions[4].outcome = Some(Outcome::PartiallySucceeded);
        },
        &[],
    );
    wrong_order(
        |it| it.roll_up[0] = rule(Quantifier::All, Phase::Active, Some(Outcome::Failed), "CLOSE"),
        &[
            "INVALID rollUp.0.outcome: only a work order that is SETTLED has an outcome: this rule would never hold",
        ],
    );
}

#[test]
fn names_are_names_and_mean_one_thing() {
    wrong_work_order(
        |it| {
            it.states.push(state("CREATED", Phase::Pending, None, true));
            it.transitions.push(transition("START", &["CREATED"], "ON_HOLD"));
            it.transitions.push(transition("HELP ME", &["ON_HOLD", "ON_HOLD", "HERE"], "THERE"));
            it.transitions.push(transition("", &[], "FAILED"));
        },
        &[
            "INVALID states.6.name: there is another state \"CREATED\": names are unique",
            "INVALID transitions.7.from.0: \"START\" leads out of \"CREATED\" already: this one could never happen",
            "INVALID transitions.8.event: event must be a letter and up to 63 letters, digits and underscores, such as \
             IN_PROGRESS, not \"HELP ME\"",
            "INVALID transitions.8.from.1: \"HELP ME\" leads out of \"ON_HOLD\" already: this one could never happen",
            "INVALID transitions.8.from.2: there is no state \"HERE\"",
            "INVALID transitions.8.to: there is no state \"THERE\"",
            "REQUIRED transitions.9.event: event must not be blank",
            "REQUIRED transitions.9.from: a transition leads out of at least one state",
        ],
    );
}

#[test]
fn lists_have_an_end() {
    wrong_order(
        |it| {
            it.states = vec![it.states[0].clone(); 101];
            it.transitions = vec![it.transitions[0].clone(); 501];
            it.roll_up = vec![it.roll_up[0].clone(); 51];
            it.transitions[0].from = vec!["X".to_owned(); 101];
        },
        &[
            "LIMIT_EXCEEDED states: states may have up to 100 members, but this has 101",
            "LIMIT_EXCEEDED transitions: transitions may have up to 500 members, but this has 501",
            "LIMIT_EXCEEDED rollUp: rollUp may have up to 50 members, but this has 51",
            "LIMIT_EXCEEDED transitions.0.from: from may have up to 100 members, but this has 101",
        ],
    );
    wrong_work_order(
        |it| it.roll_up.push(rule(Quantifier::All, Phase::Settled, None, "START")),
        &["INVALID rollUp: rollUp is how orders follow their work orders: a WORK_ORDER lifecycle has none"],
    );
}
