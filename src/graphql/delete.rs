//! Inputs and payloads of mutations that take an id alone.

use async_graphql::{Context, ID, InputObject, Result, SimpleObject};

use super::{
    context::ContextExt as _,
    error::{UserError, user_errors},
    id::{self, FromText},
};
use crate::{
    domain::problem::{Found, Path, Problem, Problems},
    usecase::Error,
};

/// Names a thing by its id.
#[derive(InputObject)]
pub struct IdInput {
    /// Its id.
    id: ID,
}

impl IdInput {
    /// The id that it stands for.
    pub fn into_domain<T: FromText>(self) -> Result<T, Problems> {
        let path = Path::root().field("id");
        let mut found = Found::new();
        let id = id::input::<T>(&self.id, &path, &mut found);
        found.or(())?;
        id.ok_or_else(|| Problem::required(&path, "an id is missing").into())
    }
}

/// The answer to a mutation that removes something.
#[derive(Clone, Debug, SimpleObject)]
pub struct DeletePayload {
    /// Id of what was removed; null if nothing happened.
    deleted_id: Option<ID>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

impl DeletePayload {
    /// The payload of what a use case gave.
    pub fn of(ctx: &Context<'_>, result: std::result::Result<ID, Error>) -> Result<Self> {
        match result {
            Ok(id) => Ok(Self { deleted_id: Some(id), user_errors: Vec::new() }),
            Err(Error::Refused(problems)) => {
                Ok(Self { deleted_id: None, user_errors: user_errors(ctx, problems, &["userErrors"]) })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}
