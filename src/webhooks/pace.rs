//! How much is on its way to one endpoint at once.

use crate::domain::webhook::Verdict;

/// So many deliveries at first, while nobody knows how the endpoint does.
const FIRST: usize = 2;
/// And so many at most, each about another order.
const MOST: usize = 16;

/// How much is sent to an endpoint at once: twice as much after each success, and a single delivery after a failure. So
/// an endpoint that does not answer, which is known only after a while, keeps little of the room that all endpoints of
/// the process share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pace {
    /// How many deliveries may be on their way.
    pub(super) const fn at_once(self) -> usize {
        self.0
    }

    /// The endpoint fails.
    pub(super) const fn fails(&mut self) {
        self.0 = 1;
    }

    /// A delivery ended so.
    pub(super) fn see(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Delivered => self.0 = MOST.min(2 * self.0),
            Verdict::Again { .. } | Verdict::Failed { .. } | Verdict::Gone { .. } => self.fails(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_widens_the_pace_and_failure_narrows_it() {
        let mut pace = Pace::default();
        let failed = || Verdict::Failed { error: "no".into() };
        let mut seen = vec![pace.at_once()];
        for verdict in [Verdict::Delivered, Verdict::Delivered, failed(), Verdict::Delivered]
            .into_iter()
            .chain(std::iter::repeat_n(Verdict::Delivered, 5))
        {
            pace.see(&verdict);
            seen.push(pace.at_once());
        }
        assert_eq!(seen, [2, 4, 8, 1, 2, 4, 8, 16, 16, 16]);
    }
}
