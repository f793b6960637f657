//! `waybill import`.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use waybill::seam::{Clock, Ids};

use super::{Finished, finish, run, waybill};
use crate::harness::{TestApp, TestDatabase, samples};

/// A store and a folder for files.
struct Bench {
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self { database: TestDatabase::create().await, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Imports what `input` says from standard input.
    fn import(&self, input: impl AsRef<[u8]>) -> Finished {
        run(waybill(self.folder.path(), &self.database, &["import", "-"]), input.as_ref())
    }

    fn import_file(&self, name: &str) -> Finished {
        run(waybill(self.folder.path(), &self.database, &["import", name]), b"")
    }

    fn start(&self, name: &str) -> Child {
        waybill(self.folder.path(), &self.database, &["import", name]).spawn().unwrap()
    }

    /// The references of all orders that are there, sorted, each with the number of its work orders and of its events.
    async fn orders(self) -> Vec<(String, usize, u64)> {
        let app = TestApp::over(self.database, 2, Clock::system(), Ids::random()).await;
        let mut found = Vec::new();
        let mut after = Value::Null;
        loop {
            let document = "query($after: String) { orders(first: 100, after: $after) {
                nodes { clientOrderId workOrders { id } events(first: 1) { count { value } } }
                pageInfo { endCursor hasNextPage }
            } }";
            let page = app.execute(document, json!({"after": after})).await.data()["orders"].take();
            for order in page["nodes"].as_array().unwrap() {
                found.push((
                    order["clientOrderId"].as_str().unwrap().to_owned(),
                    order["workOrders"].as_array().unwrap().len(),
                    order["events"]["count"]["value"].as_u64().unwrap(),
                ));
            }
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        found.sort();
        found
    }
}

fn order(reference: &str) -> Value {
    samples::with(samples::order(2), "clientOrderId", json!(reference))
}

/// Orders `A-0001` and so on, a line each.
fn lines(count: usize) -> String {
    (1..=count).fold(String::new(), |mut lines, number| {
        writeln!(lines, "{}", order(&format!("A-{number:04}"))).unwrap();
        lines
    })
}

/// Counts of a summary: created, already there, failed.
fn counts(finished: &Finished) -> [u64; 3] {
    let summary = finished
        .errors
        .lines()
        .find(|line| line.contains(" created, "))
        .unwrap_or_else(|| panic!("{finished:?}"));
    assert!(summary.ends_with(" orders/s") && summary.contains(" s, "), "{summary}");
    let numbers: Vec<u64> = summary.split([' ', ';']).filter_map(|word| word.parse().ok()).collect();
    numbers[..3].try_into().unwrap()
}

