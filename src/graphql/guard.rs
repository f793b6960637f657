//! Which scopes an operation needs: all of it in the table below, looked up before anything is executed.
//!
//! What a document needs follows from its text alone, so it is worked out once and kept with the parsed document.
//! Resolvers and use cases ask a second time, for themselves (`ContextExt::granted`), so that a fault here opens nothing.
//! Contacts are not in the table: whoever may read an order may read them, and sees stars without `pii:read` (see
//! `super::contact`). Objects found by their id alone need what `super::node` says.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::LazyLock,
};

use async_graphql::{
    Error, Name, ServerError,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

use super::error::Code;
use crate::access::{Caller, Lacking, Scope};

/// Fields with the scopes that a caller needs for them, all of those named. Every field of the three roots stands here;
/// one that does not needs `admin`. A field of another type stands here where reaching the type is not enough.
pub const SCOPES: &[(&str, &[Scope])] = &[
    ("Query.node", &[]),
    ("Query.nodes", &[]),
    ("Query.viewer", &[]),
    ("Query.order", &[Scope::OrdersRead]),
    ("Query.orders", &[Scope::OrdersRead]),
    ("Query.workOrder", &[Scope::OrdersRead]),
    ("Query.workOrders", &[Scope::OrdersRead]),
    ("Query.orderEvents", &[Scope::OrdersRead]),
    ("Query.eventCursor", &[Scope::OrdersRead]),
    ("Query.pluginRuns", &[Scope::OrdersRead]),
    ("Query.attributeDefinitions", &[Scope::ConfigRead]),
    ("Query.lifecycle", &[Scope::ConfigRead]),
    ("Query.plugins", &[Scope::ConfigRead]),
    ("Query.pluginWorkflows", &[Scope::ConfigRead]),
    ("Query.webhookEndpoints", &[Scope::ConfigRead]),
    ("Mutation.orderCreate", &[Scope::OrdersWrite]),
    ("Mutation.ordersCreate", &[Scope::OrdersWrite]),
    ("Mutation.orderUpdate", &[Scope::OrdersWrite]),
    ("Mutation.orderRelease", &[Scope::OrdersWrite]),
    ("Mutation.orderCancel", &[Scope::OrdersWrite]),
    ("Mutation.orderTransition", &[Scope::OrdersWrite]),
    ("Mutation.orderEraseConsignee", &[Scope::OrdersWrite, Scope::PiiRead]),
    ("Mutation.workOrderCreate", &[Scope::OrdersWrite]),
    ("Mutation.workOrderUpdate", &[Scope::OrdersWrite]),
    ("Mutation.workOrderTransition", &[Scope::OrdersWrite]),
    ("Mutation.pluginRunRetry", &[Scope::OrdersWrite]),
    ("Mutation.attributeDefinitionCreate", &[Scope::ConfigWrite]),
    ("Mutation.attributeDefinitionUpdate", &[Scope::ConfigWrite]),
    ("Mutation.attributeDefinitionArchive", &[Scope::ConfigWrite]),
    ("Mutation.lifecycleUpdate", &[Scope::ConfigWrite]),
    ("Mutation.pluginCreate", &[Scope::ConfigWrite]),
    ("Mutation.pluginUpdate", &[Scope::ConfigWrite]),
    ("Mutation.pluginDelete", &[Scope::ConfigWrite]),
    // The request that it shows is about a real order, consignee and all.
    ("Mutation.pluginTest", &[Scope::ConfigWrite, Scope::PiiRead]),
    ("Mutation.pluginWorkflowCreate", &[Scope::ConfigWrite]),
    ("Mutation.pluginWorkflowUpdate", &[Scope::ConfigWrite]),
    ("Mutation.pluginWorkflowDelete", &[Scope::ConfigWrite]),
    ("Mutation.webhookEndpointCreate", &[Scope::ConfigWrite]),
    ("Mutation.webhookEndpointUpdate", &[Scope::ConfigWrite]),
    ("Mutation.webhookEndpointDelete", &[Scope::ConfigWrite]),
    ("Mutation.webhookReplay", &[Scope::ConfigWrite]),
    ("Query.apiKeys", &[Scope::Admin]),
    ("Mutation.apiKeyCreate", &[Scope::Admin]),
    ("Mutation.apiKeyRevoke", &[Scope::Admin]),
    ("Subscription.orderEvents", &[Scope::OrdersRead]),
    ("Subscription.orderStatusChanged", &[Scope::OrdersRead]),
    ("Subscription.workOrderStatusChanged", &[Scope::OrdersRead]),
    ("Subscription.pluginRunChanged", &[Scope::OrdersRead]),
    ("Attribute.definition", &[Scope::ConfigRead]),
    ("StringAttribute.definition", &[Scope::ConfigRead]),
    ("NumberAttribute.definition", &[Scope::ConfigRead]),
    ("BooleanAttribute.definition", &[Scope::ConfigRead]),
    ("DateTimeAttribute.definition", &[Scope::ConfigRead]),
    ("JsonAttribute.definition", &[Scope::ConfigRead]),
    ("PluginRun.workflow", &[Scope::ConfigRead]),
    ("PluginStepRun.plugin", &[Scope::ConfigRead]),
    // A plugin may repeat what it was told of the consignee.
    ("PluginStepRun.patch", &[Scope::PiiRead]),
    ("PluginAttempt.responseExcerpt", &[Scope::PiiRead]),
    ("WebhookDelivery.event", &[Scope::OrdersRead]),
];

/// What one field needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The field, with its type.
    field: String,
    scopes: &'static [Scope],
}

