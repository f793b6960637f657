//! Keys for a tenant's programs.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::{api_key, id::ApiKeyId};

use super::{
    context::ContextExt,
    delete::{DeletePayload, IdInput},
    error::{UserError, user_errors},
    scalar::DateTime,
};
use crate::{
    access::{right::Admin, stored_scopes},
    store,
    usecase::{
        self, Error,
        api_key::{Created, NewKey},
    },
};

/// A key that a program shows to say who it is. Its text is shown when it is made, and never again.
#[derive(Clone, Debug, SimpleObject)]
pub struct ApiKey {
    /// Its id, `key_…`.
    id: ID,
    /// What it is called in the history, after `key:`.
    name: String,
    /// What its bearer may do.
    scopes: Vec<String>,
    /// When it ceases to be good; never, if null.
    expires_at: Option<DateTime>,
    /// When it was revoked; null while it is good.
    revoked_at: Option<DateTime>,
    /// When it was shown last, to within a minute.
    last_used_at: Option<DateTime>,
    /// When it was made.
    created_at: DateTime,
    /// Who made it.
    created_by: String,
}

impl ApiKey {
    fn of(ctx: &Context<'_>, row: api_key::Model) -> Result<Self> {
        let scopes = stored_scopes(&row.scopes).map_err(|fault| ctx.fault(fault))?;
        Ok(Self {
            id: row.id.to_string().into(),
            name: row.name,
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
            expires_at: row.expires_at.map(Into::into),
            revoked_at: row.revoked_at.map(Into::into),
            last_used_at: row.last_used_at.map(Into::into),
            created_at: row.created_at.into(),
            created_by: row.created_by,
        })
    }
}

/// A key to be made.
#[derive(InputObject)]
pub struct ApiKeyCreateInput {
    /// What it is called in the history.
    name: String,
    /// What its bearer may do: orders:read, orders:write, config:read, config:write, pii:read, admin.
    scopes: Vec<String>,
    /// When it ceases to be good; never, if left out.
    expires_at: Option<DateTime>,
}

/// The answer to the making of a key.
#[derive(Clone, Debug, SimpleObject)]
pub struct ApiKeyPayload {
    /// Its id; null if nothing happened.
    id: Option<ID>,
    /// Its text, to be sent in `Authorization: Bearer …`; shown only now.
    key: Option<String>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Queries about keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// The tenant's API keys, oldest first: at most 100, and the last 100 that were revoked.
    async fn api_keys(&self, ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
        let rows = store::api_key::all(&ctx.db_for::<Admin>()?).await.map_err(|error| ctx.fault(error))?;
        rows.into_iter().map(|row| ApiKey::of(ctx, row)).collect()
    }
}

/// Mutations of keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes a key for a program of the tenant, and shows it once.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: ApiKeyCreateInput,
    ) -> Result<ApiKeyPayload> {
        let granted = ctx.granted()?;
        let ApiKeyCreateInput { name, scopes, expires_at } = input;
        let new = NewKey { name, scopes, expires_at: expires_at.map(|end| end.0) };
        match usecase::api_key::create(ctx.app()?, granted, new).await {
            Ok(Created { id, text }) => Ok(ApiKeyPayload {
                id: Some(id.to_string().into()),
                key: Some(text.into_exposed()),
                user_errors: Vec::new(),
            }),
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(ApiKeyPayload { id: None, key: None, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }

    /// Revokes a key: requests with it are refused from now on, and streams that were opened with it end within seconds.
    async fn api_key_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: IdInput,
    ) -> Result<DeletePayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain::<ApiKeyId>() {
            Ok(id) => usecase::api_key::revoke(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        DeletePayload::of(ctx, result.map(|id| ID::from(id.to_string())))
    }
}
