//! What happens next: a pure function of the open orders and of chance.

/// How many orders may be open at once; no more come in until some are done.
pub const MOST_OPEN: usize = 50;
/// The chance that an order comes in at a tick.
const COMES_IN: f64 = 0.35;
/// The chance that a client thinks better of an open order at a tick.
const IS_CANCELLED: f64 = 0.002;
/// The chance that an order whose work is done is closed at a tick.
const IS_CLOSED: f64 = 0.1;
/// The chance that work which may begin does so at a tick.
const BEGINS: f64 = 0.12;
/// The chance that work on hold is resumed, or given up, at a tick.
const IS_RESUMED: f64 = 0.1;
const IS_GIVEN_UP: f64 = 0.015;
/// The chances of what happens at a tick to work in progress.
const IS_COMPLETED: f64 = 0.07;
const IS_TRIED_IN_VAIN: f64 = 0.015;
const IS_HELD: f64 = 0.008;
const FAILS: f64 = 0.007;
/// Nobody tries more often than this.
const MOST_ATTEMPTS: i64 = 3;

/// A number from 0 up to, but not, 1 at each call.
pub type Dice<'a> = dyn FnMut() -> f64 + Send + 'a;

/// An order that is not done with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOrder {
    pub id: String,
    /// The events that may be fired on it.
    pub events: Vec<String>,
    /// Whether its cancellation was asked for.
    pub is_cancelled: bool,
    pub work_orders: Vec<OpenWorkOrder>,
}

/// A work order of such an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenWorkOrder {
    pub id: String,
    /// The events that may be fired on it.
    pub events: Vec<String>,
    pub is_return: bool,
    pub attempts: i64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    MoveOrder(Move),
    MoveWorkOrder(Move),
}

/// An event to be fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub id: String,
    pub event: &'static str,
    /// Why: a code, and a sentence.
    pub reason: Option<(&'static str, &'static str)>,
}

/// What happens at one tick.
pub fn choose(open: &[OpenOrder], dice: &mut Dice<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    if open.len() < MOST_OPEN && dice() < COMES_IN {
        actions.push(Action::Create);
    }
    for order in open {
        if let Some(change) = for_order(order, dice) {
            actions.push(Action::MoveOrder(change));
            continue;
        }
        // One at a time: what happens to one of them may decide about the others.
        let change = order.work_orders.iter().find_map(|work_order| for_work_order(work_order, dice));
        actions.extend(change.map(Action::MoveWorkOrder));
    }
    actions
}

fn for_order(order: &OpenOrder, dice: &mut Dice<'_>) -> Option<Move> {
    let may = |event: &str| order.events.iter().any(|allowed| allowed == event);
    if may("CLOSE") {
        return (dice() < IS_CLOSED).then(|| fire(&order.id, "CLOSE", None));
    }
    if may("CANCEL") && !order.is_cancelled && dice() < IS_CANCELLED {
        let reason = ("CLIENT_REQUEST", "The client changed their mind.");
        return Some(fire(&order.id, "CANCEL", Some(reason)));
    }
    None
}

fn for_work_order(work_order: &OpenWorkOrder, dice: &mut Dice<'_>) -> Option<Move> {
    let may = |event: &str| work_order.events.iter().any(|allowed| allowed == event);
    let fire = |event, reason| Some(fire(&work_order.id, event, reason));
    if may("START") {
        return if dice() < BEGINS { fire("START", None) } else { None };
    }
    if may("RESUME") {
        let roll = dice();
        return if roll < IS_RESUMED {
            fire("RESUME", None)
        } else if roll < IS_RESUMED + IS_GIVEN_UP && !work_order.is_return {
            fire("FAIL", Some(("NOT_RESUMED", "It was on hold for too long.")))
        } else {
            None
        };
    }
    if !may("COMPLETE") {
        return None;
    }
    let mut roll = dice();
    let mut falls_to = |chance: f64| {
        roll -= chance;
        roll < 0.0
    };
    if falls_to(IS_COMPLETED) {
        fire("COMPLETE", None)
    } else if work_order.is_return {
        // The demo's goods come home.
        None
    } else if falls_to(IS_TRIED_IN_VAIN) {
        if work_order.attempts < MOST_ATTEMPTS {
            fire("ATTEMPT_FAILED", Some(("NOBODY_THERE", "Nobody opened the door.")))
        } else {
            fire("FAIL", Some(("ATTEMPTS_EXHAUSTED", "Nobody ever opened the door.")))
        }
    } else if falls_to(IS_HELD) {
        fire("HOLD", Some(("VEHICLE_BREAKDOWN", "The van has a flat tyre.")))
    } else if falls_to(FAILS) {
        fire("FAIL", Some(("REFUSED", "The consignee refused it.")))
    } else {
        None
    }
}

