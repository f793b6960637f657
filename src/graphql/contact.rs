//! Contacts, as the caller may see them.
//!
//! The output types of contacts are made from [`Shown`] alone, and only [`shown`] makes one: no contact gets into an
//! answer without the decision whether its reader sees it in the clear or masked.

use async_graphql::{Context, Result};
use entity::{order, work_order};

use super::{context::ContextExt, value::Stop};
use crate::{
    access::{Caller, right::PiiRead},
    domain::value::Contact,
};

/// A contact as its reader may see it, masked where that is needed.
#[derive(Clone, Debug)]
pub struct Shown(Contact);

impl Shown {
    /// The contact.
    pub fn into_inner(self) -> Contact {
        self.0
    }
}

/// A contact as `caller` may see it: masked with stars without `pii:read`.
pub fn shown(caller: &Caller, contact: Contact) -> Shown {
    Shown(match caller.grant::<PiiRead>() {
        Ok(_) => contact,
        Err(_) => contact.masked(),
    })
}

/// The consignee of an order.
pub fn consignee(ctx: &Context<'_>, order: &order::Model) -> Result<Shown> {
    let contact = ctx.app()?.contacts.open(order.id, &order.consignee);
    Ok(shown(ctx.caller()?, contact.map_err(|fault| ctx.fault(fault))?))
}

/// A stop of a work order, as its row keeps it.
pub fn stop(ctx: &Context<'_>, work_order: &work_order::Model, kept: &str) -> Result<Stop> {
    let stop = ctx.app()?.contacts.open_stop(work_order.order_id, kept);
    let mut stop = stop.map_err(|fault| ctx.fault(fault))?;
    let caller = ctx.caller()?;
    let contact = stop.contact.take().map(|contact| shown(caller, contact));
    Ok(Stop::of_place(stop, contact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Scope, domain::value::Phone};

    #[test]
    fn a_contact_shows_stars_to_whoever_may_not_see_it() {
        let phone = Phone { country_code: "+44".into(), number: "2079460000".into(), is_mobile: None };
        let contact =
            Contact { name: "Ada".into(), phone: Some(phone), email: Some("ada@example.com".into()) };
        for scope in Scope::ALL {
            let caller = Caller { scopes: [scope].into_iter().collect(), ..Caller::local() };
            let may_see = matches!(scope, Scope::PiiRead | Scope::Admin);
            let expected = if may_see { contact.clone() } else { contact.clone().masked() };
            assert_eq!(shown(&caller, contact.clone()).into_inner(), expected, "{scope}");
        }
        assert_ne!(contact.clone().masked(), contact);
    }
}
