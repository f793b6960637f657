//! Who the caller is.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::context::ContextExt;

/// The caller, as the server sees it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Viewer {
    /// The tenant whose data it sees.
    tenant_id: String,
    /// Its name in the history.
    subject: String,
    /// What it may do.
    scopes: Vec<String>,
}

/// Queries about the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Tenant, subject and scopes of the caller.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        let caller = ctx.caller()?;
        Ok(Viewer {
            tenant_id: caller.tenant.to_string(),
            subject: caller.subject.to_string(),
            scopes: caller.scopes.iter().map(|scope| scope.to_string()).collect(),
        })
    }
}
