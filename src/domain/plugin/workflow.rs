//! What a workflow must be like before it is saved, and the way that a run takes through it.

use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path, Problem},
    Expression,
    define::check_name,
    graph,
};

/// What happens when a step gives no verdict after all its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    /// It counts as a rejection.
    Reject,
    /// It counts as passed.
    Continue,
    /// The run stops there until somebody retries it.
    Hold,
}

/// What a condition can speak of. There is no run yet.
pub const CONDITION_VARIABLES: [&str; 3] = ["order", "workOrder", "event"];

/// A workflow to be saved.
#[derive(Clone, Debug)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// A CEL expression over [`CONDITION_VARIABLES`]; it sets off a run only where it is true.
    pub condition: Option<String>,
    /// Name of its first step.
    pub start: String,
    /// Its steps.
    pub steps: Vec<NewStep>,
    /// Whether events set it off.
    pub enabled: bool,
}

/// A step of a workflow to be saved.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// Its name, unique in the workflow.
    pub name: String,
    /// Name of the step that follows a PASS or an ENRICH; none ends the run.
    pub on_pass: Option<String>,
    /// Name of the step that follows a REJECT; none ends the run.
    pub on_reject: Option<String>,
    /// What happens when its plugin gives no verdict.
    pub failure_policy: FailurePolicy,
}

impl NewWorkflow {
    /// Pushes every problem of the workflow itself.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_name(&self.name, at, found);
        if let Some(Err(message)) =
            self.condition.as_deref().map(|text| Expression::parse(text, &CONDITION_VARIABLES))
        {
            found.push(Problem::invalid(&at.field("condition"), message));
        }
        graph::check(&self.start, &self.steps, at, found);
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Its plugin agreed, or enriched the order.
    Passed,
    /// Its plugin objected.
    Rejected,
    /// Its plugin gave no verdict, however often it was asked.
    NoVerdict,
}

/// Where a run goes when a step has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// On to the step of this name.
    Step(&'a str),
    /// It ends, and nobody objected.
    Passed,
    /// It ends with a plugin's objection.
    Rejected,
    /// It ends without the verdict that it needed, which counts as a rejection.
    Failed,
    /// It stays at the step until somebody retries it.
    Held,
}

/// Where a run goes when a step has ended.
///
/// A PASS goes to `on_pass`, a REJECT to `on_reject`; without one of those the run ends. A step without a verdict follows
/// its policy: REJECT is the way of a rejection, only that a run which ends there has FAILED; CONTINUE is the way of a
/// PASS; HOLD stays.
pub fn next<'a>(
    end: StepEnd,
    policy: FailurePolicy,
    on_pass: Option<&'a str>,
    on_reject: Option<&'a str>,
) -> Next<'a> {
    let pass = on_pass.map_or(Next::Passed, Next::Step);
    let reject = |or: Next<'a>| on_reject.map_or(or, Next::Step);
    match (end, policy) {
        (StepEnd::Passed, _) | (StepEnd::NoVerdict, FailurePolicy::Continue) => pass,
        (StepEnd::Rejected, _) => reject(Next::Rejected),
        (StepEnd::NoVerdict, FailurePolicy::Reject) => reject(Next::Failed),
        (StepEnd::NoVerdict, FailurePolicy::Hold) => Next::Held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_where_the_end_of_its_step_leads() {
        use FailurePolicy::{Continue, Hold, Reject};
        use StepEnd::{NoVerdict, Passed, Rejected};
        let both = (Some("on"), Some("off"));
        for (end, policy, (on_pass, on_reject), expected) in [
            (Passed, Reject, both, Next::Step("on")),
            (Passed, Hold, (None, Some("off")), Next::Passed),
            (Rejected, Continue, both, Next::Step("off")),
            (Rejected, Continue, (Some("on"), None), Next::Rejected),
            (NoVerdict, Reject, both, Next::Step("off")),
            (NoVerdict, Reject, (Some("on"), None), Next::Failed),
            (NoVerdict, Continue, both, Next::Step("on")),
            (NoVerdict, Continue, (None, Some("off")), Next::Passed),
            (NoVerdict, Hold, both, Next::Held),
        ] {
            assert_eq!(next(end, policy, on_pass, on_reject), expected, "{end:?} under {policy:?}");
        }
    }
}
