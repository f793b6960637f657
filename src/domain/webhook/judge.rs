//! What an endpoint's answer means for its delivery.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::{plugin::parse_retry_after, value::Message};

/// The waits after the first attempt, the second one and so on; after the last one a delivery is given up. Together
/// they are most of a day.
const WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
];
/// How often a delivery is tried.
pub const MAX_ATTEMPTS: usize = WAITS.len() + 1;
/// How much longer than that a wait may be, as a part of it: what failed together comes back spread out.
const JITTER: f64 = 0.1;
/// The longest wait that an endpoint can ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);
/// An endpoint that has failed for so long is disabled.
const GIVE_UP_AFTER: chrono::Duration = chrono::Duration::days(5);

/// How an attempt to deliver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// With an answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`.
        retry_after: Option<&'a str>,
    },
    /// Without one.
    Failed {
        /// What went wrong, for people.
        message: &'a str,
    },
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint took it.
    Delivered,
    /// It is sent again.
    Again {
        /// What went wrong.
        error: Message,
        /// How long to wait.
        after: Duration,
    },
    /// It is given up.
    Failed {
        /// What went wrong.
        error: Message,
    },
    /// The endpoint wants nothing any more: the delivery is given up, and the endpoint disabled.
    Gone {
        /// What went wrong.
        error: Message,
    },
}

/// Decides what becomes of a delivery after its attempt number `number` (the first one is 1). 2xx is success, 410 the
/// end, and everything else is tried again: after 5 s, 5 min, 30 min, 2 h, 5 h and 10 h, a little more by `jitter` (0
/// to 1), and not before the endpoint said with `Retry-After`.
pub fn judge(attempt: &Attempt<'_>, number: i32, jitter: f64, now: DateTime<Utc>) -> Verdict {
    let (error, asked) = match *attempt {
        Attempt::Answered { status: 200..=299, .. } => return Verdict::Delivered,
        Attempt::Answered { status: 410, .. } => {
            return Verdict::Gone { error: "the endpoint answered 410: it is gone".into() };
        }
        Attempt::Answered { status, retry_after } => {
            let hint = if (300..=399).contains(&status) { ": redirects are not followed" } else { "" };
            let asked = retry_after.and_then(|text| parse_retry_after(text, now)).unwrap_or_default();
            (format!("the endpoint answered {status}{hint}").into(), asked)
        }
        Attempt::Failed { message } => (Message::new(message), Duration::ZERO),
    };
    let wait = usize::try_from(number.saturating_sub(1)).ok().and_then(|index| WAITS.get(index));
    match wait {
        Some(wait) => {
            // `mul_f64` must not see what is no number.
            let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 1.0 };
            let own = *wait + wait.mul_f64(JITTER * jitter);
            Verdict::Again { error, after: own.max(asked.min(MAX_RETRY_AFTER)) }
        }
        None => Verdict::Failed { error },
    }
}

/// Why an endpoint that fails again is to be disabled, if it is.
pub fn reason_to_disable(
    failing_since: DateTime<Utc>,
    now: DateTime<Utc>,
    error: &Message,
) -> Option<Message> {
    (now - failing_since >= GIVE_UP_AFTER)
        .then(|| format!("no delivery succeeded for 5 days; the last one failed because {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T08:00:00Z".parse().unwrap()
    }

    fn after(status: u16, retry_after: Option<&str>, number: i32, jitter: f64) -> Option<u64> {
        match judge(&Attempt::Answered { status, retry_after }, number, jitter, now()) {
            Verdict::Again { after, .. } => Some(after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn the_waits_are_those_of_the_design_and_a_little_more() {
        for (number, least, most) in [
            (0, None, None),
            (1, Some(5), Some(5)),
            (2, Some(300), Some(330)),
            (3, Some(1_800), Some(1_980)),
            (4, Some(7_200), Some(7_920)),
            (5, Some(18_000), Some(19_800)),
            (6, Some(36_000), Some(39_600)),
            (7, None, None),
            (i32::MAX, None, None),
            (i32::MIN, None, None),
        ] {
            assert_eq!(after(500, None, number, 0.0), least, "{number}");
            assert_eq!(after(500, None, number, 1.0), most, "{number}");
            assert_eq!(after(500, None, number, f64::NAN), most, "{number}");
        }
    }

    #[test]
    fn an_endpoint_is_not_asked_before_it_said() {
        for (retry_after, number, expected) in [
            ("0", 1, 5),
            ("120", 1, 120),
            ("120", 2, 300),
            ("Sun, 01 Mar 2026 08:02:00 GMT", 1, 120),
            ("Sun, 01 Mar 2026 07:00:00 GMT", 1, 5),
            ("99999999999999999999", 1, 86_400),
            ("soon", 1, 5),
        ] {
            assert_eq!(after(429, Some(retry_after), number, 0.0), Some(expected), "{retry_after}");
        }
    }

    #[test]
    fn every_status_means_one_thing() {
        for status in 100..=999 {
            let verdict = judge(&Attempt::Answered { status, retry_after: None }, 1, 0.0, now());
            match status {
                200..=299 => assert_eq!(verdict, Verdict::Delivered),
                410 => assert!(matches!(verdict, Verdict::Gone { .. })),
                _ => assert!(matches!(verdict, Verdict::Again { .. }), "{status}"),
            }
        }
        let attempt = Attempt::Failed { message: "the answer did not come in time" };
        let error = Message::new("the answer did not come in time");
        let again = Verdict::Again { error: error.clone(), after: Duration::from_secs(5) };
        assert_eq!(judge(&attempt, 1, 0.0, now()), again);
        assert_eq!(judge(&attempt, 7, 0.0, now()), Verdict::Failed { error });
    }

    #[test]
    fn an_endpoint_is_given_up_after_five_days() {
        let since = now();
        let almost = since + chrono::Duration::days(5) - chrono::Duration::seconds(1);
        let error = Message::new("the endpoint answered 500");
        assert_eq!(reason_to_disable(since, almost, &error), None);
        let reason = reason_to_disable(since, almost + chrono::Duration::seconds(1), &error);
        let expected =
            "no delivery succeeded for 5 days; the last one failed because the endpoint answered 500";
        assert_eq!(reason.as_deref(), Some(expected));
    }
}
