//! Changes definitions.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::attribute_definition::Model;

use super::{
    super::{
        context::ContextExt,
        delete::IdInput,
        error::{UserError, user_errors},
    },
    AttributeDefinition,
    inputs::{AttributeDefinitionCreateInput, AttributeDefinitionUpdateInput},
};
use crate::usecase::{self, Error};

/// The answer to a mutation of a definition.
#[derive(Clone, Debug, SimpleObject)]
pub struct AttributeDefinitionPayload {
    /// The definition as it is now; null if nothing happened.
    attribute_definition: Option<AttributeDefinition>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Mutations of definitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttributeMutation;

#[Object]
impl AttributeMutation {
    /// Defines a custom attribute. Only defined attributes can be set.
    async fn attribute_definition_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition.")] input: AttributeDefinitionCreateInput,
    ) -> Result<AttributeDefinitionPayload> {
        let granted = ctx.granted()?;
        let owner = input.owner.into();
        let result = usecase::attribute::create(ctx.app()?, granted, owner, input.into_domain()).await;
        payload(ctx, result)
    }

    /// Changes a definition. Owner, key and type never change.
    async fn attribute_definition_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: AttributeDefinitionUpdateInput,
    ) -> Result<AttributeDefinitionPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(command) => usecase::attribute::update(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        payload(ctx, result)
    }

    /// Archives a definition: the values that there are stay readable, new ones are refused, and the key may be defined
    /// again.
    async fn attribute_definition_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition.")] input: IdInput,
    ) -> Result<AttributeDefinitionPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(id) => usecase::attribute::archive(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        payload(ctx, result)
    }
}

fn payload(ctx: &Context<'_>, result: Result<Model, Error>) -> Result<AttributeDefinitionPayload> {
    match result {
        Ok(row) => {
            Ok(AttributeDefinitionPayload { attribute_definition: Some(row.into()), user_errors: Vec::new() })
        }
        Err(Error::Refused(problems)) => {
            let user_errors = user_errors(ctx, problems, &["userErrors"]);
            Ok(AttributeDefinitionPayload { attribute_definition: None, user_errors })
        }
        Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
    }
}
