//! `orders`: pages that neither repeat nor leave out.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

async fn create(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.create(samples::order(1)).await.0);
    }
    ids
}

/// A page: its ids, and `<` or `>` where more comes before or after it.
async fn page(app: &TestApp, arguments: &str) -> (Vec<String>, &'static str, Value) {
    let document = format!(
        "{{ orders{arguments} {{ nodes {{ id }} edges {{ cursor node {{ id }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let orders = app.run(&document).await.data()["orders"].clone();
    let ids: Vec<_> = orders["nodes"].as_array().unwrap().iter().map(|order| text(&order["id"])).collect();
    let edges = orders["edges"].as_array().unwrap();
    assert_eq!(edges.iter().map(|edge| text(&edge["node"]["id"])).collect::<Vec<_>>(), ids);
    let info = orders["pageInfo"].clone();
    let end = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
    assert_eq!(info["startCursor"], end(edges.first()));
    assert_eq!(info["endCursor"], end(edges.last()));
    let more = match (info["hasPreviousPage"].as_bool().unwrap(), info["hasNextPage"].as_bool().unwrap()) {
        (false, false) => "",
        (true, false) => "<",
        (false, true) => ">",
        (true, true) => "<>",
    };
    (ids, more, info)
}

#[tokio::test]
async fn a_walk_sees_each_order_once_while_others_are_inserted() {
    let app = TestApp::start().await;
    let mut all = create(&app, 7).await;
    all.reverse();
    let (mut seen, mut marks, mut arguments) = (Vec::new(), Vec::new(), "(first: 3)".to_owned());
    loop {
        let (ids, more, info) = page(&app, &arguments).await;
        seen.extend(ids);
        marks.push(more);
        if info["hasNextPage"] == json!(false) {
            break;
        }
        create(&app, 2).await;
        arguments = format!("(first: 3, after: {})", info["endCursor"]);
    }
    assert_eq!(seen, all);
    assert_eq!(marks, [">", "<>", "<"]);
}

#[tokio::test]
async fn a_walk_from_the_end_goes_backwards() {
    let app = TestApp::start().await;
    let mut all = create(&app, 5).await;
    all.reverse();
    let (oldest, more, info) = page(&app, "(last: 2)").await;
    assert_eq!((oldest, more), (all[3..].to_vec(), "<"));
    let (middle, more, info) = page(&app, &format!("(last: 2, before: {})", info["startCursor"])).await;
    assert_eq!((middle, more), (all[1..3].to_vec(), "<>"));
    let (newest, more, _) = page(&app, &format!("(last: 2, before: {})", info["startCursor"])).await;
    assert_eq!((newest, more), (all[..1].to_vec(), ">"));
}

#[tokio::test]
async fn both_ends_may_be_bounded() {
    let app = TestApp::start().await;
    let mut all = create(&app, 5).await;
    all.reverse();
    let (_, _, info) = page(&app, "").await;
    let [start, end] = [&info["startCursor"], &info["endCursor"]];
    let between = all[1..4].to_vec();
    assert_eq!(page(&app, &format!("(after: {start}, before: {end})")).await.0, between);
    assert_eq!(page(&app, &format!("(last: 100, after: {start}, before: {end})")).await.0, between);
    assert_eq!(page(&app, &format!("(after: {end})")).await.0, Vec::<String>::new());
    assert_eq!(page(&app, &format!("(before: {start})")).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_has_twenty_orders_unless_told_otherwise() {
    let app = TestApp::start().await;
    assert_eq!(page(&app, "").await.0, Vec::<String>::new());
    let mut all = create(&app, 21).await;
    all.reverse();
    let (ids, more, _) = page(&app, "").await;
    assert_eq!((ids, more), (all[..20].to_vec(), ">"));
    assert_eq!(page(&app, "(first: 21)").await.1, "");
    assert_eq!(page(&app, "(first: 100)").await.0, all);
    assert_eq!(page(&app, "(last: 100)").await.0, all);
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    create(&app, 2).await;
    let event = text(&app.run("{ eventCursor }").await.data()["eventCursor"]);
    let other_list = {
        let document = "{ orderEvents(first: 1) { pageInfo { endCursor } } }";
        text(&app.run(document).await.data()["orderEvents"]["pageInfo"]["endCursor"])
    };
    let own = text(&page(&app, "(first: 1)").await.2["endCursor"]);
    let long = format!("(after: \"{}\")", "A".repeat(10_000));
    for (arguments, message) in [
        ("(first: 0)", "first must be from 1 to 100, not 0"),
        ("(first: -1)", "first must be from 1 to 100, not -1"),
        ("(first: 101)", "first must be from 1 to 100, not 101"),
        ("(last: 0)", "last must be from 1 to 100, not 0"),
        ("(last: 101)", "last must be from 1 to 100, not 101"),
        ("(first: 1, last: 1)", "ask for either first or last, not both"),
        ("(after: \"\")", "after is not a cursor of this list"),
        ("(after: \"%%%\")", "after is not a cursor of this list"),
        (&long, "after is not a cursor of this list"),
        (&format!("(before: \"{event}\")"), "before is not a cursor of this list"),
        (&format!("(after: \"{other_list}\")"), "after is not a cursor of this list"),
        (&format!("(after: \"{}\")", &own[1..]), "after is not a cursor of this list"),
        (&format!("(after: \"{own}AA\")"), "after is not a cursor of this list"),
    ] {
        let reply = app.run(&format!("{{ orders{arguments} {{ nodes {{ id }} }} }}")).await;
        let (code, found) = reply.error();
        assert_eq!(code, "BAD_USER_INPUT", "{arguments}");
        assert!(found.starts_with(message), "{arguments}: {found}");
    }
}

#[tokio::test]
async fn counting_stops_at_its_limit() {
    let app = TestApp::start().await;
    create(&app, 4).await;
    for (limit, value, exact) in
        [("", 4, true), ("(limit: 5)", 4, true), ("(limit: 4)", 4, true), ("(limit: 3)", 3, false)]
    {
        let document = format!("{{ orders(first: 1) {{ count{limit} {{ value exact }} }} }}");
        let expected = json!({"orders": {"count": {"value": value, "exact": exact}}});
        assert_eq!(app.run(&document).await.data(), expected, "{limit}");
    }
    for limit in ["0", "-1", "100001"] {
        let reply = app.run(&format!("{{ orders {{ count(limit: {limit}) {{ value }} }} }}")).await;
        let message = format!("limit must be from 1 to 100000, not {limit}");
        assert_eq!(reply.error(), ("BAD_USER_INPUT".into(), message));
    }
}
