//! The documents in which plugins and workflows are kept.

use entity::id::PluginId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::plugin::{FailurePolicy, HttpMethod},
    fault::Fault,
};

/// The endpoint of an HTTP plugin, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredHttp {
    /// Where it is.
    pub url: String,
    /// How it is called.
    pub method: HttpMethod,
    /// Headers to send.
    pub headers: Vec<StoredHeader>,
    /// What it is sent; the whole document where there is none.
    #[serde(default)]
    pub body_template: Option<Value>,
    /// How long it may take to answer, in milliseconds.
    pub request_timeout_ms: i32,
    /// How long a verdict that it puts off may take, in milliseconds.
    #[serde(default = "default_callback_timeout_ms")]
    pub callback_timeout_ms: i32,
    /// How often it is asked at most.
    pub max_attempts: i32,
}

/// A header of an HTTP plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHeader {
    /// Its name.
    pub name: String,
    /// Its value, sealed: it may be a credential.
    pub value: String,
}

/// A step of a workflow, as it is kept, and as a run takes it along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredStep {
    /// Its name.
    pub name: String,
    /// The plugin that it asks, in text form.
    pub plugin_id: String,
    /// Name of the step that follows a PASS or an ENRICH; none ends the run.
    #[serde(default)]
    pub on_pass: Option<String>,
    /// Name of the step that follows a REJECT; none ends the run.
    #[serde(default)]
    pub on_reject: Option<String>,
    /// What happens when the plugin gives no verdict.
    pub failure_policy: FailurePolicy,
}

/// What plugins that were saved before there was a choice are given: ten minutes.
const fn default_callback_timeout_ms() -> i32 {
    600_000
}

impl StoredStep {
    /// The plugin that it asks.
    pub fn plugin(&self) -> Result<PluginId, Fault> {
        PluginId::parse(&self.plugin_id)
            .map_err(|error| Fault::broken(format!("a stored step names no plugin: {error}")))
    }
}

/// What a header's value is sealed for; it opens for nothing else.
pub fn sealed_header_context(plugin_id: PluginId, name: &str) -> String {
    format!("{plugin_id}/header/{}", name.to_ascii_lowercase())
}

/// What a plugin's signing secret is sealed for.
pub fn plugin_secret_context(plugin_id: PluginId) -> String {
    format!("{plugin_id}/secret")
}
