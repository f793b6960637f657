//! The API contract in Rust: converts input, calls one use case or reader, wraps the answer. No rule of the product is
//! decided here.

#![allow(clippy::unused_async, reason = "async-graphql wants every resolver to be async")]

mod api_key;
mod connection;
mod contact;
mod context;
mod counted;
mod delete;
mod documents;
mod endpoint;
mod error;
mod field_order;
mod filter;
mod flat;
mod gather;
pub mod guard;
mod handover;
mod id;
mod limits;
mod loaders;
mod metered;
mod node;
mod persisted;
mod quick;
mod request;
mod scalar;
#[cfg(test)]
mod second_check;
mod value;
mod variables;
mod viewer;

mod attribute;
mod event;
mod lifecycle;
mod order;
mod plugin;
mod webhook;
mod work_order;

use std::{num::NonZero, sync::Arc};

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, ServerError, ValidationMode};

use documents::Documents;
pub use endpoint::{Chosen, Endpoint, was_executed};
pub use error::Code;
use event::Forms;
pub use handover::Item;
use metered::Turns;
use persisted::Persisted;
pub use quick::Writer;
pub use request::Request;
use serde_json::value::RawValue;

use crate::{
    config::{Config, Limits},
    fair::Rule,
};

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
    api_key::ApiKeyQuery,
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
    plugin::PluginRunMutation,
    plugin::PluginTrialMutation,
    webhook::WebhookMutation,
    api_key::ApiKeyMutation,
);

/// What can be watched. `after` resumes: every event committed after that cursor arrives, in commit order, once, then
/// live ones follow without a gap.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(event::EventSubscription, plugin::PluginSubscription);

/// The executable schema; cheap to clone. It holds no data: the program's parts come with each request.
#[derive(Clone)]
pub struct Schema {
    validated: Executable,
    /// The same for documents of which is known that they are valid.
    unvalidated: Executable,
    documents: Arc<Documents>,
    forms: Arc<Forms>,
    persisted: Arc<Persisted>,
    introspection: bool,
    limits: Limits,
    turns: Turns,
}

type Executable = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema with what is configured for every document.
pub fn schema(config: &Config) -> Schema {
    let build = |mode| builder().validation_mode(mode).finish();
    Schema {
        validated: build(ValidationMode::Strict),
        unvalidated: build(ValidationMode::Fast),
        documents: Arc::default(),
        forms: Arc::default(),
        persisted: Arc::new(Persisted::new(config.trusted_documents.as_deref())),
        introspection: config.introspection,
        limits: config.limits.clone(),
        turns: Turns::new(processors().max(2), Rule::Halves),
    }
}

/// How many processors there are.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Schema {
    /// The document of a request as it came: its own, or the one that it names by `id` or by its extensions, a JSON object;
    /// none if it does neither.
    pub fn document(
        &self,
        text: Option<String>,
        id: Option<&str>,
        extensions: Option<&RawValue>,
    ) -> Result<Option<String>, ServerError> {
        let hash = extensions.map(persisted::hash).transpose()?.flatten();
        match text.or_else(|| (id.is_some() || hash.is_some()).then(String::new)) {
            Some(text) => self.persisted.complete(text, hash.as_deref(), id).map(Some),
            None => Ok(None),
        }
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
