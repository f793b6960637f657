//! Seals with the first data key what was sealed with another one, or not at all. Nothing else of a row changes, so no
//! version moves and no event is recorded.

use entity::{
    id::{OrderId, PluginId},
    order, plugin, work_order,
};

use super::{
    Error,
    order::phone_entry,
    plugin::{StoredHttp, plugin_secret_context, sealed_header_context},
    webhook::secret_context,
    work::UnitOfWork,
};
use crate::{access::Caller, app::App, fault::Fault, secret::NONCE_LENGTH, store};

/// How many orders a transaction goes through.
const ORDERS_PER_STEP: u64 = 100;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The last order that was gone through; none where there are no more.
    pub last: Option<OrderId>,
    /// How many orders were gone through.
    pub orders: usize,
    /// How many texts were sealed anew.
    pub sealed: usize,
}

/// Goes through the next orders after `after`, with their work orders, in one short transaction.
pub async fn orders(app: &App, caller: &Caller, after: Option<OrderId>) -> Result<Step, Error> {
    let work = UnitOfWork::begin(app, caller).await?;
    let mut orders = store::order::lock_after(&work.db(), after, ORDERS_PER_STEP).await?;
    let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
    let mut step = Step { last: ids.last().copied(), orders: ids.len(), sealed: 0 };
    if ids.is_empty() {
        return Ok(step);
    }
    let mut phones = Vec::with_capacity(orders.len());
    for order in &mut orders {
        if renew_order(app, order)? {
            store::order::save(&work.db(), order).await?;
            step.sealed += 1;
        }
        // The number is found by a digest that is made with the key as well. Orders from before there was such a
        // search have none, though nothing of them may be to be sealed anew.
        let consignee = app.contacts.open(order.id, &order.consignee)?;
        phones.push(phone_entry(&app.keyring, &caller.tenant, order.id, &consignee));
    }
    store::list_entry::put(&work.db(), &phones).await?;
    for work_order in &mut store::work_order::of_orders(&work.db(), &ids).await? {
        let renewed = renew_work_order(app, work_order)?;
        if renewed > 0 {
            store::work_order::save(&work.db(), work_order).await?;
            step.sealed += renewed;
        }
    }
    work.commit().await?;
    Ok(step)
}

/// Goes through the secrets of the tenant's plugins and webhook endpoints, of which there are few; gives how many were
/// sealed anew.
pub async fn secrets(app: &App, caller: &Caller) -> Result<usize, Error> {
    let work = UnitOfWork::begin(app, caller).await?;
    let db = work.db();
    let mut sealed = 0;
    for plugin in &mut store::plugin::lock_all(&db).await? {
        let renewed = renew_plugin(app, plugin)?;
        if renewed > 0 {
            store::plugin::save(&db, plugin).await?;
            sealed += renewed;
        }
    }
    for endpoint in store::webhook::all(&db).await? {
        let Some(mut endpoint) = store::webhook::lock(&db, endpoint.id).await? else { continue };
        let context = secret_context(endpoint.id);
        let mut renewed = usize::from(renew(app, &mut endpoint.secret, &context)?);
        if let Some(previous) = &mut endpoint.previous_secret {
            renewed += usize::from(renew(app, previous, &context)?);
        }
        if renewed > 0 {
            store::webhook::save(&db, &endpoint).await?;
            sealed += renewed;
        }
    }
    work.commit().await?;
    Ok(sealed)
}

fn renew_order(app: &App, order: &mut order::Model) -> Result<bool, Fault> {
    let renewed = app.contacts.renew(order.id, &order.consignee)?;
    let is_due = renewed.is_some();
    if let Some(renewed) = renewed {
        order.consignee = renewed;
    }
    Ok(is_due)
}

fn renew_work_order(app: &App, work_order: &mut work_order::Model) -> Result<usize, Fault> {
    let mut sealed = 0;
    for stop in [&mut work_order.pickup, &mut work_order.return_to].into_iter().flatten() {
        if let Some(renewed) = app.contacts.renew_stop(work_order.order_id, stop)? {
            *stop = renewed;
            sealed += 1;
        }
    }
    Ok(sealed)
}

fn renew_plugin(app: &App, plugin: &mut plugin::Model) -> Result<usize, Fault> {
    let context = plugin_secret_context(plugin.id);
    let mut sealed = usize::from(renew(app, &mut plugin.secret, &context)?);
    if let Some(previous) = &mut plugin.previous_secret {
        sealed += usize::from(renew(app, previous, &context)?);
    }
    if let Some(http) = &mut plugin.http {
        let mut stored: StoredHttp = serde_json::from_str(http)?;
        let renewed = renew_headers(app, plugin.id, &mut stored)?;
        if renewed > 0 {
            *http = serde_json::to_string(&stored)?;
            sealed += renewed;
        }
    }
    Ok(sealed)
}

fn renew_headers(app: &App, plugin: PluginId, http: &mut StoredHttp) -> Result<usize, Fault> {
    let mut sealed = 0;
    for header in &mut http.headers {
        let context = sealed_header_context(plugin, &header.name);
        sealed += usize::from(renew(app, &mut header.value, &context)?);
    }
    Ok(sealed)
}

/// Seals a text anew, if it was not sealed with the first key; says whether.
fn renew(app: &App, sealed: &mut String, context: &str) -> Result<bool, Fault> {
    if app.keyring.is_current(sealed) {
        return Ok(false);
    }
    let opened = app.keyring.open(sealed, context).map_err(|error| {
        Fault::broken(format!("a sealed value does not open; is the data key file the right one? {error}"))
    })?;
    let mut nonce = [0; NONCE_LENGTH];
    app.ids.fill(&mut nonce);
    *sealed = app.keyring.seal(&opened, context, nonce);
    Ok(true)
}