/// What an operation of a document needs.
pub fn needs(document: &ExecutableDocument, operation: &OperationDefinition) -> Vec<Need> {
    needs_of(TYPES.as_ref(), document, operation)
}

fn needs_of(
    types: Option<&Types>,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Vec<Need> {
    match types {
        Some(types) => needs_in(types, document, operation),
        // Whoever may do everything may do this as well, whatever it is.
        None => vec![Need { field: "this server".to_owned(), scopes: &[Scope::Admin] }],
    }
}

fn needs_in(types: &Types, document: &ExecutableDocument, operation: &OperationDefinition) -> Vec<Need> {
    let mut found = Vec::new();
    // Not by recursion: fragments may lead on to each other as often as a document has room for.
    let mut open = VecDeque::from([(root(operation), &operation.selection_set.node)]);
    // Fragments that were met, each of which has one type and so is looked at once.
    let mut met = HashSet::new();
    while let Some((of, selections)) = open.pop_front() {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = &field.node.name.node;
                    // What the schema does not have is refused elsewhere.
                    let leads_to = types.get(of).and_then(|fields| fields.get(name));
                    if let Some(leads_to) = leads_to {
                        note(of, name, &mut found);
                        open.push_back((leads_to, &field.node.selection_set.node));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| condition.node.on.node.as_str());
                    open.push_back((of, &fragment.node.selection_set.node));
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = document.fragments.get(name).filter(|_| met.insert(name));
                    if let Some(fragment) = fragment {
                        let of = fragment.node.type_condition.node.on.node.as_str();
                        open.push_back((of, &fragment.node.selection_set.node));
                    }
                }
            }
        }
    }
    found
}

fn note(of: &str, name: &str, found: &mut Vec<Need>) {
    let field = format!("{of}.{name}");
    let scopes = match NEEDED.get(field.as_str()) {
        Some(scopes) => scopes,
        None if matches!(of, "Query" | "Mutation" | "Subscription") => &[Scope::Admin][..],
        None => return,
    };
    let need = Need { field, scopes };
    if !scopes.is_empty() && !found.contains(&need) {
        found.push(need);
    }
}

/// Refuses an operation for which the caller lacks a scope.
pub fn check(needs: &[Need], caller: &Caller) -> Result<(), ServerError> {
    let lacks = |need: &&Need| need.scopes.iter().any(|scope| !caller.may(*scope));
    let lacking: Vec<_> = needs.iter().filter(lacks).map(Need::to_string).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Code::Forbidden.server_error(format!("{LACKING}: {}", lacking.join("; "))))
}

/// How a refusal for want of a scope begins.
const LACKING: &str = "the caller lacks a scope";

/// Refuses what a resolver found that the caller lacks the right to.
pub fn lacks(what: impl std::fmt::Display, lacking: Lacking) -> Error {
    Code::Forbidden.error(format!("{LACKING}: {what} needs {}", lacking.needed()))
}

impl std::fmt::Display for Need {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        write!(formatter, "{} needs {}", self.field, scopes.join(" and "))
    }
}

/// What the fields of an object type lead to: the name of a type.
type Fields = HashMap<Name, Name>;

/// Types by their names.
type Types = HashMap<Name, Fields>;

