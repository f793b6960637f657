//! Rows by position. SeaORM's derived decoding looks every column up by its name and asks of every value whether its type
//! fits, which for a page of orders costs more than all else that is done with it. Here rows are decoded in the order of
//! their columns, and the types are those that the migrations gave them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    id::{
        ApiKeyId, AttributeDefinitionId, EventId, OrderId, PluginId, PluginRunId, PluginWorkflowId,
        WebhookDeliveryId, WebhookEndpointId, WorkOrderId,
    },
    stored::{
        AttributeOwner, AttributeType, DeliveryStatus, Direction, EventType, IndexState, LifecycleOwner,
        Outcome, Phase, PluginKind, PluginRunStatus, PluginTrigger, Verdict, WorkOrderFlow, WorkOrderType,
    },
};
use sea_orm::{
    DbErr, QueryResult, RuntimeErr,
    sqlx::{self, Decode, Postgres, Row as _, Sqlite, postgres::PgRow, sqlite::SqliteRow},
};
use uuid::Uuid;

/// A row that is decoded by the order of its columns.
pub trait Row: Sized {
    /// The fields, in the order in which [`Row::decode`] takes the columns.
    #[cfg(test)]
    const FIELDS: &'static [&'static str];

    /// Decodes a row of a statement that selects all columns, in the order of the entity.
    fn decode(row: &QueryResult) -> Result<Self, DbErr>;
}

/// A row with some of its table's columns, in the order in which they were asked for. What is null, or not of the type
/// that is asked for, is said to be so; what is read borrows from the row.
#[derive(Debug)]
pub struct Part(QueryResult);

impl From<QueryResult> for Part {
    fn from(row: QueryResult) -> Self {
        Self(row)
    }
}

impl Part {
    /// A text, or a JSON document.
    pub fn text(&self, place: usize) -> Result<Option<&str>, DbErr> {
        self.get(place)
    }

    /// An id.
    pub fn uuid(&self, place: usize) -> Result<Option<Uuid>, DbErr> {
        self.get(place)
    }

    /// Bytes.
    pub fn bytes(&self, place: usize) -> Result<Option<&[u8]>, DbErr> {
        self.get(place)
    }

    /// A whole number.
    pub fn int(&self, place: usize) -> Result<Option<i32>, DbErr> {
        self.get(place)
    }

    /// Yes or no.
    pub fn flag(&self, place: usize) -> Result<Option<bool>, DbErr> {
        self.get(place)
    }

    /// An instant.
    pub fn instant(&self, place: usize) -> Result<Option<DateTime<Utc>>, DbErr> {
        self.get(place)
    }

    fn get<'a, T>(&'a self, place: usize) -> Result<T, DbErr>
    where
        T: Decode<'a, Postgres> + Decode<'a, Sqlite>,
    {
        Cells::of(&self.0)?.get(place).map_err(undecodable)
    }
}

