//! Resolves the objects of long lists straight into JSON text.
//!
//! async-graphql makes a boxed task of every field of every object, drives them together and builds a map of what they
//! answer. Most fields of an order or work order are columns of a row, and a page has hundreds of them, so that this
//! machinery costs more than all the rest. Here such fields are written as text at once; others follow one after the
//! other, and the objects of a list still go side by side, so that loaders gather what the same field of all of them
//! asks for. The text goes into the response as it is (see [`Json`]).
//!
//! [`Json`]: super::scalar::Json

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ScalarType, ServerError, ServerResult, Value,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
    resolver_utils::{ContainerType, resolve_list},
};
use serde::Serialize;

use super::{
    context::Operation,
    error::given_up,
    scalar::{Json, raw_text},
};
use crate::budget::{Budget, Resource};

/// An object some of whose fields can be written without being resolved.
pub trait Stored {
    /// Writes the value of a field without arguments that is a scalar of the object's row; says whether `name` is such a
    /// field. It must write what the field's resolver answers; a test compares them.
    fn write_field(&self, _name: &str, _out: &mut Writer) -> bool {
        false
    }
}

impl<T: Stored> Stored for &T {
    fn write_field(&self, name: &str, out: &mut Writer) -> bool {
        (**self).write_field(name, out)
    }
}

/// The values that an object costs besides its own where it is resolved field by field: each field is a task.
const RESOLVED_OBJECT_VALUES: usize = 20;

/// Room for the text of a usual object; more is made when it is needed.
const USUAL_BYTES: usize = 512;

/// JSON text that is being written.
#[derive(Debug)]
pub struct Writer {
    text: Vec<u8>,
    failed: bool,
    budget: Option<Arc<Budget>>,
    /// How much of the text was spent from the budget.
    spent: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self { text: Vec::with_capacity(USUAL_BYTES), failed: false, budget: None, spent: 0 }
    }
}

impl Writer {
    /// A writer that spends its text from the budget of an operation.
    pub fn within(budget: Option<&Arc<Budget>>) -> Self {
        Self { budget: budget.cloned(), ..Self::default() }
    }

    /// Spends what was written since the last time, with so many values in it.
    pub fn spend(&mut self, values: usize) {
        let Some(budget) = &self.budget else { return };
        let bytes = budget.spend_count(Resource::AnswerBytes, self.text.len() - self.spent);
        self.failed |= bytes.is_err() || budget.spend_count(Resource::Values, values).is_err();
        self.spent = self.text.len();
    }

    /// Whether the text cannot be written, or is more than the budget allows.
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Writes any value.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.failed |= serde_json::to_writer(&mut self.text, value).is_err();
    }

    /// Writes text that is JSON already.
    pub fn json(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Writes text that needs no escaping: ids, names of enum values, instants.
    pub fn plain(&mut self, text: &str) {
        self.json("\"");
        self.json(text);
        self.json("\"");
    }

    /// Writes what a scalar is in a response.
    pub fn scalar(&mut self, scalar: &impl ScalarType) {
        self.answer(&scalar.to_value());
    }

    /// Writes what a resolver answered, the text of which was spent by the writers of the objects in it.
    pub fn spent_answer(&mut self, value: &Value) {
        let begin = self.text.len();
        self.answer(value);
        self.spent += self.text.len() - begin;
    }

    /// Writes what a resolver answered.
    pub fn answer(&mut self, value: &Value) {
        match value {
            Value::Object(_) if raw_text(value).is_some() => self.json(raw_text(value).unwrap_or_default()),
            Value::List(members) => {
                self.json("[");
                for (index, member) in members.iter().enumerate() {
                    self.json(if index == 0 { "" } else { "," });
                    self.answer(member);
                }
                self.json("]");
            }
            Value::Object(fields) => {
                self.json("{");
                for (index, (name, field)) in fields.iter().enumerate() {
                    self.json(if index == 0 { "" } else { "," });
                    self.plain(name);
                    self.json(":");
                    self.answer(field);
                }
                self.json("}");
            }
            scalar => self.value(scalar),
        }
    }

    /// Writes a list; `write` writes each of its members.
    pub fn list<T, E>(
        &mut self,
        members: &[T],
        mut write: impl FnMut(&T, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let begin = self.text.len();
        self.json("[");
        for (index, member) in members.iter().enumerate() {
            if index == 1 {
                // The others will be much like the first.
                self.text.reserve((self.text.len() - begin).saturating_mul(members.len()));
            }
            if self.failed {
                break;
            }
            self.json(if index == 0 { "" } else { "," });
            write(member, self)?;
        }
        self.json("]");
        Ok(())
    }

    /// The text, if all of it could be written.
    pub fn finish(self) -> Option<String> {
        String::from_utf8(self.text).ok().filter(|_| !self.failed)
    }
}

/// An object that is resolved into text. In the schema it is the object itself.
#[derive(Clone, Debug)]
pub struct Quick<T>(pub T);

impl<T: ContainerType + Stored> OutputType for Quick<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        spend_resolved(budget(ctx).as_deref(), 1, ctx.item.node.items.len())?;
        resolve_object(&self.0, ctx, field).await
    }
}

