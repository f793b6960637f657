//! The one place that binds statements to a tenant.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, DeleteMany, EntityTrait, ExecResult, QueryFilter,
    QueryResult, QuerySelect, QueryTrait, Select, Statement, UpdateMany, sea_query::Expr,
};

use super::{
    Database, Transaction,
    readers::LaneId,
    rows::{Part, Row},
};
use crate::budget::Budget;

/// The name of a tenant. Every row belongs to one, and every query is bound to one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The tenant of that name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table whose rows belong to tenants.
pub trait TenantOwned: EntityTrait<Model: Row> {
    /// The column that says whose a row is.
    const TENANT: Self::Column;
}

macro_rules! tenant_owned {
    ($($table:ident),+ $(,)?) => {
        $(impl TenantOwned for entity::$table::Entity {
            const TENANT: Self::Column = entity::$table::Column::TenantId;
        })+
    };
}

tenant_owned!(
    api_key,
    attribute_definition,
    attribute_origin,
    event,
    event_head,
    idempotency_key,
    lifecycle,
    list_entry,
    order,
    plugin,
    plugin_attempt,
    plugin_run,
    plugin_step,
    plugin_workflow,
    webhook_delivery,
    webhook_endpoint,
    work_order,
);

/// The place where statements run: any connection that reads, or an open transaction.
#[derive(Debug)]
pub(super) enum Executor<'a> {
    Reader(&'a Reader),
    Transaction(&'a Transaction),
}

#[async_trait]
impl ConnectionTrait for Executor<'_> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Reader(reader) => reader.database.backend(),
            Self::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Reader(_) => Err(writes_nothing()),
            Self::Transaction(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Reader(_) => Err(writes_nothing()),
            Self::Transaction(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Reader(reader) => Ok(reader.rows(statement).await?.pop()),
            Self::Transaction(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Reader(reader) => reader.rows(statement).await,
            Self::Transaction(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}

/// What is changed, is changed within a transaction.
fn writes_nothing() -> DbErr {
    DbErr::Custom("a connection that reads was asked to write".to_owned())
}

/// A connection, or an open transaction, and the tenant that everything done over it is bound to.
#[derive(Debug)]
pub struct TenantDb<'a> {
    tenant: &'a Tenant,
    conn: Executor<'a>,
}

impl<'a> TenantDb<'a> {
    /// Binds an open transaction to a tenant.
    pub const fn of_transaction(tenant: &'a Tenant, tx: &'a Transaction) -> Self {
        Self { tenant, conn: Executor::Transaction(tx) }
    }

    /// Whose rows it sees.
    pub const fn tenant(&self) -> &'a Tenant {
        self.tenant
    }

    /// The budget of the operation on whose behalf is read, if there is one.
    pub fn budget(&self) -> Option<&'a Arc<Budget>> {
        match self.conn {
            Executor::Reader(reader) => reader.budget.as_ref(),
            Executor::Transaction(_) => None,
        }
    }

    /// The tenant's name, for a row or a statement's value.
    pub fn tenant_id(&self) -> String {
        self.tenant.as_str().to_owned()
    }

    /// The connection, for SeaORM's finishing methods.
    pub(super) const fn conn(&self) -> &Executor<'a> {
        &self.conn
    }

    /// The store's kind, for statements in text.
    pub(super) fn backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    /// Reads rows of a table, the tenant's only.
    pub(super) fn find<E: TenantOwned>(&self) -> Select<E> {
        E::find().filter(E::TENANT.eq(self.tenant.as_str()))
    }

    /// Whether a row of a table is the tenant's, for statements that are not a plain selection.
    pub(super) fn owns<E: TenantOwned>(&self) -> Expr {
        E::TENANT.eq(self.tenant.as_str())
    }

    /// Changes rows of a table, the tenant's only.
    pub(super) fn update<E: TenantOwned>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::TENANT.eq(self.tenant.as_str()))
    }

    /// Removes rows of a table, the tenant's only.
    pub(super) fn delete<E: TenantOwned>(&self) -> DeleteMany<E> {
        E::delete_many().filter(E::TENANT.eq(self.tenant.as_str()))
    }

    /// Runs a statement that selects all columns of a table in their order.
    pub(super) async fn rows<E>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr>
    where
        E: TenantOwned,
    {
        self.query_rows::<E>(select.build(self.backend())).await
    }

    /// The same for a statement that is not a plain selection. Its caller has bound it to the tenant, with
    /// [`TenantDb::find`].
    pub(super) async fn query_rows<E>(&self, statement: Statement) -> Result<Vec<E::Model>, DbErr>
    where
        E: TenantOwned,
    {
        self.query_all(statement).await?.iter().map(E::Model::decode).collect()
    }

    /// The same as [`TenantDb::rows`] for some of the columns.
    pub(super) async fn parts<E>(&self, select: Select<E>, columns: &[E::Column]) -> Result<Vec<Part>, DbErr>
    where
        E: TenantOwned,
    {
        let select = select.select_only().columns(columns.iter().copied());
        let rows = self.query_all(select.build(self.backend())).await?;
        Ok(rows.into_iter().map(Part::from).collect())
    }

    /// The rows of a statement that its caller has bound to the tenant.
    pub(super) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.conn.query_all_raw(statement).await
    }

    /// The row of a statement that finds one at most.
    pub(super) async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all(statement).await?.pop())
    }
}

/// Reads a tenant's rows outside a transaction; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    database: Database,
    tenant: Tenant,
    lane: LaneId,
    budget: Option<Arc<Budget>>,
    in_tasks: bool,
}

/// How many lanes the callers of a tenant are spread over.
const LANES: u64 = 64;

/// The lane in which a caller waits for connections, among those of its tenant.
pub fn lane_of(subject: &str) -> u8 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    u8::try_from(hasher.finish() % LANES).unwrap_or_default()
}

impl Reader {
    /// A reader of one tenant's rows, on behalf of the process.
    pub const fn new(database: Database, tenant: Tenant) -> Self {
        Self { database, tenant, lane: 0, budget: None, in_tasks: false }
    }

    /// The same on behalf of a caller.
    #[must_use]
    pub fn on_behalf_of(self, subject: &str) -> Self {
        Self { lane: lane_of(subject), ..self }
    }

    /// The same for an operation, from whose budget is spent what is read.
    #[must_use]
    pub fn within(self, budget: Arc<Budget>) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// The same for a stream, which may rest in the middle of a read until its client takes what came before: each
    /// statement runs in a task of its own, so that no connection rests with it.
    #[must_use]
    pub fn for_stream(self) -> Self {
        Self { in_tasks: true, ..self }
    }

    /// Whose rows it sees.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// A connection bound to the tenant.
    pub const fn db(&self) -> TenantDb<'_> {
        TenantDb { tenant: &self.tenant, conn: Executor::Reader(self) }
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let (readers, lane) = (self.database.readers(), (&self.tenant, self.lane));
        if self.in_tasks {
            readers.rows_in_task(lane, self.budget.as_ref(), statement).await
        } else {
            readers.rows(lane, self.budget.as_deref(), statement).await
        }
    }
}
