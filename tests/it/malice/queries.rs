//! Queries whose answers are far larger than their documents.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use waybill::config::{Config, Limits};

use super::{beside_reads, create, define_blob, greedy, modest};
use crate::harness::TestApp;

/// How long a modest read may take on a machine that runs other tests as well.
const PATIENCE: Duration = Duration::from_secs(2);

async fn refused(app: &Arc<TestApp>, document: &str) -> (String, String) {
    let (app, document) = (Arc::clone(app), document.to_owned());
    let reply = app.execute_as(greedy(), &document, json!({})).await;
    assert_eq!(reply.0["data"], json!(null), "{:.1000}", reply.0.to_string());
    reply.error()
}

fn given_up(because: &str) -> (String, String) {
    let message = format!(
        "the operation was given up, because {because}; ask for less at once, in shorter pages or with fewer fields. A \
         mutation may have taken effect all the same: send it again with the same idempotencyKey"
    );
    ("QUERY_TOO_COMPLEX".to_owned(), message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trees_that_grow_from_level_to_level_end_once_their_answer_is_too_large() {
    let app = Arc::new(TestApp::start_with(4).await);
    for _ in 0..3 {
        create(&app, &greedy(), 100, None).await;
    }
    create(&app, &modest(), 2, None).await;
    let ring = |inner: &str| format!("workOrders {{ order {{ workOrders {{ order {{ {inner} }} }} }} }}");
    for document in [
        format!("{{ orders(first: 3) {{ nodes {{ {} }} }} }}", ring("workOrders { id }")),
        format!("{{ orders(first: 3) {{ nodes {{ {} }} }} }}", ring("workOrders { __typename id }")),
        format!(
            "{{ orders(first: 3) {{ nodes {{ ...F }} }} }} fragment F on Order {{ {} }}",
            ring("workOrders { id }")
        ),
        format!("{{ orders(first: 3) {{ nodes {{ {} }} }} }}", ring("workOrders { id @include(if: true) }")),
        format!("{{ orders(first: 3) {{ nodes {{ {} }} }} }}", ring("availableTransitions { event }")),
    ] {
        let attack = {
            let (app, document) = (Arc::clone(&app), document.clone());
            async move { refused(&app, &document).await }
        };
        let (error, took, reads) = beside_reads(&app, attack).await;
        assert_eq!(error, given_up("its answer has more than 200000 values"), "{document}");
        assert!(reads[0] < PATIENCE, "{took:?} {reads:?} {document}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_for_an_answer_is_bounded_whatever_the_way_it_is_asked_for() {
    let limits = Limits { answer_bytes: 256 * 1024, ..Limits::default() };
    let app = TestApp::configured(Config { limits, ..Config::default() }).await;
    let app = Arc::new(app);
    for caller in [greedy(), modest()] {
        define_blob(&app, &caller).await;
    }
    let blob = "x".repeat(30_000);
    create(&app, &greedy(), 20, Some(&blob)).await;
    create(&app, &modest(), 2, Some(&blob)).await;
    for selection in [
        "workOrders { customAttributes }",
        "workOrders { ... on WorkOrder { customAttributes } }",
        "workOrders @include(if: true) { customAttributes }",
        "workOrders { attribute(key: \"blob\") { key } }",
        "workOrders { availableTransitions { event } }",
    ] {
        let error = refused(&app, &format!("{{ orders {{ nodes {{ {selection} }} }} }}")).await;
        assert_eq!(error, given_up("it reads more than 262144 bytes from the database"), "{selection}");
    }
    // Less than that is answered.
    let document = "{ orders { nodes { workOrders { customAttributes } } } }";
    let data = app.execute_as(modest(), document, json!({})).await.data();
    let work_orders = data["orders"]["nodes"][0]["workOrders"].as_array().unwrap();
    assert_eq!(work_orders.len(), 2);
    assert!(work_orders.iter().all(|work_order| work_order["customAttributes"]["blob"] == json!(blob)));
}

#[tokio::test]
async fn what_is_read_once_and_written_many_times_is_bounded() {
    let limits = Limits { answer_bytes: 256 * 1024, ..Limits::default() };
    let app = Arc::new(TestApp::configured(Config { limits, ..Config::default() }).await);
    define_blob(&app, &greedy()).await;
    create(&app, &greedy(), 5, Some(&"x".repeat(20_000))).await;
    let aliases: String = (0..10).map(|index| format!("a{index}: customAttributes ")).collect();
    for selection in [
        format!("workOrders {{ {aliases} }}"),
        format!("workOrders @include(if: true) {{ {aliases} }}"),
        format!("workOrders {{ order {{ id workOrders {{ {aliases} }} }} }}"),
        "workOrders { order { workOrders { customAttributes } } }".to_owned(),
        "workOrders { order { workOrders { order { id } attributes { key ... on StringAttribute { value } } } } }"
            .to_owned(),
    ] {
        let error = refused(&app, &format!("{{ orders {{ nodes {{ {selection} }} }} }}")).await;
        assert_eq!(error, given_up("its answer is longer than 262144 bytes"), "{selection}");
    }
}

#[tokio::test]
async fn rows_that_are_read_are_counted() {
    let limits = Limits { rows: 50, ..Limits::default() };
    let app = Arc::new(TestApp::configured(Config { limits, ..Config::default() }).await);
    create(&app, &greedy(), 60, None).await;
    let error = refused(&app, "{ orders { nodes { workOrders { id } } } }").await;
    assert_eq!(error, given_up("it reads more than 50 rows"));
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let (_, metrics) = app.send(request).await;
    assert!(metrics.contains(r#"{kind="query",name="",outcome="failed"} 1"#), "{metrics}");
    let data = app.execute_as(greedy(), "{ orders { nodes { status } } }", json!({})).await.data();
    assert_eq!(data, json!({"orders": {"nodes": [{"status": "IN_PROGRESS"}]}}));
}

#[tokio::test]
async fn a_mutation_whose_answer_is_too_large_took_effect() {
    let limits = Limits { values: 40, ..Limits::default() };
    let app = Arc::new(TestApp::configured(Config { limits, ..Config::default() }).await);
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { \
                    order { workOrders { id status type version availableTransitions { event } } } } }";
    let variables = json!({"input": crate::harness::samples::order(5)});
    let reply = app.execute_as(greedy(), document, variables).await;
    assert_eq!(reply.error(), given_up("its answer has more than 40 values"));
    assert_eq!(app.stored().await.counts()[..2], [1, 5]);
}

#[tokio::test]
async fn what_one_screen_of_a_console_asks_passes_the_estimate() {
    let app = TestApp::start().await;
    create(&app, &modest(), 3, None).await;
    let document = "query($id: ID!) { order(id: $id) { id status statusExplanation pluginRuns(first: 100) { nodes { \
                    id status trigger createdAt startedAt finishedAt workflow { id name } steps { step verdict \
                    plugin { id name } reasons { code message path } patch attempts { number startedAt durationMs \
                    statusCode error responseExcerpt } } } } } }";
    let orders = app.execute_as(modest(), "{ orders { nodes { id } } }", json!({})).await.data();
    let variables = json!({"id": orders["orders"]["nodes"][0]["id"]});
    let reply = app.execute_as(modest(), document, variables).await;
    assert!(reply.0["extensions"]["cost"].as_u64().unwrap() > 20_000, "{}", reply.0);
    assert_eq!(reply.data()["order"]["pluginRuns"]["nodes"], json!([]));
}
