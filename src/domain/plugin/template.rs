//! Templates of requests: a JSON document in which `{"$expr": P}` stands for what the JSONPath P (RFC 9535) finds in the
//! whole document, and `{"$val": X}` for X.

use serde_json::{Map, Value};

use super::{
    super::{
        problem::{Found, Path, Problem},
        value::echo,
    },
    path::{Query, Steps},
};

/// The longest template, in bytes of JSON.
const MAX_BYTES: usize = 16 * 1024;
/// How deep a template nests.
const MAX_DEPTH: usize = 16;
/// The longest request that is rendered, in bytes, about.
const MAX_RENDERED: usize = 512 * 1024;
/// The steps that the paths of a template may take together when it is rendered: about a tenth of a second.
const MAX_STEPS: u64 = 3_000_000;

const VAL: &str = "$val";
const EXPR: &str = "$expr";

/// A template that was found sound.
#[derive(Clone, Debug)]
pub struct Template(Node);

#[derive(Clone, Debug)]
enum Node {
    Literal(Value),
    Query(Query),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Why a template gives nothing for a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// What it gives would be too long to be sent.
    #[error(
        "the request would be longer than {} KiB; the template takes in too much of the document",
        MAX_RENDERED / 1024
    )]
    TooLong,
    /// Its paths look at too much.
    #[error(
        "the template takes too long: its paths look at too much of the document; name members instead of descending \
         (..), and filter (?) short lists only"
    )]
    TooCostly,
}

/// What is left for a render.
struct Left {
    bytes: usize,
    steps: Steps,
}

impl Template {
    /// Reads a template; every problem is named where it lies.
    pub fn parse(template: &Value, at: &Path, found: &mut Found) -> Option<Self> {
        if template.to_string().len() > MAX_BYTES {
            let message = format!("a template has up to {} KiB", MAX_BYTES / 1024);
            found.push(Problem::invalid(at, message));
            return None;
        }
        parse(template, 0, at, found).map(Self)
    }

    /// What it gives for a document.
    pub fn render(&self, document: &Value) -> Result<Value, RenderError> {
        let mut left = Left { bytes: MAX_RENDERED, steps: Steps::new(MAX_STEPS) };
        render(&self.0, document, &mut left)
    }

    /// The names of its members, if it gives an object whatever the document is.
    pub fn is_object(&self) -> bool {
        matches!(self.0, Node::Object(_) | Node::Literal(Value::Object(_)))
    }
}

fn parse(template: &Value, depth: usize, at: &Path, found: &mut Found) -> Option<Node> {
    if depth > MAX_DEPTH {
        found.push(Problem::invalid(at, format!("a template nests up to {MAX_DEPTH} levels deep")));
        return None;
    }
    match template {
        Value::Array(members) => {
            let nodes = members
                .iter()
                .enumerate()
                .map(|(index, member)| parse(member, depth + 1, &at.index(index), found));
            // Every problem is named, not only the first.
            let nodes: Vec<_> = nodes.collect();
            nodes.into_iter().collect::<Option<_>>().map(Node::List)
        }
        Value::Object(members) => parse_object(members, depth, at, found),
        scalar => Some(Node::Literal(scalar.clone())),
    }
}

fn parse_object(members: &Map<String, Value>, depth: usize, at: &Path, found: &mut Found) -> Option<Node> {
    let reserved = members.keys().find(|key| key.starts_with('$'));
    let Some(reserved) = reserved else {
        let nodes = members.iter().map(|(key, member)| {
            let node = parse(member, depth + 1, &at.field(key), found);
            node.map(|node| (key.clone(), node))
        });
        let nodes: Vec<_> = nodes.collect();
        return nodes.into_iter().collect::<Option<_>>().map(Node::Object);
    };
    match (members.len(), members.get(VAL), members.get(EXPR)) {
        (1, Some(value), _) => parse(value, depth + 1, &at.field(VAL), found),
        (1, _, Some(Value::String(path))) => match Query::parse(path) {
            Ok(query) => Some(Node::Query(query)),
            Err(message) => {
                found.push(Problem::invalid(&at.field(EXPR), message));
                None
            }
        },
        (1, _, Some(_)) => {
            found.push(Problem::invalid(&at.field(EXPR), "$expr takes a JSONPath as text"));
            None
        }
        (_, None, None) => {
            let message = format!("{} means nothing here: there are $val and $expr", echo(reserved));
            found.push(Problem::invalid(&at.field(reserved), message));
            None
        }
        _ => {
            found.push(Problem::invalid(at, "$val and $expr stand alone in their object"));
            None
        }
    }
}

fn render(node: &Node, document: &Value, left: &mut Left) -> Result<Value, RenderError> {
    match node {
        Node::Literal(value) => take(value, left),
        Node::Query(query) => {
            let found = query.find(document, &mut left.steps).map_err(|_| RenderError::TooCostly)?;
            let mut found = found.into_iter();
            if query.is_singular {
                return found.next().map_or(Ok(Value::Null), |value| take(value, left));
            }
            found.map(|value| take(value, left)).collect::<Result<_, _>>().map(Value::Array)
        }
        Node::List(nodes) => {
            let members = nodes.iter().map(|node| render(node, document, left));
            members.collect::<Result<_, _>>().map(Value::Array)
        }
        Node::Object(nodes) => {
            let members = nodes.iter().map(|(key, node)| Ok((key.clone(), render(node, document, left)?)));
            members.collect::<Result<_, _>>().map(Value::Object)
        }
    }
}

