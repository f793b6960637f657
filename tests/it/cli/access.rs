//! `waybill token` and `waybill api-key`, and a server that is put on a network.

use serde_json::json;

use super::{run, waybill};
use crate::harness::{TestApp, TestDatabase, samples};

const SECRET: &str = "a secret of at least thirty-two bytes\n";

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_revoked() {
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let call = |arguments: &[&str]| run(waybill(folder.path(), &database, arguments), b"");
    let made =
        call(&["api-key", "create", "--name", "ci", "--scopes", "orders:read,orders:write", "--days", "7"]);
    assert_eq!((made.status, made.errors.as_str()), (Some(0), ""));
    assert!(made.output.starts_with("wbk_") && made.output.len() == 48, "{}", made.output);

    let listed = call(&["api-key", "list"]);
    let fields: Vec<_> = listed.output.trim_end().split('\t').collect();
    assert_eq!(fields[1..3], ["ci", r#"["orders:read","orders:write"]"#]);
    assert_eq!(fields[4..], ["-", "-"]);
    assert_eq!(call(&["api-key", "list", "--tenant", "other"]).output, "\n");

    let id = fields[0];
    let foreign = call(&["api-key", "revoke", id, "--tenant", "other"]);
    assert_eq!(foreign.status, Some(1));
    assert_eq!(foreign.errors, "error: the tenant has no API key of that id, or it was revoked already\n");
    assert_eq!(call(&["api-key", "revoke", id]).output, format!("revoked {id}\n"));
    let listed = call(&["api-key", "list"]).output;
    assert!(!listed.trim_end().ends_with('-'), "{listed}");

    let nobody = call(&["api-key", "create", "--tenant", "a\nb", "--name", "x", "--scopes", "admin"]);
    assert_eq!((nobody.status, nobody.output.as_str()), (Some(2), ""));
    assert!(
        nobody.errors.contains("it has 1 to 255 characters, none of them a control"),
        "{}",
        nobody.errors
    );

    let wrong = call(&["api-key", "create", "--name", "x", "--scopes", "root"]);
    assert_eq!(wrong.status, Some(1));
    assert!(wrong.errors.contains("there is no such scope; there are orders:read"), "{}", wrong.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_with_the_secret() {
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let call = |arguments: &[&str]| run(waybill(folder.path(), &database, arguments), b"");
    let make = ["token", "--subject", "alice", "--scopes", "orders:read", "--jwt-secret-file", "secret"];
    let made = call(&make);
    assert_eq!((made.status, made.errors.as_str()), (Some(0), ""));
    assert_eq!(made.output.trim_end().split('.').count(), 3, "{}", made.output);
    let without = call(&make[..5]);
    assert_eq!(without.status, Some(1));
    let expected = "error: there is no secret to sign with: name its file with --jwt-secret-file\n";
    assert_eq!(without.errors, expected);
    let wrong = call(&["token", "--subject", "a", "--scopes", "root", "--jwt-secret-file", "secret"]);
    assert!(wrong.errors.contains("\"root\" is no scope; the scopes are orders:read"), "{}", wrong.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_sealed_is_sealed_with_the_first_key() {
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let app = TestApp::start().await;
    let mut order = samples::order(1);
    order["workOrders"][0]["pickup"]["contact"] = json!({"name": "Peter Pick"});
    app.create(order.clone()).await;
    app.create(order).await;
    let http = json!({"url": "http://127.0.0.1:1/", "headers": [{"name": "x-token", "value": "t"}]});
    app.change("pluginCreate", json!({"name": "checks", "http": http}), "plugin { id }").await;
    let url = json!({"url": "http://127.0.0.1:1/"});
    app.change("webhookEndpointCreate", url, "webhookEndpoint { id }").await;
    let before = app.stored().await;

    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let run_with = |text: &str, arguments: &[&str]| {
        std::fs::write(&keys, text).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_waybill"));
        command.args(arguments).args(["--log", "warn", "--database-url", &app.database.url]);
        command.arg("--data-key-file").arg(&keys).current_dir(folder.path()).env_clear();
        let pipe = std::process::Stdio::piped;
        command.stdin(pipe()).stdout(pipe()).stderr(pipe());
        run(command, b"")
    };
    let done = run_with(&format!("{NEW}\n{}\n", super::DATA_KEY), &["reencrypt"]);
    assert_eq!((done.status, done.errors.as_str()), (Some(0), ""));
    // Two consignees, two stops; a plugin's secret and header; an endpoint's secret.
    assert_eq!(done.output, "2 orders gone through, 7 texts sealed with the first key\n");
    let again = run_with(&format!("{NEW}\n{}\n", super::DATA_KEY), &["reencrypt"]);
    assert_eq!(again.output, "2 orders gone through, 0 texts sealed with the first key\n");
    // The old key is not needed any more.
    let alone = run_with(&format!("{NEW}\n"), &["reencrypt"]);
    assert_eq!(alone.output, again.output);

    let after = app.check_invariants().await;
    assert_eq!(after.events, before.events);
    for (after, before) in after.orders.iter().zip(&before.orders) {
        assert_ne!(after.consignee, before.consignee);
        assert_eq!((after.version, after.updated_at), (before.version, before.updated_at));
    }
    let lost = run_with(super::DATA_KEY, &["reencrypt"]);
    assert_eq!(lost.status, Some(1));
    assert!(lost.errors.contains("is the data key file the right one?"), "{}", lost.errors);
}
