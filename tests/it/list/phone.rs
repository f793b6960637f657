//! Orders are found by the last digits of a phone number that nobody can read in the store.

use entity::list_entry;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use waybill::{
    access::{Caller, Scope, Scopes},
    usecase::{order::PHONE_FIELD, reencrypt},
};

use super::names;
use crate::harness::{TestApp, samples};

fn order(name: &str, number: Option<&str>) -> Value {
    let phone = number.map(|number| json!({"countryCode": "+91", "number": number}));
    let input = samples::with(samples::order(1), "clientOrderId", json!(name));
    samples::with(input, "consignee", json!({"name": "Asha Rao", "phone": phone}))
}

fn ends_with(digits: &str) -> Value {
    json!({"where": {"consigneePhone": {"endsWith": digits}}})
}

#[tokio::test]
async fn the_last_digits_find_their_orders() {
    let app = TestApp::start().await;
    let (first, _) = app.create(order("A", Some("9876543210"))).await;
    app.create(order("B", Some("1111543210"))).await;
    app.create(order("C", Some("3210"))).await;
    app.create(order("D", None)).await;
    for (digits, expected) in [
        ("3210", "C B A"),
        ("543210", "B A"),
        ("6543210", "A"),
        ("9876543210", "A"),
        ("0000543210", ""),
        ("0321", ""),
    ] {
        assert_eq!(names(&app, ends_with(digits)).await, expected, "{digits}");
    }
    let both =
        json!({"where": {"consigneePhone": {"endsWith": "3210"}, "clientOrderId": {"startsWith": "B"}}});
    assert_eq!(names(&app, both).await, "B");
    let sorted =
        json!({"where": {"consigneePhone": {"endsWith": "3210"}}, "orderBy": [{"field": "CLIENT_ORDER_ID"}]});
    assert_eq!(names(&app, sorted).await, "A B C");

    let waits = samples::with(order("E", Some("77773210")), "readyToProcess", json!(false));
    let (waits, _) = app.create(waits).await;
    let change = json!({"id": waits, "consignee": {"name": "Asha Rao", "phone": {"countryCode": "+91", "number": "5550199"}}});
    app.change("orderUpdate", change, "cursor").await;
    assert_eq!(names(&app, ends_with("3210")).await, "C B A");
    assert_eq!(names(&app, ends_with("550199")).await, "E");
    let change = json!({"id": waits, "consignee": {"name": "Asha Rao"}});
    app.change("orderUpdate", change, "cursor").await;
    assert_eq!(names(&app, ends_with("550199")).await, "");

    // What is written to find them has no digit of theirs.
    let entries = app.stored().await.entries;
    let entry = entries
        .iter()
        .find(|entry| first.ends_with(&entity::type_id::encode("x", entry.entity_id)[2..]))
        .unwrap();
    assert!(!entry.value.windows(4).any(|four| four == b"3210" || four == b"9876"));
}

#[tokio::test]
async fn orders_from_before_there_was_the_search_are_found_after_a_reencryption() {
    let app = TestApp::start().await;
    app.create(order("A", Some("9876543210"))).await;
    app.create(order("B", None)).await;
    let entries = app.stored().await.entries;
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let old = list_entry::Entity::delete_many().filter(list_entry::Column::Field.eq(PHONE_FIELD));
    assert_eq!(old.exec(&db).await.unwrap().rows_affected, 2);
    db.close().await.unwrap();
    assert_eq!(names(&app, ends_with("3210")).await, "");
    let step = reencrypt::orders(&app.app, &Caller::local(), None).await.unwrap();
    // Nothing was to be sealed anew.
    assert_eq!((step.orders, step.sealed), (2, 0));
    assert_eq!(names(&app, ends_with("3210")).await, "A");
    assert_eq!(app.stored().await.entries, entries);
}

#[tokio::test]
async fn whoever_may_not_see_numbers_does_not_find_by_them() {
    let app = TestApp::start().await;
    app.create(order("A", Some("9876543210"))).await;
    let document = "query Q($where: OrderWhere) { orders(where: $where) { nodes { id } } }";
    let caller = || Caller { scopes: Scopes::from_iter([Scope::OrdersRead]), ..Caller::local() };
    // However it is nested, and whatever else is wrong with it.
    let where_not =
        json!({"where": {"not": {"consigneePhone": {"endsWith": "1"}}, "clientOrderId": {"eq": "\0"}}});
    let reply = app.execute_as(caller(), document, where_not).await;
    assert_eq!(reply.error().0, "FORBIDDEN");
    let reply = app.execute_as(caller(), document, ends_with("3210")).await;
    let (code, message) = reply.error();
    assert_eq!(code, "FORBIDDEN");
    assert_eq!(message, "the caller lacks a scope: where.consigneePhone.endsWith needs pii:read");
    for digits in ["321", "98765432100", "32 10", "321٠", ""] {
        let (_, message) = app.execute(document, ends_with(digits)).await.error();
        assert_eq!(
            message, "where.consigneePhone.endsWith: must be 4 to 10 digits without spaces",
            "{digits}"
        );
    }
}
