//! What callers write to release or cancel an order.

use async_graphql::{ID, InputObject};
use entity::id::OrderId;

use super::{super::id, mutation::key_of};
use crate::{
    domain::{
        order::check_idempotency_key,
        problem::{Found, Path},
    },
    fault::Fault,
    usecase::{
        Error,
        order::{Cancel, EraseConsignee, Release},
    },
};

/// Sets an order's `readyToProcess` true; once, one way.
#[derive(Clone, Debug, InputObject)]
pub struct OrderReleaseInput {
    /// The order.
    id: ID,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Makes a repetition harmless; 1 to 255 characters.
    idempotency_key: Option<String>,
}

/// Erases a consignee's data from an order.
#[derive(Clone, Debug, InputObject)]
pub struct OrderEraseConsigneeInput {
    /// The order.
    id: ID,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Makes a repetition harmless; 1 to 255 characters.
    idempotency_key: Option<String>,
}

/// Asks for an order's cancellation.
#[derive(Clone, Debug, InputObject)]
pub struct OrderCancelInput {
    /// The order.
    id: ID,
    /// Why, as a code.
    reason_code: Option<String>,
    /// Why, in words; up to 2,000 characters.
    note: Option<String>,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Makes a repetition harmless; 1 to 255 characters.
    idempotency_key: Option<String>,
}

impl OrderReleaseInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<Release, Error> {
        let key = key_of("orderRelease", self.idempotency_key.clone(), &self);
        let id = order_id(&self.id, self.idempotency_key.as_deref())?;
        Ok(Release { id, expected_version: self.expected_version, key })
    }
}

impl OrderEraseConsigneeInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<EraseConsignee, Error> {
        let key = key_of("orderEraseConsignee", self.idempotency_key.clone(), &self);
        let id = order_id(&self.id, self.idempotency_key.as_deref())?;
        Ok(EraseConsignee { id, expected_version: self.expected_version, key })
    }
}

impl OrderCancelInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<Cancel, Error> {
        let key = key_of("orderCancel", self.idempotency_key.clone(), &self);
        let id = order_id(&self.id, self.idempotency_key.as_deref())?;
        let Self { id: _, reason_code, note, expected_version, idempotency_key: _ } = self;
        Ok(Cancel { id, reason_code, note, expected_version, key })
    }
}

fn order_id(id: &ID, idempotency_key: Option<&str>) -> Result<OrderId, Error> {
    let root = Path::root();
    let mut found = Found::new();
    let id = id::input::<OrderId>(id, &root.field("id"), &mut found);
    check_idempotency_key(idempotency_key, &root, &mut found);
    Ok(found.or(id)?.ok_or_else(|| Fault::broken("an id got lost"))?)
}