/// A copy of a value, if there is room for it.
fn take(value: &Value, left: &mut Left) -> Result<Value, RenderError> {
    spend(value, &mut left.bytes)?;
    Ok(value.clone())
}

fn spend(value: &Value, left: &mut usize) -> Result<(), RenderError> {
    let own = match value {
        Value::String(text) => text.len() + 3,
        Value::Array(members) => {
            members.iter().try_for_each(|member| spend(member, left))?;
            2
        }
        Value::Object(members) => {
            for (key, member) in members {
                *left = left.checked_sub(key.len() + 4).ok_or(RenderError::TooLong)?;
                spend(member, left)?;
            }
            2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    };
    *left = left.checked_sub(own).ok_or(RenderError::TooLong)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "order": {
                "id": "ord_1", "tier": "a,b", "customAttributes": {"x:y": 1},
                "workOrders": [{"sequence": 1, "type": "A"}, {"sequence": 2, "type": "B"}],
            },
            "workOrder": null,
        })
    }

    /// What a template gives, or what is wrong with it.
    fn rendered(template: &Value) -> Result<Value, Vec<String>> {
        let mut found = Found::new();
        let parsed = Template::parse(template, &Path::root(), &mut found);
        let line = |problem: &Problem| format!("{}: {}", problem.path, problem.message);
        found.or(()).map_err(|problems| problems.as_slice().iter().map(line).collect::<Vec<_>>())?;
        let parsed = parsed.ok_or_else(Vec::new)?;
        parsed.render(&document()).map_err(|error| vec![error.to_string()])
    }

    #[test]
    fn paths_are_put_in_place_and_the_rest_stays() {
        for (template, expected) in [
            (json!({"$expr": "$.order.id"}), json!("ord_1")),
            (json!({"$expr": "$.order.nothing"}), json!(null)),
            (json!({"$expr": "$.workOrder"}), json!(null)),
            (json!({"$expr": "$.order.workOrders[0].type"}), json!("A")),
            (json!({"$expr": "$.order.workOrders[-1]['type']"}), json!("B")),
            (json!({"$expr": "$.order.customAttributes['x:y']"}), json!(1)),
            (json!({"$expr": "$.order.workOrders[*].type"}), json!(["A", "B"])),
            (json!({"$expr": "$.order.workOrders[?@.sequence > 1].type"}), json!(["B"])),
            (json!({"$expr": "$.order.workOrders[:1].sequence"}), json!([1])),
            (json!({"$expr": "$..sequence"}), json!([1, 2])),
            (json!({"$expr": "$..nothing"}), json!([])),
            (json!({"$val": 7}), json!(7)),
            (json!({"$val": {"a": [{"$expr": "$.order.id"}]}}), json!({"a": ["ord_1"]})),
            (
                json!({"a": 1, "b": [true, null, "t", {"$expr": "$.order.tier"}], "c": {}}),
                json!({"a": 1, "b": [true, null, "t", "a,b"], "c": {}}),
            ),
        ] {
            assert_eq!(rendered(&template), Ok(expected), "{template}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_where_it_lies() {
        let nested = (0..20).fold(json!(1), |inner, _| json!([inner]));
        for (template, expected) in [
            (
                json!({"a": {"$expr": 1}, "b": {"$expr": "order"}}),
                vec![
                    "a.$expr: $expr takes a JSONPath as text",
                    "b.$expr: \"order\" is no JSONPath (RFC 9535)",
                ],
            ),
            (json!([{"$val": 1, "b": 2}]), vec!["0: $val and $expr stand alone in their object"]),
            (json!({"$vla": 1}), vec!["$vla: \"$vla\" means nothing here: there are $val and $expr"]),
            (
                json!({"$expr": "$..a..b..c"}),
                vec!["$expr: a JSONPath descends (..) and filters (?) up to 2 times"],
            ),
            (json!({"$expr": "$.a[?@.b[?@.c[?@.d]]]"}), vec!["$expr: a JSONPath descends (..) and filters"]),
            (
                json!({"$expr": "$.a[?$.b == 1]"}),
                vec!["$expr: a filter of a JSONPath looks at its own member"],
            ),
            (
                json!({"$expr": format!("$.{}", "a".repeat(511))}),
                vec!["$expr: a JSONPath has up to 512 characters"],
            ),
            (json!("x".repeat(16 * 1024)), vec![": a template has up to 16 KiB"]),
            (nested, vec!["0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0: a template nests up to 16 levels deep"]),
        ] {
            let problems = rendered(&template).err().unwrap_or_default();
            assert_eq!(problems.len(), expected.len(), "{problems:?}");
            for (problem, expected) in problems.iter().zip(expected) {
                assert!(problem.starts_with(expected), "{problem}");
            }
        }
    }

    #[test]
    fn what_would_be_too_long_is_not_rendered() {
        let template: Vec<Value> = (0..500).map(|_| json!({"$expr": "$.long"})).collect();
        let mut found = Found::new();
        let template = Template::parse(&json!(template), &Path::root(), &mut found)
            .map(|template| template.render(&json!({"long": "x".repeat(2_000)})));
        assert_eq!(template, Some(Err(RenderError::TooLong)));
    }
}
