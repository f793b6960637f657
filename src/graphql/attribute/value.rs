//! Values of custom attributes as typed nodes.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use entity::{order, type_id, work_order};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    super::{
        context::ContextExt,
        error::Code,
        loaders::OriginsOf,
        order::parse_document,
        scalar::{DateTime, Decimal, Json},
    },
    AttributeDefinition,
};
use crate::{
    access::right::ConfigRead,
    domain::attribute::{Owner, Typed},
    store::attribute::Definitions,
};

/// Stands before the attribute's name in the id of a value.
pub const PREFIX: &str = "att_";
/// How many attributes may be named.
const MAX_KEYS: usize = 100;

/// What has attributes: an order or a work order.
#[derive(Clone, Debug)]
pub struct Holder {
    owner: Owner,
    id: Uuid,
    attributes: String,
    created_by: String,
    created_at: chrono::DateTime<chrono::Utc>,
}

impl From<&order::Model> for Holder {
    fn from(row: &order::Model) -> Self {
        Self {
            owner: Owner::Order,
            id: row.id.0,
            attributes: row.custom_attributes.clone(),
            created_by: row.created_by.clone(),
            created_at: row.created_at,
        }
    }
}

impl From<&work_order::Model> for Holder {
    fn from(row: &work_order::Model) -> Self {
        Self {
            owner: Owner::WorkOrder,
            id: row.id.0,
            attributes: row.custom_attributes.clone(),
            created_by: row.created_by.clone(),
            created_at: row.created_at,
        }
    }
}

impl Holder {
    /// The values that it has, or those of `keys` among them, by name.
    pub async fn all(self, ctx: &Context<'_>, keys: Option<Vec<String>>) -> Result<Vec<Attribute>> {
        if let Some(keys) = keys.as_ref().filter(|keys| keys.len() > MAX_KEYS) {
            let message = format!("ask for at most {MAX_KEYS} attributes by name, not {}", keys.len());
            return Err(Code::BadUserInput.error(message));
        }
        let map: Map<String, Value> = parse_document(ctx, &self.attributes)?;
        if map.is_empty() {
            return Ok(Vec::new());
        }
        let definitions = definitions(ctx).await?;
        let holder = Arc::new(self);
        let is_wanted = |key: &String| keys.as_ref().is_none_or(|keys| keys.contains(key));
        let wanted = map.into_iter().filter(|(key, _)| is_wanted(key));
        Ok(wanted.filter_map(|(key, value)| holder.attribute(&definitions, key, value)).collect())
    }

    /// The value of one attribute, if it has that.
    pub async fn one(self, ctx: &Context<'_>, key: &str) -> Result<Option<Attribute>> {
        let mut map: Map<String, Value> = parse_document(ctx, &self.attributes)?;
        let Some(value) = map.remove(key) else { return Ok(None) };
        let definitions = definitions(ctx).await?;
        Ok(Arc::new(self).attribute(&definitions, key.to_owned(), value))
    }

    fn attribute(self: &Arc<Self>, definitions: &Definitions, key: String, json: Value) -> Option<Attribute> {
        let known = definitions.of(self.owner).of_value(&key, &json)?;
        let typed = known.rule.kind.read(&json)?;
        let definition = AttributeDefinition::from(known.row.clone());
        let held = Held { holder: Arc::clone(self), key, json, definition };
        Some(match typed {
            Typed::Text(value) => StringAttribute { held, value }.into(),
            Typed::Number(value) => NumberAttribute { held, value: value.into() }.into(),
            Typed::Boolean(value) => BooleanAttribute { held, value }.into(),
            Typed::DateTime(value) => DateTimeAttribute { held, value: value.into() }.into(),
            Typed::Json => JsonAttribute { held }.into(),
        })
    }
}

async fn definitions(ctx: &Context<'_>) -> Result<Arc<Definitions>> {
    ctx.app()?.definitions(ctx.caller()?).await.map_err(|fault| ctx.fault(fault))
}

/// The value of an attribute by its id, `att_<name>_<…>`; null if no order or work order of the tenant has it.
pub async fn by_id(ctx: &Context<'_>, key: &str, owner: Uuid) -> Result<Option<Attribute>> {
    let loader = ctx.loader()?;
    let order = loader.load_one(entity::id::OrderId(owner)).await.map_err(|fault| ctx.load_fault(&fault))?;
    if let Some(order) = order {
        return Holder::from(order.row()).one(ctx, key).await;
    }
    let work_order = loader.load_one(entity::id::WorkOrderId(owner)).await;
    match work_order.map_err(|fault| ctx.load_fault(&fault))? {
        Some(work_order) => Holder::from(work_order.row()).one(ctx, key).await,
        None => Ok(None),
    }
}

