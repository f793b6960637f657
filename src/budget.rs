//! The budget of an operation: how much of the server it may use, counted while it runs.
//!
//! The cost of an operation is estimated before it is executed, but how many work orders an order has, and how long their
//! attributes are, is known only then. So the code that uses something for an operation spends it from the operation's
//! [`Budget`], before using it where that is possible. Once one resource is used up, the operation ends.

use std::{
    fmt,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::Duration,
};

/// Something that an operation uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Values in the answer: a field of an object is one, an object whose fields are resolved one by one is twenty more.
    Values,
    /// Bytes of the answer.
    AnswerBytes,
    /// Rows that are read from the store.
    Rows,
    /// Bytes that are read from the store.
    StoreBytes,
    /// Microseconds in which the store works on a statement.
    StoreTime,
    /// Microseconds on a processor of this process.
    ProcessorTime,
}

impl Resource {
    const ALL: [Self; 6] =
        [Self::Values, Self::AnswerBytes, Self::Rows, Self::StoreBytes, Self::StoreTime, Self::ProcessorTime];
}

/// The most that an operation may use of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Values in the answer.
    pub values: u64,
    /// Bytes of the answer, and as many again that are read from the store.
    pub bytes: u64,
    /// Rows that are read from the store.
    pub rows: u64,
    /// Time in which the store works.
    pub store_time: Duration,
    /// Time on a processor.
    pub processor_time: Duration,
}

impl Allowance {
    fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Values => self.values,
            Resource::AnswerBytes | Resource::StoreBytes => self.bytes,
            Resource::Rows => self.rows,
            Resource::StoreTime => micros(self.store_time),
            Resource::ProcessorTime => micros(self.processor_time),
        }
    }
}

/// The budget of an operation.
#[derive(Debug)]
pub struct Budget {
    allowance: Allowance,
    spent: [AtomicU64; Resource::ALL.len()],
    /// The place of the first resource that was used up among [`Resource::ALL`], plus one; 0 as long as none was.
    exhausted: AtomicU8,
}

/// The operation has used a resource up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    resource: Resource,
    allowance: Allowance,
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, spent: Default::default(), exhausted: AtomicU8::new(0) }
    }

    /// Spends so much of a resource, in its unit. An error if that is more than is left.
    pub fn spend(&self, resource: Resource, amount: u64) -> Result<(), Exhausted> {
        let index = resource as usize;
        let Some(spent) = self.spent.get(index) else { return Ok(()) };
        let before = spent.fetch_add(amount, Ordering::Relaxed);
        if before.saturating_add(amount) <= self.allowance.of(resource) {
            return Ok(());
        }
        let number = u8::try_from(index + 1).unwrap_or(u8::MAX);
        // The first one is what the caller is told of.
        let _ = self.exhausted.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        Err(Exhausted { resource, allowance: self.allowance })
    }

    /// Spends a number of things or bytes.
    pub fn spend_count(&self, resource: Resource, count: usize) -> Result<(), Exhausted> {
        self.spend(resource, u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Spends time.
    pub fn spend_time(&self, resource: Resource, time: Duration) -> Result<(), Exhausted> {
        self.spend(resource, micros(time))
    }

    /// How much was spent of a resource.
    pub fn spent(&self, resource: Resource) -> u64 {
        self.spent.get(resource as usize).map_or(0, |spent| spent.load(Ordering::Relaxed))
    }

    /// The time that is left of a resource.
    pub fn time_left(&self, resource: Resource) -> Duration {
        Duration::from_micros(self.allowance.of(resource).saturating_sub(self.spent(resource)))
    }

    /// What was used up first, if anything was.
    pub fn exhausted(&self) -> Option<Exhausted> {
        let number = usize::from(self.exhausted.load(Ordering::Relaxed));
        let resource = *Resource::ALL.get(number.checked_sub(1)?)?;
        Some(Exhausted { resource, allowance: self.allowance })
    }

    /// Begins anew, for the next answer of an operation that answers again and again.
    pub fn renew(&self) {
        for spent in &self.spent {
            spent.store(0, Ordering::Relaxed);
        }
        self.exhausted.store(0, Ordering::Relaxed);
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Allowance { values, bytes, rows, store_time, processor_time } = self.allowance;
        match self.resource {
            Resource::Values => write!(formatter, "its answer has more than {values} values"),
            Resource::AnswerBytes => write!(formatter, "its answer is longer than {bytes} bytes"),
            Resource::Rows => write!(formatter, "it reads more than {rows} rows"),
            Resource::StoreBytes => write!(formatter, "it reads more than {bytes} bytes from the database"),
            Resource::StoreTime => write!(formatter, "it takes the database longer than {store_time:?}"),
            Resource::ProcessorTime => {
                write!(formatter, "it takes the server longer than {processor_time:?} of processor time")
            }
        }
    }
}

impl std::error::Error for Exhausted {}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        values: 10,
        bytes: 20,
        rows: 30,
        store_time: Duration::from_micros(40),
        processor_time: Duration::from_micros(50),
    };

    #[test]
    fn a_resource_is_used_up_by_the_first_that_is_more_than_was_left() {
        for (resource, most) in Resource::ALL.into_iter().zip([10, 20, 30, 20, 40, 50]) {
            let budget = Budget::new(ALLOWANCE);
            assert_eq!((budget.spend(resource, most), budget.exhausted()), (Ok(()), None));
            let exhausted = Exhausted { resource, allowance: ALLOWANCE };
            assert_eq!(budget.spend(resource, 1), Err(exhausted));
            assert_eq!(budget.exhausted(), Some(exhausted));
            assert_eq!(budget.spent(resource), most + 1);
        }
    }

    #[test]
    fn the_first_resource_that_was_used_up_is_told_until_the_budget_is_renewed() {
        let budget = Budget::new(ALLOWANCE);
        assert!(budget.spend(Resource::Rows, 31).is_err());
        assert!(budget.spend(Resource::Values, 11).is_err());
        let told = budget.exhausted().map(|exhausted| exhausted.to_string());
        assert_eq!(told.as_deref(), Some("it reads more than 30 rows"));
        budget.renew();
        assert_eq!((budget.exhausted(), budget.spend(Resource::Rows, 30)), (None, Ok(())));
    }

    #[test]
    fn time_is_spent_in_microseconds() {
        let budget = Budget::new(ALLOWANCE);
        budget.spend_time(Resource::StoreTime, Duration::from_micros(15)).unwrap();
        assert_eq!(budget.time_left(Resource::StoreTime), Duration::from_micros(25));
        assert!(budget.spend_time(Resource::StoreTime, Duration::from_secs(1)).is_err());
        assert_eq!(budget.time_left(Resource::StoreTime), Duration::ZERO);
    }
}
