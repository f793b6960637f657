//! Carries out a plugin's patch: what it may set, it sets as a caller would, whatever others changed meanwhile in other
//! fields.

use entity::{event, id::WorkOrderId, plugin_run, stored::PluginTrigger};
use serde_json::{Map, Value};

use crate::{
    domain::{
        attribute::Owner,
        lifecycle::Phase,
        order::{Patched, PatchedWorkOrder, edit, edit_work_order},
        plugin::{WORK_ORDERS, find_nul, read_order_patch, read_work_order_patch},
        problem::{Found, Path, Problem, Problems},
        value::{BoundedText, Message},
    },
    fault::Fault,
    store,
    usecase::{Error, aggregate::Aggregate, order, work::UnitOfWork, work_order},
};

/// How many problems of a patch are named.
const MAX_PROBLEMS: usize = 20;
/// How many characters of a problem's path are shown: a plugin's own keys stand in it.
const MAX_PATH_CHARS: usize = 200;

/// Why a patch was not carried out; nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is wrong, whoever asks again.
    Invalid(Message),
    /// It sets what somebody else changed after the plugin was asked.
    Stale(Message),
}

/// The problems of a patch in words, as many as are named.
#[derive(Default)]
struct Report(Vec<String>);

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
        return Ok(Err(Unfit::Stale(message.into())));
    }
    if let Some(path) = plan.overlap(run, &since)? {
        let message = format!("{path} was changed after the plugin was asked");
        return Ok(Err(Unfit::Stale(message.into())));
    }
    if let Some(patched) = plan.order {
        order::carry_out_update(work, aggregate, patched).await?;
    }
    for (sequence, _, patched) in plan.work_orders {
        work_order::carry_out_update(work, aggregate, sequence, patched).await?;
    }
    Ok(Ok(()))
}

/// What the patch comes to, or its problems in words.
fn plan(
    work: &UnitOfWork<'_>,
    aggregate: &Aggregate,
    run: &plugin_run::Model,
    patch: &Map<String, Value>,
) -> Result<Result<Plan, Message>, Error> {
    // At intake a plugin may set what a caller may set while the order is PENDING.
    let at_intake = run.trigger == PluginTrigger::OrderInitiated;
    let at = Path::root().field("patch");
    let mut report = Report::default();
    if let Some(place) = find_nul(patch, &at) {
        report.add(
            &Problem::invalid(&place, "it contains a NUL character; any other Unicode text is fine"),
            "",
        );
        return Ok(Err(report.into_message()));
    }
    let mut current = order::current(&work.app.contacts, &aggregate.order)?;
    if at_intake {
        current.phase = Phase::Pending;
    }
    let mut found = Found::new();
    let order_patch = read_order_patch(patch, &current, &at, &mut found);
    let is_readable = report.absorb(found.or(Some(())), "").is_some();
    let order = is_readable.then(|| edit(current, order_patch, work.definitions.of(Owner::Order).rules()));
    let order = order.and_then(|edited| report.absorb(edited, "patch."));

    let mut work_orders = Vec::new();
    let at = at.field(WORK_ORDERS);
    for (id, patch) in members(patch, &at, &mut report) {
        if report.is_full() {
            break;
        }
        let at = at.field(id);
        let row = aggregate.work_orders.iter().find(|row| row.id.to_string() == *id);
        let (Some(row), Some(patch)) = (row, patch.as_object()) else {
            report.add(&Problem::invalid(&at, "the order has no such work order, or this is no object"), "");
            continue;
        };
        let values = work_order::values(&work.app.contacts, row)?;
        let mut found = Found::new();
        let read = read_work_order_patch(patch, &values, &at, &mut found);
        if report.absorb(found.or(Some(())), "").is_none() {
            continue;
        }
        let rules = work.definitions.of(Owner::WorkOrder).rules();
        let edited = edit_work_order(row.phase.into(), row.direction.into(), values, read, rules);
        if let Some(patched) = report.absorb(edited, &format!("{at}.")) {
            work_orders.push((row.sequence, row.id, patched));
        }
    }
    work_orders.sort_by_key(|(sequence, ..)| *sequence);
    Ok(if report.0.is_empty() { Ok(Plan { order, work_orders }) } else { Err(report.into_message()) })
}

fn members<'a>(
    patch: &'a Map<String, Value>,
    at: &Path,
    report: &mut Report,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    let work_orders = patch.get(WORK_ORDERS);
    let members = work_orders.and_then(Value::as_object);
    if work_orders.is_some() && members.is_none() {
        report.add(&Problem::invalid(at, "it must be an object of work orders by their ids"), "");
    }
    members.into_iter().flatten()
}

impl Report {
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_PROBLEMS
    }

    /// Names a problem at a path below `before`, unless enough are named.
    fn add(&mut self, problem: &Problem, before: &str) {
        if !self.is_full() {
            let path = BoundedText::<MAX_PATH_CHARS>::from(format!("{before}{}", problem.path));
            self.0.push(format!("{path}: {}", problem.message));
        }
    }

    /// Names what was refused, and gives the value where nothing was.
    fn absorb<T>(&mut self, result: Result<Option<T>, Problems>, before: &str) -> Option<T> {
        let refused = match result {
            Ok(value) => return value,
            Err(refused) => refused,
        };
        for problem in refused.as_slice() {
            self.add(problem, before);
        }
        None
    }

    fn into_message(self) -> Message {
        self.0.join("; ").into()
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
