//! Plugin runs, their steps and attempts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    event,
    id::{OrderId, PluginRunId, PluginWorkflowId},
    plugin_attempt, plugin_run, plugin_step,
    stored::{EventType, PluginRunStatus, PluginTrigger},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{CommonTableExpression, Expr, OnConflict, Query},
};

use super::{
    TenantDb,
    dialect::one_of,
    insert,
    page::{self, List, Page, PageRequest},
    queue::TakeUp,
};

/// Which runs of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only about this order.
    pub order_id: Option<OrderId>,
    /// Only of this workflow.
    pub workflow_id: Option<PluginWorkflowId>,
    /// Only where one of these.
    pub statuses: Option<Vec<PluginRunStatus>>,
}

impl RunFilter {
    /// Whether a run passes.
    pub fn matches(&self, run: &plugin_run::Model) -> bool {
        self.order_id.is_none_or(|id| id == run.order_id)
            && self.workflow_id.is_none_or(|id| id == run.workflow_id)
            && self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&run.status))
    }

    fn select(&self, db: &TenantDb<'_>) -> Select<plugin_run::Entity> {
        let mut select = db.find::<plugin_run::Entity>();
        if let Some(id) = self.order_id {
            select = select.filter(plugin_run::Column::OrderId.eq(id));
        }
        if let Some(id) = self.workflow_id {
            select = select.filter(plugin_run::Column::WorkflowId.eq(id));
        }
        if let Some(statuses) = &self.statuses {
            select = select.filter(plugin_run::Column::Status.is_in(statuses.iter().copied()));
        }
        select
    }
}

/// The runs of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[PluginRunId]) -> Result<Vec<plugin_run::Model>, DbErr> {
    db.find::<plugin_run::Entity>().filter(one_of(db, plugin_run::Column::Id, ids)).all(db.conn()).await
}

/// The run of that id, held until the transaction ends; lock its order first.
pub async fn lock(db: &TenantDb<'_>, id: PluginRunId) -> Result<Option<plugin_run::Model>, DbErr> {
    let select = db.find::<plugin_run::Entity>().filter(plugin_run::Column::Id.eq(id)).lock_exclusive();
    Ok(db.rows(select).await?.pop())
}

/// A page of runs, newest first.
pub async fn page(
    db: &TenantDb<'_>,
    filter: &RunFilter,
    request: &PageRequest<PluginRunId>,
) -> Result<Page<plugin_run::Model>, DbErr> {
    page::fetch(
        db,
        List { select: filter.select(db), key: plugin_run::Column::Id, order: Order::Desc },
        request,
    )
    .await
}

/// The same page of the runs about each of several orders, newest first; an order without runs on it is left out.
pub async fn pages_of_orders(
    db: &TenantDb<'_>,
    ids: &[OrderId],
    request: &PageRequest<PluginRunId>,
) -> Result<HashMap<OrderId, Page<plugin_run::Model>>, DbErr> {
    let select = db.find::<plugin_run::Entity>().filter(one_of(db, plugin_run::Column::OrderId, ids));
    let list = List { select, key: plugin_run::Column::Id, order: Order::Desc };
    page::fetch_each(db, list, plugin_run::Column::OrderId, |run| run.order_id, request).await
}

/// How many runs pass, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, filter: &RunFilter, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, filter.select(db), limit).await
}

/// Whether a workflow has runs that have not ended.
pub async fn any_unfinished(db: &TenantDb<'_>, id: PluginWorkflowId) -> Result<bool, DbErr> {
    let select = db
        .find::<plugin_run::Entity>()
        .filter(plugin_run::Column::WorkflowId.eq(id))
        .filter(plugin_run::Column::FinishedAt.is_null())
        .limit(1);
    Ok(!db.rows(select).await?.is_empty())
}

/// The runs about an order that something of these set off and that have not ended.
pub async fn unfinished(
    db: &TenantDb<'_>,
    order_id: OrderId,
    triggers: &[PluginTrigger],
) -> Result<Vec<plugin_run::Model>, DbErr> {
    let select = db
        .find::<plugin_run::Entity>()
        .filter(plugin_run::Column::OrderId.eq(order_id))
        .filter(plugin_run::Column::Trigger.is_in(triggers.iter().copied()))
        .filter(plugin_run::Column::FinishedAt.is_null())
        .order_by_asc(plugin_run::Column::Id);
    db.rows(select).await
}

#[derive(FromQueryResult)]
struct Unfinished {
    order_id: OrderId,
    status: PluginRunStatus,
    open: i64,
}

/// How many runs of each order, of those that something of these set off, have not ended, and how many of them are held;
/// an order with none is left out.
pub async fn unfinished_of_orders(
    db: &TenantDb<'_>,
    order_ids: &[OrderId],
    triggers: &[PluginTrigger],
) -> Result<HashMap<OrderId, (usize, usize)>, DbErr> {
    let rows = db
        .find::<plugin_run::Entity>()
        .select_only()
        .columns([plugin_run::Column::OrderId, plugin_run::Column::Status])
        .column_as(plugin_run::Column::Id.count(), "open")
        .filter(one_of(db, plugin_run::Column::OrderId, order_ids))
        .filter(plugin_run::Column::Trigger.is_in(triggers.iter().copied()))
        .filter(plugin_run::Column::FinishedAt.is_null())
        .group_by(plugin_run::Column::OrderId)
        .group_by(plugin_run::Column::Status)
        .into_model::<Unfinished>()
        .all(db.conn())
        .await?;
    let mut counts = HashMap::new();
    for Unfinished { order_id, status, open } in rows {
        let count = usize::try_from(open).unwrap_or(0);
        let (open, held) = counts.entry(order_id).or_insert((0, 0));
        *open += count;
        *held += if status == PluginRunStatus::Held { count } else { 0 };
    }
    Ok(counts)
}

