//! Plugins, workflows and runs.

mod inputs;
mod mutation;
mod query;
mod retry;
mod run;
mod subscription;
mod trial;
mod types;

pub use mutation::PluginMutation;
pub use query::PluginQuery;
pub use retry::PluginRunMutation;
pub use run::PluginRun;
pub use subscription::PluginSubscription;
pub use trial::PluginTrialMutation;
pub use types::{Plugin, PluginTrigger, PluginWorkflow};

pub(super) use query::runs_of;
