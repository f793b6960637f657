//! Anything by its id.

use async_graphql::{Context, ID, Interface, Object, Result};
use entity::id::{
    AttributeDefinitionId, EventId, OrderId, PluginId, PluginRunId, PluginWorkflowId, WebhookDeliveryId,
    WebhookEndpointId, WorkOrderId,
};

use super::{
    attribute::{
        self, Attribute, AttributeDefinition, BooleanAttribute, DateTimeAttribute, JsonAttribute,
        NumberAttribute, StringAttribute,
    },
    context::ContextExt,
    error::Code,
    event::OrderEvent,
    id,
    order::Order,
    plugin::{Plugin, PluginRun, PluginWorkflow},
    webhook::{WebhookDelivery, WebhookEndpoint},
    work_order::WorkOrder,
};
use crate::access::{Right, right};

const MAX_IDS: usize = 100;

/// Anything with an id.
#[derive(Clone, Debug, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id, unique across tenants."))]
pub enum Node {
    /// An order.
    Order(Order),
    /// A work order.
    WorkOrder(WorkOrder),
    /// The definition of an attribute.
    AttributeDefinition(AttributeDefinition),
    /// A text of an order or work order.
    StringAttribute(StringAttribute),
    /// A number of an order or work order.
    NumberAttribute(NumberAttribute),
    /// A yes or no of an order or work order.
    BooleanAttribute(BooleanAttribute),
    /// An instant of an order or work order.
    DateTimeAttribute(DateTimeAttribute),
    /// A JSON object or array of an order or work order.
    JsonAttribute(JsonAttribute),
    /// An event.
    OrderEvent(OrderEvent),
    /// A plugin.
    Plugin(Plugin),
    /// A workflow.
    PluginWorkflow(PluginWorkflow),
    /// A run.
    PluginRun(PluginRun),
    /// A webhook endpoint.
    WebhookEndpoint(WebhookEndpoint),
    /// A delivery to a webhook endpoint.
    WebhookDelivery(WebhookDelivery),
}

/// Queries for anything by its id.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id; null if the tenant has nothing of that id.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Node>> {
        load(ctx, &id).await
    }

    /// Several at once, in the order of the ids; null where the tenant has nothing of that id.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            let message = format!("ask for at most {MAX_IDS} ids at once, not {}", ids.len());
            return Err(Code::BadUserInput.error(message));
        }
        futures_util::future::try_join_all(ids.iter().map(|id| load(ctx, id))).await
    }
}

async fn load(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let loader = ctx.loader()?;
    macro_rules! load {
        ($id:ident, $right:ident) => {{
            require::<right::$right>(ctx, $id::PREFIX)?;
            loader
                .load_one(id::argument::<$id>(id)?)
                .await
                .map(|found| found.map(Node::from))
                .map_err(|fault| ctx.load_fault(&fault))
        }};
    }
    if let Some((prefix, owner)) = entity::type_id::split(id)
        && let Some(key) = prefix.strip_prefix(attribute::value::PREFIX)
    {
        require::<right::OrdersRead>(ctx, attribute::value::PREFIX.trim_end_matches('_'))?;
        let found = Box::pin(attribute::value::by_id(ctx, key, owner)).await?;
        return Ok(found.map(Node::from));
    }
    match entity::type_id::prefix(id) {
        Some(OrderId::PREFIX) => load!(OrderId, OrdersRead),
        Some(WorkOrderId::PREFIX) => load!(WorkOrderId, OrdersRead),
        Some(EventId::PREFIX) => load!(EventId, OrdersRead),
        Some(AttributeDefinitionId::PREFIX) => load!(AttributeDefinitionId, ConfigRead),
        Some(PluginId::PREFIX) => load!(PluginId, ConfigRead),
        Some(PluginWorkflowId::PREFIX) => load!(PluginWorkflowId, ConfigRead),
        Some(PluginRunId::PREFIX) => load!(PluginRunId, OrdersRead),
        Some(WebhookEndpointId::PREFIX) => load!(WebhookEndpointId, ConfigRead),
        Some(WebhookDeliveryId::PREFIX) => load!(WebhookDeliveryId, ConfigRead),
        _ => {
            let given: String = id.chars().take(40).collect();
            let message = format!(
                "{given:?} is not an id: expected one of the prefixes ord, wo, att, atd, evt, plg, pwf, run, whe, whd, an \
                 underscore and 26 characters"
            );
            Err(Code::BadUserInput.error(message))
        }
    }
}

impl From<Attribute> for Node {
    fn from(attribute: Attribute) -> Self {
        match attribute {
            Attribute::StringAttribute(text) => text.into(),
            Attribute::NumberAttribute(number) => number.into(),
            Attribute::BooleanAttribute(flag) => flag.into(),
            Attribute::DateTimeAttribute(instant) => instant.into(),
            Attribute::JsonAttribute(json) => json.into(),
        }
    }
}

/// Refuses an object of a kind that the caller may not read: which kind it is, only the id tells.
fn require<R: Right>(ctx: &Context<'_>, prefix: &str) -> Result<()> {
    ctx.granted_for::<R>(format_args!("what has an id of the form {prefix}_…")).map(drop)
}
