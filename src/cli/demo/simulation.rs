//! The stream of orders: looks at those that are open, lets [`choice`] say what happens, and does it through the API.

use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    attributes,
    choice::{self, Action, Dice, MOST_OPEN, Move, OpenOrder, OpenWorkOrder},
    client::{Client, Page, Payload, SUBJECT},
    orders,
};
use crate::app::App;

const TICK: Duration = Duration::from_millis(500);

const LOOK: &str = "query($ids: [ID!]!) { result: nodes(ids: $ids) { ... on Order {
    id phase availableTransitions { event allowed } cancellation { status }
    workOrders { id direction attempts availableTransitions { event allowed } }
} } }";
const FIND: &str = "{ result: orders(first: 100) { nodes { id status createdBy } } }";
const CREATE: &str = "mutation($input: OrderCreateInput!) {
    result: orderCreate(input: $input) { entity: order { id } userErrors { message } }
}";
const MOVE_ORDER: &str = "mutation($input: TransitionInput!) {
    result: orderTransition(input: $input) { userErrors { message } }
}";
const MOVE_WORK_ORDER: &str = "mutation($input: TransitionInput!) {
    result: workOrderTransition(input: $input) { userErrors { message } }
}";

/// The simulation, with the orders that it still has to do with.
pub struct Simulation {
    app: App,
    client: Client,
    dice: Box<Dice<'static>>,
    open: Vec<String>,
    /// Tells orders of this run from those of others.
    run: String,
    created: u64,
}

/// What happened at a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// How many orders came in.
    pub created: usize,
    /// How many events were fired.
    pub moved: usize,
    /// How many actions the API refused, because somebody else was faster.
    pub refused: usize,
    /// How many orders were found to be done with.
    pub done: usize,
    /// How many orders are open.
    pub open: usize,
}

impl Simulation {
    /// A simulation that goes on with the orders that an earlier one on the same database left behind. `dice` gives
    /// numbers from 0 up to, but not, 1.
    pub async fn new(app: App, dice: Box<dyn FnMut() -> f64 + Send>) -> anyhow::Result<Self> {
        let client = Client::new(app.clone());
        attributes::define(&client).await?;
        let found: Page<Listed> = client.ask(FIND, json!({})).await?;
        let left = found.nodes.into_iter().filter(|it| it.created_by == SUBJECT && it.status != "CLOSED");
        let open = left.map(|order| order.id).take(MOST_OPEN).collect();
        let run = app.clock.now().format("%m%d-%H%M%S").to_string();
        Ok(Self { app, client, dice, open, run, created: 0 })
    }

    /// Ticks until `shutdown`.
    pub async fn run(&mut self, shutdown: &CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.tick().await {
                Ok(tick) => tracing::debug!(?tick, "the demo's orders moved"),
                Err(error) => tracing::warn!("the demo could not go on, and tries again: {error:#}"),
            }
        }
    }

    /// Half a second of the simulation.
    pub async fn tick(&mut self) -> anyhow::Result<Tick> {
        let orders = self.look().await?;
        let mut tick = Tick { done: self.open.len() - orders.len(), ..Tick::default() };
        self.open = orders.iter().map(|order| order.id.clone()).collect();
        for action in choice::choose(&orders, &mut *self.dice) {
            match action {
                Action::Create => {
                    self.create().await?;
                    tick.created += 1;
                }
                Action::MoveOrder(change) => self.fire(MOVE_ORDER, change, &mut tick).await?,
                Action::MoveWorkOrder(change) => self.fire(MOVE_WORK_ORDER, change, &mut tick).await?,
            }
        }
        tick.open = self.open.len();
        Ok(tick)
    }

    /// The open orders as they are now.
    async fn look(&self) -> anyhow::Result<Vec<OpenOrder>> {
        if self.open.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<Option<OrderNode>> = self.client.ask(LOOK, json!({"ids": self.open})).await?;
        let orders = found.into_iter().flatten();
        let at_work =
            orders.filter(|it| it.phase != "SETTLED" || it.available_transitions.iter().any(|it| it.allowed));
        Ok(at_work.map(Into::into).collect())
    }

    async fn create(&mut self) -> anyhow::Result<()> {
        self.created += 1;
        let reference = format!("DEMO-{}-{:04}", self.run, self.created);
        let input = orders::make_up(&reference, self.app.clock.now(), &mut *self.dice)?;
        let created = self.client.create(CREATE, json!({"input": input})).await;
        self.open.push(created.context("cannot create a made-up order")?);
        Ok(())
    }

    async fn fire(&self, document: &str, change: Move, tick: &mut Tick) -> anyhow::Result<()> {
        let Move { id, event, reason } = change;
        let (reason_code, note) = reason.unzip();
        let input = json!({"id": id, "event": event, "reasonCode": reason_code, "note": note});
        let payload: Payload = self.client.ask(document, json!({"input": input})).await?;
        match payload.refusal() {
            // A visitor of the demo, or a plugin, was faster.
            Some(message) => {
                tracing::debug!("{event} on {id}: {message}");
                tick.refused += 1;
            }
            None => tick.moved += 1,
        }
        Ok(())
    }
}

/// An order in a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    status: String,
    created_by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderNode {
    id: String,
    phase: String,
    available_transitions: Vec<Transition>,
    cancellation: Option<IgnoredAny>,
    work_orders: Vec<WorkOrderNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkOrderNode {
    id: String,
    direction: String,
    attempts: i64,
    available_transitions: Vec<Transition>,
}

#[derive(Deserialize)]
struct Transition {
    event: String,
    allowed: bool,
}

impl From<OrderNode> for OpenOrder {
    fn from(node: OrderNode) -> Self {
        Self {
            id: node.id,
            events: allowed(node.available_transitions),
            is_cancelled: node.cancellation.is_some(),
            work_orders: node.work_orders.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<WorkOrderNode> for OpenWorkOrder {
    fn from(node: WorkOrderNode) -> Self {
        Self {
            id: node.id,
            events: allowed(node.available_transitions),
            is_return: node.direction == "RETURN",
            attempts: node.attempts,
        }
    }
}

fn allowed(transitions: Vec<Transition>) -> Vec<String> {
    transitions.into_iter().filter(|it| it.allowed).map(|it| it.event).collect()
}
