//! Reads lifecycles.

use async_graphql::{Context, Object, Result};

use super::{
    super::{context::ContextExt, value::LifecycleOwner},
    types::Lifecycle,
};
use crate::{access::right::ConfigRead, usecase};

/// Queries about lifecycles.
#[derive(Clone, Copy, Debug, Default)]
pub struct LifecycleQuery;

#[Object]
impl LifecycleQuery {
    /// The lifecycle in force: what is born now gets it. Version 1 is built in.
    async fn lifecycle(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of orders or of work orders.")] owner: LifecycleOwner,
    ) -> Result<Lifecycle> {
        let found = usecase::lifecycle::in_force(&ctx.db_for::<ConfigRead>()?, owner.into()).await;
        found.map(Lifecycle::from).map_err(|fault| ctx.fault(fault))
    }
}
