//! `waybill demo`.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use waybill::{
    cli::demo::{Plugins, Simulation, Tick},
    seam::{Clock, Ids},
};

use super::finish;
use crate::harness::{TestApp, TestDatabase};

/// Numbers from 0 to 1 that look like chance, the same in each run.
fn dice() -> Box<dyn FnMut() -> f64 + Send> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    Box::new(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).unwrap()) / (f64::from(u32::MAX) + 1.0)
    })
}

#[tokio::test]
async fn orders_come_in_are_checked_and_settle_in_every_way() {
    let app = TestApp::over(TestDatabase::create().await, 1, Clock::system(), Ids::random()).await;
    let plugins = Plugins::start(&app.app).await.unwrap();
    let mut simulation = Simulation::new(app.app.clone(), dice()).await.unwrap();
    let mut total = Tick::default();
    // A check answers after a while of real time: on a busy machine, it takes more ticks until enough have come through.
    for number in 0..2_000 {
        if number >= 240 && total.done >= 30 && total.moved >= 100 {
            break;
        }
        let tick = simulation.tick().await.unwrap();
        app.settle().await;
        assert!(tick.open <= 50, "{tick:?}");
        total.created += tick.created;
        total.moved += tick.moved;
        total.refused += tick.refused;
        total.done += tick.done;
        total.open = tick.open;
    }
    assert_eq!(total.refused, 0, "{total:?}");
    assert_eq!(total.created, total.done + total.open, "{total:?}");
    assert!(total.done >= 30 && total.moved >= 100, "{total:?}");

    let document = "{ orders(first: 100) { nodes {
        createdBy status outcome customAttributes workOrders { direction attempts }
    } } }";
    let orders = app.run(document).await.data()["orders"]["nodes"].take();
    let orders = orders.as_array().unwrap();
    assert!(
        orders.iter().all(|order| order["createdBy"] == "demo" && order["customAttributes"]["demo"] == true)
    );
    // All that were let in were enriched on their way.
    let let_in =
        orders.iter().filter(|order| order["status"] == "IN_PROGRESS" || order["outcome"] == "SUCCEEDED");
    assert!(let_in.clone().count() > 0);
    for order in let_in {
        let attributes = &order["customAttributes"];
        assert!(attributes["zone"].is_string() && attributes["dueBy"].is_string(), "{order}");
    }
    for outcome in ["SUCCEEDED", "REJECTED"] {
        assert!(
            orders.iter().any(|order| order["outcome"] == outcome && order["status"] == "CLOSED"),
            "{outcome}"
        );
    }

    // A second demo on the same database finds the first one's plugins, workflows and open orders, as many as there are
    // once the first one's checks are through.
    let document = "{ pluginRuns(first: 1, where: {status: [QUEUED, RUNNING, WAITING]}) { nodes { id } } }";
    while app.run(document).await.data()["pluginRuns"]["nodes"] != json!([]) {
        app.settle().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    plugins.stop();
    let plugins = loop {
        match Plugins::start(&app.app).await {
            Ok(plugins) => break plugins,
            // The first one's port is free once it has stopped.
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error:#}"),
        }
    };
    let registered =
        app.run("{ plugins { nodes { http { url } } } pluginWorkflows { nodes { id } } }").await.data();
    let urls: Vec<_> = plugins.urls().into_iter().map(|url| json!({"http": {"url": url}})).collect();
    let endpoints = registered["plugins"]["nodes"].as_array().unwrap().iter();
    let endpoints: Vec<_> = endpoints.filter(|plugin| plugin["http"] != json!(null)).cloned().collect();
    assert_eq!((endpoints.len(), endpoints), (3, urls));
    assert_eq!(registered["plugins"]["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(registered["pluginWorkflows"]["nodes"].as_array().unwrap().len(), 1);
    let mut simulation = Simulation::new(app.app.clone(), Box::new(|| 0.99)).await.unwrap();
    let document = "{ orders(first: 100) { nodes { phase status availableTransitions { allowed } } } }";
    let orders = app.run(document).await.data()["orders"]["nodes"].take();
    let is_open = |order: &&Value| {
        let can_move = |it: &Value| it["allowed"] == true;
        order["status"] != "CLOSED"
            && (order["phase"] != "SETTLED"
                || order["availableTransitions"].as_array().unwrap().iter().any(can_move))
    };
    let open = orders.as_array().unwrap().iter().filter(is_open).count();
    assert!(open > 0);
    assert_eq!(simulation.tick().await.unwrap().open, open);
}

#[cfg(unix)]
#[tokio::test]
async fn the_demo_says_where_it_is_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["demo", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env_clear()
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let greeting: Vec<_> =
        output.by_ref().take_while(|line| !line.contains("Ctrl-C stops everything")).collect();
    let greeting = greeting.join("\n");
    for part in ["GraphiQL  http://127.0.0.1:", "demo.db (removed", "/serviceability", "subscription {"] {
        assert!(greeting.contains(part), "{greeting}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::thread::sleep(Duration::from_secs(3));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let finished = finish(child);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    // The only warning is that no access is configured.
    let warnings = finished.errors.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    assert_eq!(warnings.count(), 1, "{}", finished.errors);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
