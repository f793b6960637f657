//! What a document asks for is measured by the operation that runs, whatever names came before.

use std::sync::Arc;

use serde_json::json;
use waybill::config::{Config, Limits};

use super::{
    door::{Ask, Door, Transport, hash},
    expected::{Expected, Naming},
    world::{TENANT, all, config, token},
};
use crate::harness::TestApp;

/// Within every limit.
const SMALL: &str = "viewer { subject }";

/// What asks for too much of one thing, with its variables in parentheses.
fn too_much() -> Vec<(&'static str, String)> {
    let deep = format!("order(id: \"x\") {{ {}id{} }}", "workOrders { order { ".repeat(3), " } }".repeat(3));
    let costly = "nodes { id status version clientId createdAt updatedAt type domain batchId phase }";
    vec![
        ("", deep),
        ("", format!("orders(first: 100) {{ {costly} }}")),
        ("($n: Int)", format!("orders(first: $n) {{ {costly} }}")),
        (
            "",
            format!("viewer {{ {} }}", (0..6).map(|index| format!("a{index}: subject ")).collect::<String>()),
        ),
        ("", format!("viewer {{ {} }}", "subject @include(if: true) ".repeat(6))),
        ("", "viewer { subject } ".repeat(6)),
    ]
}

/// A server that takes little, and knows these documents.
async fn limited(transport: Transport, texts: &[String]) -> TestApp {
    let limits = Limits {
        depth: 6,
        complexity: 1_000,
        aliases: 5,
        directives: 5,
        root_fields: 5,
        ..Limits::default()
    };
    let trusted = texts.iter().map(|text| (hash(text), text.clone())).collect();
    let trusted_documents = (transport == Transport::Trusted).then(|| Arc::new(trusted));
    TestApp::configured(Config { limits, trusted_documents, ..config() }).await
}

/// Sends documents with names, and compares what comes of it.
async fn expect(transport: Transport, requests: Vec<(String, Vec<(Option<&str>, Expected)>)>) {
    let texts: Vec<_> = requests.iter().map(|(text, _)| text.clone()).collect();
    let app = limited(transport, &texts).await;
    let credentials = token(&app, all(TENANT));
    let mut door = Door::new(&app, transport).await;
    let mut failures = Vec::new();
    for (text, names) in &requests {
        for (operation_name, expected) in names.iter().copied() {
            let variables = &json!({"n": 100});
            let answer = door.ask(Ask { credentials: &credentials, text, variables, operation_name }).await;
            if !expected.is(&answer) {
                failures.push(format!("{text}, {operation_name:?}: {expected:?} was expected: {answer}"));
            }
        }
    }
    assert!(failures.is_empty(), "{transport:?}: {} are wrong:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test]
async fn no_order_of_names_lets_an_operation_ask_for_too_much() {
    for transport in Transport::ALL {
        let mut requests = Vec::new();
        for (variables, body) in too_much() {
            for turn in 0..Naming::ALL.len() {
                for name in [Some("A"), None] {
                    let operation = format!("query {}{variables} {{ {body} }}", name.unwrap_or_default());
                    // Twice around: the second time the document is known.
                    let names = (0..2 * Naming::ALL.len()).map(|index| {
                        let naming = Naming::ALL[(turn + index) % Naming::ALL.len()];
                        let expected = match naming {
                            Naming::Wrong => Expected::Unknown,
                            _ => Expected::TooComplex,
                        };
                        (naming.said(name), expected)
                    });
                    requests.push((format!("{operation} # {turn}"), names.collect()));
                }
            }
        }
        expect(transport, requests).await;
    }
}

#[tokio::test]
async fn of_several_operations_the_one_that_runs_is_measured() {
    for transport in Transport::ALL {
        let mut requests = Vec::new();
        for (variables, body) in too_much() {
            let (small, big) =
                (format!("query Small {{ {SMALL} }}"), format!("query Big{variables} {{ {body} }}"));
            // Aliases and directives are counted wherever they stand.
            let is_anywhere = body.contains(": subject") || body.contains('@');
            let small_one = if is_anywhere { Expected::TooComplex } else { Expected::Admitted };
            let names = [(Some("Small"), small_one), (Some("Big"), Expected::TooComplex)];
            for (first, second) in [(&small, &big), (&big, &small)] {
                for turn in 0..2 {
                    let names = (0..4).map(|index| names[(turn + index) % 2]).collect();
                    requests.push((format!("{first} {second} # {turn}"), names));
                }
            }
        }
        expect(transport, requests).await;
    }
}

#[tokio::test]
async fn of_several_operations_none_runs_that_was_not_named() {
    for transport in Transport::ALL {
        let mut requests = Vec::new();
        for (variables, body) in too_much().into_iter().chain([("", SMALL.to_owned())]) {
            let big = format!("query Big{variables} {{ {body} }}");
            for text in
                [format!("query Small {{ {SMALL} }} {big}"), format!("{big} query Small {{ {SMALL} }}")]
            {
                let names = Naming::ALL.into_iter().filter(|naming| *naming != Naming::Right);
                let names =
                    names.map(|naming| (naming.said(None), Expected::of(naming, true, true))).collect();
                requests.push((text, names));
            }
        }
        expect(transport, requests).await;
    }
}
