//! The conditions of a tenant's workflows, evaluated inside of an open transaction, and therefore within a budget.
//!
//! A unit of work has some steps, and more for each order that it is about, so that many orders can be created together.
//! What of an order conditions look at is made once for each state that the order is in, out of the same budget.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use entity::{
    event,
    id::{OrderId, PluginWorkflowId, WorkOrderId},
    work_order,
};
use serde_json::{Map, Value};

use super::{
    document::{CURSOR, Event, Order, Part, WORK_ORDERS, WorkOrder},
    manager::Workflow,
};
use crate::{
    domain::plugin::{Budget, Document, Elements, Found, Reference, Shared},
    events::NewEvent,
    fault::Fault,
    store::{Tenant, contact::Contacts},
    usecase::work::Subject,
};

/// The steps that one evaluation may take: about a millisecond.
const MAX_STEPS: u64 = 20_000;
/// The steps of a unit of work, whatever it is about.
const UNIT_STEPS: u64 = 30_000;
/// The steps that it has for each order that it is about, and for each of their work orders.
const STEPS_PER_ORDER: u64 = 1_000;
const STEPS_PER_WORK_ORDER: u64 = 400;
/// The most steps of a unit, however much it is about.
const MAX_UNIT_STEPS: u64 = 2_500_000;
/// What it costs to make a member of a document, beyond the length of its text.
const MEMBER_COST: u64 = 3;
/// What it costs to make each value of such a text.
const VALUE_COST: u64 = 4;
/// What it costs to open a sealed contact.
const SEALED_COST: u64 = 50;

/// How the conditions of one unit of work fare.
#[derive(Debug)]
pub(super) struct Unit {
    /// The steps that are left.
    left: u64,
    /// The steps that there were so far.
    granted: u64,
    /// The orders that steps were granted for.
    orders: HashSet<OrderId>,
    moment: Moment,
    /// What became of the conditions that were evaluated.
    pub(super) outcomes: HashMap<PluginWorkflowId, Outcome>,
}

/// What became of a condition in a unit of work: the worst that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It always had a value.
    Sound,
    /// It had none, for this reason.
    NoValue(String),
    /// The steps of the unit were used up, by other conditions as well.
    Crowded,
    /// It took more steps than one evaluation may take.
    Exhausted,
}

/// An order in one of its states, and what was made of that.
#[derive(Debug, Default)]
struct Moment {
    state: Option<State>,
    made: Mutex<Made>,
    /// The values of conditions that look at nothing but the order.
    truths: HashMap<PluginWorkflowId, bool>,
}

/// A state of an order: its version, and those of its work orders.
type State = (OrderId, i32, Vec<(WorkOrderId, i32)>);
type Made = HashMap<Reference, Found>;

impl Default for Unit {
    fn default() -> Self {
        Self {
            left: UNIT_STEPS,
            granted: UNIT_STEPS,
            orders: HashSet::new(),
            moment: Moment::default(),
            outcomes: HashMap::new(),
        }
    }
}

impl Unit {
    /// Goes on to what an event is about.
    pub(super) fn look_at(&mut self, subject: &Subject<'_>) {
        let order = subject.order;
        if self.orders.insert(order.id) {
            let work_orders = u64::try_from(subject.work_orders.len()).unwrap_or(0);
            let more = STEPS_PER_ORDER + STEPS_PER_WORK_ORDER.saturating_mul(work_orders);
            let more = more.min(MAX_UNIT_STEPS.saturating_sub(self.granted));
            self.granted += more;
            self.left += more;
        }
        let versions = subject.work_orders.iter().map(|work_order| (work_order.id, work_order.version));
        let state = Some((order.id, order.version, versions.collect()));
        if self.moment.state != state {
            self.moment = Moment { state, ..Moment::default() };
        }
    }

    /// Whether a condition is true after an event. One without a value is not, and no reason to fail what sets the
    /// workflow off; one that ran out of steps is not tried again in this unit.
    /// One that took too long lately leaves to the others what the unit has for its orders.
    pub(super) fn holds(&mut self, workflow: &Workflow, struck_lately: bool, about: &About<'_>) -> bool {
        let Some(condition) = &workflow.condition else { return true };
        if self.is_exhausted(workflow.id) {
            return false;
        }
        let is_about_order = condition.references().iter().all(|reference| reference.variable == "order");
        if let Some(known) = self.moment.truths.get(&workflow.id).filter(|_| is_about_order) {
            return *known;
        }
        let reserve = if struck_lately { self.granted - UNIT_STEPS } else { 0 };
        let steps = MAX_STEPS.min(self.left.saturating_sub(reserve));
        let budget = Budget::new(steps);
        let document = AfterEvent { about, of_order: &self.moment.made };
        let value = condition.evaluate(&document, &budget);
        self.left -= steps - budget.left();
        let (outcome, is_true) = match value {
            Ok(value) => (Outcome::Sound, value == Value::Bool(true)),
            Err(failure) if !failure.is_exhausted => (Outcome::NoValue(failure.to_string()), false),
            Err(_) if steps < MAX_STEPS => (Outcome::Crowded, false),
            Err(_) => (Outcome::Exhausted, false),
        };
        if is_about_order {
            self.moment.truths.insert(workflow.id, is_true);
        }
        let known = self.outcomes.entry(workflow.id).or_insert(Outcome::Sound);
        if *known == Outcome::Sound || outcome.is_exhaustion() {
            *known = outcome;
        }
        is_true
    }

