//! Registers orders, one or many in one transaction.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use entity::{
    id::{OrderId, WorkOrderId},
    list_entry, order, work_order,
};
use serde::Serialize;

use crate::{
    access::{Caller, Granted, right::OrdersWrite},
    app::App,
    domain::{
        attribute::Owner,
        lifecycle::{Command, Direction, Lifecycle, Phase},
        order::{NewOrder, check_at},
        problem::{Code, Found, Path, Problem, Problems},
    },
    events::{Cursor, Fact, Reason},
    fault::Fault,
    store::{self, TenantDb, attribute::Definitions},
    trace::Trace,
    usecase::{
        Error, OrderDone,
        aggregate::Aggregate,
        attribute::{NewEntries, admit},
        idempotency::{self, Answer, Kept, Key},
        lifecycle::Lifecycles,
        order::phone_entry,
        work::{Recorder, UnitOfWork},
        work_order::Birth,
    },
};

/// The most bytes of attributes that are held against patterns on a thread that serves: less than a millisecond's work.
const CHECKED_HERE_BYTES: usize = 4 * 1024;

/// One order to be created.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where in the input it stands.
    pub at: Path,
    /// The order.
    pub order: NewOrder,
    /// What was wrong already with what it was read from.
    pub found: Found,
    /// The key under which its answer is kept.
    pub key: Option<Key>,
    /// The trace of whoever asks for it, where others ask in the same call.
    pub trace: Option<Trace>,
}

/// What becomes of the others when one of many orders is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// They are created.
    SkipFailed,
    /// None is created.
    RejectAll,
}

/// An order that was created, now or by an earlier request with the same key.
#[derive(Clone, Debug)]
pub struct Created {
    /// The answer.
    pub done: OrderDone,
    /// The order as it was written; none for a replay, which shows it as it is now.
    pub order: Option<order::Model>,
}

impl Created {
    /// The answer to an earlier request.
    const fn again(answer: Answer) -> Self {
        let id = OrderId(answer.entity_id);
        Self { done: OrderDone { id, cursor: answer.cursor, replay: true }, order: None }
    }
}

/// Registers an order with its work orders: all or nothing.
pub async fn create(app: &App, caller: Granted<'_, OrdersWrite>, item: Item) -> Result<Created, Error> {
    app.together.create(app, caller, Item { trace: caller.trace.clone(), ..item }).await
}

/// Registers many orders in one transaction; the results stand in the order of the items.
pub async fn create_many(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    items: Vec<Item>,
    on_error: OnError,
) -> Result<Vec<Result<Created, Problems>>, Error> {
    let definitions = app.definitions(&caller).await?;
    let traces: Vec<_> = items.iter().map(|item| item.trace.clone()).collect();
    let mut batch = check(app, &caller, items, &definitions).await?;
    batch.repeat_refused(&app.reader(&caller).db()).await?;
    if !batch.may_go_on(on_error) {
        return Ok(batch.reject_all());
    }
    if batch.fresh.is_empty() {
        return batch.finish();
    }
    let lifecycles = app.lifecycles.in_force(&app.reader(&caller)).await?;
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut planned = BTreeMap::new();
    for (index, (order, key)) in std::mem::take(&mut batch.fresh) {
        let recorder = work.fork_within(traces.get(index).cloned().flatten());
        planned.insert(index, (plan(&work, recorder, &lifecycles, order)?, key));
    }
    batch.claim_keys(&work, &mut planned).await?;
    if !batch.may_go_on(on_error) {
        work.roll_back().await?;
        return Ok(batch.reject_all());
    }
    if planned.is_empty() {
        return batch.finish();
    }
    let mut orders = Vec::with_capacity(planned.len());
    let mut work_orders = Vec::new();
    let mut ends = Vec::with_capacity(planned.len());
    let mut phones = Vec::with_capacity(planned.len());
    for (index, (plan, _)) in planned {
        ends.push((index, work.join(plan.recorder)));
        phones.push(plan.phone);
        orders.push(plan.aggregate.order);
        work_orders.extend(plan.aggregate.work_orders);
    }
    store::order::insert(&work.db(), &orders).await?;
    store::work_order::insert(&work.db(), &work_orders).await?;
    let mut entries = entries(&definitions, &orders, &work_orders)?;
    entries.extend(phones);
    entries.write(&work).await?;
    let committed = work.commit().await?;
    for ((index, end), order) in ends.into_iter().zip(orders) {
        let end = i64::try_from(end).map_err(|_| Fault::broken("too many events"))?;
        let cursor = Cursor(committed.first.0 + end - 1);
        let done = OrderDone { id: order.id, cursor, replay: false };
        batch.results.insert(index, Ok(Created { done, order: Some(order) }));
    }
    batch.finish()
}