/// A value with what all of them have.
#[derive(Clone, Debug)]
struct Held {
    holder: Arc<Holder>,
    key: String,
    json: Value,
    definition: AttributeDefinition,
}

impl Held {
    fn id(&self) -> ID {
        type_id::encode(&format!("{PREFIX}{}", self.key), self.holder.id).into()
    }

    /// Who set it and when: whoever created its owner, unless somebody did afterwards.
    fn origin<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<(String, DateTime)>> {
        Box::pin(async move {
            let found = ctx.loader()?.load_one(OriginsOf(self.holder.id)).await;
            let origins = found.map_err(|fault| ctx.load_fault(&fault))?.unwrap_or_default();
            let origin = origins.iter().find(|origin| origin.key == self.key);
            Ok(origin.map_or_else(
                || (self.holder.created_by.clone(), self.holder.created_at.into()),
                |origin| (origin.set_by.clone(), origin.set_at.into()),
            ))
        })
    }
}

/// Defines the node of one type of values. A macro, because objects have no way to share fields.
macro_rules! attribute {
    ($(#[$doc:meta])* $name:ident $({ $(#[$value_doc:meta])* value: $value:ty })?) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            held: Held,
            $(value: $value,)?
        }

        $(#[$doc])*
        #[Object]
        impl $name {
            /// Its id; stable as long as its owner has the attribute.
            pub async fn id(&self) -> ID {
                self.held.id()
            }

            /// The attribute's name.
            pub async fn key(&self) -> &str {
                &self.held.key
            }

            /// The attribute's definition.
            pub async fn definition(&self, ctx: &Context<'_>) -> Result<&AttributeDefinition> {
                ctx.granted_for::<ConfigRead>(concat!(stringify!($name), ".definition"))?;
                Ok(&self.held.definition)
            }

            /// The value as JSON, as it was given.
            pub async fn json(&self) -> Json {
                Json::Value(self.held.json.clone())
            }

            /// Who set it: a user, an API key or a plugin.
            pub async fn set_by(&self, ctx: &Context<'_>) -> Result<String> {
                Ok(self.held.origin(ctx).await?.0)
            }

            /// When it was set.
            pub async fn set_at(&self, ctx: &Context<'_>) -> Result<DateTime> {
                Ok(self.held.origin(ctx).await?.1)
            }

            $(
                $(#[$value_doc])*
                pub async fn value(&self) -> &$value {
                    &self.value
                }
            )?
        }
    };
}

attribute!(
    /// A text.
    StringAttribute {
        /// The text.
        value: String
    }
);
attribute!(
    /// A number.
    NumberAttribute {
        /// The number, with its digits.
        value: Decimal
    }
);
attribute!(
    /// Yes or no.
    BooleanAttribute {
        /// Which of both.
        value: bool
    }
);
attribute!(
    /// An instant.
    DateTimeAttribute {
        /// The instant.
        value: DateTime
    }
);
attribute!(
    /// A JSON object or array.
    JsonAttribute
);

/// A custom attribute's value on one order or work order. Its id is stable.
#[derive(Clone, Debug, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Its id; stable as long as its owner has the attribute."),
    field(name = "key", ty = "&str", desc = "The attribute's name."),
    field(name = "definition", ty = "&AttributeDefinition", desc = "The attribute's definition."),
    field(name = "json", ty = "Json", desc = "The value as JSON, as it was given."),
    field(name = "set_by", ty = "String", desc = "Who set it: a user, an API key or a plugin."),
    field(name = "set_at", ty = "DateTime", desc = "When it was set.")
)]
#[expect(clippy::enum_variant_names, reason = "the variants are named as the types of the schema")]
pub enum Attribute {
    /// A text.
    StringAttribute(StringAttribute),
    /// A number.
    NumberAttribute(NumberAttribute),
    /// Yes or no.
    BooleanAttribute(BooleanAttribute),
    /// An instant.
    DateTimeAttribute(DateTimeAttribute),
    /// A JSON object or array.
    JsonAttribute(JsonAttribute),
}
