//! The page for people: GraphiQL, with operations to try.

use std::sync::LazyLock;

use async_graphql::http::GraphiQLSource;
use axum::{
    http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    response::{Html, IntoResponse},
};
use serde_json::json;

/// An operation that the page shows in a tab of its own.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The document.
    pub query: &'static str,
    /// Its variables, a JSON object.
    pub variables: &'static str,
}

/// What a newcomer may want to try, in this order.
pub const EXAMPLES: [Example; 5] = [
    Example { query: include_str!("create_order.graphql"), variables: include_str!("create_order.json") },
    Example { query: include_str!("orders.graphql"), variables: "{ \"first\": 5 }" },
    Example { query: include_str!("watch_orders.graphql"), variables: "{}" },
    Example {
        query: include_str!("move_work_order.graphql"),
        variables: "{ \"input\": { \"id\": \"wo_…\", \"event\": \"START\" } }",
    },
    Example { query: include_str!("order.graphql"), variables: "{ \"id\": \"ord_…\" }" },
];

/// A property that the library's page gives to GraphiQL; ours are put before it.
const ANCHOR: &str = "defaultEditorToolsVisibility: true,";

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let tabs: Vec<_> = EXAMPLES
        .iter()
        .map(|example| json!({ "query": example.query, "variables": example.variables }))
        .collect();
    // `<` is escaped so that nothing in an example can end the script.
    let tabs = json!(tabs).to_string().replace('<', "\\u003c");
    GraphiQLSource::build()
        .endpoint("/graphql")
        .subscription_endpoint("/graphql")
        .title("Waybill")
        .finish()
        .replacen(ANCHOR, &format!("defaultTabs: {tabs},\n          {ANCHOR}"), 1)
});

/// Shows the page.
pub(super) async fn page() -> impl IntoResponse {
    // No other page may show this one inside of itself and have somebody click into it.
    let headers = [(CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, Html(PAGE.as_str()))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn the_page_has_a_tab_for_each_example() {
        let tabs = PAGE.split_once("defaultTabs: ").unwrap().1.split_once(",\n").unwrap().0;
        let tabs: Vec<serde_json::Value> = serde_json::from_str(tabs).unwrap();
        assert_eq!(tabs.len(), EXAMPLES.len());
        for (tab, example) in tabs.iter().zip(EXAMPLES) {
            assert_eq!(
                (tab["query"].as_str(), tab["variables"].as_str()),
                (Some(example.query), Some(example.variables))
            );
        }
    }

    #[test]
    fn every_example_is_one_named_operation_with_variables() {
        for example in EXAMPLES {
            let document = parse_query(example.query).unwrap();
            assert!(document.operations.iter().all(|(name, _)| name.is_some()), "{}", example.query);
            let variables: serde_json::Value = serde_json::from_str(example.variables).unwrap();
            assert!(variables.is_object(), "{}", example.variables);
        }
    }
}
