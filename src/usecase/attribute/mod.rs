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
    attribute::{MAX_DEFINITIONS, MAX_INDEXED, MAX_PATTERN_BYTES, Pattern},
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

/// What the compiled patterns of a tenant may take together. `standing` are those that there are beside the new one.
fn check_patterns<'a>(standing: impl Iterator<Item = &'a Model>, new: Option<&Pattern>, found: &mut Found) {
    let Some(new) = new else { return };
    let living = standing.filter(|row| row.archived_at.is_none());
    let mut patterns = living.filter_map(|row| row.regex.clone()).map(Pattern::new);
    let own = new.bytes();
    // No more are looked at than it takes to know.
    let fits = patterns.try_fold(own, |bytes, pattern| {
        Some(bytes + pattern.bytes()).filter(|bytes| *bytes <= MAX_PATTERN_BYTES)
    });
    if fits.is_none() {
        let message = format!(
            "the regular expressions of all attributes may take up to {} MiB together once they are compiled, and this \
             one takes {} KiB; make it simpler, or archive an attribute that is not used any more",
            MAX_PATTERN_BYTES >> 20,
            own.div_ceil(1024)
        );
        found.push(Problem::new(Code::LimitExceeded, &Path::root().field("regex"), message));
    }
}
