//! What callers write to sort lists.

use std::collections::BTreeSet;

use async_graphql::Enum;

use super::{Reading, exactly_one};
use crate::{
    domain::{
        attribute::Owner,
        problem::{Code, Path, Problem},
    },
    store::list::{By, Key, Listed},
};

/// By how many things a list may be sorted.
const MAX_KEYS: usize = 8;

/// In which direction a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SortDirection {
    /// The least comes first; what has no value comes last.
    Asc,
    /// The reverse of that.
    Desc,
}

/// What a caller writes to sort a list by one thing.
pub trait Sort {
    /// The list's table.
    type Table: Listed;
    /// Whose attributes it can be sorted by.
    const OWNER: Owner;

    /// The field, or the attribute; and the direction.
    fn parts(
        self,
    ) -> (Option<<Self::Table as sea_orm::EntityTrait>::Column>, Option<String>, Option<SortDirection>);
}

/// Reads the keys of a list.
pub(super) fn read<S: Sort>(sorts: Vec<S>, at: &Path, reading: &mut Reading) -> Vec<Key<S::Table>> {
    if sorts.len() > MAX_KEYS {
        let message =
            format!("a list may be sorted by up to {MAX_KEYS} things, but these are {}", sorts.len());
        reading.found().push(Problem::new(Code::LimitExceeded, at, message));
        return Vec::new();
    }
    let keys = sorts.into_iter().enumerate().filter_map(|(index, sort)| {
        let at = at.index(index);
        let (column, attribute, direction) = sort.parts();
        let given = [column.map(|_| "field"), attribute.as_ref().map(|_| "attribute")];
        if !exactly_one(
            &given.into_iter().flatten().collect::<BTreeSet<_>>(),
            "field and attribute",
            &at,
            reading,
        ) {
            return None;
        }
        let by = match (column, attribute) {
            (Some(column), _) => By::Column(column),
            (None, attribute) => {
                By::Attribute(reading.indexed(S::OWNER, &attribute?, &at.field("attribute"))?.row.id.0)
            }
        };
        Some(Key { by, descending: direction == Some(SortDirection::Desc) })
    });
    keys.collect()
}