#[tokio::test]
async fn lines_and_arrays_are_imported_and_what_is_there_is_not_created_twice() {
    let bench = Bench::new().await;
    bench.file("orders.ndjson", format!("\u{feff}{}\n \n{}", lines(700), order("A-0701")));
    let first = bench.import_file("orders.ndjson");
    assert_eq!((first.status, first.output.as_str()), (Some(0), ""), "{first:?}");
    assert_eq!(counts(&first), [701, 0, 0]);
    let again = bench.import_file("orders.ndjson");
    assert_eq!((again.status, counts(&again)), (Some(0), [0, 701, 0]), "{again:?}");

    // The same orders in another form and another place, and two more, one of them twice.
    let mut orders: Vec<Value> = lines(700).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    orders.reverse();
    orders.extend([order("A-0702"), order("A-0703"), order("A-0702")]);
    let array = bench.import(serde_json::to_vec_pretty(&orders).unwrap());
    assert_eq!((array.status, counts(&array)), (Some(0), [2, 701, 0]), "{array:?}");

    let found = bench.orders().await;
    let expected: Vec<_> = (1..=703).map(|number| (format!("A-{number:04}"), 2, 5)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn orders_are_of_the_tenant_that_is_named() {
    let bench = Bench::new().await;
    bench.file("acme.ndjson", lines(3));
    let acme = ["import", "acme.ndjson", "--tenant", "acme"];
    let import = || run(waybill(bench.folder.path(), &bench.database, &acme), b"");
    assert_eq!(counts(&import()), [3, 0, 0]);
    assert_eq!(counts(&import()), [0, 3, 0]);
    assert_eq!(counts(&bench.import(lines(1))), [1, 0, 0], "another tenant's");
    assert_eq!(bench.orders().await, [("A-0001".to_owned(), 2, 5)], "what `default` has");
}

#[tokio::test]
async fn each_faulty_line_is_reported_and_the_others_are_created() {
    let bench = Bench::new().await;
    let without = |field: &str| {
        let mut order = order("A-0009");
        order.as_object_mut().unwrap().remove(field);
        order
    };
    let mut input = lines(600).into_bytes();
    let faulty = [
        r#"{"clientId": "#.to_owned(),
        "[1]".to_owned(),
        samples::with(order("A-0601"), "colour", json!("red")).to_string(),
        samples::with(order("A-0601"), "workOrders", json!([])).to_string(),
        samples::with(order("A-0601"), "workOrders", json!([{"type": "FLY"}])).to_string(),
        samples::with(order("A-0601"), "workOrders", json!([{"type": "MOVE_CONTAINERS"}])).to_string(),
        without("consignee").to_string(),
        samples::with(order("A-0601"), "consignee", json!(5)).to_string(),
        samples::with(order("A-0601"), "note", json!("x".repeat(1024 * 1024))).to_string(),
    ];
    for line in &faulty {
        input.extend(line.as_bytes());
        input.push(b'\n');
    }
    input.extend(b"{\"clientId\": \"\xff\"}\n\n");
    input.extend(order("A-0601").to_string().as_bytes());
    let finished = bench.import(&input);
    assert_eq!(finished.status, Some(1), "{finished:?}");
    assert_eq!(
        finished.output.lines().collect::<Vec<_>>(),
        [
            "line 601\t-\tINVALID\tnot JSON: the line ends inside of the order, at column 13",
            "line 602\t-\tINVALID\tan order is a JSON object, not a list",
            "line 603\t-\tGRAPHQL_VALIDATION_FAILED\tunknown field \"colour\" of type \"OrderCreateInput\"",
            "line 604\tworkOrders\tREQUIRED\tan order needs 1 to 100 work orders",
            "line 605\tworkOrders.0.type\tGRAPHQL_VALIDATION_FAILED\tenumeration type \"WorkOrderType\" does not contain \
             the value \"FLY\"",
            "line 606\tworkOrders.0.pickup\tREQUIRED\tMOVE_CONTAINERS needs a pickup: the place where its goods are \
             fetched",
            "line 607\t-\tGRAPHQL_VALIDATION_FAILED\tfield \"consignee\" of type \"ContactInput!\" is required but not \
             provided",
            "line 608\t-\tBAD_USER_INPUT\tExpected input type \"ContactInput\", found 5. (in \
             OrderCreateInput)",
            "line 609\t-\tLIMIT_EXCEEDED\tthe order is larger than 1048576 bytes",
            "line 610\t-\tINVALID\tnot UTF-8 from byte 15 of the order on",
        ]
    );
    assert_eq!(counts(&finished), [601, 0, 10]);
    assert_eq!(bench.orders().await.len(), 601);
}

#[tokio::test]
async fn a_cut_off_array_is_imported_as_far_as_it_goes() {
    let bench = Bench::new().await;
    let array = format!("[{},\n{{\"a\": }},\n{},\n{}", order("A-0001"), order("A-0002"), "{\"clientId\": ");
    let finished = bench.import(&array);
    assert_eq!(finished.status, Some(1), "{finished:?}");
    assert_eq!(finished.output, "element 2\t-\tINVALID\tnot JSON: expected value, on line 2\n");
    assert_eq!(counts(&finished), [2, 0, 1]);
    assert!(
        finished.errors.contains(
            "error: the array is cut off: the input ends inside of element 4, which begins on line 4. Mend the input, \
             then run the same command again"
        ),
        "{finished:?}"
    );
    assert_eq!(bench.orders().await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_makes_no_order_and_no_database() {
    let bench = Bench::new().await;
    for (arguments, status, part) in [
        (
            &["import", "nowhere.ndjson"][..],
            1,
            "error: cannot read nowhere.ndjson; check its name and permissions: No such",
        ),
        (&["import", "."], 1, "error: . is a folder; name a file of orders"),
        (&["import"], 2, "<FILE|->"),
        (&["import", "a", "b"], 2, "unexpected argument 'b'"),
    ] {
        let finished = run(waybill(bench.folder.path(), &bench.database, arguments), b"");
        assert_eq!((finished.status, finished.output.as_str()), (Some(status), ""), "{finished:?}");
        assert!(finished.errors.contains(part), "{finished:?}");
    }
    bench.file("pretty.json", serde_json::to_vec_pretty(&order("A-0001")).unwrap());
    let finished = bench.import_file("pretty.json");
    assert_eq!((finished.status, counts(&finished)), (Some(1), [0, 0, 0]));
    assert!(
        finished.errors.contains("error: line 1 begins an order that goes on in the next line"),
        "{finished:?}"
    );
    for nothing in ["", "\n\n", "[]"] {
        let finished = bench.import(nothing);
        assert_eq!((finished.status, counts(&finished)), (Some(0), [0, 0, 0]), "{nothing:?}");
    }
    assert_eq!(bench.orders().await, []);
}

#[tokio::test]
async fn keys_of_the_input_are_kept() {
    let bench = Bench::new().await;
    let keyed = samples::with(order("A-0001"), "idempotencyKey", json!("mine"));
    let other = samples::with(keyed.clone(), "clientName", json!("Acme"));
    let finished = bench.import(format!("{keyed}\n{keyed}\n{other}\n"));
    assert_eq!((finished.status, counts(&finished)), (Some(1), [1, 1, 1]), "{finished:?}");
    assert!(finished.output.starts_with("line 3\tidempotencyKey\tIDEMPOTENCY_MISMATCH\t"), "{finished:?}");
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_when_it_is_run_again() {
    let bench = Bench::new().await;
    bench.file("orders.ndjson", lines(3_000));
    let mut killed = 0;
    // Each run goes a little further, whatever the machine's speed.
    for attempt in 1..=3 {
        let mut child = bench.start("orders.ndjson");
        std::thread::sleep(Duration::from_millis(400 * attempt));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed > 0, "the import is too fast to be killed");
    let finished = bench.import_file("orders.ndjson");
    assert_eq!((finished.status, finished.output.as_str()), (Some(0), ""), "{finished:?}");
    let [created, already_there, failed] = counts(&finished);
    assert_eq!((created + already_there, failed), (3_000, 0));
    let expected: Vec<_> = (1..=3_000).map(|number| (format!("A-{number:04}"), 2, 5)).collect();
    assert_eq!(bench.orders().await, expected);
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_after_the_batch_at_hand_and_says_how_to_go_on() {
    use std::io::Write as _;

    let bench = Bench::new().await;
    let mut child = bench.start("-");
    // One batch is whole, the next one is not: it waits for more.
    child.stdin.as_mut().unwrap().write_all(lines(600).as_bytes()).unwrap();
    let watcher = waybill::store::Database::open(&bench.database.url, Some(1)).await.unwrap();
    let tenant = waybill::access::Caller::local().tenant;
    let reader = waybill::store::Reader::new(watcher.clone(), tenant);
    let begun = Instant::now();
    while waybill::store::order::count(&reader.db(), 1_000).await.unwrap().0 < 500 {
        assert!(begun.elapsed() < Duration::from_mins(1), "the first batch was never written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    watcher.close().await;
    let interrupted =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    // Its end must not depend on that of the input.
    let input = child.stdin.take();
    let finished = finish(child);
    drop(input);
    assert_eq!((finished.status, counts(&finished)), (Some(1), [500, 0, 0]), "{finished:?}");
    assert!(
        finished
            .errors
            .contains("stopped after line 500. To go on, run the same command again within 24 hours"),
        "{finished:?}"
    );
    let finished = bench.import(lines(600));
    assert_eq!((finished.status, counts(&finished)), (Some(0), [100, 500, 0]));
}
