use serde_json::json;

use super::*;

fn document() -> Map<String, Json> {
    let work_order = |number: i32| {
        json!({
            "sequence": number, "type": "MOVE_CONTAINERS", "containers": [{"containerId": "BOX-1", "weight": {"value": "12.50"}}],
        })
    };
    let document = json!({
        "order": {
            "clientId": "acme", "version": 3, "createdAt": "2026-03-01T08:00:00Z",
            "destination": {"address": {"postalCode": "560001", "country": "IN"}},
            "customAttributes": {"tier": "gold", "weight": 12.5, "count": 2},
            "summary": {"totalCost": {"amount": "49.90"}},
            "workOrders": (1..=100).map(work_order).collect::<Vec<_>>(),
        },
        "event": {"type": "ORDER_CREATED", "workOrderId": null},
        "workOrder": null,
    });
    let Json::Object(document) = document else { unreachable!() };
    document
}

const VARIABLES: [&str; 3] = ["order", "workOrder", "event"];

fn value(text: &str) -> Result<Json, String> {
    let expression = Expression::parse(text, &VARIABLES)?;
    expression.evaluate(&document()).map_err(|failure| failure.to_string())
}

#[test]
fn an_expression_has_the_value_that_the_language_gives_it() {
    for (text, expected) in [
        ("true", json!(true)),
        ("order.clientId == 'acme' && order.version == 3", json!(true)),
        ("order.customAttributes.weight > 12", json!(true)),
        ("order.customAttributes.count + 1 == 3", json!(true)),
        ("order.customAttributes.count > 1.5", json!(true)),
        ("double(order.summary.totalCost.amount) < 50.0", json!(true)),
        ("has(order.customAttributes.nothing)", json!(false)),
        ("'tier' in order.customAttributes", json!(true)),
        ("workOrder == null && event.workOrderId == null", json!(true)),
        ("order.workOrders.all(w, w.type == 'MOVE_CONTAINERS')", json!(true)),
        ("order.workOrders.exists(w, w.sequence == 100)", json!(true)),
        ("order.workOrders.exists_one(w, w.sequence == 7)", json!(true)),
        ("order.workOrders.filter(w, w.sequence < 3).map(w, w.sequence * 2)", json!([2, 4])),
        ("size(order.workOrders)", json!(100)),
        ("order.workOrders[0].sequence", json!(1)),
        ("order.destination.address.postalCode.startsWith('56')", json!(true)),
        ("order.destination.address.postalCode.matches('^[1-9][0-9]{5}$')", json!(true)),
        ("matches(order.clientId, 'z')", json!(false)),
        ("order.customAttributes['tier']", json!("gold")),
        ("timestamp(order.createdAt) + duration('48h')", json!("2026-03-03T08:00:00Z")),
        ("timestamp(order.createdAt).getHours()", json!(8)),
        ("string(timestamp(order.createdAt) + duration('90m'))", json!("2026-03-01T09:30:00Z")),
        (
            "order.version > 2 ? {'verdict': 'PASS'} : {'verdict': 'REJECT', 'reasons': []}",
            json!({"verdict": "PASS"}),
        ),
        (
            "{'patch': {'customAttributes': {'n': order.version, 'l': [1, 2.5, null]}}}",
            json!({"patch": {"customAttributes": {"n": 3, "l": [1, 2.5, null]}}}),
        ),
        ("type(1) == int", json!(true)),
        ("'a' + 'b'", json!("ab")),
        ("!(false || order.version < 1)", json!(true)),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_wrong_with_an_expression_is_said_when_it_is_parsed() {
    let wide = vec!["1"; 900].join("+");
    let dots = format!("order{}", ".a".repeat(900));
    let indexes = format!("order{}", "[0]".repeat(600));
    let ternary = format!("{}true", "true?1:".repeat(280));
    let lists = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let calls = format!("{}1", "size(".repeat(380));
    let brackets = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let long = "1".repeat(2_001);
    for (text, part) in [
        ("", "must not be blank"),
        (&long, "has up to 2000 characters, but this has 2001"),
        ("order.", "is no CEL"),
        ("1 +* 2", "is no CEL"),
        ("run.id == ''", "there is no variable \"run\"; there are order, workOrder, event"),
        ("order.workOrders.all(w, x.sequence > 0)", "there is no variable \"x\""),
        ("fetch('http://x')", "there is no function \"fetch\""),
        ("order.clientId.lowerAscii()", "there is no function \"lowerAscii\""),
        ("Order{id: 1}", "messages are not supported"),
        (&wide, "nests deeper than 40 levels"),
        (&dots, "nests deeper than 40 levels"),
        (&indexes, "has up to 100 opening brackets"),
        (&ternary, "recursion"),
        (&lists, "has up to 100 opening brackets"),
        (&calls, "has up to 100 opening brackets"),
        (&brackets, "recursion"),
        ("[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))", "nest up to 3 deep"),
    ] {
        let error = Expression::parse(text, &VARIABLES).err().unwrap_or_default();
        assert!(error.to_lowercase().contains(&part.to_lowercase()), "{text:.30}: {error}");
    }
}

#[test]
fn a_failure_says_what_went_wrong_and_nothing_of_the_document() {
    for (text, expected) in [
        ("order.nothing == 1", "there is no nothing; has() tells whether there is"),
        ("order.customAttributes[order.clientId] == 1", "there is no such key; has() tells whether there is"),
        ("order.clientId > 1", "found no matching overload for '_>_' applied to '(string, int)'"),
        ("order.version / 0 == 1", "a number is divided by zero"),
        ("order.workOrders[100].sequence", "a list is not that long"),
        ("timestamp(order.clientId)", "timestamp() was given a value that it does not take"),
        ("int(order.clientId)", "int() was given a value that it does not take"),
        ("order.clientId.matches('(')", "matches() was given a value that it does not take"),
        (
            "order.clientId.matches('((a{100}){100}){100}')",
            "matches() was given a value that it does not take",
        ),
        ("order.clientId - 1", "an operator was given values that it does not take"),
        ("9223372036854775807 + order.version", "a number is out of range"),
        ("duration('1h')", "the expression gave a duration, which JSON does not have"),
        ("1.0 / 0.0", "the expression gave a number that JSON does not have"),
    ] {
        assert_eq!(value(text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn an_expression_that_would_run_for_ever_is_ended() {
    let doubled = format!("size(['aaaaaaaaaaaaaaaa']{}) > 0", ".map(x, x + x)".repeat(37));
    let nested = format!("size([1]{}) > 0", ".map(x, [x, x])".repeat(37));
    let squared =
        "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.all(c, a != b || b != c || true)))";
    let absorbed = "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.exists(c, a == order) || true) || true)";
    let compared = "order.workOrders.all(a, order.workOrders.all(b, order == order))";
    let patterns =
        "order.workOrders.all(a, order.workOrders.all(b, 'aaaa'.matches('(a{9}){9}(b{9}){9}') || true))";
    for text in [&doubled, &nested, squared, absorbed, compared, patterns] {
        let error = value(text).unwrap_err();
        // Ended while it runs, or refused because it is nested too deeply.
        let is_bounded = error.contains("takes too long") || error.contains("nests deeper than 40 levels");
        assert!(is_bounded, "{text}: {error}");
    }
    let sound = "order.workOrders.all(a, order.workOrders.exists(b, a.sequence == b.sequence))";
    assert_eq!(value(sound), Ok(json!(true)));
}

#[test]
fn every_function_that_is_named_is_there() {
    for name in FUNCTIONS {
        for call in [format!("{name}(order)"), format!("order.{name}()")] {
            // The interpreter says that a function is not declared with an error of its own, which is not passed on.
            let error = value(&call).err().unwrap_or_default();
            assert!(!error.contains("there is no function"), "{call}: {error}");
        }
    }
}

#[test]
fn what_nests_as_deep_as_it_may_is_evaluated() {
    for (text, expected) in [
        (format!("{}1{}", "size([".repeat(19), "])".repeat(19)), json!(1)),
        (vec!["1"; 38].join("+"), json!(38)),
        (format!("{}1{} == 1 || true", "[".repeat(37), "]".repeat(37)), json!(true)),
    ] {
        assert_eq!(value(&text), Ok(expected), "{text}");
    }
}
