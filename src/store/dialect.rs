//! Where the stores differ, and nowhere else.

use sea_orm::{DbErr, SqlErr};

/// Lists of ids go into `IN (…)`. A list's length is part of the statement's text, so lists are padded to a power of
/// two by repeating their last member: a store then sees a handful of texts and keeps them all prepared.
pub fn padded<T: Clone>(ids: &[T]) -> Vec<T> {
    let mut list = ids.to_vec();
    if let Some(last) = ids.last() {
        list.resize(ids.len().next_power_of_two(), last.clone());
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
        assert_eq!(padded::<u8>(&[]), Vec::<u8>::new());
        assert_eq!(padded(&[1]), [1]);
        assert_eq!(padded(&[1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(&[1, 2, 3, 4]), [1, 2, 3, 4]);
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
