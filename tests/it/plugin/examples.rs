//! The example plugins do what the documentation says, each where its runtime is there.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use super::{order_of, plugin, workflow};
use crate::harness::{
    TestApp,
    samples::{order, with},
    wait::until,
};

/// A plugin in a process of its own, which ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a plugin, asks it about two orders, and sees to it that it wants to be asked by us only.
async fn try_out(command: &[&str]) {
    let (program, arguments) = command.split_first().unwrap();
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if Path::new(program).is_absolute() && !Path::new(program).exists() || there.is_err() {
        eprintln!("{program} is not there: its example is not tried out");
        return;
    }
    let app = TestApp::start().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (plugin_id, secret) = plugin(&app, "example", json!({"url": format!("http://{address}/")})).await;
    workflow(&app, "example", &plugin_id, "REJECT").await;
    let _running = Running(
        Command::new(program)
            .args(arguments)
            .arg(address.port().to_string())
            .env("SECRET", secret)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until("the example to listen", async || tokio::net::TcpStream::connect(address).await.ok()).await;
    let (served, _) = app.create(order(1)).await;
    let mut far = order(1);
    far["destination"]["address"]["postalCode"] = json!("110001");
    let (unserved, _) = app.create(far).await;
    let (nowhere, _) = app.create(with(order(1), "destination", json!({"facilityId": "WH-1"}))).await;
    assert_eq!(app.settle().await, 3);
    assert_eq!(order_of(&app, &served, "status").await, json!({"status": "IN_PROGRESS"}), "{program}");
    for id in [unserved, nowhere] {
        let last = order_of(&app, &id, "outcome events(last: 20) { nodes { transition reasonCode } }").await;
        assert_eq!(last["outcome"], json!("REJECTED"), "{program}");
        let events = last["events"]["nodes"].as_array().unwrap();
        assert!(
            events.contains(&json!({"transition": "REJECT", "reasonCode": "NOT_SERVICEABLE"})),
            "{program}: {last}"
        );
    }
    // Somebody else knows another secret.
    app.change("pluginUpdate", json!({"id": plugin_id, "rotateSecret": true}), "plugin { id }").await;
    app.advance(chrono::Duration::hours(25));
    let (forged, _) = app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    let run = order_of(&app, &forged, "pluginRuns { nodes { steps { attempts { statusCode } } } }").await;
    assert_eq!(
        run["pluginRuns"]["nodes"][0]["steps"][0]["attempts"],
        json!([{"statusCode": 401}]),
        "{program}"
    );
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    path.to_str().unwrap().to_owned()
}

/// Cargo builds examples beside the tests: `target/debug/examples`.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}

#[tokio::test]
async fn the_plugin_in_python_checks_orders_and_signatures() {
    try_out(&["python3", &example("plugins/plugin.py")]).await;
}

#[tokio::test]
async fn the_plugin_in_javascript_checks_orders_and_signatures() {
    try_out(&["node", &example("plugins/plugin.mjs")]).await;
}

#[tokio::test]
async fn the_plugin_in_rust_checks_orders_and_signatures() {
    let program = built("plugin");
    try_out(&[program.to_str().unwrap()]).await;
}
