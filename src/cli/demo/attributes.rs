//! The custom attributes of the demo's orders.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;

const DEFINED: &str = "{ result: attributeDefinitions(owner: ORDER) { key } }";
const DEFINE: &str = "mutation($input: AttributeDefinitionCreateInput!) {
    result: attributeDefinitionCreate(input: $input) { entity: attributeDefinition { id } userErrors { message } }
}";

#[derive(Deserialize)]
struct Defined {
    key: String,
}

/// Defines what was not defined by an earlier demo on the same database.
pub async fn define(client: &Client) -> anyhow::Result<()> {
    let defined: Vec<Defined> = client.ask(DEFINED, json!({})).await?;
    for input in definitions() {
        if defined.iter().any(|defined| input.get("key") == Some(&Value::from(defined.key.as_str()))) {
            continue;
        }
        let created = client.create(DEFINE, json!({ "input": input })).await;
        created.with_context(|| format!("cannot define an attribute: {input}"))?;
    }
    Ok(())
}

fn definitions() -> [Value; 5] {
    [
        json!({
            "owner": "ORDER", "key": "channel", "type": "STRING", "indexed": true,
            "description": "Where the order was placed", "oneOf": ["APP", "WEB", "PARTNER"]
        }),
        json!({
            "owner": "ORDER", "key": "priority", "type": "STRING", "indexed": true, "defaultValue": "STANDARD",
            "oneOf": ["STANDARD", "EXPRESS"]
        }),
        json!({
            "owner": "ORDER", "key": "zone", "type": "STRING", "indexed": true,
            "description": "Where the destination lies; a plugin finds out"
        }),
        json!({
            "owner": "ORDER", "key": "dueBy", "type": "DATE_TIME", "indexed": true,
            "description": "Until when the order is to be done; a plugin computes it"
        }),
        json!({
            "owner": "ORDER", "key": "demo", "type": "BOOLEAN",
            "description": "Whether the order was made up"
        }),
    ]
}
