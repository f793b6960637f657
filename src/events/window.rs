//! The newest events of a tenant's log, kept for those who listen.

use std::{collections::VecDeque, sync::Arc};

use entity::event::Model;

use super::Record;

/// How many events are kept; a subscriber that falls further behind is caught up from the log.
const LENGTH: usize = 1024;
/// How many of them a subscriber takes at once.
const TAKE: usize = 64;

/// The newest events of a tenant's log. Positions have no gaps (see [`Cursor`](super::Cursor)), so that a position says
/// where in the window its event is, or that it is not there any more.
#[derive(Debug)]
pub(super) struct Window {
    records: VecDeque<Arc<Record>>,
    /// Position of the newest event.
    head: i64,
}

/// What comes after a position.
#[derive(Debug)]
pub(super) enum Next {
    /// These events, and perhaps more after them.
    Records(Vec<Arc<Record>>),
    /// Nothing yet.
    Nothing,
    /// More than the window holds: the log has it, at least up to this position.
    Log(i64),
}

impl Window {
    /// A window that begins after a position.
    pub(super) const fn beginning_after(head: i64) -> Self {
        Self { records: VecDeque::new(), head }
    }

    /// Position of the newest event.
    pub(super) const fn head(&self) -> i64 {
        self.head
    }

    /// Adds an event, unless it has it already.
    pub(super) fn push(&mut self, event: Model) {
        if event.position <= self.head {
            return;
        }
        if event.position != self.head + 1 {
            // Removed before anybody read them. Whoever wants them is told so by the log.
            self.records.clear();
        }
        if self.records.len() == LENGTH {
            self.records.pop_front();
        }
        self.head = event.position;
        self.records.push_back(Arc::new(event.into()));
    }

    /// What comes after a position.
    pub(super) fn after(&self, seen: i64) -> Next {
        // What is between the position and the newest event; nothing, if the position is newer still.
        let Ok(missing) = usize::try_from(self.head.saturating_sub(seen)) else { return Next::Nothing };
        if missing == 0 {
            return Next::Nothing;
        }
        let Some(skip) = self.records.len().checked_sub(missing) else { return Next::Log(self.head) };
        Next::Records(self.records.range(skip..).take(TAKE).map(Arc::clone).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::fixtures::event;

    /// What comes after a position: the first and last of the events, or the head of the log.
    fn after(window: &Window, seen: i64) -> String {
        match window.after(seen) {
            Next::Records(records) => {
                let positions: Vec<_> = records.iter().map(|record| record.row.position).collect();
                let first = positions[0];
                assert!(positions.iter().zip(first..).all(|(position, expected)| *position == expected));
                format!("{first} to {}", positions[positions.len() - 1])
            }
            Next::Nothing => "nothing".to_owned(),
            Next::Log(head) => format!("the log to {head}"),
        }
    }

    #[test]
    fn a_position_says_what_comes_after_it() {
        let mut window = Window::beginning_after(10);
        assert_eq!(after(&window, 10), "nothing");
        assert_eq!(after(&window, 9), "the log to 10");
        for position in [11, 12, 13, 12, 11] {
            window.push(event(position));
        }
        for (seen, expected) in [
            (0, "the log to 13"),
            (9, "the log to 13"),
            (10, "11 to 13"),
            (12, "13 to 13"),
            (13, "nothing"),
            (14, "nothing"),
            (i64::MAX, "nothing"),
        ] {
            assert_eq!(after(&window, seen), expected, "{seen}");
        }
        for position in 14..=2_000 {
            window.push(event(position));
        }
        for (seen, expected) in
            [(975, "the log to 2000"), (976, "977 to 1040"), (1_950, "1951 to 2000"), (2_000, "nothing")]
        {
            assert_eq!(after(&window, seen), expected, "{seen}");
        }
        // What was removed before it was read is never passed over.
        window.push(event(2_005));
        for (seen, expected) in
            [(1_999, "the log to 2005"), (2_003, "the log to 2005"), (2_004, "2005 to 2005")]
        {
            assert_eq!(after(&window, seen), expected, "{seen}");
        }
    }
}
