//! How conditions fare over time: which ones had no value, and which one runs out of steps so often that its workflow is
//! switched off.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entity::id::PluginWorkflowId;

use super::condition::Outcome;
use crate::{store::Tenant, usecase::plugin::ConditionReport};

/// After so many units of work in a row in which its condition ran out of steps a workflow is switched off.
const MAX_STRIKES: u32 = 20;
/// The most workflows whose strikes are counted; beyond that all counts begin anew.
const MAX_COUNTED: usize = 10_000;
/// The most reports that wait to be written; what does not fit comes again if it goes on.
const MAX_REPORTS: usize = 1_000;

/// What a process knows of conditions.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By workflow: its version, and the units in a row in which its condition ran out.
    strikes: HashMap<PluginWorkflowId, (i32, u32)>,
    reports: HashMap<PluginWorkflowId, ConditionReport>,
}

impl Health {
    /// Of those workflows, the ones whose conditions ran out the last time that they were tried, and whether they are to
    /// be switched off.
    pub(super) fn struck(&self, id: PluginWorkflowId, version: i32) -> Option<Struck> {
        let known = self.lock();
        let (of, count) = known.strikes.get(&id)?;
        (*of == version).then_some(if *count >= MAX_STRIKES { Struck::Off } else { Struck::Lately })
    }

    /// Takes note of what became of a condition in a unit of work.
    pub(super) fn note(&self, tenant: &Tenant, id: PluginWorkflowId, version: i32, outcome: Outcome) {
        let mut known = self.lock();
        let (error, switch_off) = match outcome {
            Outcome::Sound => {
                known.strikes.remove(&id);
                return;
            }
            Outcome::NoValue(error) => {
                known.strikes.remove(&id);
                (format!("the condition had no value, so that no run began: {error}"), false)
            }
            Outcome::Crowded => (
                "the conditions of all workflows together took too long in one change, so that this one was not \
                 evaluated and no run began; make those simpler that go over lists"
                    .to_owned(),
                false,
            ),
            Outcome::Exhausted => {
                if known.strikes.len() >= MAX_COUNTED {
                    known.strikes.clear();
                }
                let strikes = known.strikes.entry(id).or_insert((version, 0));
                *strikes = if strikes.0 == version { (version, strikes.1 + 1) } else { (version, 1) };
                let advice = "it goes over large lists too often, or looks at too much of the order; make it simpler";
                if strikes.1 >= MAX_STRIKES {
                    let times = format!("{MAX_STRIKES} changes in a row");
                    (
                        format!("switched off, because the condition took too long in {times}: {advice}, and enable the workflow again"),
                        true,
                    )
                } else {
                    (format!("the condition took too long, so that no run began: {advice}"), false)
                }
            }
        };
        if known.reports.len() < MAX_REPORTS || known.reports.contains_key(&id) {
            known
                .reports
                .insert(id, ConditionReport { tenant: tenant.clone(), id, version, error, switch_off });
        }
    }

    /// Takes what there is to write.
    pub(super) fn take_reports(&self) -> Vec<ConditionReport> {
        std::mem::take(&mut self.lock().reports).into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a workflow's condition did the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Struck {
    /// It ran out of steps.
    Lately,
    /// It did so too often, and the workflow is about to be switched off.
    Off,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> PluginWorkflowId {
        PluginWorkflowId(Uuid::from_u128(number))
    }

    #[test]
    fn a_workflow_is_switched_off_after_so_many_units_in_a_row() {
        let (health, tenant) = (Health::default(), Tenant::new("a"));
        for _ in 1..MAX_STRIKES {
            health.note(&tenant, id(1), 1, Outcome::Exhausted);
        }
        assert_eq!(health.struck(id(1), 1), Some(Struck::Lately));
        assert_eq!(health.take_reports().iter().map(|report| report.switch_off).collect::<Vec<_>>(), [false]);
        // One that had a value begins anew, and one that found no steps left is not counted.
        health.note(&tenant, id(1), 1, Outcome::Sound);
        assert_eq!(health.struck(id(1), 1), None);
        for _ in 0..MAX_STRIKES {
            health.note(&tenant, id(2), 1, Outcome::Crowded);
            assert_eq!(health.struck(id(2), 1), None);
            health.note(&tenant, id(1), 1, Outcome::Exhausted);
        }
        assert_eq!(health.struck(id(1), 1), Some(Struck::Off));
        // What was saved since is another condition.
        assert_eq!(health.struck(id(1), 2), None);
        let mut reports = health.take_reports();
        reports.sort_by_key(|report| report.id.0);
        assert_eq!(reports.iter().map(|report| report.switch_off).collect::<Vec<_>>(), [true, false]);
        assert!(
            reports[0].error.starts_with("switched off, because the condition took too long in 20 changes")
        );
        assert!(health.take_reports().is_empty());
    }

    #[test]
    fn what_waits_to_be_written_is_bounded() {
        let (health, tenant) = (Health::default(), Tenant::new("a"));
        for number in 0..2_000 {
            health.note(&tenant, id(number), 1, Outcome::NoValue("x".to_owned()));
        }
        assert_eq!(health.take_reports().len(), MAX_REPORTS);
        for number in 0..=10_000 {
            health.note(&tenant, id(number), 1, Outcome::Exhausted);
        }
        assert_eq!(health.lock().strikes.len(), 1);
    }
}
