//! Who set the value of an attribute, where that was not whoever created its owner.

use sea_orm::entity::prelude::*;

/// Who set a value, and when.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attribute_origin")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Id of the order or work order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub entity_id: Uuid,
    /// Name of the attribute.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Who set the value.
    pub set_by: String,
    /// When.
    pub set_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
