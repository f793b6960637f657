//! Relay connections.

use async_graphql::{ComplexObject, Context, Error, Result, SimpleObject};

use super::{
    context::ContextExt,
    error::Code,
    event::OrderEvent,
    order::Order,
    plugin::{Plugin, PluginRun, PluginWorkflow},
    quick::{Quick, QuickList},
    webhook::{WebhookDelivery, WebhookEndpoint},
    work_order::WorkOrder,
};
use crate::store::{
    self, Direction, Page, PageRequest, TenantDb, event::EventFilter, list::Filter, plugin_run::RunFilter,
    webhook_delivery::DeliveryFilter,
};

const DEFAULT_PAGE: i32 = 20;
const MAX_PAGE: i32 = 100;
const DEFAULT_COUNT: i32 = 10_000;
const MAX_COUNT: i32 = 100_000;

/// The arguments of a connection, as they come.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// How many from the beginning.
    pub first: Option<i32>,
    /// Only what comes after this cursor.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// Only what comes before this cursor.
    pub before: Option<String>,
}

impl PageArgs {
    /// Checks the arguments; `key` reads a cursor.
    pub fn request<K>(self, key: impl Fn(&str) -> Option<K>) -> Result<PageRequest<K>> {
        let Self { first, after, last, before } = self;
        let (limit, direction, name) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(bad_user_input("ask for either first or last, not both"));
            }
            (None, Some(last)) => (last, Direction::Backward, "last"),
            (first, None) => (first.unwrap_or(DEFAULT_PAGE), Direction::Forward, "first"),
        };
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(bad_user_input(format!("{name} must be from 1 to {MAX_PAGE}, not {limit}")));
        }
        let cursor = |name: &str, text: Option<String>| {
            let broken = || {
                bad_user_input(format!(
                    "{name} is not a cursor of this list; use one that a page of it gave you"
                ))
            };
            text.map(|text| key(&text).ok_or_else(broken)).transpose()
        };
        Ok(PageRequest {
            limit: u64::try_from(limit)?,
            direction,
            after: cursor("after", after)?,
            before: cursor("before", before)?,
        })
    }
}

/// How to count a list.
#[derive(Clone, Debug)]
pub enum Counter {
    /// Orders.
    Orders(Filter<entity::order::Entity>),
    /// Work orders.
    WorkOrders(Filter<entity::work_order::Entity>),
    /// Events.
    Events(EventFilter),
    /// Plugins.
    Plugins,
    /// Workflows.
    Workflows(Option<entity::stored::PluginTrigger>),
    /// Runs.
    Runs(RunFilter),
    /// Webhook endpoints.
    WebhookEndpoints,
    /// Deliveries to a webhook endpoint.
    Deliveries(DeliveryFilter),
}

impl Counter {
    async fn count(&self, ctx: &Context<'_>, limit: Option<i32>) -> Result<BoundedCount> {
        let limit = limit.unwrap_or(DEFAULT_COUNT);
        if !(1..=MAX_COUNT).contains(&limit) {
            return Err(bad_user_input(format!("limit must be from 1 to {MAX_COUNT}, not {limit}")));
        }
        let counted = self.up_to(&ctx.db()?, u64::try_from(limit)?).await;
        let (value, exact) = counted.map_err(|error| ctx.fault(error))?;
        Ok(BoundedCount { value: i32::try_from(value)?, exact })
    }

    async fn up_to(&self, db: &TenantDb<'_>, limit: u64) -> Result<(u64, bool), sea_orm::DbErr> {
        match self {
            Self::Orders(filter) => store::list::count(db, filter, limit).await,
            Self::WorkOrders(filter) => store::list::count(db, filter, limit).await,
            Self::Events(filter) => store::event::count(db, filter, limit).await,
            Self::Plugins => store::plugin::count(db, limit).await,
            Self::Workflows(trigger) => store::plugin::workflow_count(db, *trigger, limit).await,
            Self::Runs(filter) => store::plugin_run::count(db, filter, limit).await,
            Self::WebhookEndpoints => store::webhook::count(db, limit).await,
            Self::Deliveries(filter) => store::webhook_delivery::count(db, filter, limit).await,
        }
    }
}

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether more comes after this page.
    has_next_page: bool,
    /// Whether more comes before this page.
    has_previous_page: bool,
    /// Cursor of the page's first member.
    start_cursor: Option<String>,
    /// Cursor of the page's last member.
    end_cursor: Option<String>,
}

/// A count that stops at a limit.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct BoundedCount {
    /// How many there are, at most the limit.
    value: i32,
    /// Whether that is all of them.
    exact: bool,
}

/// Defines the connection of a type. A macro, because the derives of async-graphql cannot nest one generic object in
/// another.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty, $members:literal) => {
        #[doc = concat!("A member of a page of ", $members, ".")]
        #[derive(Clone, Debug, SimpleObject)]
        pub struct $edge {
            /// Its place in the list; opaque.
            cursor: String,
            /// The member.
            node: Quick<$node>,
        }

        #[doc = concat!("A page of ", $members, ".")]
        #[derive(Clone, Debug, SimpleObject)]
        #[graphql(complex)]
        pub struct $connection {
            /// The page's members with their cursors.
            edges: Vec<$edge>,
            /// Where the page stands in the list.
            page_info: PageInfo,
            #[graphql(skip)]
            counter: Counter,
        }

        #[ComplexObject]
        impl $connection {
            /// The page's members.
            async fn nodes(&self) -> QuickList<&$node> {
                QuickList(self.edges.iter().map(|edge| &edge.node.0).collect())
            }

            /// How many members the whole list has, counted up to `limit`.
            async fn count(
                &self,
                ctx: &Context<'_>,
                #[graphql(
                    default_with = "Some(DEFAULT_COUNT)",
                    desc = "Where to stop counting: 1 to 100,000."
                )]
                limit: Option<i32>,
            ) -> Result<BoundedCount> {
                self.counter.count(ctx, limit).await
            }
        }

        impl $connection {
            /// A page whose members' cursors `cursor` writes.
            pub fn new<T>(
                page: Page<T>,
                counter: Counter,
                cursor: impl Fn(&T) -> String,
                node: impl Fn(T) -> $node,
            ) -> Self {
                let Page { rows, has_next, has_previous } = page;
                let edge = |row| $edge { cursor: cursor(&row), node: Quick(node(row)) };
                let edges: Vec<_> = rows.into_iter().map(edge).collect();
                let page_info = PageInfo {
                    has_next_page: has_next,
                    has_previous_page: has_previous,
                    start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                    end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                };
                Self { edges, page_info, counter }
            }
        }
    };
}

connection!(OrderConnection, OrderEdge, Order, "orders");
connection!(WorkOrderConnection, WorkOrderEdge, WorkOrder, "work orders");
connection!(OrderEventConnection, OrderEventEdge, OrderEvent, "events");
connection!(PluginConnection, PluginEdge, Plugin, "plugins");
connection!(PluginWorkflowConnection, PluginWorkflowEdge, PluginWorkflow, "workflows");
connection!(PluginRunConnection, PluginRunEdge, PluginRun, "plugin runs");
connection!(WebhookEndpointConnection, WebhookEndpointEdge, WebhookEndpoint, "webhook endpoints");
connection!(WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDelivery, "deliveries");

impl OrderConnection {
    /// The members, to be given what a look-ahead found they will be asked for.
    pub fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Order> {
        self.edges.iter_mut().map(|edge| &mut edge.node.0)
    }
}

fn bad_user_input(message: impl Into<String>) -> Error {
    Code::BadUserInput.error(message)
}
