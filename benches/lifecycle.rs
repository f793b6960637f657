//! How long the lifecycle engine takes to decide what becomes of an order of a hundred work orders: 50 µs at most.
//!
//! `cargo bench --bench lifecycle`. Every decision is checked before it is timed.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use divan::{Bencher, black_box};
use waybill::domain::lifecycle::{
    Change, Command, Direction, Flow, OrderState, Phase, Situation, WorkOrderState, WorkOrderType,
    built_in_order_lifecycle, built_in_work_order_lifecycle, decide,
};

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many work orders the order has.
const COUNT: i32 = 100;

fn main() {
    divan::main();
}

#[divan::bench]
fn one_completes(bencher: Bencher<'_, '_>) {
    let order = order(Flow::StartTogether, |_| "IN_PROGRESS");
    measure(bencher, &order, &fire(50, "COMPLETE"), [1, 0, 0]);
}

#[divan::bench]
fn the_last_completes(bencher: Bencher<'_, '_>) {
    let order = order(Flow::StartTogether, |n| if n == 50 { "IN_PROGRESS" } else { "COMPLETED" });
    measure(bencher, &order, &fire(50, "COMPLETE"), [1, 0, 1]);
}

#[divan::bench]
fn the_next_in_sequence_starts(bencher: Bencher<'_, '_>) {
    let order = order(Flow::Sequential, |n| if n < 50 { "COMPLETED" } else { "CREATED" });
    measure(bencher, &order, &fire(50, "START"), [1, 0, 0]);
}

#[divan::bench]
fn the_first_in_sequence_fails(bencher: Bencher<'_, '_>) {
    let order = order(Flow::Sequential, |n| if n == 1 { "IN_PROGRESS" } else { "CREATED" });
    measure(bencher, &order, &fire(1, "FAIL"), [100, 1, 0]);
}

#[divan::bench]
fn one_fails_of_all_or_nothing(bencher: Bencher<'_, '_>) {
    let order = order(Flow::CompleteTogether, |_| "IN_PROGRESS");
    measure(bencher, &order, &fire(50, "FAIL"), [100, 100, 0]);
}

#[divan::bench]
fn the_order_is_cancelled_under_way(bencher: Bencher<'_, '_>) {
    let order = order(Flow::StartTogether, |_| "IN_PROGRESS");
    measure(bencher, &order, &Command::Cancel { gated: false }, [100, 100, 0]);
}

#[divan::bench]
fn the_last_in_sequence_is_blocked(bencher: Bencher<'_, '_>) {
    let order = order(Flow::Sequential, |_| "CREATED");
    let command = fire(COUNT, "START");
    decide(&order, &command).unwrap_err();
    bencher.bench(|| decide(black_box(&order), black_box(&command)));
}

/// Checks how many moves of work orders, returns and moves of the order a command brings about, and measures it.
fn measure(bencher: Bencher<'_, '_>, order: &Situation<'_>, command: &Command, expected: [usize; 3]) {
    let changes = decide(order, command).unwrap();
    let count = |wanted: fn(&Change) -> bool| changes.iter().filter(|change| wanted(change)).count();
    let found = [
        count(|change| matches!(change, Change::WorkOrderMoved { .. })),
        count(|change| matches!(change, Change::ReturnAdded { .. })),
        count(|change| matches!(change, Change::OrderMoved { .. })),
    ];
    assert_eq!(found, expected);
    bencher.bench(|| decide(black_box(order), black_box(command)));
}

fn fire(sequence: i32, event: &str) -> Command {
    Command::WorkOrder { sequence, event: event.to_owned() }
}

/// An order at work under the built-in lifecycles, whose work orders are in the states that `status` gives by number.
fn order(flow: Flow, status: impl Fn(i32) -> &'static str) -> Situation<'static> {
    let order_lifecycle = built_in_order_lifecycle();
    let work_order_lifecycle = built_in_work_order_lifecycle();
    let work_order = |sequence| {
        let state = work_order_lifecycle.state(status(sequence)).unwrap();
        WorkOrderState {
            sequence,
            kind: WorkOrderType::MoveContainers,
            direction: Direction::Forward,
            return_of: None,
            status: state.name.clone(),
            phase: state.phase,
            outcome: state.outcome,
            attempts: 0,
            started: state.phase != Phase::Pending,
        }
    };
    Situation {
        order: OrderState {
            status: "IN_PROGRESS".to_owned(),
            phase: Phase::Active,
            outcome: None,
            ready_to_process: true,
            flow,
            cancellation: None,
        },
        work_orders: (1..=COUNT).map(work_order).collect(),
        order_lifecycle,
        work_order_lifecycle,
    }
}