/// A member of a list, which was counted with the list.
struct Member<'a, T>(&'a T);

impl<T: ContainerType + Stored> OutputType for Member<'_, T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_object(self.0, ctx, field).await
    }
}

/// The budget of the operation, if it has one.
pub fn budget(ctx: &ContextSelectionSet<'_>) -> Option<Arc<Budget>> {
    ctx.data_opt::<Operation>().map(|operation| Arc::clone(&operation.budget))
}

/// The text of an object; what the executor makes of it, where its selection is not plain.
async fn resolve_object<T: ContainerType + Stored>(
    object: &T,
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
) -> ServerResult<Value> {
    let budget = budget(ctx);
    let Some(fields) = plain_fields::<T>(ctx) else {
        let value = Box::pin(object.resolve(ctx, field)).await?;
        if let Some(budget) = &budget {
            // That it is too much ends the operation.
            let _ = budget.spend_count(Resource::AnswerBytes, own_bytes(&value));
        }
        return Ok(value);
    };
    let mut out = Writer::within(budget.as_ref());
    let mut separator = "{";
    for field in fields {
        out.json(separator);
        separator = ",";
        out.plain(&field.node.response_key().node);
        out.json(":");
        if write_column(object, field, &mut out) {
            continue;
        }
        match object.resolve_field(&ctx.with_field(field)).await {
            Ok(value) if field.node.selection_set.node.items.is_empty() => {
                out.answer(&value.unwrap_or_default());
            }
            Ok(value) => out.spent_answer(&value.unwrap_or_default()),
            Err(error) => {
                ctx.add_error(error);
                out.json("null");
            }
        }
    }
    out.json("}");
    out.spend(0);
    let text = out.finish().ok_or_else(|| ServerError::new("an answer cannot be written", None))?;
    Ok(Json::Text(text).to_value())
}

/// A list of objects that are resolved into text; where all of what is asked for is [`Stored`], into one text.
#[derive(Clone, Debug)]
pub struct QuickList<T>(pub Vec<T>);

impl<T: ContainerType + Stored> OutputType for QuickList<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let budget = budget(ctx);
        let text = plain_fields::<T>(ctx).and_then(|fields| written(&self.0, &fields, budget.as_ref()));
        if let Some(text) = text {
            return Ok(Json::Text(text).to_value());
        }
        // Before there is a task for each of them.
        spend_resolved(budget.as_deref(), self.0.len(), ctx.item.node.items.len())?;
        resolve_list(ctx, field, self.0.iter().map(Member), Some(self.0.len())).await
    }
}

/// The text of a list, if nothing in it needs to be resolved.
fn written<T: ContainerType + Stored>(
    members: &[T],
    fields: &[&Positioned<Field>],
    budget: Option<&Arc<Budget>>,
) -> Option<String> {
    let mut out = Writer::within(budget);
    out.json("[");
    for (index, member) in members.iter().enumerate() {
        out.json(if index == 0 { "" } else { "," });
        let mut separator = "{";
        for field in fields {
            out.json(separator);
            separator = ",";
            out.plain(&field.node.response_key().node);
            out.json(":");
            if !write_column(member, field, &mut out) {
                return None;
            }
        }
        out.json("}");
        out.spend(fields.len());
        if out.has_failed() {
            return None;
        }
    }
    out.json("]");
    out.finish()
}

