//! Carries out a plugin's patch: what it may set, it sets as a caller would, whatever others changed meanwhile in other
//! fields.

use entity::{event, id::WorkOrderId, plugin_run, stored::PluginTrigger};
use serde_json::{Map, Value};

use crate::{
    domain::{
        attribute::Owner,
        lifecycle::Phase,
        order::{Patched, PatchedWorkOrder, edit, edit_work_order},
        plugin::{WORK_ORDERS, read_order_patch, read_work_order_patch},
        problem::{Found, Path, Problems},
    },
    fault::Fault,
    store,
    usecase::{Error, aggregate::Aggregate, order, work::UnitOfWork, work_order},
};

/// How many problems of a patch are told.
const PROBLEMS_AT_MOST: usize = 20;

/// Why a patch was not carried out; nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is wrong, whoever asks again.
    Invalid(String),
    /// It sets what somebody else changed after the plugin was asked.
    Stale(String),
}

/// What a patch comes to.
struct Plan {
    order: Option<Patched>,
    work_orders: Vec<(i32, WorkOrderId, PatchedWorkOrder)>,
}

/// Carries out the patch of a plugin that knows the order as it was when the log was at `seen`: all of it, or nothing.
pub(super) async fn enrich(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    run: &plugin_run::Model,
    patch: &Map<String, Value>,
    seen: i64,
) -> Result<Result<(), Unfit>, Error> {
    let plan = match plan(work, aggregate, run, patch)? {
        Ok(plan) => plan,
        Err(problems) => return Ok(Err(Unfit::Invalid(problems))),
    };
    let since = store::event::updates_after(&work.db(), aggregate.order.id, seen).await?;
    // Read after the events: what is removed is said to be before it is.
    if store::event::bounds(&work.db()).await?.expired > seen {
        let message = "what was changed after the plugin was asked is not kept any more";
        return Ok(Err(Unfit::Stale(message.to_owned())));
    }
    if let Some(path) = plan.overlap(run, &since)? {
        let message = format!("{path} was changed after the plugin was asked");
        return Ok(Err(Unfit::Stale(message)));
    }
    if let Some(patched) = plan.order {
        order::carry_out_update(work, aggregate, patched).await?;
    }
    for (sequence, _, patched) in plan.work_orders {
        work_order::carry_out_update(work, aggregate, sequence, patched).await?;
    }
    Ok(Ok(()))
}

/// What the patch comes to, or every problem of it in words.
fn plan(
    work: &UnitOfWork<'_>,
    aggregate: &Aggregate,
    run: &plugin_run::Model,
    patch: &Map<String, Value>,
) -> Result<Result<Plan, String>, Error> {
    // At intake a plugin may set what a caller may set while the order is PENDING.
    let at_intake = run.trigger == PluginTrigger::OrderInitiated;
    let at = Path::root().field("patch");
    let mut problems = Vec::new();
    let mut current = order::current(&work.app.contacts, &aggregate.order)?;
    if at_intake {
        current.phase = Phase::Pending;
    }
    let mut found = Found::new();
    let order_patch = read_order_patch(patch, &current, &at, &mut found);
    let order = take(found, &mut problems, "")
        .then(|| edit(current, order_patch, work.definitions.of(Owner::Order).rules()));
    let order = order.and_then(|edited| absorb(edited, &mut problems, "patch."));

    let mut work_orders = Vec::new();
    let at = at.field(WORK_ORDERS);
    for (id, patch) in members(patch, &at, &mut problems) {
        let at = at.field(id);
        let row = aggregate.work_orders.iter().find(|row| row.id.to_string() == *id);
        let (Some(row), Some(patch)) = (row, patch.as_object()) else {
            problems.push(format!("{at}: the order has no such work order, or this is no object"));
            continue;
        };
        let values = work_order::values(&work.app.contacts, row)?;
        let mut found = Found::new();
        let read = read_work_order_patch(patch, &values, &at, &mut found);
        if !take(found, &mut problems, "") {
            continue;
        }
        let rules = work.definitions.of(Owner::WorkOrder).rules();
        let edited = edit_work_order(row.phase.into(), row.direction.into(), values, read, rules);
        if let Some(patched) = absorb(edited, &mut problems, &format!("{at}.")) {
            work_orders.push((row.sequence, row.id, patched));
        }
    }
    work_orders.sort_by_key(|(sequence, ..)| *sequence);
    if problems.is_empty() {
        return Ok(Ok(Plan { order, work_orders }));
    }
    problems.truncate(PROBLEMS_AT_MOST);
    Ok(Err(problems.join("; ")))
}

fn members<'a>(
    patch: &'a Map<String, Value>,
    at: &Path,
    problems: &mut Vec<String>,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    let work_orders = patch.get(WORK_ORDERS);
    let members = work_orders.and_then(Value::as_object);
    if work_orders.is_some() && members.is_none() {
        problems.push(format!("{at}: it must be an object of work orders by their ids"));
    }
    members.into_iter().flatten()
}

/// Puts what was found into words, and says whether it was nothing.
fn take(found: Found, problems: &mut Vec<String>, before: &str) -> bool {
    absorb(found.or(Some(())), problems, before).is_some()
}

fn absorb<T>(result: Result<Option<T>, Problems>, problems: &mut Vec<String>, before: &str) -> Option<T> {
    match result {
        Ok(value) => value,
        Err(refused) => {
            let line = |problem: &crate::domain::problem::Problem| {
                format!("{before}{}: {}", problem.path, problem.message)
            };
            problems.extend(refused.as_slice().iter().map(line));
            None
        }
    }
}

impl Plan {
    /// The first field that it sets and that an event of somebody else's changed.
    fn overlap(&self, run: &plugin_run::Model, since: &[event::Model]) -> Result<Option<String>, Fault> {
        let own = self.order.iter().map(|patched| (None, &patched.changes));
        let theirs = self.work_orders.iter().map(|(_, id, patched)| (Some(*id), &patched.changes));
        let planned: Vec<_> = own.chain(theirs).collect();
        for event in since.iter().filter(|event| event.plugin_run_id != Some(run.id)) {
            let changes: Value = serde_json::from_str(event.changes.as_deref().unwrap_or("null"))?;
            let planned = planned.iter().filter(|(of, _)| *of == event.work_order_id);
            for path in planned.filter_map(|(_, planned)| planned.as_object()).flat_map(Map::keys) {
                if changes.get(path).is_some() {
                    let of = event.work_order_id.map(|id| format!("{WORK_ORDERS}.{id}.")).unwrap_or_default();
                    return Ok(Some(format!("{of}{path}")));
                }
            }
        }
        Ok(None)
    }
}
