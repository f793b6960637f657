//! Reads definitions.

use async_graphql::{Context, Object, Result};

use super::{super::context::ContextExt, AttributeDefinition, types::AttributeOwner};
use crate::{access::right::ConfigRead, store};

/// Queries about definitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttributeQuery;

#[Object]
impl AttributeQuery {
    /// The tenant's definitions of custom attributes, in the order in which they were made: at most 200 for each kind of
    /// owner, and those that were archived.
    async fn attribute_definitions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this kind of owner.")] owner: Option<AttributeOwner>,
        #[graphql(default_with = "Some(false)", desc = "Whether to show archived ones too.")]
        include_archived: Option<bool>,
    ) -> Result<Vec<AttributeDefinition>> {
        let owner = owner.map(Into::into);
        let all =
            store::attribute::all(&ctx.db_for::<ConfigRead>()?).await.map_err(|error| ctx.fault(error))?;
        let shown = all.into_iter().filter(|row| {
            owner.is_none_or(|owner| row.owner == owner)
                && (include_archived == Some(true) || row.archived_at.is_none())
        });
        Ok(shown.map(Into::into).collect())
    }
}
