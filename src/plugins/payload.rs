//! What an endpoint is sent: the whole document or what its template makes of it, as a body or as query parameters.

use entity::stored::PluginTrigger;
use serde_json::{Map, Value, json};

use crate::{
    domain::{
        plugin::{HttpMethod, RenderError, Template},
        problem::{Found, Path},
    },
    fault::Fault,
    usecase::plugin::StoredHttp,
};

/// What a call carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Parameters to append to the URL's query.
    pub query: Vec<(String, String)>,
    /// The body; empty with GET.
    pub body: Vec<u8>,
}

/// What an endpoint is sent about a document; an error where its template makes or looks at too much of it.
pub fn of(
    http: &StoredHttp,
    document: &Value,
    trigger: PluginTrigger,
) -> Result<Result<Payload, RenderError>, Fault> {
    let rendered = match &http.body_template {
        Some(template) => match template_of(template)?.render(document) {
            Ok(rendered) => Some(rendered),
            Err(error) => return Ok(Err(error)),
        },
        None => None,
    };
    Ok(Ok(match http.method {
        HttpMethod::Get => {
            let members = rendered.unwrap_or_else(|| ids(document, trigger));
            Payload { query: members.as_object().map(parameters).unwrap_or_default(), body: Vec::new() }
        }
        HttpMethod::Post | HttpMethod::Put => {
            let body = serde_json::to_vec(rendered.as_ref().unwrap_or(document))?;
            Payload { query: Vec::new(), body }
        }
    }))
}

fn template_of(stored: &Value) -> Result<Template, Fault> {
    let mut found = Found::new();
    let template = Template::parse(stored, &Path::root(), &mut found);
    template.ok_or_else(|| Fault::broken("a stored template is not sound"))
}

/// What is sent with GET where there is no template.
fn ids(document: &Value, trigger: PluginTrigger) -> Value {
    let id = |of: &str| document.pointer(of).cloned().unwrap_or(Value::Null);
    json!({
        "orderId": id("/order/id"),
        "workOrderId": id("/workOrder/id"),
        "trigger": trigger.as_str(),
        "runId": id("/run/id"),
    })
}

/// The members of an object as query parameters: texts as they are, nulls left out, the rest as JSON.
fn parameters(members: &Map<String, Value>) -> Vec<(String, String)> {
    let parameter = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some((name.clone(), text.clone())),
        value => Some((name.clone(), value.to_string())),
    };
    members.iter().filter_map(parameter).collect()
}
