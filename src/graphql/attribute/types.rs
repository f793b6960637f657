//! Definitions as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use entity::{attribute_definition::Model, stored};

use super::super::{
    context::ContextExt,
    order::parse_document,
    quick::Stored,
    scalar::{DateTime, Decimal, Json},
};
use crate::domain::attribute;

/// What has an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "stored::AttributeOwner")]
pub enum AttributeOwner {
    /// Orders.
    Order,
    /// Work orders.
    WorkOrder,
}

/// What the values of an attribute are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "attribute::Type")]
pub enum AttributeType {
    /// Texts.
    String,
    /// Decimal numbers, as JSON numbers or, to keep every digit, as strings.
    Number,
    /// True and false.
    Boolean,
    /// Instants in RFC 3339 form.
    DateTime,
    /// JSON objects.
    Object,
    /// JSON arrays.
    Array,
}

/// How far the index of an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "stored::IndexState")]
pub enum AttributeIndexStatus {
    /// There is none.
    None,
    /// It is being built in the background; until it is whole, filters and sorting by the attribute are refused.
    Building,
    /// It is whole.
    Ready,
    /// It is being removed in the background.
    Removing,
}

/// The definition of a custom attribute.
#[derive(Clone, Debug)]
pub struct AttributeDefinition(Arc<Model>);

impl From<Model> for AttributeDefinition {
    fn from(row: Model) -> Self {
        Self(Arc::new(row))
    }
}

impl Stored for AttributeDefinition {}

/// Both ends belong to it. Numbers: the value; texts: the number of characters.
#[derive(Clone, Debug, SimpleObject)]
pub struct AttributeRange {
    /// The least.
    min: Option<Decimal>,
    /// The greatest.
    max: Option<Decimal>,
}

/// The definition of a custom attribute of orders or work orders.
#[Object]
impl AttributeDefinition {
    /// Its id, `atd_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What has the attribute.
    async fn owner(&self) -> AttributeOwner {
        self.0.owner.into()
    }

    /// The attribute's name.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// What it says, in words.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What its values are; never changes.
    #[graphql(name = "type")]
    async fn kind(&self) -> AttributeType {
        attribute::Type::from(self.0.kind).into()
    }

    /// Whether lists can be filtered and sorted by it.
    async fn indexed(&self) -> bool {
        self.0.indexed
    }

    /// How far its index is.
    async fn index_status(&self) -> AttributeIndexStatus {
        self.0.index_state.into()
    }

    /// While its index is being built, how much of it is done, from 0 to 1.
    async fn index_progress(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a fraction to look at")]
        (self.0.index_state == stored::IndexState::Building)
            .then(|| (self.0.index_done as f64 / self.0.index_total.max(1) as f64).min(1.0))
    }

    /// Whether a new owner must have it.
    async fn required(&self) -> bool {
        self.0.required
    }

    /// The value of a new owner that comes without one.
    async fn default_value(&self) -> Option<Json> {
        self.0.default_value.clone().map(Json::Text)
    }

    /// Numbers: the value; texts: the number of characters.
    async fn range(&self, ctx: &Context<'_>) -> Result<Option<AttributeRange>> {
        let rule = crate::store::attribute::rule(&self.0).map_err(|fault| ctx.fault(fault))?;
        let attribute::Range { min, max } = rule.range;
        let is_bound = min.or(max).is_some();
        Ok(is_bound.then(|| AttributeRange { min: min.map(Into::into), max: max.map(Into::into) }))
    }

    /// What must be found in a text.
    async fn regex(&self) -> Option<&str> {
        self.0.regex.as_deref()
    }

    /// The values that it may have.
    async fn one_of(&self, ctx: &Context<'_>) -> Result<Option<Vec<Json>>> {
        let choices = self.0.one_of.as_deref();
        let choices = choices.map(|text| parse_document::<Vec<serde_json::Value>>(ctx, text)).transpose()?;
        Ok(choices.map(|choices| choices.into_iter().map(Json::Value).collect()))
    }

    /// Whether it is archived: the values that there are stay readable, new ones are refused.
    async fn archived(&self) -> bool {
        self.0.archived_at.is_some()
    }

    /// Counts its changes; 1 when it was made.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Who made it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it changed last.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Who changed it last.
    async fn updated_by(&self) -> &str {
        &self.0.updated_by
    }
}
