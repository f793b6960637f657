//! Work orders as they are born: with an order, by hand, or as a return.

use chrono::{DateTime, Utc};
use entity::{
    id::WorkOrderId,
    order, stored,
    work_order::{self, Model},
};

use super::values;
use crate::{
    domain::{
        lifecycle::{Direction, Lifecycle, Phase},
        order::NewWorkOrder,
    },
    fault::Fault,
    store::contact::Contacts,
};

/// How a work order comes into the world.
pub struct Birth<'a> {
    /// Its order.
    pub order: &'a order::Model,
    /// Its number within the order.
    pub sequence: i32,
    /// Which way it leads.
    pub direction: Direction,
    /// The work order whose goods come back.
    pub return_of: Option<WorkOrderId>,
    /// Its lifecycle.
    pub lifecycle: &'a Lifecycle,
    /// When.
    pub now: DateTime<Utc>,
    /// Who made it.
    pub actor: &'a str,
}

impl Birth<'_> {
    /// A work order with these values.
    pub fn with(&self, contacts: &Contacts, id: WorkOrderId, new: NewWorkOrder) -> Result<Model, Fault> {
        let mut row = self.bare(id, new.kind.into());
        values::write(contacts, &mut row, new)?;
        Ok(row)
    }

    /// A RETURN carries type and containers of its original, and leads to the original's `return` stop, or its `pickup`
    /// where that is missing.
    pub fn return_for(&self, id: WorkOrderId, original: &Model) -> Model {
        Model {
            description: original.description.clone(),
            return_to: original.return_to.clone().or_else(|| original.pickup.clone()),
            containers: original.containers.clone(),
            ..self.bare(id, original.kind)
        }
    }

    fn bare(&self, id: WorkOrderId, kind: stored::WorkOrderType) -> Model {
        let state = self.lifecycle.state(&self.lifecycle.initial);
        let phase = state.map_or(Phase::Pending, |state| state.phase);
        work_order::Model {
            tenant_id: self.order.tenant_id.clone(),
            id,
            order_id: self.order.id,
            sequence: self.sequence,
            kind,
            direction: self.direction.into(),
            return_of: self.return_of,
            description: None,
            pickup: None,
            delivery: None,
            return_to: None,
            containers: "[]".to_owned(),
            pickup_quality_checks: "[]".to_owned(),
            collect_on_pickup: None,
            collect_on_delivery: None,
            custom_attributes: "{}".to_owned(),
            status: self.lifecycle.initial.clone(),
            phase: phase.into(),
            outcome: state.and_then(|state| state.outcome).map(Into::into),
            attempts: 0,
            started: phase == Phase::Active,
            lifecycle_version: self.lifecycle.version,
            version: 1,
            created_at: self.now,
            created_by: self.actor.to_owned(),
            updated_at: self.now,
            updated_by: self.actor.to_owned(),
        }
    }
}
