//! Inputs of the plugin manager's mutations.

use async_graphql::{ID, InputObject, MaybeUndefined};
use entity::id::{PluginId, PluginWorkflowId};

use super::{
    super::{id, scalar::Json},
    types::{FailurePolicy, HttpMethod, PluginTrigger},
};
use crate::{
    domain::{
        order::Patch,
        plugin::{NewHttp, NewKind, NewPlugin, NewStep, NewWorkflow, PluginPatch},
        problem::{Found, Path, Problem, Problems},
    },
    fault::Fault,
    usecase::{
        self,
        plugin::{Update, Workflow, WorkflowUpdate},
    },
};

const DEFAULT_TIMEOUT_MS: i32 = 5_000;
const DEFAULT_CALLBACK_TIMEOUT_MS: i32 = 600_000;
const DEFAULT_ATTEMPTS: i32 = 5;

/// A plugin to be saved.
#[derive(InputObject)]
pub struct PluginCreateInput {
    /// Its name, unique in the tenant: 3 to 50 characters.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Its endpoint. A plugin has either this or an expression.
    http: Option<HttpPluginInput>,
    /// A CEL expression over `order`, `workOrder`, `event` and `run`, of up to 2,000 characters: true passes, false rejects,
    /// a map is an answer such as an endpoint gives.
    expression: Option<String>,
    /// Whether it is called.
    #[graphql(default_with = "Some(true)")]
    enabled: Option<bool>,
}

/// An HTTP endpoint that is asked for verdicts.
#[derive(InputObject)]
pub struct HttpPluginInput {
    /// Where it is: http or https, without credentials, at an address that the operator allows.
    url: String,
    /// How it is called.
    #[graphql(default_with = "Some(HttpMethod::Post)")]
    method: Option<HttpMethod>,
    /// Headers to send with each call, at most 20. Left out in an update, those that there are stay.
    headers: Option<Vec<HttpHeaderInput>>,
    /// What it is sent: `{"$expr": "$.order.id"}` stands for what a JSONPath (RFC 9535) finds in
    /// `{order, workOrder, event, run}`, `{"$val": x}` for x. Without it the whole document is sent. With GET it is an
    /// object, and its members are sent as query parameters.
    body_template: Option<Json>,
    /// How long it may take to answer, in milliseconds: 100 to 20,000.
    #[graphql(default_with = "Some(DEFAULT_TIMEOUT_MS)")]
    request_timeout_ms: Option<i32>,
    /// How long a verdict that it puts off (DEFER) may take, in milliseconds: 1,000 to 604,800,000, which is a week.
    #[graphql(default_with = "Some(DEFAULT_CALLBACK_TIMEOUT_MS)")]
    callback_timeout_ms: Option<i32>,
    /// How often it is asked at most: 1 to 20.
    #[graphql(default_with = "Some(DEFAULT_ATTEMPTS)")]
    max_attempts: Option<i32>,
}

/// A header to send.
#[derive(InputObject)]
pub struct HttpHeaderInput {
    /// Its name.
    name: String,
    /// Its value; never shown again.
    value: String,
}

/// A workflow to be saved.
#[derive(InputObject)]
pub struct PluginWorkflowCreateInput {
    /// Its name: 3 to 50 characters.
    name: String,
    /// What sets it off.
    trigger: PluginTrigger,
    /// A CEL expression over `order`, `workOrder` and `event`, of up to 2,000 characters: only where it is true does a run
    /// begin. Where it has no value, because something is missing for instance, none begins.
    condition: Option<String>,
    /// Name of its first step.
    start: String,
    /// Its steps, 1 to 50: no loop, and every step reachable from the start. One, in this version.
    steps: Vec<PluginStepInput>,
    /// Whether events set it off.
    #[graphql(default_with = "Some(true)")]
    enabled: Option<bool>,
}

/// A change of a plugin. What is left out stays as it is.
#[derive(InputObject)]
pub struct PluginUpdateInput {
    /// Which one.
    id: ID,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Its name, unique in the tenant: 3 to 50 characters.
    name: Option<String>,
    /// What it is for; null removes it.
    description: MaybeUndefined<String>,
    /// Its endpoint, as a whole: what is left out in it has its default, the headers excepted.
    http: Option<HttpPluginInput>,
    /// Its expression.
    expression: Option<String>,
    /// Whether it is called.
    enabled: Option<bool>,
    /// Whether its secret is replaced. Calls are signed with both secrets for a day.
    #[graphql(default_with = "Some(false)")]
    rotate_secret: Option<bool>,
}

/// A change of a workflow. What is left out stays as it is; runs that there are keep the steps that they began with.
#[derive(InputObject)]
pub struct PluginWorkflowUpdateInput {
    /// Which one.
    id: ID,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Its name: 3 to 50 characters.
    name: Option<String>,
    /// On what condition a run begins; null for always.
    condition: MaybeUndefined<String>,
    /// Name of its first step.
    start: Option<String>,
    /// All of its steps.
    steps: Option<Vec<PluginStepInput>>,
    /// Whether events set it off.
    enabled: Option<bool>,
}

