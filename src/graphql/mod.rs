//! The API contract in Rust: converts input, calls one use case or reader, wraps the answer. No rule of the product is
//! decided here.

#![allow(clippy::unused_async, reason = "async-graphql wants every resolver to be async")]

mod connection;
mod contact;
mod context;
mod delete;
mod documents;
mod endpoint;
mod error;
mod field_order;
mod flat;
mod gather;
pub mod guard;
mod handover;
mod id;
mod limits;
mod loaders;
mod node;
mod quick;
mod scalar;
mod value;
mod viewer;

mod attribute;
mod event;
mod lifecycle;
mod order;
mod plugin;
mod webhook;
mod work_order;

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, ValidationMode};

use documents::Documents;
pub use endpoint::{Endpoint, was_executed};
pub use error::Code;
use event::Forms;
pub use handover::Item;
pub use quick::Writer;

/// What can be read.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    node::NodeQuery,
    order::OrderQuery,
    work_order::WorkOrderQuery,
    lifecycle::LifecycleQuery,
    attribute::AttributeQuery,
    plugin::PluginQuery,
    event::EventQuery,
    webhook::WebhookQuery,
    viewer::ViewerQuery,
);

/// What can be changed. Every mutation takes one `input` and gives one payload; what the caller can mend comes back in
/// its `userErrors`, with the entity null and nothing written.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    order::OrderMutation,
    work_order::WorkOrderMutation,
    lifecycle::LifecycleMutation,
    attribute::AttributeMutation,
    plugin::PluginMutation,
    webhook::WebhookMutation,
);

/// What can be watched. `after` resumes: every event committed after that cursor arrives, in commit order, once, then
/// live ones follow without a gap.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(event::EventSubscription);

/// The executable schema; cheap to clone. It holds no data: the program's parts come with each request.
#[derive(Clone)]
pub struct Schema {
    validated: Executable,
    /// The same for documents of which is known that they are valid.
    unvalidated: Executable,
    documents: Arc<Documents>,
    forms: Arc<Forms>,
}

type Executable = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema with the limits that apply to every document.
pub fn schema(depth: usize, complexity: usize) -> Schema {
    let build =
        |mode| builder().validation_mode(mode).limit_depth(depth).limit_complexity(complexity).finish();
    Schema {
        validated: build(ValidationMode::Strict),
        unvalidated: build(ValidationMode::Fast),
        documents: Arc::default(),
        forms: Arc::default(),
    }
}

/// The schema in the schema definition language, sorted, as it is checked in.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .prefer_single_line_descriptions();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .register_output_type::<node::Node>()
}
