//! Changes lifecycles.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
    },
    inputs::LifecycleUpdateInput,
    types::Lifecycle,
};
use crate::usecase::{self, Error};

/// The answer to a change of a lifecycle.
#[derive(Clone, Debug, SimpleObject)]
pub struct LifecyclePayload {
    /// The lifecycle in force; null if nothing happened.
    lifecycle: Option<Lifecycle>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Mutations of lifecycles.
#[derive(Clone, Copy, Debug, Default)]
pub struct LifecycleMutation;

#[Object]
impl LifecycleMutation {
    /// Sets a lifecycle: a new version, which is the whole of it, for what is born from now on. Orders at work keep the
    /// version that they were born with. What is in force already is no new version.
    async fn lifecycle_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The lifecycle.")] input: LifecycleUpdateInput,
    ) -> Result<LifecyclePayload> {
        let granted = ctx.granted()?;
        match usecase::lifecycle::update(ctx.app()?, granted, input.into_command()).await {
            Ok(set) => Ok(LifecyclePayload { lifecycle: Some(set.into()), user_errors: Vec::new() }),
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(LifecyclePayload { lifecycle: None, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}
