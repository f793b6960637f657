//! A SQLite file that cannot grow any further: whatever is written then is written whole or not at all, and what comes
//! after it is not affected.

use sea_orm::ConnectionTrait as _;
use serde_json::json;
use waybill::{access::Caller, store::Tenant};

use super::told::{Mutation, Told, Unanswered};
use crate::harness::{Stored, TestApp, samples::order, text};

const MUTATIONS: [Mutation; 4] =
    [Mutation::Create, Mutation::Update, Mutation::CreateMany, Mutation::CreateAtOnce];
/// More pages than any test needs.
const PLENTY: i64 = 1_000_000;
/// More pages than any mutation needs.
const MOST_PAGES: i64 = 200;
/// How many pages more a file may have, one after the other: the statement that finds no room decides whether SQLite gives
/// up that statement or the whole transaction.
const MORE_PAGES: i64 = 10;
/// Stores, and how often each mutation meets every limit in each: where its pages are full differs from time to time.
const STORES: usize = 2;
const ROUNDS: usize = 3;

/// Bounds the file to a number of pages for the connection that writes.
async fn limit(app: &TestApp, pages: i64) {
    let tx = app.app.database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
    tx.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many pages the file has now.
async fn pages(app: &TestApp) -> i64 {
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "PRAGMA page_count");
    let pages = db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    db.close().await.unwrap();
    pages
}

/// Bounds the file to so many pages more than it has, tries to write until one write fails, and makes room again.
async fn fill(app: &TestApp, told: &mut Told, more: i64) {
    let pages = pages(app).await + more;
    for _ in 0..MOST_PAGES {
        // Each time: the server may have taken a new connection meanwhile.
        limit(app, pages).await;
        if told.create(app).await.is_none() {
            limit(app, PLENTY).await;
            return;
        }
    }
    panic!("the store is never full");
}

#[tokio::test]
async fn what_is_acknowledged_after_a_write_that_failed_and_a_refusal_is_committed() {
    for number in 0..2 {
        let app = TestApp::start().await;
        if app.database.is_postgres() {
            return;
        }
        let mut told = Told::begin(&app).await;
        told.create(&app).await.unwrap();
        for more in 0..MORE_PAGES {
            fill(&app, &mut told, more).await;
            told.be_refused(&app, number).await;
            for _ in 0..3 {
                told.go_on(&app).await;
            }
            told.check(&app.stored().await, Unanswered::IsAbsent);
        }
    }
}

#[tokio::test]
async fn another_tenants_orders_are_committed_after_a_write_that_failed() {
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        return;
    }
    let mut told = Told::begin(&app).await;
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    for more in 0..MORE_PAGES {
        fill(&app, &mut told, more).await;
        told.be_refused(&app, 0).await;
        let other = Caller { tenant: Tenant::new("other"), ..Caller::local() };
        let created = app.execute_as(other, document, json!({"input": order(2)})).await.data();
        let id = text(&created["orderCreate"]["order"]["id"]);
        let stored = app.check_invariants().await;
        let found = stored.orders.iter().find(|order| order.id.to_string() == id);
        let tenant = found.map(|order| order.tenant_id.as_str());
        assert_eq!(tenant, Some("other"), "the order was acknowledged and is not in the store");
    }
}

#[tokio::test]
async fn a_store_that_is_full_anywhere_in_a_mutation_keeps_what_it_acknowledged_and_goes_on() {
    let mut failed = 0;
    for _ in 0..STORES {
        let app = TestApp::start_with(4).await;
        if app.database.is_postgres() {
            return;
        }
        let mut told = Told::begin(&app).await;
        for (round, mutation) in (0..ROUNDS).flat_map(|round| MUTATIONS.map(|mutation| (round, mutation))) {
            for more in 0.. {
                assert!(more < MOST_PAGES, "{mutation:?} never goes through");
                let order = told.create(&app).await.unwrap();
                limit(&app, pages(&app).await + more).await;
                let is_done = told.attempt(mutation, &app, &order).await;
                told.be_refused(&app, round).await;
                limit(&app, PLENTY).await;
                told.go_on(&app).await;
                told.check(&Stored::read(&app.database.url).await, Unanswered::IsAbsent);
                if is_done {
                    break;
                }
            }
        }
        failed += told.unanswered();
        let stored = app.stored().await;
        told.repeat(&app, &stored).await;
        told.check(&app.stored().await, Unanswered::IsAbsent);
    }
    // Otherwise it was never full at the right moment.
    assert!(failed > 2 * STORES * MUTATIONS.len(), "only {failed} writes failed");
}