/// The runs that events set off or ended, oldest first.
pub async fn changed_by(
    db: &TenantDb<'_>,
    events: &[&event::Model],
) -> Result<Vec<plugin_run::Model>, DbErr> {
    use plugin_run::Column;
    let (mut orders, mut set_off, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        orders.push(event.order_id);
        match event.kind {
            // The same instant, because they are one transaction.
            EventType::PluginRunFinished => ended.push(event.recorded_at),
            _ => set_off.push(event.id),
        }
    }
    let of_orders = db.find::<plugin_run::Entity>().filter(one_of(db, Column::OrderId, &orders));
    let changed =
        Condition::any().add(one_of(db, Column::EventId, &set_off)).add(Column::FinishedAt.is_in(ended));
    db.rows(of_orders.filter(changed).order_by_asc(Column::Id)).await
}

/// Writes new runs.
pub async fn insert(db: &TenantDb<'_>, runs: &[plugin_run::Model]) -> Result<(), DbErr> {
    insert::rows(db, runs).await
}

/// Writes all fields of a run that was locked.
pub async fn save(db: &TenantDb<'_>, run: &plugin_run::Model) -> Result<(), DbErr> {
    let row = run.clone().into_active_model().reset_all();
    db.update::<plugin_run::Entity>()
        .set(row)
        .filter(plugin_run::Column::Id.eq(run.id))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// Ends a take-up, and says whether it still held the run. Nothing of the run is read.
pub async fn end_take_up(
    db: &TenantDb<'_>,
    take_up: &TakeUp,
    status: PluginRunStatus,
    due_at: Option<DateTime<Utc>>,
) -> Result<bool, DbErr> {
    use plugin_run::Column;
    let row = plugin_run::ActiveModel {
        status: Set(status),
        due_at: Set(due_at),
        lease: Set(None),
        ..Default::default()
    };
    let update = db.update::<plugin_run::Entity>().set(row).filter(Column::Id.eq(take_up.run_id));
    Ok(update.filter(Column::Lease.eq(take_up.lease)).exec(db.conn()).await?.rows_affected > 0)
}

/// Writes a step, over what an earlier attempt wrote of it, and an attempt. Of an attempt that is there already, because its
/// answer came later, what that brought is written.
pub async fn put_answer(
    db: &TenantDb<'_>,
    step: plugin_step::Model,
    attempt: plugin_attempt::Model,
) -> Result<(), DbErr> {
    let step = {
        use plugin_step::Column;
        plugin_step::Entity::insert(step.into_active_model()).on_conflict(
            OnConflict::columns([Column::TenantId, Column::RunId, Column::Number])
                .update_columns([Column::Verdict, Column::Reasons, Column::Patch])
                .to_owned(),
        )
    };
    let attempt = {
        use plugin_attempt::Column;
        plugin_attempt::Entity::insert(attempt.into_active_model()).on_conflict(
            OnConflict::columns([Column::TenantId, Column::RunId, Column::StepNumber, Column::Number])
                .update_columns([Column::DurationMs, Column::Error, Column::ResponseExcerpt])
                .to_owned(),
        )
    };
    if db.backend() == DbBackend::Postgres {
        // Together: what a plugin answers is settled while its order and, in the end, the tenant's log are locked.
        let step = CommonTableExpression::new().table_name("step").query(step.into_query()).to_owned();
        let both = attempt.into_query().with(Query::with().cte(step).to_owned());
        db.conn().execute(&both).await?;
    } else {
        step.exec_without_returning(db.conn()).await?;
        attempt.exec_without_returning(db.conn()).await?;
    }
    Ok(())
}

/// The steps of several runs, by run and number.
pub async fn steps(db: &TenantDb<'_>, run_ids: &[PluginRunId]) -> Result<Vec<plugin_step::Model>, DbErr> {
    let select = db
        .find::<plugin_step::Entity>()
        .filter(one_of(db, plugin_step::Column::RunId, run_ids))
        .order_by_asc(plugin_step::Column::RunId)
        .order_by_asc(plugin_step::Column::Number);
    db.rows(select).await
}

/// The attempts of several runs, by run, step and number.
pub async fn attempts(
    db: &TenantDb<'_>,
    run_ids: &[PluginRunId],
) -> Result<Vec<plugin_attempt::Model>, DbErr> {
    use plugin_attempt::Column;
    let select = db
        .find::<plugin_attempt::Entity>()
        .filter(one_of(db, Column::RunId, run_ids))
        .order_by_asc(Column::RunId)
        .order_by_asc(Column::StepNumber)
        .order_by_asc(Column::Number);
    db.rows(select).await
}

/// Forgets what plugins answered about an order word by word; verdicts stay.
pub async fn forget_answers(db: &TenantDb<'_>, order_id: OrderId) -> Result<(), DbErr> {
    let runs = db
        .find::<plugin_run::Entity>()
        .select_only()
        .column(plugin_run::Column::Id)
        .filter(plugin_run::Column::OrderId.eq(order_id));
    db.update::<plugin_attempt::Entity>()
        .col_expr(plugin_attempt::Column::ResponseExcerpt, Expr::value(Option::<String>::None))
        .filter(plugin_attempt::Column::RunId.in_subquery(runs.into_query()))
        .exec(db.conn())
        .await?;
    Ok(())
}