/// The object types and interfaces of the schema; nothing if it cannot be read.
static TYPES: LazyLock<Option<Types>> = LazyLock::new(|| read_types(&super::sdl()));

fn read_types(sdl: &str) -> Option<Types> {
    let schema = parse_schema(sdl).ok()?;
    let types = schema.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    let types = types
        .filter_map(|definition| {
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            let fields = fields.into_iter().map(|field| {
                let leads_to = named(&field.node.ty.node).clone();
                (field.node.name.node, leads_to)
            });
            Some((definition.name.node, fields.collect()))
        })
        .collect::<Types>();
    // Without them nothing would be looked up, and so nothing be needed.
    ["Query", "Mutation", "Subscription"].iter().all(|root| types.contains_key(*root)).then_some(types)
}

/// The table above, to be looked up.
static NEEDED: LazyLock<HashMap<&'static str, &'static [Scope]>> =
    LazyLock::new(|| SCOPES.iter().copied().collect());

const fn root(operation: &OperationDefinition) -> &'static str {
    match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::{access::Scopes, store::Tenant};

    fn lacking(document: &str, operation: Option<&str>, scopes: &[Scope]) -> String {
        let caller = Caller {
            tenant: Tenant::new("t"),
            subject: "s".into(),
            scopes: scopes.iter().copied().collect::<Scopes>(),
            trace: None,
        };
        let document = parse_query(document).unwrap();
        let mut operations = document.operations.iter();
        let chosen = operations
            .find(|(name, _)| operation.is_none_or(|wanted| name.is_some_and(|name| name == wanted)));
        let needs = needs(&document, &chosen.unwrap().1.node);
        let refusal = check(&needs, &caller).err().map(|error| error.message).unwrap_or_default();
        refusal.trim_start_matches("the caller lacks a scope: ").to_owned()
    }

    #[test]
    fn what_an_operation_needs_is_found_however_it_is_written() {
        let two = "query A { viewer { subject } } query B { orders { nodes { id } } }";
        for (document, operation, expected) in [
            ("{ __schema { types { name } } viewer { subject } __typename }", None, ""),
            (
                "{ a: orders { nodes { id } } b: orders { nodes { id } } }",
                None,
                "Query.orders needs orders:read",
            ),
            ("{ ...{ ... on Query { orders { nodes { id } } } } }", None, "Query.orders needs orders:read"),
            (
                "{ ...A } fragment A on Query { ...B ...A } fragment B on Query { plugins { nodes { id } } ...A }",
                None,
                "Query.plugins needs config:read",
            ),
            (
                "{ node(id: 1) { ... on PluginRun { ...W steps { attempts { responseExcerpt } } } } } \
                 fragment W on PluginRun { workflow { name } }",
                None,
                "PluginRun.workflow needs config:read; PluginAttempt.responseExcerpt needs pii:read",
            ),
            ("subscription { orderEvents { id } }", None, "Subscription.orderEvents needs orders:read"),
            (two, Some("A"), ""),
            (two, Some("B"), "Query.orders needs orders:read"),
            ("{ nothingOfTheKind }", None, ""),
        ] {
            assert_eq!(lacking(document, operation, &[]), expected, "{document}");
            assert_eq!(lacking(document, operation, &[Scope::Admin]), "", "{document}");
        }
        assert_eq!(lacking("{ orders { nodes { id } } }", None, &[Scope::OrdersRead]), "");
    }

    #[test]
    fn a_schema_that_cannot_be_read_guards_everything() {
        assert!(TYPES.is_some());
        for sdl in ["", "type Query {", "type Query { viewer: Int } type Mutation { a: Int }"] {
            assert_eq!(read_types(sdl), None, "{sdl}");
        }
        let document = parse_query("{ viewer { subject } }").unwrap();
        let refusal = |scopes: &[Scope]| {
            let caller = Caller { scopes: scopes.iter().copied().collect(), ..Caller::local() };
            let operation = &document.operations.iter().next().unwrap().1.node;
            check(&needs_of(None, &document, operation), &caller).err().map(|error| error.message)
        };
        let expected = "the caller lacks a scope: this server needs admin".to_owned();
        assert_eq!(refusal(&[Scope::OrdersRead, Scope::ConfigWrite]), Some(expected));
        assert_eq!(refusal(&[Scope::Admin]), None);
    }

    #[test]
    fn a_field_stands_in_the_table_once() {
        assert_eq!(NEEDED.len(), SCOPES.len());
    }
}
