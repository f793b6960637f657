//! New rows, many with one statement.
//!
//! A list of values for each row makes a statement of its own of every number of rows, which the store reads and plans
//! anew. PostgreSQL therefore gets all rows as one JSON document, with one statement a table, and reads each member with
//! the type of its column. SQLite reads statements faster than JSON.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityName, EntityTrait,
    IdenStatic, IntoActiveModel, Iterable, ModelTrait, Statement, Value,
};

use super::TenantDb;

/// A row has about 25 columns, and SQLite takes at most 32,766 values a statement.
pub(super) const ROWS_PER_STATEMENT: usize = 500;

/// Writes new rows of a table.
pub(super) async fn rows<M, A>(db: &TenantDb<'_>, rows: &[M]) -> Result<(), DbErr>
where
    M: ModelTrait + IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send,
{
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        if db.backend() == DbBackend::Postgres {
            db.conn().execute_raw(from_json(chunk, "")?).await?;
        } else {
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            <M::Entity as EntityTrait>::insert_many::<A, _>(rows).exec_without_returning(db.conn()).await?;
        }
    }
    Ok(())
}

/// PostgreSQL's statement that inserts these rows; `rest` follows it.
pub(super) fn from_json<M: ModelTrait>(rows: &[M], rest: &str) -> Result<Statement, DbErr> {
    let table = <M::Entity as Default>::default();
    let (table, columns) = (table.table_name(), columns::<M::Entity>());
    // The document goes into a text first: the JSON types of parameters are for values that were parsed already.
    let sql = format!(
        "INSERT INTO \"{table}\" ({columns}) \
         SELECT {columns} FROM json_populate_recordset(NULL::\"{table}\", $1::text::json){rest}"
    );
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, sql, [document(rows)?.into()]))
}

/// The columns of a table, each in quotes.
pub(super) fn columns<E: EntityTrait>() -> String {
    E::Column::iter().map(|column| format!("\"{}\"", column.as_str())).collect::<Vec<_>>().join(", ")
}

/// Rows as the JSON document from which PostgreSQL reads them.
pub(super) fn document<M: ModelTrait>(rows: &[M]) -> Result<String, DbErr> {
    let mut document = String::with_capacity(rows.len() * 1024);
    for row in rows {
        document.push(if document.is_empty() { '[' } else { ',' });
        write_row(row, &mut document)?;
    }
    document.push(']');
    Ok(document)
}

fn write_row<M: ModelTrait>(row: &M, out: &mut String) -> Result<(), DbErr> {
    let mut separator = "{";
    for column in <M::Entity as EntityTrait>::Column::iter() {
        let Some(value) = json(row.get(column))? else { continue };
        let written = write!(out, "{separator}\"{}\":{value}", column.as_str());
        written.map_err(|_| DbErr::Type("a row cannot be written".to_owned()))?;
        separator = ",";
    }
    out.push('}');
    Ok(())
}

/// The value as JSON that PostgreSQL reads as the same value; none for null.
fn json(value: Value) -> Result<Option<String>, DbErr> {
    Ok(match value {
        Value::Bool(value) => value.map(|value| value.to_string()),
        Value::Int(value) => value.map(|value| value.to_string()),
        Value::BigInt(value) => value.map(|value| value.to_string()),
        Value::String(value) => {
            let value = value.map(|text| serde_json::to_string(&text));
            value.transpose().map_err(|error| DbErr::Type(error.to_string()))?
        }
        Value::Uuid(value) => value.map(|value| format!("\"{value}\"")),
        Value::ChronoDateTimeUtc(value) => {
            value.map(|value| format!("\"{}\"", value.to_rfc3339_opts(SecondsFormat::Micros, true)))
        }
        Value::Bytes(value) => value.map(|bytes| {
            let mut text = "\"\\\\x".to_owned();
            for byte in bytes {
                // A text takes whatever is written to it.
                let _ = write!(text, "{byte:02x}");
            }
            text + "\""
        }),
        _ => return Err(DbErr::Type("a column of a type that new rows cannot have yet".to_owned())),
    })
}
