//! Steps: what evaluations may cost, and how the cost is counted.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::common::{
    types::{CelBytes, CelList, CelMap, CelString},
    value::Val,
};

/// How many bytes of text cost a step.
const BYTES_PER_STEP: usize = 16;

/// The steps that an evaluation has left: about one for each turn of a loop, and for each value that is looked at.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicU64>);

/// Ends an evaluation whose budget is used up. It unwinds, because an error could be caught by the expression itself: in
/// CEL `error || true` is true.
pub(super) struct Exhausted;

impl Budget {
    /// A budget of that many steps.
    pub fn new(steps: u64) -> Self {
        Self(Arc::new(AtomicU64::new(steps)))
    }

    /// The steps that are left.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Spends steps within an evaluation, which ends here if there are not so many left.
    pub fn spend(&self, steps: u64) {
        if let Some(left) = self.left().checked_sub(steps) {
            self.0.store(left, Ordering::Relaxed);
        } else {
            self.0.store(0, Ordering::Relaxed);
            panic::resume_unwind(Box::new(Exhausted));
        }
    }

    /// Spends what it costs to read or make a text of so many bytes.
    pub fn spend_bytes(&self, bytes: usize) {
        self.spend(steps_of(bytes));
    }

    /// Spends the size of a value, counting no further than there is something to spend.
    pub(super) fn spend_size(&self, value: &dyn Val) {
        self.spend(1);
        if let Some(text) = value.downcast_ref::<CelString>() {
            self.spend_bytes(text.inner().len());
        } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
            self.spend_bytes(bytes.inner().len());
        } else if let Some(list) = value.downcast_ref::<CelList>() {
            list.inner().iter().for_each(|member| self.spend_size(member.as_ref()));
        } else if let Some(map) = value.downcast_ref::<CelMap>() {
            for (key, member) in map.inner() {
                self.spend_size(key.inner());
                self.spend_size(member.as_ref());
            }
        }
    }
}

fn steps_of(bytes: usize) -> u64 {
    u64::try_from(bytes / BYTES_PER_STEP).unwrap_or(u64::MAX)
}
