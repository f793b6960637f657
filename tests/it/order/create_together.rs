//! Orders that are created at the same time go into one transaction, and each is answered for itself.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::harness::{TestApp, code_and_path, samples, text};

const SELECTION: &str =
    "order { id version clientOrderId } cursor idempotentReplay userErrors { code message path }";

fn numbered(number: usize) -> Value {
    samples::with(samples::order(2), "clientOrderId", json!(number.to_string()))
}

#[tokio::test]
async fn many_take_as_many_statements_as_one() {
    let app = TestApp::start().await;
    let statements = async |count: usize| {
        let before = app.app.database.statements();
        let inputs = (0..count).map(numbered);
        let answers = join_all(inputs.map(|input| app.mutate("orderCreate", input, SELECTION))).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer["userErrors"], json!([]));
            assert_eq!(answer["order"]["clientOrderId"], json!(number.to_string()), "each hears of its own");
            assert_eq!(answer["order"]["version"], json!(3));
        }
        let cursors: BTreeSet<_> = answers.iter().map(|answer| text(&answer["cursor"])).collect();
        assert_eq!(cursors.len(), count);
        app.app.database.statements() - before
    };
    let one = statements(1).await;
    // The workflows are read with the first, and may be read once more.
    assert!(statements(40).await <= one + 1);
    // Two transactions: 64 at most go together.
    assert!(statements(100).await <= 2 * one + 2);
    assert_eq!(app.check_invariants().await.counts(), [141, 282, 705, 0, 0]);
}

#[tokio::test]
async fn a_cursor_is_that_of_its_own_orders_last_event() {
    let app = TestApp::start().await;
    let answers = join_all((0..5).map(|number| app.mutate("orderCreate", numbered(number), SELECTION))).await;
    for answer in answers {
        let id = text(&answer["order"]["id"]);
        let document =
            format!("{{ order(id: \"{id}\") {{ events(last: 1) {{ nodes {{ cursor toStatus }} }} }} }}");
        let last = app.run(&document).await.data()["order"]["events"]["nodes"][0].clone();
        assert_eq!(last, json!({"cursor": answer["cursor"], "toStatus": "IN_PROGRESS"}));
    }
}

#[tokio::test]
async fn refusals_keys_and_repetitions_are_each_ones_own() {
    let app = TestApp::start().await;
    let keyed = |number: usize, key: &str| samples::with(numbered(number), "idempotencyKey", json!(key));
    let inputs = [
        numbered(0),
        samples::with(numbered(1), "workOrders", json!([])),
        keyed(2, "a"),
        keyed(2, "a"),
        keyed(3, "a"),
        keyed(4, "b"),
        samples::with(numbered(5), "clientId", json!("")),
    ];
    let answers = join_all(inputs.map(|input| app.mutate("orderCreate", input, SELECTION))).await;
    let refusals: Vec<_> = answers
        .iter()
        .map(|answer| answer["userErrors"].as_array().unwrap().iter().map(code_and_path).collect::<Vec<_>>())
        .collect();
    assert_eq!(refusals[0], Vec::<String>::new());
    assert_eq!(refusals[1].len(), 1, "{refusals:?}");
    assert!(refusals[1][0].ends_with(" workOrders"), "{refusals:?}");
    assert_eq!(refusals[4], ["IDEMPOTENCY_MISMATCH idempotencyKey"]);
    assert!(refusals[6][0].ends_with(" clientId"), "{refusals:?}");
    for (answer, replay) in
        [(&answers[0], false), (&answers[2], false), (&answers[3], true), (&answers[5], false)]
    {
        assert_eq!(answer["userErrors"], json!([]));
        assert_eq!(answer["idempotentReplay"], json!(replay));
    }
    for refused in [&answers[1], &answers[4], &answers[6]] {
        assert_eq!((&refused["order"], &refused["cursor"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(answers[2]["order"], answers[3]["order"]);
    assert_eq!(answers[2]["cursor"], answers[3]["cursor"]);
    assert_eq!(app.check_invariants().await.counts(), [3, 6, 15, 2, 0]);
}

/// Has the store refuse the order with the client's reference `POISON`.
async fn poison(app: &TestApp) {
    let statement = if app.database.is_postgres() {
        "ALTER TABLE platform_order ADD CONSTRAINT poison CHECK (client_order_id <> 'POISON')"
    } else {
        "CREATE TRIGGER poison BEFORE INSERT ON platform_order WHEN NEW.client_order_id = 'POISON' \
         BEGIN SELECT RAISE(ABORT, 'poison'); END"
    };
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn one_that_the_store_refuses_does_not_take_the_others_along() {
    let app = TestApp::start().await;
    poison(&app).await;
    let document =
        format!("mutation($input: OrderCreateInput!) {{ orderCreate(input: $input) {{ {SELECTION} }} }}");
    let references = ["0", "1", "POISON", "3"];
    let replies = join_all(references.map(|reference| {
        let input = samples::with(samples::order(2), "clientOrderId", json!(reference));
        app.execute(&document, json!({"input": input}))
    }))
    .await;
    let mut ids = BTreeSet::new();
    for (reference, reply) in references.into_iter().zip(replies) {
        if reference == "POISON" {
            assert_eq!(reply.error().0, "INTERNAL");
            continue;
        }
        let payload = reply.data()["orderCreate"].clone();
        assert_eq!(payload["order"]["clientOrderId"], json!(reference));
        ids.insert(text(&payload["order"]["id"]));
    }
    assert_eq!(ids.len(), 3);
    assert_eq!(app.check_invariants().await.counts(), [3, 6, 15, 0, 0]);
    // Nobody is left waiting.
    app.create(numbered(9)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_takes_no_other_along() {
    let app = TestApp::start_with(4).await;
    for _ in 0..20 {
        let given_up = app.mutate("orderCreate", numbered(0), SELECTION);
        let others = join_all((1..4).map(|number| app.mutate("orderCreate", numbered(number), SELECTION)));
        let first = tokio::time::timeout(std::time::Duration::from_micros(300), given_up);
        let (_, others) = tokio::join!(first, others);
        for (number, answer) in (1..).zip(others) {
            assert_eq!(answer["order"]["clientOrderId"], json!(number.to_string()));
        }
    }
    let stored = app.check_invariants().await;
    let [orders, work_orders, events, ..] = stored.counts();
    assert!((60..=80).contains(&orders));
    assert_eq!((work_orders, events), (2 * orders, 5 * orders), "every order is there whole");
}
