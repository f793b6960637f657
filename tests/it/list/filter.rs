//! `where` on `orders`: what each operator finds, newest first.

use serde_json::{Value, json};

use super::{app, names};
use crate::harness::text;

#[tokio::test]
async fn each_operator_finds_what_it_says() {
    let app = app().await;
    let attribute =
        |key: &str, operator: &str, value: Value| json!({"attribute": {"key": key, operator: value}});
    let some = |work_order: Value| json!({"workOrders": {"some": work_order}});
    for (filter, expected) in [
        (json!({}), "a É D C B A"),
        (json!({"clientId": {"eq": "acme"}}), "a B A"),
        (json!({"clientId": {"ne": "acme"}}), "É D C"),
        (json!({"clientId": {"in": ["birch", "cedar", "nobody"]}}), "É D C"),
        (json!({"clientId": {"in": []}}), ""),
        (json!({"clientOrderId": {"startsWith": "A"}}), "A"),
        (json!({"clientOrderId": {"startsWith": "É"}}), "É"),
        (json!({"clientOrderId": {"startsWith": ""}}), "a É D C B A"),
        (json!({"type": {"eq": "PARCEL"}}), "a A"),
        (json!({"type": {"ne": "PARCEL"}}), "É D C B"),
        (json!({"type": {"startsWith": ""}}), "a B A"),
        (json!({"not": {"type": {"eq": "PARCEL"}}}), "É D C B"),
        (json!({"batchId": {"startsWith": "b-", "ne": "b-1"}}), "C"),
        (json!({"status": {"eq": "EXECUTED"}}), "D"),
        (json!({"status": {"in": ["EXECUTED", "CREATED"]}}), "É D"),
        (json!({"phase": {"eq": "ACTIVE"}}), "a C B A"),
        (json!({"phase": {"in": ["SETTLED", "PENDING"]}}), "É D"),
        (json!({"outcome": {"eq": "SUCCEEDED"}}), "D"),
        (json!({"outcome": {"isNull": true}}), "a É C B A"),
        (json!({"outcome": {"isNull": false}}), "D"),
        (json!({"readyToProcess": {"eq": false}}), "É"),
        (json!({"createdAt": {"eq": "2026-03-01T09:00:00Z"}}), "B"),
        (json!({"createdAt": {"gt": "2026-03-01T09:00:00Z"}}), "a É D C"),
        (json!({"createdAt": {"gte": "2026-03-01T09:00:00Z", "lt": "2026-03-01T13:00:00+01:00"}}), "D C B"),
        (json!({"updatedAt": {"lte": "2026-03-01T08:00:00Z"}}), "A"),
        (attribute("lane", "eq", json!("north")), "É A"),
        (attribute("lane", "ne", json!("north")), "a D C B"),
        (attribute("lane", "in", json!(["south", "nord"])), "D B"),
        (attribute("lane", "in", json!([])), ""),
        (attribute("lane", "startsWith", json!("nor")), "É D A"),
        (attribute("lane", "startsWith", json!("")), "a É D B A"),
        (attribute("lane", "gt", json!("nord")), "É B A"),
        (attribute("lane", "exists", json!(false)), "C"),
        (attribute("lane", "exists", json!(true)), "a É D B A"),
        (attribute("weight", "eq", json!("5.0")), "É A"),
        (attribute("weight", "gt", json!(5)), "B"),
        (attribute("weight", "gte", json!(5)), "É B A"),
        (attribute("weight", "lt", json!(5)), "C"),
        (attribute("weight", "lte", json!("5")), "É C A"),
        (attribute("rush", "eq", json!(true)), "C"),
        (attribute("rush", "ne", json!(true)), "a É D B A"),
        (attribute("due", "eq", json!("2026-03-02T08:00:00Z")), "D"),
        (attribute("due", "lt", json!("2026-03-02T09:00:00.000001Z")), "a D"),
        (json!({"not": attribute("lane", "gt", json!("nord"))}), "a D C"),
        (json!({"and": []}), "a É D C B A"),
        (json!({"or": []}), ""),
        (json!({"or": [{}]}), "a É D C B A"),
        (json!({"not": {}}), ""),
        (json!({"not": {"or": []}}), "a É D C B A"),
        (json!({"or": [{"clientId": {"eq": "cedar"}}, attribute("weight", "lt", json!(0))]}), "É C"),
        (json!({"or": [{"clientId": {"eq": "acme"}}, {"clientOrderId": {"eq": "A"}}]}), "a B A"),
        (
            json!({"and": [{"clientId": {"eq": "acme"}}, {"type": {"eq": "PARCEL"}}], "batchId": {"eq": "b-1"}}),
            "A",
        ),
        (json!({"clientId": {"eq": "acme"}, "attribute": {"key": "lane", "eq": "south"}}), "B"),
        (some(json!({"status": {"eq": "COMPLETED"}})), "D B"),
        (some(json!({"status": {"eq": "COMPLETED"}, "type": {"eq": "DIGITAL_SERVICE"}})), "D"),
        (some(json!({"attribute": {"key": "bay", "gte": 4}})), "a É"),
        (some(json!({"or": []})), ""),
        (json!({"workOrders": {"every": {"phase": {"eq": "SETTLED"}}}}), "D"),
        (json!({"workOrders": {"none": {"phase": {"eq": "PENDING"}}}}), "D B"),
        (
            json!({"workOrders": {"some": {"phase": {"eq": "ACTIVE"}}, "none": {"phase": {"eq": "PENDING"}}}}),
            "B",
        ),
        (json!({"workOrders": {"every": {"attribute": {"key": "bay", "exists": true}}}}), ""),
        (json!({"workOrders": {}}), "a É D C B A"),
    ] {
        assert_eq!(names(&app, json!({"where": filter})).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn ids_find_their_orders() {
    let app = app().await;
    let document = "{ orders { nodes { id clientOrderId workOrders { id } } } }";
    let nodes = app.run(document).await.data()["orders"]["nodes"].clone();
    let (first, last) = (&nodes[0], &nodes[5]);
    let nobody = "ord_00000000000000000000000000";
    for (filter, expected) in [
        (json!({"id": {"eq": first["id"]}}), "a"),
        (json!({"id": {"in": [nobody, last["id"], first["id"]]}}), "a A"),
        (json!({"id": {"eq": nobody}}), ""),
        (json!({"not": {"id": {"in": [first["id"], last["id"]]}}}), "É D C B"),
        (json!({"workOrders": {"some": {"id": {"eq": last["workOrders"][0]["id"]}}}}), "A"),
        (json!({"workOrders": {"some": {"orderId": {"eq": last["id"]}}}}), "A"),
    ] {
        assert_eq!(names(&app, json!({"where": filter})).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn nesting_goes_five_deep_and_lists_hold_a_hundred() {
    let app = app().await;
    let nested =
        |depth: usize| (0..depth).fold(json!({"clientId": {"eq": "acme"}}), |inner, _| json!({"not": inner}));
    assert_eq!(names(&app, json!({"where": nested(4)})).await, "a B A");
    assert_eq!(names(&app, json!({"where": nested(5)})).await, "É D C");
    let members: Vec<_> = (0..99).map(|number| json!(number.to_string())).chain([json!("acme")]).collect();
    assert_eq!(names(&app, json!({"where": {"clientId": {"in": members}}})).await, "a B A");
}

#[tokio::test]
async fn a_list_counts_what_it_finds() {
    let app = app().await;
    for (filter, limit, value, exact) in [
        ("{}", 100, 6, true),
        ("{clientId: {eq: \"acme\"}}", 3, 3, true),
        ("{clientId: {eq: \"acme\"}}", 2, 2, false),
        ("{attribute: {key: \"lane\", eq: \"north\"}}", 100, 2, true),
        ("{workOrders: {some: {status: {eq: \"COMPLETED\"}}}}", 100, 2, true),
        ("{or: []}", 100, 0, true),
    ] {
        let document =
            format!("{{ orders(where: {filter}, first: 1) {{ count(limit: {limit}) {{ value exact }} }} }}");
        let expected = json!({"orders": {"count": {"value": value, "exact": exact}}});
        assert_eq!(app.run(&document).await.data(), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_page_shows_the_same_whoever_writes_it() {
    let app = app().await;
    let page = |extra: &str| {
        format!(
            "{{ orders(where: {{clientId: {{ne: \"birch\"}}}}, orderBy: [{{attribute: \"weight\"}}], first: 3) {{
                edges {{ cursor node {{ {extra} id status workOrders {{ id }} }} }}
                pageInfo {{ endCursor hasNextPage }} }} }}"
        )
    };
    let written = app.run(&page("")).await.data();
    let mut resolved = app.run(&page("statusExplanation")).await.data();
    for edge in resolved["orders"]["edges"].as_array_mut().unwrap() {
        edge["node"].as_object_mut().unwrap().remove("statusExplanation");
    }
    assert_eq!(written, resolved);
    assert_eq!(
        text(&written["orders"]["edges"][2]["cursor"]),
        text(&written["orders"]["pageInfo"]["endCursor"])
    );
}
