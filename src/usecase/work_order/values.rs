//! A work order's values, between the row's documents and the domain.

use entity::work_order;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::{
        order::NewWorkOrder,
        value::{Document, Stop},
    },
    fault::Fault,
    store::contact::Contacts,
};

/// The values of a row.
pub fn read(contacts: &Contacts, row: &work_order::Model) -> Result<NewWorkOrder, Fault> {
    let stop = |kept: Option<&str>| kept.map(|kept| contacts.open_stop(row.order_id, kept)).transpose();
    Ok(NewWorkOrder {
        kind: row.kind.into(),
        description: row.description.clone(),
        pickup: stop(row.pickup.as_deref())?,
        delivery: parsed(row.delivery.as_deref())?,
        return_to: stop(row.return_to.as_deref())?,
        containers: serde_json::from_str(&row.containers)?,
        pickup_quality_checks: serde_json::from_str(&row.pickup_quality_checks)?,
        collect_on_pickup: parsed(row.collect_on_pickup.as_deref())?,
        collect_on_delivery: parsed(row.collect_on_delivery.as_deref())?,
        custom_attributes: Document::from_text(&row.custom_attributes)?,
    })
}

/// Puts values into a row.
pub fn write(contacts: &Contacts, row: &mut work_order::Model, values: NewWorkOrder) -> Result<(), Fault> {
    let order = row.order_id;
    let stop = |stop: Option<&Stop>| stop.map(|stop| contacts.seal_stop(order, stop)).transpose();
    row.kind = values.kind.into();
    row.description = values.description;
    row.pickup = stop(values.pickup.as_ref())?;
    row.delivery = document(values.delivery.as_ref())?;
    row.return_to = stop(values.return_to.as_ref())?;
    row.containers = serde_json::to_string(&values.containers)?;
    row.pickup_quality_checks = serde_json::to_string(&values.pickup_quality_checks)?;
    row.collect_on_pickup = document(values.collect_on_pickup.as_ref())?;
    row.collect_on_delivery = document(values.collect_on_delivery.as_ref())?;
    values.custom_attributes.as_str().clone_into(&mut row.custom_attributes);
    Ok(())
}

fn parsed<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, serde_json::Error> {
    text.map(serde_json::from_str).transpose()
}

fn document<T: Serialize>(value: Option<&T>) -> Result<Option<String>, serde_json::Error> {
    value.map(serde_json::to_string).transpose()
}
