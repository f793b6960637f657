//! Where the stores differ, and nowhere else.

use sea_orm::{
    ColumnTrait, DbBackend, DbErr, SqlErr,
    sea_query::{Expr, ExprTrait, extension::postgres::PgFunc},
};
use uuid::Uuid;

use super::TenantDb;

/// Whether a column holds one of some ids. PostgreSQL takes them as one array. SQLite has no arrays: there a list's
/// length is part of the statement's text, so lists are padded to a power of two by repeating their last member, and the
/// store sees a handful of texts and keeps them all prepared.
pub fn one_of<Id: Copy + Into<Uuid>>(db: &TenantDb<'_>, column: impl ColumnTrait, ids: &[Id]) -> Expr {
    let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
    match db.backend() {
        DbBackend::Postgres => Expr::col(column.as_column_ref()).eq(PgFunc::any(ids)),
        _ => column.is_in(padded(ids)),
    }
}

/// The same for texts.
pub fn one_of_texts(db: &TenantDb<'_>, column: impl ColumnTrait, texts: &[String]) -> Expr {
    match db.backend() {
        DbBackend::Postgres => Expr::col(column.as_column_ref()).eq(PgFunc::any(texts.to_vec())),
        _ => column.is_in(padded(texts.to_vec())),
    }
}

/// Repeats a list's last member until its length is a power of two.
pub(super) fn padded<T: Clone>(mut list: Vec<T>) -> Vec<T> {
    if let Some(last) = list.last().cloned() {
        list.resize(list.len().next_power_of_two(), last);
    }
    list
}

/// Whether `error` says that a row broke the unique index over `columns` of `table`, which is called `index`.
/// PostgreSQL's message names the index, SQLite's the columns.
pub fn violates(error: &DbErr, index: &str, table: &str, columns: &[&str]) -> bool {
    let Some(SqlErr::UniqueConstraintViolation(message)) = error.sql_err() else { return false };
    let columns: Vec<String> = columns.iter().map(|column| format!("{table}.{column}")).collect();
    message.contains(index) || message.contains(&columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_padded_to_a_power_of_two() {
        assert_eq!(padded(Vec::<u8>::new()), Vec::<u8>::new());
        assert_eq!(padded(vec![1]), [1]);
        assert_eq!(padded(vec![1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(vec![1, 2, 3, 4]), [1, 2, 3, 4]);
        assert_eq!(padded(vec![1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