/// A step of a workflow.
#[derive(InputObject)]
pub struct PluginStepInput {
    /// Its name, unique in the workflow.
    name: String,
    /// The plugin that it asks.
    plugin_id: ID,
    /// Name of the step that follows a PASS or an ENRICH; without one the run ends, passed.
    on_pass: Option<String>,
    /// Name of the step that follows a REJECT; without one the run ends, rejected.
    on_reject: Option<String>,
    /// What happens when the plugin gives no verdict after all its attempts.
    #[graphql(default_with = "Some(FailurePolicy::Reject)")]
    failure_policy: Option<FailurePolicy>,
}

impl PluginCreateInput {
    /// The plugin that it stands for.
    pub fn into_domain(self) -> Result<NewPlugin, Problems> {
        let Self { name, description, http, expression, enabled } = self;
        let kind = match (http, expression) {
            (Some(http), None) => NewKind::Http(http.into_domain()),
            (None, Some(text)) => NewKind::Expression(text),
            (None, None) => {
                let message = "a plugin needs an endpoint (http) or an expression";
                return Err(Problem::required(&Path::root().field("http"), message).into());
            }
            (Some(_), Some(_)) => {
                let message = "a plugin has either an endpoint (http) or an expression, not both";
                return Err(Problem::invalid(&Path::root().field("expression"), message).into());
            }
        };
        Ok(NewPlugin { name, description, kind, enabled: enabled.unwrap_or(true) })
    }
}

impl HttpPluginInput {
    fn into_domain(self) -> NewHttp {
        let Self {
            url,
            method,
            headers,
            body_template,
            request_timeout_ms,
            callback_timeout_ms,
            max_attempts,
        } = self;
        let headers = headers.map(|headers| {
            headers.into_iter().map(|HttpHeaderInput { name, value }| (name, value)).collect()
        });
        NewHttp {
            url,
            method: method.unwrap_or(HttpMethod::Post).into(),
            headers,
            body_template: body_template.map(Json::into_value),
            request_timeout_ms: request_timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
            callback_timeout_ms: callback_timeout_ms.unwrap_or(DEFAULT_CALLBACK_TIMEOUT_MS),
            max_attempts: max_attempts.unwrap_or(DEFAULT_ATTEMPTS),
        }
    }
}

impl PluginWorkflowCreateInput {
    /// The workflow that it stands for.
    pub fn into_domain(self) -> Result<Workflow, Problems> {
        let Self { name, trigger, condition, start, steps, enabled } = self;
        let mut found = Found::new();
        let (steps, plugins) = split(steps, &mut found);
        let enabled = enabled.unwrap_or(true);
        let new = NewWorkflow { name, condition, start, steps, enabled };
        found.or(Workflow { new, trigger: trigger.into(), plugins })
    }
}

impl PluginUpdateInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<Update, usecase::Error> {
        let Self { id, expected_version, name, description, http, expression, enabled, rotate_secret } = self;
        let mut found = Found::new();
        let id = id::input::<PluginId>(&id, &Path::root().field("id"), &mut found);
        let patch = PluginPatch {
            name,
            description: to_patch(description),
            http: http.map(HttpPluginInput::into_domain),
            expression,
            enabled,
            rotate_secret: rotate_secret.unwrap_or(false),
        };
        found.or(())?;
        let id = id.ok_or_else(|| Fault::broken("an id got lost"))?;
        Ok(Update { id, expected_version, patch })
    }
}

impl PluginWorkflowUpdateInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<WorkflowUpdate, usecase::Error> {
        let Self { id, expected_version, name, condition, start, steps, enabled } = self;
        let mut found = Found::new();
        let id = id::input::<PluginWorkflowId>(&id, &Path::root().field("id"), &mut found);
        let steps = steps.map(|steps| split(steps, &mut found));
        found.or(())?;
        let id = id.ok_or_else(|| Fault::broken("an id got lost"))?;
        let condition = to_patch(condition);
        Ok(WorkflowUpdate { id, expected_version, name, condition, start, steps, enabled })
    }
}

fn to_patch(input: MaybeUndefined<String>) -> Patch<String> {
    match input {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(text) => Patch::Set(text),
    }
}

/// The steps, and the plugins that they ask.
fn split(steps: Vec<PluginStepInput>, found: &mut Found) -> (Vec<NewStep>, Vec<PluginId>) {
    let at = Path::root().field("steps");
    let mut plugins = Vec::with_capacity(steps.len());
    let mut new_steps = Vec::with_capacity(steps.len());
    for (index, step) in steps.into_iter().enumerate() {
        let PluginStepInput { name, plugin_id, on_pass, on_reject, failure_policy } = step;
        plugins.extend(id::input::<PluginId>(&plugin_id, &at.index(index).field("pluginId"), found));
        let failure_policy = failure_policy.unwrap_or(FailurePolicy::Reject).into();
        new_steps.push(NewStep { name, on_pass, on_reject, failure_policy });
    }
    (new_steps, plugins)
}