/// Checks the items of a call. Where long texts are held against patterns, that takes too long for a thread that serves.
async fn check(
    app: &App,
    caller: &Caller,
    items: Vec<Item>,
    definitions: &Arc<Definitions>,
) -> Result<Batch, Fault> {
    let attributes = items.iter().map(|item| {
        let of_work_orders = item.order.work_orders.iter().map(|it| it.custom_attributes.as_str().len());
        item.order.custom_attributes.as_str().len() + of_work_orders.sum::<usize>()
    });
    if attributes.sum::<usize>() <= CHECKED_HERE_BYTES || definitions.patterns().next().is_none() {
        return Ok(Batch::check(items, definitions));
    }
    let definitions = Arc::clone(definitions);
    app.compute.run(&caller.tenant, move || Batch::check(items, &definitions)).await
}

/// The entries of new orders and their work orders in lists.
fn entries(
    definitions: &Definitions,
    orders: &[order::Model],
    work_orders: &[work_order::Model],
) -> Result<NewEntries, Fault> {
    let mut entries = NewEntries::default();
    for order in orders {
        let id = (order.tenant_id.as_str(), order.id.0);
        entries.add(definitions, Owner::Order, id, &order.custom_attributes)?;
    }
    for work_order in work_orders {
        let id = (work_order.tenant_id.as_str(), work_order.id.0);
        entries.add(definitions, Owner::WorkOrder, id, &work_order.custom_attributes)?;
    }
    Ok(entries)
}

/// An order that is decided on, but not written.
struct Plan {
    aggregate: Aggregate,
    recorder: Recorder,
    /// By which it is found by its consignee's phone number.
    phone: list_entry::Model,
}

/// A call's items on their way to results.
struct Batch {
    len: usize,
    paths: Vec<Path>,
    fresh: BTreeMap<usize, (NewOrder, Option<Key>)>,
    results: BTreeMap<usize, Result<Created, Problems>>,
    /// Keys of items that were refused.
    refused: Vec<(usize, Key)>,
    /// Items that repeat an earlier one of the same call, key and all.
    repeats: Vec<(usize, usize)>,
}

impl Batch {
    fn check(items: Vec<Item>, definitions: &Definitions) -> Self {
        let mut batch = Self {
            len: items.len(),
            paths: items.iter().map(|item| item.at.clone()).collect(),
            fresh: BTreeMap::new(),
            results: BTreeMap::new(),
            refused: Vec::new(),
            repeats: Vec::new(),
        };
        let mut first_uses: HashMap<String, (usize, Key)> = HashMap::new();
        for (index, Item { at, mut order, mut found, key, .. }) in items.into_iter().enumerate() {
            // What could not be read is not missed as well.
            let is_read = found.is_empty();
            check_at(&order, &at, &mut found);
            if is_read {
                admit(definitions, &mut order, &at, &mut found);
            }
            let order = match found.or(order) {
                Ok(order) => order,
                Err(problems) => {
                    batch.results.insert(index, Err(problems));
                    batch.refused.extend(key.map(|key| (index, key)));
                    continue;
                }
            };
            if let Some(key) = &key {
                match first_uses.get(&key.key) {
                    Some((first, same)) if same == key => {
                        batch.repeats.push((index, *first));
                        continue;
                    }
                    Some(_) => {
                        batch.results.insert(index, Err(idempotency::mismatch(&at).into()));
                        continue;
                    }
                    None => {
                        first_uses.insert(key.key.clone(), (index, key.clone()));
                    }
                }
            }
            batch.fresh.insert(index, (order, key));
        }
        batch
    }

    /// Answers refused items as they were answered before, where they were; see [`Key::kept`].
    async fn repeat_refused(&mut self, db: &TenantDb<'_>) -> Result<(), Fault> {
        let refused = std::mem::take(&mut self.refused);
        if refused.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = refused.iter().map(|(_, key)| key.key.clone()).collect();
        let kept = Kept::load(db, &keys).await?;
        for (index, key) in refused {
            // A key that was used with another input does not make a refusal another one.
            if let Ok(Some(answer)) = kept.answer(&key, &Path::root()) {
                self.results.insert(index, Ok(Created::again(answer)));
            }
        }
        Ok(())
    }

    fn may_go_on(&self, on_error: OnError) -> bool {
        on_error == OnError::SkipFailed || self.results.values().all(Result::is_ok)
    }

    /// Keeps the answers of planned orders; those whose key is taken are answered from it instead.
    async fn claim_keys(
        &mut self,
        work: &UnitOfWork<'_>,
        planned: &mut BTreeMap<usize, (Plan, Option<Key>)>,
    ) -> Result<(), Error> {
        let mut answers: Vec<_> = planned
            .values()
            .filter_map(|(plan, key)| {
                let id = plan.aggregate.order.id;
                Some(key.as_ref()?.answer(work, id.0, plan.recorder.last_event()))
            })
            .collect();
        if answers.is_empty() {
            return Ok(());
        }
        answers.sort_by(|a, b| a.key.cmp(&b.key));
        let db = work.db();
        let kept: HashSet<String> = store::idempotency::keep(&db, &answers).await?.into_iter().collect();
        let taken: Vec<String> =
            answers.into_iter().map(|answer| answer.key).filter(|key| !kept.contains(key)).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let standing = Kept::load(&db, &taken).await?;
        let indexes: Vec<usize> = planned.keys().copied().collect();
        for index in indexes {
            let Some((_, Some(key))) = planned.get(&index) else { continue };
            if kept.contains(&key.key) {
                continue;
            }
            let at = self.paths.get(index).cloned().unwrap_or_default();
            let result = match standing.answer(key, &at) {
                Ok(answer) => Ok(Created::again(answer.ok_or_else(idempotency::vanished)?)),
                Err(problem) => Err(problem.into()),
            };
            self.results.insert(index, result);
            planned.remove(&index);
        }
        Ok(())
    }

