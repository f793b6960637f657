//! Contacts, as the caller may see them.

use async_graphql::{Context, Result};
use entity::{order, work_order};

use super::context::ContextExt;
use crate::{
    access::Scope,
    domain::value::{Contact, Stop},
};

/// The consignee of an order.
pub fn consignee(ctx: &Context<'_>, order: &order::Model) -> Result<Contact> {
    let contact = ctx.app()?.contacts.open(order.id, &order.consignee);
    seen(ctx, contact.map_err(|fault| ctx.fault(fault))?)
}

/// A stop of a work order, as its row keeps it.
pub fn stop(ctx: &Context<'_>, work_order: &work_order::Model, kept: &str) -> Result<Stop> {
    let stop = ctx.app()?.contacts.open_stop(work_order.order_id, kept);
    let stop = stop.map_err(|fault| ctx.fault(fault))?;
    let contact = stop.contact.map(|contact| seen(ctx, contact)).transpose()?;
    Ok(Stop { contact, ..stop })
}

fn seen(ctx: &Context<'_>, contact: Contact) -> Result<Contact> {
    Ok(if ctx.caller()?.may(Scope::PiiRead) { contact } else { contact.masked() })
}
