//! Faults of the service: after its attempts a run is held, whatever the fault was, and nobody else notices.

use chrono::Duration;
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};
use waybill::{access::Caller, plugins::Worker, store::Tenant};

use super::{claim_and_die, defer::call_back, gate, order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::order,
    text,
    wait::{until, within},
};

const STEP_FAILED: &str = "the service could not carry the step out: its operator finds the cause in the log, under the id of \
                           the run, and once that is mended pluginRunRetry starts the step again";
const ATTEMPT_FAILED: &str = "the service could not carry the step out; its operator finds the cause in the log, under the id of the run";

/// One connection to the store, past the service.
async fn past(app: &TestApp) -> DatabaseConnection {
    let mut options = ConnectOptions::new(app.database.url.clone());
    options.max_connections(1);
    sea_orm::Database::connect(options).await.unwrap()
}

/// Executes a statement past the service.
async fn execute(app: &TestApp, statement: &str) {
    let db = past(app).await;
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

/// Status and attempts of every run, oldest first, also of one that cannot be read otherwise.
async fn rows(app: &TestApp) -> Vec<String> {
    let db = past(app).await;
    let statement = Statement::from_string(
        db.get_database_backend(),
        "SELECT status, attempts FROM plugin_run ORDER BY id",
    );
    let rows = db.query_all_raw(statement).await.unwrap();
    db.close().await.unwrap();
    let row = |row: &sea_orm::QueryResult| {
        let (status, attempts): (String, i32) =
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        format!("{status} {attempts}")
    };
    rows.iter().map(row).collect()
}

/// Waits longer than after any fault, and works on what is due.
async fn settle_later(app: &TestApp) -> usize {
    app.advance(Duration::minutes(10));
    app.settle().await
}

async fn retry(app: &TestApp) {
    let held = app.run("{ pluginRuns(where: {status: [HELD]}) { nodes { id } } }").await.data();
    let id = &held["pluginRuns"]["nodes"][0]["id"];
    app.change("pluginRunRetry", json!({"id": id}), "pluginRun { status }").await;
}

/// An order of another tenant that waits for a plugin of its own; gives its id.
async fn neighbour(app: &TestApp, server: &PluginServer) -> (Caller, String) {
    let caller = Caller { tenant: Tenant::new("neighbour"), ..Caller::local() };
    let run = async |document: &str, input: Value| {
        app.execute_as(caller.clone(), document, json!({"input": input})).await.data()
    };
    let create = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let plugin = run(create, json!({"name": "prompt", "http": {"url": server.url}})).await;
    let step = json!({"name": "check", "pluginId": plugin["pluginCreate"]["plugin"]["id"]});
    let create = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { userErrors { message } }
    }";
    let workflow = json!({"name": "prompt", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    run(create, workflow).await;
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let id = text(&run(create, order(1)).await["orderCreate"]["order"]["id"]);
    (caller, id)
}

#[tokio::test]
async fn a_header_that_opens_no_more_holds_the_run_after_its_attempts_and_nobody_else() {
    let app = TestApp::start().await;
    let (sealed, prompt) = (PluginServer::start().await, PluginServer::start().await);
    let http = json!({"url": sealed.url, "maxAttempts": 3, "headers": [{"name": "x-token", "value": "t"}]});
    let (id, _) = plugin(&app, "sealed", http).await;
    workflow(&app, "sealed", &id, "CONTINUE").await;
    gate(&app, "prompt", &prompt).await;
    let stored =
        super::configured(&app).await.0.into_iter().find(|row| row.name == "sealed").unwrap().http.unwrap();
    let mut broken: Value = serde_json::from_str(&stored).unwrap();
    broken["headers"][0]["value"] = json!("nothing that opens");
    execute(&app, &format!("UPDATE plugin SET http = '{broken}' WHERE name = 'sealed'")).await;

    let (order_id, _) = app.create(order(1)).await;
    let (caller, other) = neighbour(&app, &prompt).await;
    assert_eq!(app.settle().await, 3);
    assert_eq!(run_statuses(&app).await, ["sealed RUNNING", "prompt PASSED"]);
    let document = format!("{{ order(id: {other:?}) {{ status }} }}");
    let order = app.execute_as(caller, &document, json!({})).await.data()["order"].clone();
    assert_eq!(order, json!({"status": "IN_PROGRESS"}));
    // The first wait is 20 seconds, of which chance decides about the second half; each is twice as long.
    for (wait, count) in [(9, 0), (11, 1), (19, 0), (21, 1), (3_600, 0)] {
        app.advance(Duration::seconds(wait));
        assert_eq!(app.settle().await, count, "after {wait} s");
    }
    assert_eq!(rows(&app).await[0], "HELD 3");
    let held = runs(&app).await.remove(0);
    let attempt = |number: i32| json!({"number": number, "statusCode": null, "error": ATTEMPT_FAILED, "responseExcerpt": null});
    assert_eq!(
        held["steps"],
        json!([{
            "step": "check", "verdict": null,
            "reasons": [{"code": "PLUGIN_FAILED", "message": STEP_FAILED, "path": null}],
            "attempts": [attempt(1), attempt(2), attempt(3)],
        }])
    );
    assert_eq!(
        order_of(&app, &order_id, "status statusExplanation").await,
        json!({
            "status": "INITIATED",
            "statusExplanation": "waits for 1 plugin run that gates intake; 1 of them HELD until pluginRunRetry",
        })
    );
    assert_eq!((sealed.calls().len(), prompt.calls().len()), (0, 2));

    execute(&app, &format!("UPDATE plugin SET http = '{stored}' WHERE name = 'sealed'")).await;
    retry(&app).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!((sealed.calls().len(), &sealed.calls()[0].body["run"]["attempt"]), (1, &json!(1)));
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_holds_the_run_although_its_fault_cannot_be_recorded() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 2})).await;
    workflow(&app, "checker", &id, "REJECT").await;
    let (order_id, _) = app.create(order(1)).await;
    execute(&app, "ALTER TABLE plugin_attempt RENAME TO elsewhere").await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(rows(&app).await, ["RUNNING 1"]);
    assert_eq!(settle_later(&app).await, 1);
    assert_eq!(rows(&app).await, ["HELD 2"]);
    assert_eq!((settle_later(&app).await, server.calls().len()), (0, 2));
    execute(&app, "ALTER TABLE elsewhere RENAME TO plugin_attempt").await;
    retry(&app).await;
    assert_eq!((app.settle().await, server.calls().len()), (1, 3));
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_deferred_step_that_cannot_follow_its_policy_is_held_at_once() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let http = json!({"url": server.url, "maxAttempts": 5, "callbackTimeoutMs": 60_000});
    let (id, _) = plugin(&app, "slow", http).await;
    workflow(&app, "slow", &id, "CONTINUE").await;
    server.answer(202, "");
    let (order_id, _) = app.create(order(1)).await;
    app.settle().await;
    execute(&app, "ALTER TABLE plugin_attempt RENAME TO elsewhere").await;
    assert_eq!(settle_later(&app).await, 1);
    execute(&app, "ALTER TABLE elsewhere RENAME TO plugin_attempt").await;
    assert_eq!(rows(&app).await, ["HELD 2"]);
    assert_eq!((settle_later(&app).await, server.calls().len()), (0, 1));
    retry(&app).await;
    assert_eq!((app.settle().await, server.calls().len()), (1, 2));
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    // The token is that of a step which is over.
    let told = server.calls()[0].body["run"].clone();
    assert_eq!(call_back(&app, &told, told["callbackToken"].as_str(), "{}").await.0, 410);
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_held_and_those_beside_it_go_on() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 2})).await;
    workflow(&app, "checker", &id, "REJECT").await;
    let (broken, _) = app.create(order(1)).await;
    execute(&app, "UPDATE plugin_run SET trigger = 'ORDER_NONSENSE'").await;
    let (well, _) = app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(rows(&app).await, ["RUNNING 1", "PASSED 1"]);
    assert_eq!(order_of(&app, &well, "status").await, json!({"status": "IN_PROGRESS"}));
    settle_later(&app).await;
    assert_eq!(rows(&app).await, ["HELD 2", "PASSED 1"]);
    settle_later(&app).await;
    assert_eq!((rows(&app).await.remove(0), server.calls().len()), ("HELD 2".to_owned(), 1));
    execute(&app, "UPDATE plugin_run SET trigger = 'ORDER_INITIATED'").await;
    let held = runs(&app).await.remove(0);
    assert_eq!(held["steps"][0]["reasons"][0]["message"], json!(STEP_FAILED));
    retry(&app).await;
    assert_eq!((app.settle().await, server.calls().len()), (1, 2));
    assert_eq!(order_of(&app, &broken, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_run_over_which_processes_die_is_held_before_it_is_asked_for_again() {
    for (deaths, calls, expected) in [(3, 1, "PASSED 4"), (4, 0, "HELD 5")] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 1})).await;
        workflow(&app, "checker", &id, "REJECT").await;
        app.create(order(1)).await;
        for _ in 0..deaths {
            claim_and_die(&app).await;
            app.advance(Duration::seconds(30));
        }
        assert_eq!(app.settle().await, 1);
        assert_eq!((server.calls().len(), rows(&app).await), (calls, vec![expected.to_owned()]));
        assert_eq!((settle_later(&app).await, server.calls().len()), (0, calls));
    }
}

