//! The only time and entropy in the program, so that tests can hold both still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, SubsecRound, Utc};
use rand::RngCore;
use uuid::Uuid;

/// Stores keep microseconds; an instant with more digits would not equal itself after a round trip.
const STORED_SUBSECOND_DIGITS: u16 = 6;

/// Tells the time.
#[derive(Clone, Debug)]
pub struct Clock(ClockSource);

#[derive(Clone, Debug)]
enum ClockSource {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(ClockSource::System)
    }

    /// A clock that only [`Clock::advance`] moves.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(ClockSource::Manual(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// The present instant, to the microsecond.
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            ClockSource::System => Utc::now().trunc_subsecs(STORED_SUBSECOND_DIGITS),
            ClockSource::Manual(micros) => {
                DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }

    /// Moves a manual clock forward; the machine's clock does not listen.
    pub fn advance(&self, by: chrono::Duration) {
        if let (ClockSource::Manual(micros), Some(by)) = (&self.0, by.num_microseconds()) {
            micros.fetch_add(by, Ordering::SeqCst);
        }
    }
}

/// The time that the present thread has had on a processor, to be compared with an earlier one of the same thread.
#[cfg(unix)]
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// The time since the first call, which is what there is where the time of a thread is not told.
#[cfg(not(unix))]
pub fn processor_time() -> Duration {
    static BEGUN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}

/// Makes ids and secrets.
#[derive(Clone, Debug)]
pub struct Ids(IdSource);

#[derive(Clone, Debug)]
enum IdSource {
    Random,
    Counted(Arc<AtomicU64>),
}

impl Ids {
    /// Time-ordered ids (`UUIDv7`), ascending within the process; secrets from the system's generator.
    pub const fn random() -> Self {
        Self(IdSource::Random)
    }

    /// The same ids and "secrets" in every run, ascending: for tests only.
    pub fn counted() -> Self {
        Self(IdSource::Counted(Arc::default()))
    }

    /// A new id.
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn uuid(&self) -> Uuid {
        match &self.0 {
            IdSource::Random => Uuid::now_v7(),
            IdSource::Counted(next) => {
                let count = next.fetch_add(1, Ordering::SeqCst);
                Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | count)
            }
        }
    }

    /// Fills `bytes` with what nobody can guess.
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            IdSource::Random => rand::rng().fill_bytes(bytes),
            IdSource::Counted(next) => {
                let count = next.fetch_add(1, Ordering::SeqCst).to_le_bytes();
                for (byte, value) in bytes.iter_mut().zip(count.into_iter().cycle()) {
                    *byte = value;
                }
            }
        }
    }

    /// A number from 0 up to, but not, 1, to spread retries.
    pub fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