/// A row of one of the stores.
enum Cells<'a> {
    Postgres(&'a PgRow),
    Sqlite(&'a SqliteRow),
}

impl<'a> Cells<'a> {
    fn of(row: &'a QueryResult) -> Result<Self, DbErr> {
        let postgres = row.try_as_pg_row().map(Self::Postgres);
        let cells = postgres.or_else(|| row.try_as_sqlite_row().map(Self::Sqlite));
        cells.ok_or_else(|| DbErr::Type("a row of neither PostgreSQL nor SQLite".to_owned()))
    }

    fn get<T: Decode<'a, Postgres> + Decode<'a, Sqlite>>(&self, column: usize) -> Result<T, sqlx::Error> {
        match self {
            Self::Postgres(row) => row.try_get_unchecked(column),
            Self::Sqlite(row) => row.try_get_unchecked(column),
        }
    }
}

/// The value of a column.
trait Cell: Sized {
    fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! plain_cells {
    ($($type:ty),+ $(,)?) => {
        $(impl Cell for $type {
            fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error> {
                cells.get(column)
            }
        })+
    };
}

macro_rules! id_cells {
    ($($id:ident),+ $(,)?) => {
        $(impl Cell for $id {
            fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error> {
                cells.get(column).map($id)
            }
        }

        impl Cell for Option<$id> {
            fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error> {
                Ok(cells.get::<Option<Uuid>>(column)?.map($id))
            }
        })+
    };
}

macro_rules! enum_cells {
    ($($name:ident),+ $(,)?) => {
        $(impl Cell for $name {
            fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error> {
                let text: &str = cells.get(column)?;
                $name::from_text(text).ok_or_else(|| unknown(text))
            }
        }

        impl Cell for Option<$name> {
            fn take(cells: &Cells<'_>, column: usize) -> Result<Self, sqlx::Error> {
                let text: Option<&str> = cells.get(column)?;
                text.map(|text| $name::from_text(text).ok_or_else(|| unknown(text))).transpose()
            }
        })+
    };
}

plain_cells!(
    bool,
    i32,
    i64,
    String,
    Uuid,
    DateTime<Utc>,
    Vec<u8>,
    Option<i32>,
    Option<String>,
    Option<Uuid>,
    Option<DateTime<Utc>>,
);
id_cells!(
    ApiKeyId,
    AttributeDefinitionId,
    EventId,
    OrderId,
    PluginId,
    PluginRunId,
    PluginWorkflowId,
    WebhookDeliveryId,
    WebhookEndpointId,
    WorkOrderId
);
enum_cells!(
    AttributeOwner,
    AttributeType,
    DeliveryStatus,
    Direction,
    EventType,
    LifecycleOwner,
    IndexState,
    Outcome,
    Phase,
    PluginKind,
    PluginRunStatus,
    PluginTrigger,
    Verdict,
    WorkOrderFlow,
    WorkOrderType,
);

fn unknown(text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored enum has the unknown value {text:?}").into())
}

fn undecodable(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

macro_rules! row {
    ($table:ident: $($field:ident)+) => {
        impl Row for entity::$table::Model {
            #[cfg(test)]
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn decode(row: &QueryResult) -> Result<Self, DbErr> {
                let cells = Cells::of(row)?;
                let mut columns = 0..;
                let mut next = || columns.next().unwrap_or(usize::MAX);
                // Fields are evaluated as they stand here.
                Ok(Self { $($field: Cell::take(&cells, next()).map_err(undecodable)?),+ })
            }
        }
    };
}

row!(api_key:
    tenant_id id name scopes hash expires_at revoked_at last_used_at created_at created_by
);
row!(attribute_definition:
    tenant_id id owner key description kind required default_value range_min range_max regex one_of indexed
    index_state index_due index_cursor index_done index_total archived_at version created_at created_by updated_at
    updated_by
);
row!(attribute_origin:
    tenant_id entity_id key set_by set_at
);
row!(list_entry:
    tenant_id entity_id field value
);
row!(order:
    tenant_id id client_id client_order_id client_name kind domain batch_id ready_to_process flow consignee
    destination summary custom_attributes status phase outcome cancellation lifecycle_version version created_at
    created_by updated_at updated_by
);
row!(work_order:
    tenant_id id order_id sequence kind direction return_of description pickup delivery return_to containers
    pickup_quality_checks collect_on_pickup collect_on_delivery custom_attributes status phase outcome attempts
    started lifecycle_version version created_at created_by updated_at updated_by
);
row!(event:
    tenant_id position id kind order_id work_order_id client_id from_status to_status transition reason_code note
    actor changes entity_version plugin_run_id depth occurred_at recorded_at
);
row!(event_head:
    tenant_id position expired
);
row!(idempotency_key:
    tenant_id key operation input_hash entity_id event_id created_at
);
row!(lifecycle:
    tenant_id owner version definition created_at created_by
);
row!(plugin:
    tenant_id id name description kind http expression secret previous_secret previous_until enabled deleted_at version
    created_at created_by updated_at updated_by
);
row!(plugin_workflow:
    tenant_id id name trigger condition start steps enabled last_error deleted_at version created_at created_by updated_at
    updated_by
);
row!(plugin_run:
    tenant_id id workflow_id order_id work_order_id event_id trigger status steps step step_number attempts depth due_at lease lane
    created_at started_at finished_at trace_parent trace_state
);
row!(plugin_step:
    tenant_id run_id number step plugin_id verdict reasons patch
);
row!(plugin_attempt:
    tenant_id run_id step_number number started_at duration_ms status_code error response_excerpt
);
row!(webhook_endpoint:
    tenant_id id url description event_types enabled disabled_reason secret previous_secret previous_until position
    failing_since deleted_at created_at created_by updated_at updated_by
);
row!(webhook_delivery:
    tenant_id endpoint_id position id event_id order_id status attempts due_at lease last_status_code last_error
    created_at delivered_at
);

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, IdenStatic, Iterable};

    use super::*;

    fn columns<E: EntityTrait>() -> Vec<String> {
        let field = |name: &str| if name == "type" { "kind".to_owned() } else { name.to_owned() };
        E::Column::iter().map(|column| field(column.as_str())).collect()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_columns() {
        assert_eq!(columns::<entity::api_key::Entity>(), entity::api_key::Model::FIELDS);
        assert_eq!(
            columns::<entity::attribute_definition::Entity>(),
            entity::attribute_definition::Model::FIELDS
        );
        assert_eq!(columns::<entity::attribute_origin::Entity>(), entity::attribute_origin::Model::FIELDS);
        assert_eq!(columns::<entity::list_entry::Entity>(), entity::list_entry::Model::FIELDS);
        assert_eq!(columns::<entity::order::Entity>(), entity::order::Model::FIELDS);
        assert_eq!(columns::<entity::work_order::Entity>(), entity::work_order::Model::FIELDS);
        assert_eq!(columns::<entity::event::Entity>(), entity::event::Model::FIELDS);
        assert_eq!(columns::<entity::event_head::Entity>(), entity::event_head::Model::FIELDS);
        assert_eq!(columns::<entity::idempotency_key::Entity>(), entity::idempotency_key::Model::FIELDS);
        assert_eq!(columns::<entity::lifecycle::Entity>(), entity::lifecycle::Model::FIELDS);
        assert_eq!(columns::<entity::plugin::Entity>(), entity::plugin::Model::FIELDS);
        assert_eq!(columns::<entity::plugin_workflow::Entity>(), entity::plugin_workflow::Model::FIELDS);
        assert_eq!(columns::<entity::plugin_run::Entity>(), entity::plugin_run::Model::FIELDS);
        assert_eq!(columns::<entity::plugin_step::Entity>(), entity::plugin_step::Model::FIELDS);
        assert_eq!(columns::<entity::plugin_attempt::Entity>(), entity::plugin_attempt::Model::FIELDS);
        assert_eq!(columns::<entity::webhook_endpoint::Entity>(), entity::webhook_endpoint::Model::FIELDS);
        assert_eq!(columns::<entity::webhook_delivery::Entity>(), entity::webhook_delivery::Model::FIELDS);
    }
}
