use serde_json::{Map, json};

use cel::Value as Cel;

use super::{check::FUNCTIONS, meter::metered, values::cel_value, *};

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
    expression.evaluate(&document(), &Budget::new(500_000)).map_err(|failure| failure.to_string())
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

/// The value where the variables are there as a whole, whatever the expression looks at.
fn value_of_whole(text: &str, document: &Map<String, Json>) -> Option<Json> {
    let program = Program::compile(text).unwrap();
    let evaluate = || {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (name, value) in document {
            context.add_variable_from_value(name.as_str(), cel_value(value));
        }
        for (name, function) in natives(&Budget::new(10_000_000)) {
            context.add_function(name, function).unwrap();
        }
        let value: Cel = context.resolve(&metered(program.expression().clone())).ok()?;
        json(&value).ok()
    };
    stacker::grow(INTERPRETER_STACK, evaluate)
}

#[test]
fn an_expression_has_the_value_that_it_has_over_the_whole_document() {
    let with_work_order = |work_order: Json| {
        let mut document = document();
        document.insert("workOrder".to_owned(), work_order);
        document
    };
    let documents = [document(), with_work_order(json!({"sequence": 7, "containers": [{"a": 1}]}))];
    for text in [
        "order",
        "order == order",
        "order.clientId == order['clientId']",
        "order.nothing",
        "order['nothing']",
        "has(order.clientId)",
        "has(order.nothing)",
        "!has(order.customAttributes.tier)",
        "has(workOrder.sequence)",
        "has(workOrder.nothing)",
        "workOrder.sequence",
        "workOrder == null",
        "workOrder != null && workOrder.sequence == 7",
        "event.type == 'ORDER_CREATED' ? order.version : 0",
        "'clientId' in order",
        "size(order)",
        "order.size() > 3",
        "size(order.workOrders)",
        "order.workOrders.size()",
        "size(order.customAttributes)",
        "size(order.clientId)",
        "order.workOrders[0]",
        "order.workOrders[0].type",
        "order.workOrders[size(order.workOrders) - 1].sequence",
        "order.workOrders[0].nothing",
        "has(order.workOrders[0].type)",
        "has(order.workOrders[0].nothing)",
        "order.workOrders[0]['type']",
        "order.workOrders[0].containers[0].containerId",
        "order.workOrders[100].type",
        "order.workOrders.exists(w, w.sequence == 5)",
        "order.workOrders.exists(w, has(w.nothing))",
        "order.workOrders.all(w, has(w.type) && w.type == 'MOVE_CONTAINERS')",
        "order.workOrders.exists(w, w == order.workOrders[3])",
        "order.workOrders.exists(w, w['sequence'] == 5)",
        "order.workOrders.exists(w, 'type' in w)",
        "order.workOrders.exists(w, w.containers.exists(c, c.containerId == 'BOX-1'))",
        "order.workOrders.exists(w, order.workOrders.exists(w, w.sequence == 100) && w.type != '')",
        "order.workOrders.exists(w, order.workOrders.exists(v, v.sequence == w.sequence + 1))",
        "order.workOrders.exists(order, order.sequence == 5)",
        "order.workOrders.exists(w, order.version == 3 && w.sequence == 5)",
        "order.workOrders.map(w, w.sequence)",
        "order.workOrders.map(w, w)[0]",
        "order.workOrders.filter(w, w.sequence < 3)",
        "order.workOrders.filter(w, w.sequence < 3).map(v, v.type)",
        "order.workOrders.filter(w, w.sequence < 3).size()",
        "order.workOrders.map(w, {'s': w.sequence, 'w': [w]})[1]",
        "order.workOrders.exists_one(w, w.sequence == 5 && w.nothing)",
        "order.customAttributes.map(key, key).size()",
        "order.customAttributes.exists(key, key == 'tier')",
        "order.customAttributes.exists(key, order.customAttributes[key] == 'gold')",
        "[order.clientId, event.type]",
        "{'a': order.version, order.clientId: 1}",
        "[1, 2].map(order, order * 2)",
        "order.destination.address.postalCode.startsWith('56')",
        "timestamp(order.createdAt).getHours()",
        "type(order.version) == int",
        "order.workOrders == order.workOrders",
        "order.workOrders + [1]",
        "1 in order.workOrders",
    ] {
        let expression = Expression::parse(text, &VARIABLES).unwrap();
        for document in &documents {
            let value = expression.evaluate(document, &Budget::new(10_000_000)).ok();
            assert_eq!(value, value_of_whole(text, document), "{text}");
        }
    }
}

#[test]
fn only_what_an_expression_looks_at_is_read() {
    let seen = |text: &str| {
        let expression = Expression::parse(text, &VARIABLES).unwrap();
        let show = |reference: &Reference| {
            let member = reference.member.as_ref().map(|member| format!(".{member}")).unwrap_or_default();
            let elements = match &reference.elements {
                Elements::Whole => String::new(),
                Elements::Members(members) => {
                    format!("[{}]", members.iter().cloned().collect::<Vec<_>>().join(" "))
                }
            };
            format!("{}{member}{elements}", reference.variable)
        };
        expression.references().iter().map(show).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("true", vec![]),
        ("order.type == 'X' && workOrder.type == 'Y'", vec!["order.type", "workOrder.type"]),
        ("order.customAttributes.a == 1 || order.customAttributes.b == 2", vec!["order.customAttributes"]),
        ("order.workOrders.exists(w, w.status == 'X' && has(w.type))", vec!["order.workOrders[status type]"]),
        ("order.workOrders.exists(w, w == workOrder)", vec!["order.workOrders", "workOrder"]),
        ("size(order.workOrders) > 1", vec!["order.workOrders[]"]),
        ("order.workOrders[0].status == 'X'", vec!["order.workOrders[status]"]),
        ("order == order", vec!["order"]),
        ("order[event.type] == 1", vec!["order", "event.type"]),
    ] {
        assert_eq!(seen(text), expected, "{text}");
    }
    // What is not looked at costs nothing, and neither does what is not reached.
    let document = document();
    let cost = |text: &str| {
        let budget = Budget::new(100_000);
        Expression::parse(text, &VARIABLES).unwrap().evaluate(&document, &budget).unwrap();
        100_000 - budget.left()
    };
    assert!(cost("order.version == 3") < 40, "{}", cost("order.version == 3"));
    assert!(cost("order.version == 4 && order.workOrders == []") < 40);
    assert!(cost("order.workOrders.exists(w, w.sequence == 100)") < 3_000);
    assert!(cost("order == order") > 3_000);
}

#[test]
fn what_runs_out_says_so_and_spends_no_more_than_there_is() {
    let text = "order.workOrders.all(a, order.workOrders.all(b, a.sequence != b.sequence || true)) || true";
    let expression = Expression::parse(text, &VARIABLES).unwrap();
    let budget = Budget::new(1_000);
    let failure = expression.evaluate(&document(), &budget).unwrap_err();
    assert!(failure.is_exhausted && budget.left() == 0, "{failure}");
    assert!(Expression::parse("order.nothing", &VARIABLES).unwrap().evaluate(&document(), &budget).is_err());
    let failure = Expression::parse("order.nothing", &VARIABLES)
        .unwrap()
        .evaluate(&document(), &Budget::new(1_000))
        .unwrap_err();
    assert!(!failure.is_exhausted);
}
