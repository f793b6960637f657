//! `docs/LIFECYCLES.md` shows what the code does.

use std::fmt::Write as _;

use waybill::domain::lifecycle::{
    Change, Command, Direction, Flow, Lifecycle, OrderState, Outcome, Owner, Phase, Situation,
    WorkOrderState, WorkOrderType, built_in, decide,
};

const DOCUMENT: &str = include_str!("../../../docs/LIFECYCLES.md");

/// The text of a heading up to the next one of its rank.
fn section(heading: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n## ").next().unwrap()
}

fn diagram(lifecycle: &Lifecycle) -> String {
    let mut text = format!("```mermaid\nstateDiagram-v2\n    [*] --> {}\n", lifecycle.initial);
    for transition in &lifecycle.transitions {
        let code = transition.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        for from in &transition.from {
            writeln!(text, "    {from} --> {}: {}{code}", transition.to, transition.event).unwrap();
        }
    }
    let is_last =
        |name: &String| lifecycle.transitions.iter().all(|transition| !transition.from.contains(name));
    for state in lifecycle.states.iter().filter(|state| is_last(&state.name)) {
        writeln!(text, "    {} --> [*]", state.name).unwrap();
    }
    text + "```\n"
}

fn states(lifecycle: &Lifecycle) -> String {
    let mut text = "| state | phase | cancellable |\n| --- | --- | --- |\n".to_owned();
    for state in &lifecycle.states {
        let phase = format!("{:?}", state.phase).to_uppercase();
        let cancellable = if state.cancellable { "yes" } else { "no" };
        writeln!(text, "| {} | {phase} | {cancellable} |", state.name).unwrap();
    }
    text
}

#[test]
fn diagrams_and_states_are_those_of_the_built_in_lifecycles() {
    for (heading, owner) in [
        ("## The lifecycle of orders\n", Owner::Order),
        ("## The lifecycle of work orders\n", Owner::WorkOrder),
    ] {
        let lifecycle = built_in(owner);
        for part in [diagram(&lifecycle), states(&lifecycle)] {
            assert!(section(heading).contains(&part), "{heading} should have\n{part}");
        }
    }
}

fn outcome(name: &str) -> Outcome {
    match name {
        "SUCCEEDED" => Outcome::Succeeded,
        "PARTIALLY_SUCCEEDED" => Outcome::PartiallySucceeded,
        "FAILED" => Outcome::Failed,
        "CANCELLED" => Outcome::Cancelled,
        _ => panic!("unknown outcome {name}"),
    }
}

fn ended(sequence: i32, outcome: Outcome) -> WorkOrderState {
    WorkOrderState {
        sequence,
        kind: WorkOrderType::PhysicalService,
        direction: Direction::Forward,
        return_of: None,
        status: "COMPLETED".to_owned(),
        phase: Phase::Settled,
        outcome: Some(outcome),
        attempts: 0,
        started: true,
    }
}

/// How an order of such work orders ends once the last thing that it waits for has ended, which is a return.
fn rolled_up(flow: Flow, outcomes: &[Outcome]) -> Outcome {
    let mut work_orders: Vec<_> = (1..).zip(outcomes).map(|(number, it)| ended(number, *it)).collect();
    let number = i32::try_from(work_orders.len()).unwrap() + 1;
    work_orders.push(WorkOrderState {
        direction: Direction::Return,
        status: "IN_PROGRESS".to_owned(),
        phase: Phase::Active,
        outcome: None,
        ..ended(number, Outcome::Failed)
    });
    let (orders, of_work_orders) = (built_in(Owner::Order), built_in(Owner::WorkOrder));
    let situation = Situation {
        order: OrderState {
            status: "IN_PROGRESS".to_owned(),
            phase: Phase::Active,
            outcome: None,
            ready_to_process: true,
            flow,
            cancellation: None,
        },
        work_orders,
        order_lifecycle: &orders,
        work_order_lifecycle: &of_work_orders,
    };
    let changes =
        decide(&situation, &Command::WorkOrder { sequence: number, event: "FAIL".to_owned() }).unwrap();
    match changes.last() {
        Some(Change::OrderMoved { event, outcome: Some(outcome), .. }) if event == "EXECUTE" => *outcome,
        other => panic!("the order did not execute: {other:?}"),
    }
}

#[test]
fn the_roll_up_table_is_what_is_decided() {
    let rows: Vec<Vec<&str>> = section("## Roll-up\n")
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let flow = match row[0] {
            "START_TOGETHER" => Flow::StartTogether,
            "SEQUENTIAL" => Flow::Sequential,
            "COMPLETE_TOGETHER" => Flow::CompleteTogether,
            other => panic!("unknown flow {other}"),
        };
        let outcomes: Vec<_> = row[1].split(", ").map(outcome).collect();
        assert_eq!(rolled_up(flow, &outcomes), outcome(row[2]), "{row:?}");
    }
}
