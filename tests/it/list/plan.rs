//! The stores' plans: whatever a list is filtered and sorted by, an index finds it.

use chrono::{DateTime, Utc};
use entity::{order, work_order};
use sea_orm::{DatabaseBackend, EntityTrait};
use serde_json::json;
use waybill::{
    access::Caller,
    domain::attribute::Typed,
    store::{
        Direction, PageRequest, Statistics,
        list::{Attribute, By, Cell, Filter, Key, List, Listed, Test, explain},
    },
};

use super::app;
use crate::harness::{TestApp, samples};

fn text(value: &str) -> Test {
    Test::OneOf(vec![Cell::Text(value.to_owned())])
}

fn since() -> Test {
    let from: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
    Test::Between(std::ops::Bound::Included(Cell::Instant(from)), std::ops::Bound::Unbounded)
}

fn ascending<E: EntityTrait>(by: By<E>) -> Vec<Key<E>> {
    vec![Key { by, descending: false }]
}

/// The plan of a list's first page, which must not read a table, or an index of one, from end to end.
async fn plan<E: Listed>(app: &TestApp, filter: Vec<Filter<E>>, keys: Vec<Key<E>>) -> String {
    let list = List::new(Filter::All(filter), keys);
    let request = PageRequest { limit: 20, direction: Direction::Forward, after: None, before: None };
    let reader = app.app.reader(&Caller::local());
    let lines = explain(&reader.db(), &list, &request).await.unwrap();
    let is_sqlite = app.app.database.backend() == DatabaseBackend::Sqlite;
    for (number, line) in lines.iter().enumerate() {
        if is_sqlite {
            let is_found = line.contains("gathered") || line.contains("found") || line.contains("subquery");
            assert!(!line.starts_with("SCAN") || is_found, "{lines:#?}");
            // What is looked up for each row is looked up by the row, not by the tenant alone.
            let is_per_row = number > 0 && lines[number - 1].starts_with("CORRELATED");
            assert!(!is_per_row || line.matches("=?").count() > 1, "{lines:#?}");
        } else {
            assert!(!line.contains("Seq Scan"), "{lines:#?}");
            if line.contains("Index Scan") || line.contains("Index Only Scan") {
                let condition = lines.get(number + 1).map(|next| next.trim_start());
                assert!(
                    condition.is_some_and(|next| next.starts_with("Index Cond: ((tenant_id = ")
                        || next.starts_with("Index Cond: (tenant_id = ")),
                    "{lines:#?}"
                );
            }
        }
    }
    lines.join("\n")
}

/// Whether a plan goes by an index. Which one PostgreSQL takes depends on its statistics, which of so few rows say little;
/// there, [`plan`] has seen to it that no table is read from end to end.
fn names(app: &TestApp, plan: &str, index: &str) -> bool {
    app.app.database.backend() != DatabaseBackend::Sqlite || plan.contains(index)
}

#[tokio::test]
async fn what_is_filtered_on_is_found_by_its_index() {
    use order::Column;
    let app = app().await;
    let known = app.stored().await.definitions;
    let attribute = |key: &str, value: Typed| {
        let row = known.iter().find(|row| row.key == key).unwrap();
        let attribute = Attribute { field: row.id.0, key: key.to_owned(), kind: row.kind.into() };
        Filter::<order::Entity>::Attribute(attribute, Attribute::one_of(&[value]))
    };
    let singles = || {
        vec![
            ("ix_platform_order_status", Filter::Column(Column::Status, text("EXECUTED"))),
            ("ix_platform_order_phase", Filter::Column(Column::Phase, text("SETTLED"))),
            ("ix_platform_order_client_id", Filter::Column(Column::ClientId, text("birch"))),
            ("ix_platform_order_client_order_id", Filter::Column(Column::ClientOrderId, text("A"))),
            ("ix_platform_order_created_at", Filter::Column(Column::CreatedAt, since())),
            ("ix_platform_order_updated_at", Filter::Column(Column::UpdatedAt, since())),
            ("ix_list_entry_value", attribute("lane", Typed::Text("north".to_owned()))),
        ]
    };
    for (index, filter) in singles() {
        let by_default = plan(&app, vec![filter.clone()], Vec::new()).await;
        assert!(names(&app, &by_default, index), "{index}: {by_default}");
        let sorted = plan(&app, vec![filter], ascending(By::Column(Column::UpdatedAt))).await;
        assert!(names(&app, &sorted, index), "{index}: {sorted}");
    }
    for (first, one) in singles() {
        for (second, other) in singles() {
            let both = plan(&app, vec![one.clone(), other], Vec::new()).await;
            assert!(names(&app, &both, first) || names(&app, &both, second), "{first} and {second}: {both}");
        }
    }
    let some: Filter<order::Entity> = Filter::WorkOrder(Box::new(Filter::All(vec![
        Filter::Column(work_order::Column::Status, text("COMPLETED")),
        Filter::Column(work_order::Column::Kind, text("DIGITAL_SERVICE")),
    ])));
    let plan = plan(&app, vec![some], Vec::new()).await;
    assert!(names(&app, &plan, "ix_work_order_status_type_order_id"), "{plan}");
}

#[tokio::test]
async fn what_is_sorted_by_is_read_in_the_order_of_its_index() {
    use order::Column;
    let app = app().await;
    let known = app.stored().await.definitions;
    let weight = known.iter().find(|row| row.key == "weight").unwrap().id.0;
    for (index, by) in [
        ("ix_platform_order_created_at", By::<order::Entity>::Column(Column::CreatedAt)),
        ("ix_platform_order_updated_at", By::Column(Column::UpdatedAt)),
        ("ix_platform_order_client_order_id", By::Column(Column::ClientOrderId)),
        ("ix_platform_order_status", By::Column(Column::Status)),
        ("ix_list_entry_value", By::Attribute(weight)),
    ] {
        // No index finds what has an outcome, so that rows are read in their order and tested.
        let tested = Filter::Column(Column::Outcome, Test::Missing);
        for filter in [Vec::new(), vec![tested]] {
            let plan = plan(&app, filter, ascending(by.clone())).await;
            assert!(names(&app, &plan, index), "{index}: {plan}");
            assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
        }
    }
    for (index, by) in [
        ("ix_work_order_created_at", By::<work_order::Entity>::Column(work_order::Column::CreatedAt)),
        ("ix_work_order_updated_at", By::Column(work_order::Column::UpdatedAt)),
        ("ix_work_order_status", By::Column(work_order::Column::Status)),
    ] {
        let plan = plan(&app, Vec::new(), ascending(by)).await;
        assert!(names(&app, &plan, index), "{index}: {plan}");
        assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
    }
}

#[tokio::test]
async fn statistics_follow_tables_that_grow() {
    let app = TestApp::start().await;
    let statistics = Statistics::new(app.app.database.clone());
    assert_eq!(statistics.refresh().await.unwrap(), [""; 0], "empty tables are planned for as they are");
    let orders: Vec<_> = (0..200).map(|_| samples::order(3)).collect();
    let created = app.mutate("ordersCreate", json!({ "orders": orders }), "failed").await;
    assert_eq!(created["failed"], 0);
    let expected: &[&str] = match app.app.database.backend() {
        DatabaseBackend::Postgres => &["event", "platform_order", "work_order"],
        _ => &[],
    };
    assert_eq!(statistics.refresh().await.unwrap(), expected);
    assert_eq!(statistics.refresh().await.unwrap(), [""; 0], "nothing grew since");
}
