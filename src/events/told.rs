//! What a watcher was told of plugin runs.

use std::collections::{HashMap, VecDeque};

use entity::{id::PluginRunId, plugin_run::Model, stored::PluginRunStatus};

/// How many runs are remembered. One that is forgotten may be told of twice in the same state.
const REMEMBERED: usize = 1_024;

/// How far a run has come; everything that happens to it makes it greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Progress {
    /// A retry of a run counts as a step of its own.
    step_number: i32,
    attempts: i32,
    stage: Stage,
}

/// What an attempt has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It has not begun.
    Queued,
    /// The plugin is asked.
    Asked,
    /// The plugin answers later.
    PutOff,
    /// Another attempt follows.
    Again,
    /// The run waits for somebody to retry it.
    Held,
    /// The run has ended.
    Ended,
}

impl From<&Model> for Progress {
    fn from(run: &Model) -> Self {
        let stage = match run.status {
            PluginRunStatus::Queued => Stage::Queued,
            PluginRunStatus::Running if run.lease.is_some() => Stage::Asked,
            PluginRunStatus::Running => Stage::Again,
            PluginRunStatus::Waiting => Stage::PutOff,
            PluginRunStatus::Held => Stage::Held,
            PluginRunStatus::Passed | PluginRunStatus::Rejected | PluginRunStatus::Failed => Stage::Ended,
        };
        Self { step_number: run.step_number, attempts: run.attempts, stage }
    }
}

/// How far the runs had come that were told of last.
#[derive(Debug, Default)]
pub(super) struct Told {
    runs: HashMap<PluginRunId, Progress>,
    /// Those that are to be forgotten first stand first.
    order: VecDeque<PluginRunId>,
}

impl Told {
    /// Whether a run has come further than it was told of; if so, it counts as told.
    pub(super) fn is_news(&mut self, run: &Model) -> bool {
        let progress = Progress::from(run);
        if let Some(told) = self.runs.get_mut(&run.id) {
            let is_news = progress > *told;
            *told = progress.max(*told);
            return is_news;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.runs.remove(&oldest);
        }
        self.order.push_back(run.id);
        self.runs.insert(run.id, progress);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use entity::{
        id::{EventId, OrderId, PluginWorkflowId},
        stored::PluginTrigger,
    };
    use uuid::Uuid;

    use super::*;

    fn run(id: u128, step_number: i32, attempts: i32, status: PluginRunStatus, is_held: bool) -> Model {
        Model {
            tenant_id: "acme".to_owned(),
            id: PluginRunId(Uuid::from_u128(id)),
            workflow_id: PluginWorkflowId(Uuid::nil()),
            order_id: OrderId(Uuid::nil()),
            work_order_id: None,
            event_id: EventId(Uuid::nil()),
            trigger: PluginTrigger::OrderInitiated,
            status,
            steps: "[]".to_owned(),
            step: None,
            step_number,
            attempts,
            depth: 1,
            due_at: None,
            lease: is_held.then(Uuid::nil),
            lane: None,
            created_at: DateTime::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
            trace_parent: None,
            trace_state: None,
        }
    }

    /// A run's whole life, each state after the one before.
    fn life() -> Vec<Model> {
        use PluginRunStatus::{Failed, Held, Passed, Queued, Running, Waiting};
        [
            (1, 0, Queued, false),
            (1, 1, Running, true),
            (1, 1, Running, false),
            (1, 2, Running, true),
            (1, 2, Waiting, false),
            (1, 2, Held, false),
            (1, 2, Failed, false),
            (2, 0, Queued, false),
            (2, 1, Running, true),
            (3, 0, Queued, false),
            (3, 1, Passed, false),
        ]
        .map(|(step, attempts, status, is_held)| run(1, step, attempts, status, is_held))
        .into()
    }

    #[test]
    fn each_state_is_told_once_and_none_after_a_later_one() {
        let life = life();
        let mut told = Told::default();
        for (now, run) in life.iter().enumerate() {
            assert!(told.is_news(run), "{run:?}");
            for earlier in &life[..=now] {
                assert!(!told.is_news(earlier), "{earlier:?} after {run:?}");
            }
        }
    }

    #[test]
    fn a_take_up_that_only_looks_whether_a_callback_came_is_no_news() {
        let mut told = Told::default();
        assert!(told.is_news(&run(1, 1, 1, PluginRunStatus::Waiting, false)));
        assert!(!told.is_news(&run(1, 1, 1, PluginRunStatus::Waiting, true)));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut told = Told::default();
        let count = u128::try_from(REMEMBERED).unwrap();
        for id in 0..=count {
            assert!(told.is_news(&run(id, 1, 0, PluginRunStatus::Queued, false)));
        }
        assert_eq!((told.runs.len(), told.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!told.is_news(&run(1, 1, 0, PluginRunStatus::Queued, false)));
        assert!(told.is_news(&run(0, 1, 0, PluginRunStatus::Queued, false)));
    }
}
