//! What `docs/EVENTS.md` shows is what is sent.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use entity::stored::EventType;
use serde_json::{Value, json};

use super::{endpoint_at, start};
use crate::harness::{PluginServer, TestApp, samples::order};

const DOCUMENT: &str = include_str!("../../../docs/EVENTS.md");

/// The blocks of code of a language, each with the heading that it stands under.
pub(crate) fn blocks(language: &str) -> Vec<(String, String)> {
    let (mut heading, mut found, mut open) = (String::new(), Vec::new(), None::<String>);
    for line in DOCUMENT.lines() {
        match &mut open {
            Some(code) if line == "```" => {
                found.push((heading.clone(), std::mem::take(code)));
                open = None;
            }
            Some(code) => code.extend([line, "\n"]),
            None if line == format!("```{language}") => open = Some(String::new()),
            None => heading = line.strip_prefix("### ").map_or(heading, ToOwned::to_owned),
        }
    }
    found
}

#[tokio::test]
async fn every_type_has_an_example_with_the_fields_that_are_sent() {
    let (app, server, _) = start().await;
    app.create(order(1)).await;
    app.deliver().await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let expected = keys(&server.calls()[0].body["data"]);
    let examples = blocks("json");
    let types: Vec<_> = examples.iter().map(|(heading, _)| heading.as_str()).collect();
    assert_eq!(types, EventType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    for (heading, example) in &examples {
        let example: Value =
            serde_json::from_str(example).unwrap_or_else(|error| panic!("{heading}: {error}"));
        assert_eq!(example["type"], json!(heading));
        assert_eq!(keys(&example), expected, "{heading}");
    }
}

/// Runs JavaScript with Node.js and gives whether it went well; nothing where there is no Node.js.
fn javascript(code: &str) -> Option<Result<(), String>> {
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", code]).stdin(Stdio::null());
    let output = node.output().ok()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(error) })
}

#[tokio::test]
async fn the_way_to_verify_a_delivery_takes_ours_and_no_other() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let (id, old) = endpoint_at(&app, &server.url).await;
    let new = super::text(&super::change(&app, &id, "rotateSecret", json!(true)).await["secret"]);
    app.create(order(1)).await;
    app.deliver().await;
    let call = server.calls().remove(0);
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value = names.iter().map(|name| (*name, call.headers[*name].to_str().unwrap())).collect();
    let body = String::from_utf8(call.raw.to_vec()).unwrap();
    let now = app.app.clock.now().timestamp();
    let (_, code) = blocks("js verify").remove(0);
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    for (secret, body, now, error) in [
        (&new, body.clone(), now, None),
        (&old, body.clone(), now + 299, None),
        (&new, body.clone(), now + 301, Some("the delivery is too old")),
        (&other, body.clone(), now, Some("the signature is not ours")),
        (&new, format!("{body} "), now, Some("the signature is not ours")),
    ] {
        let code = format!("{code}\nverify({headers}, {}, {}, {now});", json!(body), json!(secret));
        // Without Node.js there is nothing to check it with.
        let Some(outcome) = javascript(&code) else { return };
        match (outcome, error) {
            (Ok(()), None) => {}
            (Err(said), Some(error)) => assert!(said.contains(error), "{said}"),
            (outcome, _) => panic!("{outcome:?} instead of {error:?}"),
        }
    }
}
