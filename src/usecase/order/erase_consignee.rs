//! Erases a consignee's data from an order and its history.

use entity::{id::OrderId, work_order};
use serde_json::json;

use crate::{
    access::{
        Granted,
        right::{OrdersWrite, PiiRead},
    },
    app::App,
    domain::{
        order::{Cancellation, ERASED, Erased},
        value::Contact,
    },
    events::{Fact, Reason},
    fault::Fault,
    store::{self, contact::Contacts},
    usecase::{
        Error, OrderDone, aggregate::Aggregate, idempotency::Key, order::phone_entry, work::UnitOfWork,
    },
};

/// The order whose consignee's data is to be erased.
#[derive(Clone, Debug)]
pub struct EraseConsignee {
    /// The order.
    pub id: OrderId,
    /// Nothing happens unless the order is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
}

/// Erases who an order is for, in whatever state it is: the consignee, contacts of its stops who are the same person,
/// notes that name them, and what plugins answered about the order. The order stays, and says that it was changed. Asked
/// again, it changes nothing.
pub async fn erase_consignee(
    app: &App,
    caller: Granted<'_, (OrdersWrite, PiiRead)>,
    command: EraseConsignee,
) -> Result<OrderDone, Error> {
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, command.id, "id").await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(OrderId));
    }
    aggregate.expect_order_version("expectedVersion", command.expected_version)?;
    let consignee = app.contacts.open(command.id, &aggregate.order.consignee)?;
    if consignee != Erased::nobody() {
        erase_history(&work, command.id, &consignee).await?;
        erase_note(&mut aggregate, &consignee)?;
        for work_order in &aggregate.work_orders {
            if let Some(changed) = without(&app.contacts, work_order, &consignee)? {
                store::work_order::save(&work.db(), &changed).await?;
            }
        }
        aggregate.order.consignee = app.contacts.seal(command.id, &Erased::nobody())?;
        let phone = phone_entry(&app.keyring, &caller.tenant, command.id, &Erased::nobody());
        store::list_entry::put(&work.db(), &[phone]).await?;
        aggregate.touch_order(&work.recorder, work.now);
        // As with any new consignee, neither side is shown.
        let changes = json!({"consignee": {"from": "***", "to": "***"}});
        let subject = aggregate.order_subject();
        work.recorder.record(subject, Fact::OrderUpdated { changes }, Reason::default());
        store::order::save(&work.db(), &aggregate.order).await?;
    }
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(OrderId))
}

/// The work order without the consignee at its stops, if they are there. Its version stays: it is the order that changes.
fn without(
    contacts: &Contacts,
    row: &work_order::Model,
    consignee: &Contact,
) -> Result<Option<work_order::Model>, Fault> {
    let mut changed = row.clone();
    let mut found = false;
    for kept in [&mut changed.pickup, &mut changed.return_to].into_iter().flatten() {
        let mut stop = contacts.open_stop(row.order_id, kept)?;
        if stop.contact.as_ref().is_some_and(|contact| Erased(consignee).is(contact)) {
            stop.contact = Some(Erased::nobody());
            *kept = contacts.seal_stop(row.order_id, &stop)?;
            found = true;
        }
    }
    Ok(found.then_some(changed))
}

/// Notes of events, and what plugins answered word by word.
async fn erase_history(work: &UnitOfWork<'_>, order: OrderId, consignee: &Contact) -> Result<(), Fault> {
    let db = work.db();
    for event in store::event::with_notes(&db, order).await? {
        if event.note.as_deref().is_some_and(|note| Erased(consignee).is_named_in(note)) {
            store::event::replace_note(&db, event.position, ERASED).await?;
        }
    }
    store::plugin_run::forget_answers(&db, order).await?;
    Ok(())
}

fn erase_note(aggregate: &mut Aggregate, consignee: &Contact) -> Result<(), Fault> {
    let Some(text) = &aggregate.order.cancellation else { return Ok(()) };
    let mut cancellation: Cancellation = serde_json::from_str(text)?;
    if cancellation.note.as_deref().is_some_and(|note| Erased(consignee).is_named_in(note)) {
        cancellation.note = Some(ERASED.to_owned());
        aggregate.order.cancellation = Some(serde_json::to_string(&cancellation)?);
    }
    Ok(())
}
