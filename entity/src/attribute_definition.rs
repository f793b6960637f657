//! The definition of a custom attribute.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AttributeDefinitionId, OrderId},
    stored::{AttributeOwner, AttributeType, IndexState},
};

/// The definition of a custom attribute.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attribute_definition")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id; also the field of its values in `list_entry`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttributeDefinitionId,
    /// What has the attribute.
    pub owner: AttributeOwner,
    /// Its name.
    pub key: String,
    /// What it says, in words.
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    /// What its values are.
    #[sea_orm(column_name = "type")]
    pub kind: AttributeType,
    /// Whether a new owner must have it.
    pub required: bool,
    /// The value of an owner that comes without one, as JSON.
    #[sea_orm(column_type = "Text")]
    pub default_value: Option<String>,
    /// The least value, or length of a text.
    pub range_min: Option<String>,
    /// The greatest value, or length of a text.
    pub range_max: Option<String>,
    /// What a text must match.
    #[sea_orm(column_type = "Text")]
    pub regex: Option<String>,
    /// The values that it may have: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub one_of: Option<String>,
    /// Whether lists are to be filtered and sorted by it.
    pub indexed: bool,
    /// How far its entries in `list_entry` are.
    pub index_state: IndexState,
    /// When work on them is due, if there is any.
    pub index_due: Option<DateTimeUtc>,
    /// The last order whose entries were written.
    pub index_cursor: Option<OrderId>,
    /// How many orders were gone through.
    pub index_done: i64,
    /// How many there were when it began.
    pub index_total: i64,
    /// When it was archived.
    pub archived_at: Option<DateTimeUtc>,
    /// Counts its changes.
    pub version: i32,
    /// When it was written first.
    pub created_at: DateTimeUtc,
    /// Who wrote it first.
    pub created_by: String,
    /// When it was written last.
    pub updated_at: DateTimeUtc,
    /// Who wrote it last.
    pub updated_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
