//! Changes the fields of an order.

use entity::{id::OrderId, order};

use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::{
        attribute::{ChangedAttribute, Owner},
        order::{Current, OrderPatch, Patched, edit},
        value::Document,
    },
    events::{Fact, Reason},
    fault::Fault,
    store::{self, contact::Contacts},
    usecase::{
        Error, OrderDone, aggregate::Aggregate, attribute::write_changed, idempotency::Key,
        order::phone_entry, work::UnitOfWork,
    },
};

/// What a caller wants to change.
#[derive(Clone, Debug)]
pub struct Update {
    /// The order.
    pub id: OrderId,
    /// Nothing happens unless the order is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
    /// The changes.
    pub patch: OrderPatch,
}

/// Changes the fields of an order. An update that changes nothing adds no version and no event.
pub async fn update(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Update,
) -> Result<OrderDone, Error> {
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, command.id, "id").await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(OrderId));
    }
    aggregate.expect_order_version("expectedVersion", command.expected_version)?;
    let rules = work.definitions.of(Owner::Order).rules();
    if let Some(patched) = edit(current(&app.contacts, &aggregate.order)?, command.patch, rules)? {
        carry_out_update(&mut work, &mut aggregate, patched).await?;
        aggregate.save(&work).await?;
    }
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(OrderId))
}

/// Gives an order its new values, and records that.
pub async fn carry_out_update(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    patched: Patched,
) -> Result<(), Error> {
    let changes = patched.changes.clone();
    let phone = phone_entry(&work.app.keyring, &work.caller.tenant, aggregate.order.id, &patched.consignee);
    store::list_entry::put(&work.db(), &[phone]).await.map_err(Fault::from)?;
    let attributes = set(&work.app.contacts, &mut aggregate.order, patched)?;
    write_changed(work, Owner::Order, aggregate.order.id.0, &attributes).await?;
    aggregate.touch_order(&work.recorder, work.now);
    let subject = aggregate.order_subject();
    work.recorder.record(subject, Fact::OrderUpdated { changes }, Reason::default());
    Ok(())
}

/// What of an order can be changed, as it stands.
pub fn current(contacts: &Contacts, order: &order::Model) -> Result<Current, Fault> {
    Ok(Current {
        phase: order.phase.into(),
        client_name: order.client_name.clone(),
        kind: order.kind.clone(),
        domain: order.domain.clone(),
        batch_id: order.batch_id.clone(),
        consignee: contacts.open(order.id, &order.consignee)?,
        destination: serde_json::from_str(&order.destination)?,
        summary: order.summary.as_deref().map(serde_json::from_str).transpose()?,
        custom_attributes: Document::from_text(&order.custom_attributes)?,
    })
}

/// Writes the new values into the row, and gives the attributes that changed.
fn set(
    contacts: &Contacts,
    order: &mut order::Model,
    patched: Patched,
) -> Result<Vec<ChangedAttribute>, Fault> {
    order.client_name = patched.client_name;
    order.kind = patched.kind;
    order.domain = patched.domain;
    order.batch_id = patched.batch_id;
    order.consignee = contacts.seal(order.id, &patched.consignee)?;
    order.destination = serde_json::to_string(&patched.destination)?;
    order.summary = patched.summary.as_ref().map(serde_json::to_string).transpose()?;
    patched.custom_attributes.as_str().clone_into(&mut order.custom_attributes);
    Ok(patched.changed_attributes)
}
