//! By what an order or work order is found in lists, beside its own columns.

use sea_orm::entity::prelude::*;

/// The value of one field of an order or work order, so encoded that bytes sort as values do.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "list_entry")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Id of the order or work order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub entity_id: Uuid,
    /// Id of an attribute's definition, or of a field of the service's own.
    #[sea_orm(primary_key, auto_increment = false)]
    pub field: Uuid,
    /// The value.
    pub value: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
