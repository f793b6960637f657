//! Contacts, as the caller may see them.

use async_graphql::{Context, Result};
use entity::order;

use super::{context::ContextExt, order::parse_document};
use crate::{
    access::Scope,
    domain::value::{Contact, Stop},
};

/// The consignee of an order.
pub fn consignee(ctx: &Context<'_>, order: &order::Model) -> Result<Contact> {
    seen(ctx, parse_document(ctx, &order.consignee)?)
}

/// A stop of one of its work orders.
pub fn stop(ctx: &Context<'_>, text: &str) -> Result<Stop> {
    let stop: Stop = parse_document(ctx, text)?;
    let contact = stop.contact.map(|contact| seen(ctx, contact)).transpose()?;
    Ok(Stop { contact, ..stop })
}

fn seen(ctx: &Context<'_>, contact: Contact) -> Result<Contact> {
    Ok(if ctx.caller()?.may(Scope::PiiRead) { contact } else { contact.masked() })
}