fn fire(id: &str, event: &'static str, reason: Option<(&'static str, &'static str)>) -> Move {
    Move { id: id.to_owned(), event, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(events: &[&str]) -> Vec<String> {
        events.iter().map(|&event| event.to_owned()).collect()
    }

    fn order(events: &[&str], work_orders: Vec<OpenWorkOrder>) -> OpenOrder {
        OpenOrder { id: "o".to_owned(), events: owned(events), is_cancelled: false, work_orders }
    }

    fn work_order(id: &str, events: &[&str]) -> OpenWorkOrder {
        OpenWorkOrder { id: id.to_owned(), events: owned(events), is_return: false, attempts: 0 }
    }

    /// What is chosen for one order, as `event on id`, if no order comes in and the dice fall as given.
    fn chosen(order: OpenOrder, rolls: &[f64]) -> Vec<String> {
        let mut rolls = [&[0.99], rolls].concat().into_iter();
        let actions = choose(&[order], &mut || rolls.next().unwrap_or(0.99));
        let text = |action| match action {
            Action::Create => "create".to_owned(),
            Action::MoveOrder(change) | Action::MoveWorkOrder(change) => {
                format!("{} on {}", change.event, change.id)
            }
        };
        actions.into_iter().map(text).collect()
    }

    #[test]
    fn orders_come_in_until_there_are_enough() {
        let open = vec![OpenOrder::default(); MOST_OPEN];
        assert_eq!(choose(&open, &mut || 0.0), []);
        assert_eq!(choose(&open[1..], &mut || 0.0), [Action::Create]);
        assert_eq!(choose(&open[1..], &mut || COMES_IN), []);
    }

    #[test]
    fn an_executed_order_is_closed_some_time() {
        assert_eq!(chosen(order(&["CLOSE"], vec![]), &[0.0]), ["CLOSE on o"]);
        assert_eq!(chosen(order(&["CLOSE"], vec![]), &[IS_CLOSED]), Vec::<String>::new());
    }

    #[test]
    fn a_cancellation_is_asked_for_once_and_nothing_else_happens_then() {
        let open = order(&["CANCEL"], vec![work_order("w", &["START"])]);
        assert_eq!(chosen(open.clone(), &[0.0, 0.0]), ["CANCEL on o"]);
        assert_eq!(chosen(open.clone(), &[0.5, 0.0]), ["START on w"]);
        assert_eq!(chosen(OpenOrder { is_cancelled: true, ..open }, &[0.0]), ["START on w"]);
    }

    #[test]
    fn work_in_progress_goes_one_of_five_ways() {
        let at_work = || work_order("w", &["HOLD", "ATTEMPT_FAILED", "COMPLETE", "FAIL", "CANCEL"]);
        for (roll, expected) in [
            (0.0, Some("COMPLETE")),
            (0.08, Some("ATTEMPT_FAILED")),
            (0.09, Some("HOLD")),
            (0.095, Some("FAIL")),
            (0.2, None),
        ] {
            let expected: Vec<_> = expected.map(|event| format!("{event} on w")).into_iter().collect();
            assert_eq!(chosen(order(&[], vec![at_work()]), &[roll]), expected, "{roll}");
        }
        let tired = OpenWorkOrder { attempts: MOST_ATTEMPTS, ..at_work() };
        assert_eq!(chosen(order(&[], vec![tired]), &[0.08]), ["FAIL on w"]);
    }

    #[test]
    fn goods_on_their_way_back_arrive() {
        let home = |events| OpenWorkOrder { is_return: true, ..work_order("r", events) };
        assert_eq!(chosen(order(&[], vec![home(&["COMPLETE", "FAIL"])]), &[0.095]), Vec::<String>::new());
        assert_eq!(chosen(order(&[], vec![home(&["COMPLETE", "FAIL"])]), &[0.0]), ["COMPLETE on r"]);
        assert_eq!(chosen(order(&[], vec![home(&["RESUME", "FAIL"])]), &[0.11]), Vec::<String>::new());
    }

    #[test]
    fn one_work_order_of_an_order_moves_at_a_time() {
        let both = vec![work_order("a", &["START"]), work_order("b", &["START"])];
        assert_eq!(chosen(order(&[], both.clone()), &[0.0, 0.0]), ["START on a"]);
        assert_eq!(chosen(order(&[], both), &[0.5, 0.0]), ["START on b"]);
    }

    #[test]
    fn held_work_is_resumed_or_given_up() {
        let held = || vec![work_order("w", &["RESUME", "FAIL", "CANCEL"])];
        assert_eq!(chosen(order(&[], held()), &[0.05]), ["RESUME on w"]);
        assert_eq!(chosen(order(&[], held()), &[0.11]), ["FAIL on w"]);
        assert_eq!(chosen(order(&[], held()), &[0.12]), Vec::<String>::new());
    }
}