    /// Whether a condition ran out of steps in this unit.
    pub(super) fn is_exhausted(&self, id: PluginWorkflowId) -> bool {
        self.outcomes.get(&id).is_some_and(Outcome::is_exhaustion)
    }
}

impl Outcome {
    /// Whether there were not enough steps.
    const fn is_exhaustion(&self) -> bool {
        matches!(self, Self::Crowded | Self::Exhausted)
    }
}

/// An event that is not in the log yet, and the order as it is after it.
pub(super) struct About<'a> {
    contacts: &'a Contacts,
    tenant: Tenant,
    event: &'a NewEvent,
    subject: &'a Subject<'a>,
    row: OnceLock<event::Model>,
    /// What was made of the event and its work order.
    made: Mutex<Made>,
}

impl<'a> About<'a> {
    pub(super) fn new(contacts: &'a Contacts, event: &'a NewEvent, subject: &'a Subject<'a>) -> Self {
        let tenant = Tenant::new(&subject.order.tenant_id);
        Self { contacts, tenant, event, subject, row: OnceLock::new(), made: Mutex::default() }
    }

    fn row(&self) -> &event::Model {
        self.row.get_or_init(|| self.event.clone().into_row(self.subject.order.tenant_id.clone(), 0))
    }

    fn work_order(&self) -> Option<&work_order::Model> {
        self.subject.work_orders.iter().find(|row| Some(row.id) == self.event.work_order_id)
    }

    fn make(&self, reference: &Reference, budget: &Budget) -> Result<Found, Fault> {
        let Reference { variable, member, elements } = reference;
        match variable.as_str() {
            "order" => match member.as_deref() {
                Some(WORK_ORDERS) => Ok(found(&self.work_orders(elements, budget)?)),
                Some(name) => member_of(&Order(self.contacts, self.subject.order), name, budget),
                None => {
                    let mut order =
                        object(&Order(self.contacts, self.subject.order), &Elements::Whole, budget)?;
                    order.insert(WORK_ORDERS.to_owned(), self.work_orders(&Elements::Whole, budget)?);
                    Ok(found(&Value::Object(order)))
                }
            },
            "workOrder" => match (self.work_order(), member) {
                (Some(row), Some(name)) => member_of(&WorkOrder(self.contacts, row), name, budget),
                (Some(row), None) => {
                    Ok(found(&object(&WorkOrder(self.contacts, row), &Elements::Whole, budget)?.into()))
                }
                (None, None) => Ok(found(&Value::Null)),
                (None, Some(_)) => Ok(Found::NoObject),
            },
            "event" => {
                let event = Event(&self.tenant, self.row());
                match member.as_deref() {
                    // It gets its place in the log last of all.
                    Some(CURSOR) => Ok(Found::NoMember),
                    Some(name) => member_of(&event, name, budget),
                    None => {
                        let mut event = object(&event, &Elements::Whole, budget)?;
                        event.remove(CURSOR);
                        Ok(found(&Value::Object(event)))
                    }
                }
            }
            _ => Ok(Found::NoObject),
        }
    }

    fn work_orders(&self, elements: &Elements, budget: &Budget) -> Result<Value, Fault> {
        let rows = self.subject.work_orders.iter();
        rows.map(|row| Ok(Value::Object(object(&WorkOrder(self.contacts, row), elements, budget)?))).collect()
    }
}

fn found(value: &Value) -> Found {
    Found::Value(Shared::from(value))
}

fn member_of<P: Part>(part: &P, name: &str, budget: &Budget) -> Result<Found, Fault> {
    spend(part, name, budget);
    Ok(part.member(name)?.as_ref().map_or(Found::NoMember, found))
}

fn object<P: Part>(part: &P, elements: &Elements, budget: &Budget) -> Result<Map<String, Value>, Fault> {
    budget.spend(1);
    for name in P::MEMBERS.iter().filter(|name| elements.include(name)) {
        spend(part, name, budget);
    }
    part.object(|name| elements.include(name))
}

/// Spends what it costs to make a member: its text is read, and made into values.
fn spend<P: Part>(part: &P, name: &str, budget: &Budget) {
    budget.spend(MEMBER_COST);
    if let Some(text) = part.text_of(name) {
        budget.spend_bytes(text.len());
        // As many values as there are signs between them, or nearly.
        let values = text.bytes().filter(|byte| matches!(byte, b',' | b':')).count();
        budget.spend(VALUE_COST.saturating_mul(u64::try_from(values).unwrap_or(u64::MAX)));
    }
    if P::SEALED.contains(&name) {
        budget.spend(SEALED_COST);
    }
}

/// What a condition looks at.
struct AfterEvent<'a> {
    about: &'a About<'a>,
    /// What was made of the order in its present state.
    of_order: &'a Mutex<Made>,
}

impl Document for AfterEvent<'_> {
    fn read(&self, reference: &Reference, budget: &Budget) -> Found {
        let made = if reference.variable == "order" { self.of_order } else { &self.about.made };
        // The elements of anything else are made as a whole.
        let is_list = reference.member.as_deref() == Some(WORK_ORDERS);
        let elements = if is_list { reference.elements.clone() } else { Elements::Whole };
        let reference = Reference { elements, ..reference.clone() };
        if let Some(found) = lock(made).get(&reference) {
            return found.clone();
        }
        let found = self.about.make(&reference, budget).unwrap_or(Found::NoObject);
        lock(made).insert(reference, found.clone());
        found
    }
}

fn lock(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}