/// Writes a field that needs not be resolved; says whether it is one.
fn write_column<T: ContainerType + Stored>(object: &T, field: &Positioned<Field>, out: &mut Writer) -> bool {
    match field.node.name.node.as_str() {
        "__typename" => {
            out.plain(&T::type_name());
            true
        }
        name => object.write_field(name, out),
    }
}

/// Spends the values of objects that are resolved field by field.
pub fn spend_resolved(budget: Option<&Budget>, objects: usize, fields: usize) -> ServerResult<()> {
    let values = objects.saturating_mul(RESOLVED_OBJECT_VALUES + fields);
    let spent = budget.map_or(Ok(()), |budget| budget.spend_count(Resource::Values, values));
    spent.map_err(|exhausted| ServerError::new(given_up(exhausted), None))
}

/// How long the texts of an object are, without those of the objects below it, which were spent with them.
pub fn own_bytes(object: &Value) -> usize {
    let bytes = |value: &Value| match value {
        Value::String(text) => text.len(),
        value => raw_text(value).map_or(0, str::len),
    };
    match object {
        Value::Object(fields) => fields.values().map(bytes).sum(),
        _ => 0,
    }
}

/// The fields that are selected of an object, fragments among them. None where there are directives, or one key twice:
/// other selections are the executor's.
fn plain_fields<'a, T: ContainerType>(ctx: &ContextSelectionSet<'a>) -> Option<Vec<&'a Positioned<Field>>> {
    let mut fields = Vec::with_capacity(ctx.item.node.items.len());
    add_fields::<T>(ctx, ctx.item, &mut fields)?;
    Some(fields)
}

/// The most fields that are selected by way of fragments; more are the executor's.
const MAX_FIELDS: usize = 200;

fn add_fields<'a, T: ContainerType>(
    ctx: &ContextSelectionSet<'a>,
    selections: &'a Positioned<SelectionSet>,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> Option<()> {
    for selection in &selections.node.items {
        if !selection.node.directives().is_empty() || fields.len() >= MAX_FIELDS {
            return None;
        }
        let (on, below) = match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if fields.iter().any(|other| other.node.response_key().node == *key) {
                    return None;
                }
                fields.push(field);
                continue;
            }
            Selection::InlineFragment(fragment) => {
                (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
            }
            Selection::FragmentSpread(spread) => {
                let fragment = ctx.query_env.fragments.get(&spread.node.fragment_name.node)?;
                if !fragment.node.directives.is_empty() {
                    return None;
                }
                (Some(&fragment.node.type_condition), &fragment.node.selection_set)
            }
        };
        let on = on.map(|on| on.node.on.node.as_str());
        if on.is_none_or(|on| is_of_type::<T>(ctx, on)) {
            add_fields::<T>(ctx, below, fields)?;
        }
    }
    Some(())
}

/// Whether an object is of the type that a fragment is on: its own, or an interface or union that it belongs to.
fn is_of_type<T: ContainerType>(ctx: &ContextSelectionSet<'_>, on: &str) -> bool {
    let own = T::type_name();
    own == on || ctx.schema_env.registry.types.get(on).is_some_and(|ty| ty.is_possible_type(&own))
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn written(value: &Value) -> String {
        let mut out = Writer::default();
        out.answer(value);
        out.finish().unwrap()
    }

    #[test]
    fn an_answer_is_written_as_serde_writes_it() {
        for value in [
            value!(null),
            value!([]),
            value!({}),
            value!({"a": [1, 2.5, true, null, "q\"\\\n\u{7}é"], "b": {"c": "d"}}),
        ] {
            assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn json_text_is_passed_on_as_it_is() {
        let text = r#"{"b": 1.50, "a": [1e3]}"#;
        assert_eq!(written(&Json::Text(text.to_owned()).to_value()), text);
    }
}
