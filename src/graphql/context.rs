//! What a resolver may ask of its request.

use std::{fmt::Display, sync::Arc};

use async_graphql::{Context, Error, Result, dataloader::DataLoader, parser::types::OperationType};

use super::{error, event::Forms, guard, handover::Handover, loaders::StoreLoader};
use crate::{
    access::{Caller, Granted, Right},
    app::App,
    budget::Budget,
    events::Place,
    store::{Reader, TenantDb},
};

/// The program's parts, the caller and the loaders of one operation.
#[derive(Clone)]
pub struct Operation {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) reader: Reader,
    /// What it may still use.
    pub(super) budget: Arc<Budget>,
    pub(super) request_id: Arc<str>,
    pub(super) loader: Arc<DataLoader<StoreLoader>>,
    /// Where a subscription resumes, whatever its argument `after` says.
    pub(super) resume: Option<Arc<str>>,
    /// Where a subscription says how far it has come, if somebody wants to know.
    pub(super) place: Option<Arc<Place>>,
    /// Where the resolver of a subscription may leave answers that it writes by itself.
    pub(super) handover: Option<Arc<Handover>>,
    /// The forms in which subscriptions write events.
    pub(super) forms: Arc<Forms>,
}

/// Access to the [`Operation`] in a resolver's context.
pub trait ContextExt {
    /// The operation.
    fn operation(&self) -> Result<&Operation>;
    /// The program's parts.
    fn app(&self) -> Result<&App>;
    /// Who is calling.
    fn caller(&self) -> Result<&Caller>;
    /// The proof that the caller holds the right that the present root field needs; without it the field is FORBIDDEN.
    fn granted<R: Right>(&self) -> Result<Granted<'_, R>>;
    /// The proof that the caller holds the right that `what` needs, a field with its type such as `PluginRun.workflow`.
    fn granted_for<R: Right>(&self, what: impl Display) -> Result<Granted<'_, R>>;
    /// The caller's rows, if the caller holds the right that the present root field needs.
    fn db_for<R: Right>(&self) -> Result<TenantDb<'_>>;
    /// The caller's rows.
    fn db(&self) -> Result<TenantDb<'_>>;
    /// The loaders.
    fn loader(&self) -> Result<&DataLoader<StoreLoader>>;
    /// An error for what the caller can do nothing about; the cause goes to the log.
    fn fault(&self, fault: impl Into<crate::fault::Fault>) -> Error;
    /// An error for a loader that failed.
    fn load_fault(&self, fault: &Arc<crate::fault::Fault>) -> Error;
}

impl ContextExt for Context<'_> {
    fn operation(&self) -> Result<&Operation> {
        self.data::<Operation>()
    }

    fn app(&self) -> Result<&App> {
        Ok(&self.operation()?.app)
    }

    fn caller(&self) -> Result<&Caller> {
        Ok(&self.operation()?.caller)
    }

    fn granted<R: Right>(&self) -> Result<Granted<'_, R>> {
        let root = match self.query_env.operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        self.granted_for(format_args!("{root}.{}", self.field().name()))
    }

    fn granted_for<R: Right>(&self, what: impl Display) -> Result<Granted<'_, R>> {
        self.caller()?.grant().map_err(|lacking| guard::lacks(what, lacking))
    }

    fn db_for<R: Right>(&self) -> Result<TenantDb<'_>> {
        self.granted::<R>()?;
        self.db()
    }

    fn db(&self) -> Result<TenantDb<'_>> {
        Ok(self.operation()?.reader.db())
    }

    fn loader(&self) -> Result<&DataLoader<StoreLoader>> {
        Ok(&self.operation()?.loader)
    }

    fn fault(&self, fault: impl Into<crate::fault::Fault>) -> Error {
        let id = self.operation().map_or("", |operation| &operation.request_id);
        error::fault(&fault.into(), id)
    }

    fn load_fault(&self, fault: &Arc<crate::fault::Fault>) -> Error {
        let id = self.operation().map_or("", |operation| &operation.request_id);
        error::fault(fault, id)
    }
}
