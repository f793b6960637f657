//! Orders that wander at random through their lifecycles.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// How properties are tested.
pub(super) fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// A step of a walk: a command among all there are, or, now and then, a work order made by hand.
pub(super) type Choice = (Index, u8);

/// An order as it is born, and a walk from there.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) kinds: Vec<WorkOrderType>,
    pub(super) flow: Flow,
    pub(super) ready: bool,
    pub(super) choices: Vec<Choice>,
}

pub(super) fn walks() -> impl Strategy<Value = Walk> {
    let kind = prop_oneof![
        3 => Just(WorkOrderType::MoveContainers),
        1 => Just(WorkOrderType::PhysicalService),
        1 => Just(WorkOrderType::DigitalService),
    ];
    let flow = prop_oneof![Just(Flow::StartTogether), Just(Flow::CompleteTogether), Just(Flow::Sequential)];
    let choices = prop::collection::vec(any::<Choice>(), 0..40);
    (prop::collection::vec(kind, 1..5), flow, any::<bool>(), choices)
        .prop_map(|(kinds, flow, ready, choices)| Walk { kinds, flow, ready, choices })
}

pub(super) fn newborn<'a>(walk: &Walk, orders: &'a Lifecycle, work_orders: &'a Lifecycle) -> Situation<'a> {
    let mut situation = parse_with(&format!("{} |", orders.initial), orders, work_orders);
    situation.order.flow = walk.flow;
    situation.order.ready_to_process = walk.ready;
    for kind in &walk.kinds {
        add(&mut situation, *kind, None);
    }
    situation
}

fn add(situation: &mut Situation<'_>, kind: WorkOrderType, return_of: Option<i32>) {
    let direction = if return_of.is_some() { "return:1" } else { "move" };
    let text = format!("{direction} {}", situation.work_order_lifecycle.initial);
    let born = work_order(situation.next_sequence(), &text, situation.work_order_lifecycle);
    situation.work_orders.push(WorkOrderState { kind, return_of, ..born });
}

/// Everything that can be asked, allowed or not.
fn commands(situation: &Situation<'_>) -> Vec<Command> {
    let mut all = vec![
        Command::Validate,
        Command::RejectByPlugin,
        Command::Release,
        Command::Cancel { gated: false },
        Command::Cancel { gated: true },
        Command::CancellationApproved,
        Command::CancellationRefused,
    ];
    for event in events(situation.order_lifecycle) {
        all.push(Command::Order { event });
    }
    for it in &situation.work_orders {
        for event in events(situation.work_order_lifecycle) {
            all.push(Command::WorkOrder { sequence: it.sequence, event });
        }
    }
    all
}

fn calls_off(command: &Command) -> bool {
    match command {
        Command::RejectByPlugin | Command::Cancel { gated: false } => true,
        Command::Order { event } => event == "REJECT" || event == "CANCEL",
        _ => false,
    }
}

fn events(lifecycle: &Lifecycle) -> Vec<String> {
    let mut events: Vec<_> = lifecycle.transitions.iter().map(|it| it.event.clone()).collect();
    events.sort();
    events.dedup();
    events
}

/// Walks, calling `visit` with every situation, a command in it and the answer.
pub(super) fn wander<'a>(
    mut situation: Situation<'a>,
    choices: &[Choice],
    mut visit: impl FnMut(&Situation<'a>, &Command, &Result<Vec<Change>, Refusal>) -> Result<(), TestCaseError>,
) -> Result<Situation<'a>, TestCaseError> {
    for (index, dice) in choices {
        if *dice < 8 && situation.order.phase != Phase::Settled {
            let kind = index.get(&situation.work_orders).kind;
            let return_of = (*dice < 4).then(|| index.get(&situation.work_orders).sequence);
            add(&mut situation, kind, return_of);
            continue;
        }
        // Most commands are refused: three times of four one of the allowed is taken. Left to chance, most orders would
        // be called off before anything happened to them.
        let mut all = commands(&situation);
        if *dice < 240 {
            all.retain(|command| !calls_off(command));
        }
        let begin = index.index(all.len());
        all.rotate_left(begin);
        let happens = |command: &&Command| {
            *dice < 64 || decide(&situation, command).is_ok_and(|changes| !changes.is_empty())
        };
        let Some(command) = all.iter().find(happens) else { break };
        let answer = decide(&situation, command);
        visit(&situation, command, &answer)?;
        for change in answer.iter().flatten() {
            situation.apply(change);
        }
    }
    Ok(situation)
}

pub(super) fn built_in(walk: &Walk) -> Situation<'static> {
    newborn(walk, built_in_order_lifecycle(), built_in_work_order_lifecycle())
}

/// The situation after an answer.
pub(super) fn after<'a>(situation: &Situation<'a>, answer: &Result<Vec<Change>, Refusal>) -> Situation<'a> {
    let mut after = situation.clone();
    answer.iter().flatten().for_each(|change| after.apply(change));
    after
}

pub(super) fn no_work_at_hand_once_settled(situation: &Situation<'_>) -> Result<(), TestCaseError> {
    if situation.order.phase == Phase::Settled {
        prop_assert!(situation.order.outcome.is_some());
        let at_hand = situation.work_orders.iter().filter(|it| it.phase != Phase::Settled).count();
        prop_assert_eq!(at_hand, 0, "{:?}", situation.order);
    }
    Ok(())
}