    /// Answers items that were not refused themselves when another one was.
    fn reject_all(mut self) -> Vec<Result<Created, Problems>> {
        for index in 0..self.len {
            let at = self.paths.get(index).cloned().unwrap_or_default();
            if !matches!(self.results.get(&index), Some(Err(_))) {
                let problem = Problem::new(
                    Code::Conflict,
                    &at,
                    "not created, because another order of the same call was refused",
                );
                self.results.insert(index, Err(problem.into()));
            }
        }
        self.results.into_values().collect()
    }

    fn finish(mut self) -> Result<Vec<Result<Created, Problems>>, Error> {
        for (index, first) in std::mem::take(&mut self.repeats) {
            let result = self.results.get(&first).cloned();
            let result = result.ok_or_else(|| Fault::broken("an item of a batch has no result"))?;
            let repeated = result.map(|created| Created {
                done: OrderDone { replay: true, ..created.done },
                order: created.order,
            });
            self.results.insert(index, repeated);
        }
        if self.results.len() == self.len {
            Ok(self.results.into_values().collect())
        } else {
            Err(Fault::broken("an item of a batch has no result").into())
        }
    }
}

/// Decides on a new order: it is born INITIATED, and where no plugin workflow gates it, VALIDATEd at once.
fn plan(
    work: &UnitOfWork<'_>,
    mut recorder: Recorder,
    lifecycles: &Lifecycles,
    order: NewOrder,
) -> Result<Plan, Error> {
    let consignee = order.consignee.clone();
    let (order_row, work_order_rows) = rows(work, lifecycles, order)?;
    let mut aggregate = Aggregate::new(order_row, work_order_rows, lifecycles.clone());
    let born = Fact::OrderCreated { to: aggregate.order.status.clone() };
    let gates = recorder.record(aggregate.order_subject(), born, Reason::default());
    for work_order in &aggregate.work_orders {
        let fact = Fact::WorkOrderCreated { to: work_order.status.clone() };
        let subject = aggregate.work_order_subject(work_order.id, work_order.version);
        recorder.record(subject, fact, Reason::default());
    }
    if gates == 0 {
        aggregate.decide(&mut recorder, &work.app.ids, work.now, &Command::Validate, &Reason::default())?;
    }
    let phone = phone_entry(&work.app.keyring, &work.caller.tenant, aggregate.order.id, &consignee);
    Ok(Plan { aggregate, recorder, phone })
}

fn rows(
    work: &UnitOfWork<'_>,
    lifecycles: &Lifecycles,
    new: NewOrder,
) -> Result<(order::Model, Vec<work_order::Model>), Fault> {
    let lifecycle = &lifecycles.order;
    let id = OrderId(work.app.ids.uuid());
    let tenant_id = work.caller.tenant.to_string();
    let actor = work.caller.subject.to_string();
    let order = order::Model {
        tenant_id: tenant_id.clone(),
        id,
        client_id: new.client_id,
        client_order_id: new.client_order_id,
        client_name: new.client_name,
        kind: new.kind,
        domain: new.domain,
        batch_id: new.batch_id,
        ready_to_process: new.ready_to_process,
        flow: new.flow.into(),
        consignee: work.app.contacts.seal(id, &new.consignee)?,
        destination: serde_json::to_string(&new.destination)?,
        summary: document(new.summary.as_ref())?,
        custom_attributes: new.custom_attributes.as_str().to_owned(),
        status: lifecycle.initial.clone(),
        phase: initial_phase(lifecycle).into(),
        outcome: None,
        cancellation: None,
        lifecycle_version: lifecycle.version,
        version: 1,
        created_at: work.now,
        created_by: actor.clone(),
        updated_at: work.now,
        updated_by: actor.clone(),
    };
    let work_orders = (1..)
        .zip(new.work_orders)
        .map(|(sequence, new)| {
            let birth = Birth {
                order: &order,
                sequence,
                direction: Direction::Forward,
                return_of: None,
                lifecycle: &lifecycles.work_order,
                now: work.now,
                actor: &order.created_by,
            };
            birth.with(&work.app.contacts, WorkOrderId(work.app.ids.uuid()), new)
        })
        .collect::<Result<_, _>>()?;
    Ok((order, work_orders))
}

fn initial_phase(lifecycle: &Lifecycle) -> Phase {
    lifecycle.state(&lifecycle.initial).map_or(Phase::Pending, |state| state.phase)
}

fn document<T: Serialize>(value: Option<&T>) -> Result<Option<String>, serde_json::Error> {
    value.map(serde_json::to_string).transpose()
}
