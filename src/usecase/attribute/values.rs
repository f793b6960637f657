//! What is written beside an order or work order when its attributes are set: entries for lists, and who set them.

use entity::{attribute_origin, list_entry};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    domain::{
        attribute::{ABSENT, ChangedAttribute, Owner, encode},
        order::{NewOrder, NewWorkOrder},
        problem::{Found, Path},
    },
    fault::Fault,
    store::{
        self,
        attribute::{Definitions, Known},
    },
    usecase::work::UnitOfWork,
};

/// Where attributes stand in an input.
const FIELD: &str = "customAttributes";

/// The entries of new orders and work orders.
#[derive(Debug, Default)]
pub struct NewEntries(Vec<list_entry::Model>);

impl NewEntries {
    /// Adds those of an owner: one for every indexed attribute, whether it has that or not.
    pub fn add(
        &mut self,
        definitions: &Definitions,
        owner: Owner,
        (tenant_id, entity_id): (&str, Uuid),
        attributes: &str,
    ) -> Result<(), Fault> {
        let written = definitions.of(owner).written();
        if written.is_empty() {
            return Ok(());
        }
        let map: Map<String, Value> = serde_json::from_str(attributes)?;
        let new = written.iter().map(|known| entry(known, tenant_id, entity_id, map.get(&known.row.key)));
        self.0.extend(new);
        Ok(())
    }

    /// Adds those of fields of the service's own.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = list_entry::Model>) {
        self.0.extend(entries);
    }

    /// Writes them.
    pub async fn write(self, work: &UnitOfWork<'_>) -> Result<(), Fault> {
        Ok(store::list_entry::put(&work.db(), &self.0).await?)
    }
}

/// Holds the attributes of an order that comes in, and of its work orders, against their definitions.
pub fn admit(definitions: &Definitions, order: &mut NewOrder, at: &Path, found: &mut Found) {
    let rules = definitions.of(Owner::Order).rules();
    let given = std::mem::take(&mut order.custom_attributes);
    order.custom_attributes = rules.admit(given, &at.field(FIELD), found);
    for (index, work_order) in order.work_orders.iter_mut().enumerate() {
        admit_work_order(definitions, work_order, &at.field("workOrders").index(index), found);
    }
}

/// The same for a work order whose input stands at `at`.
pub fn admit_work_order(
    definitions: &Definitions,
    work_order: &mut NewWorkOrder,
    at: &Path,
    found: &mut Found,
) {
    let rules = definitions.of(Owner::WorkOrder).rules();
    let given = std::mem::take(&mut work_order.custom_attributes);
    work_order.custom_attributes = rules.admit(given, &at.field(FIELD), found);
}

/// The entry of a value. One of another type, which an archived definition of the same key left behind, is none of this
/// attribute's.
pub(super) fn entry(
    known: &Known,
    tenant_id: &str,
    entity_id: Uuid,
    value: Option<&Value>,
) -> list_entry::Model {
    let typed = value.and_then(|value| known.rule.kind.read(value));
    let value = typed.map_or_else(|| ABSENT.to_vec(), |typed| encode(&typed));
    list_entry::Model { tenant_id: tenant_id.to_owned(), entity_id, field: known.row.id.0, value }
}

/// Writes what belongs to the changed attributes of an order or work order that stands.
pub async fn write_changed(
    work: &UnitOfWork<'_>,
    owner: Owner,
    entity_id: Uuid,
    changed: &[ChangedAttribute],
) -> Result<(), Fault> {
    if changed.is_empty() {
        return Ok(());
    }
    let db = work.db();
    let tenant_id = db.tenant_id();
    let set_by = work.recorder.actor();
    let origins =
        changed.iter().filter(|(_, _, to)| !to.is_null()).map(|(key, ..)| attribute_origin::Model {
            tenant_id: tenant_id.clone(),
            entity_id,
            key: key.clone(),
            set_by: set_by.clone(),
            set_at: work.now,
        });
    store::attribute::put_origins(&db, origins.collect()).await?;
    let definitions = work.definitions.of(owner);
    let written = changed.iter().filter_map(|(key, _, to)| {
        let known = definitions.get(key).filter(|known| known.is_written())?;
        Some(entry(known, &tenant_id, entity_id, Some(to)))
    });
    store::list_entry::put(&db, &written.collect::<Vec<_>>()).await?;
    Ok(())
}
