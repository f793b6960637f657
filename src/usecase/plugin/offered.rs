//! What workflows may not ask for yet: it could be stored, but nobody would carry it out.

use entity::stored::PluginTrigger;

use crate::domain::{
    plugin::{FailurePolicy, NewWorkflow},
    problem::{Code, Found, Path, Problem},
};

/// Pushes a problem for each thing that no worker carries out yet.
pub(super) fn check_offered(trigger: PluginTrigger, new: &NewWorkflow, at: &Path, found: &mut Found) {
    if trigger != PluginTrigger::OrderInitiated {
        let message =
            format!("{} sets off no workflows in this version; ORDER_INITIATED does", trigger.as_str());
        found.push(Problem::invalid(&at.field("trigger"), message));
    }
    let at_steps = at.field("steps");
    if new.steps.len() > 1 {
        let message = "in this version a workflow has one step; use a workflow for each plugin, they run side by side \
                       and all of them must pass";
        found.push(Problem::new(Code::LimitExceeded, &at_steps, message));
    }
    for (index, step) in new.steps.iter().enumerate() {
        if step.failure_policy == FailurePolicy::Hold {
            let message = "runs cannot be held in this version; use REJECT or CONTINUE";
            found.push(Problem::invalid(&at_steps.index(index).field("failurePolicy"), message));
        }
    }
}
