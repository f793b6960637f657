//! When a plugin is asked again, and when a step is taken up again that the service could not carry out.
//!
//! The random part comes from the caller, so that the same call gives the same answer.

use std::time::Duration;

/// The wait after the first attempt, before jitter.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// The longest wait that we choose ourselves.
pub const MAX_DELAY: Duration = Duration::from_mins(1);

/// The longest wait that a plugin can ask for with `Retry-After`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The wait after the first attempt that failed for a fault of ours, before jitter. Such a fault ends when somebody mends it,
/// not by itself.
const FIRST_FAULT_DELAY: Duration = Duration::from_secs(20);

/// The longest wait after a fault of ours.
const MAX_FAULT_DELAY: Duration = Duration::from_mins(10);

/// How long to wait after attempt `attempt_number` (the first one is 1) before the next one.
///
/// The wait starts at 500 ms, doubles with every attempt and ends at 60 s. Of that, `jitter` (0 to 1) decides about
/// the second half: runs that failed together come back spread out, yet never at once. A plugin that said when to
/// come back (`retry_after`) is not asked earlier, but after ten minutes at the latest.
pub fn retry_delay(attempt_number: u32, jitter: f64, retry_after: Option<Duration>) -> Duration {
    let own = doubled(FIRST_DELAY, MAX_DELAY, attempt_number, jitter);
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    own.max(asked)
}

/// How long to wait after attempt `attempt_number`, in which the service failed and not the plugin: 20 s, doubled with every
/// attempt, up to ten minutes, of which `jitter` decides about the second half.
pub fn fault_delay(attempt_number: u32, jitter: f64) -> Duration {
    doubled(FIRST_FAULT_DELAY, MAX_FAULT_DELAY, attempt_number, jitter)
}

fn doubled(first: Duration, max: Duration, attempt_number: u32, jitter: f64) -> Duration {
    let doublings = attempt_number.saturating_sub(1).min(31);
    let full = first.saturating_mul(1 << doublings).min(max);
    // `mul_f64` must not see what is no number.
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 1.0 };
    full / 2 + (full / 2).mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempt_number: u32, jitter: f64, retry_after_ms: Option<u64>, expected_ms: u64) {
        let delay = retry_delay(attempt_number, jitter, retry_after_ms.map(Duration::from_millis));
        assert_eq!(
            delay,
            Duration::from_millis(expected_ms),
            "attempt {attempt_number}, jitter {jitter}, asked for {retry_after_ms:?}"
        );
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        for (attempt_number, expected_ms) in [
            (0, 500),
            (1, 500),
            (2, 1_000),
            (3, 2_000),
            (4, 4_000),
            (5, 8_000),
            (6, 16_000),
            (7, 32_000),
            (8, 60_000),
            (9, 60_000),
            (33, 60_000),
            (u32::MAX, 60_000),
        ] {
            check(attempt_number, 1.0, None, expected_ms);
        }
    }

    #[test]
    fn jitter_decides_about_the_second_half() {
        for (jitter, expected_ms) in [
            (0.0, 500),
            (0.25, 625),
            (0.5, 750),
            (1.0, 1_000),
            (-1.0, 500),
            (7.0, 1_000),
            (f64::NAN, 1_000),
            (f64::INFINITY, 1_000),
        ] {
            check(2, jitter, None, expected_ms);
        }
    }

    #[test]
    fn after_a_fault_the_wait_doubles_up_to_ten_minutes() {
        for (attempt_number, least, most) in
            [(0, 10, 20), (1, 10, 20), (2, 20, 40), (5, 160, 320), (6, 300, 600), (u32::MAX, 300, 600)]
        {
            let delays = [0.0, 1.0].map(|jitter| fault_delay(attempt_number, jitter).as_secs());
            assert_eq!(delays, [least, most], "attempt {attempt_number}");
        }
    }

    #[test]
    fn a_plugin_is_not_asked_earlier_than_it_said() {
        for (attempt_number, retry_after_ms, expected_ms) in [
            (1, 0, 500),
            (1, 400, 500),
            (1, 5_000, 5_000),
            (8, 5_000, 60_000),
            (8, 90_000, 90_000),
            (1, 600_000, 600_000),
            (1, 600_001, 600_000),
            (1, u64::MAX, 600_000),
        ] {
            check(attempt_number, 1.0, Some(retry_after_ms), expected_ms);
        }
    }
}