/// Takes the store away from whoever writes, or gives it back.
async fn switch(app: &TestApp, lock: &DatabaseConnection, is_away: bool) {
    let name = app.database.url.rsplit('/').next().unwrap();
    let statements = if app.database.is_postgres() {
        vec![
            format!("ALTER DATABASE {name} SET default_transaction_read_only = {is_away}"),
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            ),
        ]
    } else {
        vec![if is_away { "BEGIN IMMEDIATE" } else { "ROLLBACK" }.to_owned()]
    };
    for statement in statements {
        lock.execute_unprepared(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_is_away_costs_no_attempt() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 1})).await;
    workflow(&app, "checker", &id, "REJECT").await;
    let (order_id, _) = app.create(order(1)).await;
    let (answers, worker, lock) = (server.hold(), Worker::new(app.app.clone()), past(&app).await);
    let outage = async {
        until("the call", async || (server.calls().len() == 1).then_some(())).await;
        switch(&app, &lock, true).await;
        answers.add_permits(2);
    };
    let (worked, ()) = within("the outage", async { tokio::join!(worker.work_once(), outage) }).await;
    assert!(worked.is_err(), "{worked:?}");
    switch(&app, &lock, false).await;
    assert_eq!(until("the store", async || worker.work_once().await.ok()).await, 0);
    assert_eq!(rows(&app).await, ["RUNNING 0"]);
    app.advance(Duration::milliseconds(999));
    assert_eq!((worker.work_once().await.unwrap_or(0), server.calls().len()), (0, 1));
    // Connections that were lost are noticed one by one, and that costs no attempt either.
    until("the second call", async || {
        app.advance(Duration::seconds(1));
        let _ = worker.work_once().await;
        (server.calls().len() == 2).then_some(())
    })
    .await;
    let asked: Vec<_> = server.calls().iter().map(|call| call.body["run"]["attempt"].clone()).collect();
    assert_eq!(asked, [json!(1), json!(1)]);
    assert_eq!(rows(&app).await, ["PASSED 1"]);
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}
