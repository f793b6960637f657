//! What callers do with custom attributes: definitions, values, and the index that lists use.

mod archive;
mod create;
mod index;
mod update;
mod values;

pub use archive::archive;
pub use create::create;
pub use index::Indexer;
pub use update::{Update, update};
pub use values::{NewEntries, admit, admit_work_order, write_changed};

use entity::attribute_definition::Model;

use crate::domain::{
    attribute::{MAX_DEFINITIONS, MAX_INDEXED},
    problem::{Code, Found, Path, Problem},
};

/// At most 200 living definitions for one kind of owner, 32 of them indexed. `standing` are the others.
fn check_limits<'a>(standing: impl Iterator<Item = &'a Model> + Clone, new: &Model, found: &mut Found) {
    let living = standing.filter(|row| row.owner == new.owner && row.archived_at.is_none());
    if living.clone().count() >= MAX_DEFINITIONS {
        let message = format!(
            "there may be up to {MAX_DEFINITIONS} attributes of each kind of owner; archive one that is not used any \
             more"
        );
        found.push(Problem::new(Code::LimitExceeded, &Path::root().field("key"), message));
    }
    if new.indexed && living.filter(|row| row.indexed).count() >= MAX_INDEXED {
        let message = format!("up to {MAX_INDEXED} attributes of each kind of owner may be indexed");
        found.push(Problem::new(Code::LimitExceeded, &Path::root().field("indexed"), message));
    }
}
