//! Resolves the objects of long lists straight into JSON text.
//!
//! async-graphql makes a boxed task of every field of every object, drives them together and builds a map of what they
//! answer. Most fields of an order or work order are columns of a row, and a page has hundreds of them, so that this
//! machinery costs more than all the rest. Here such fields are written as text at once; others follow one after the
//! other, and the objects of a list still go side by side, so that loaders gather what the same field of all of them
//! asks for. The text goes into the response as it is (see [`Json`]).
//!
//! [`Json`]: super::scalar::Json

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ScalarType, ServerError, ServerResult, Value,
    parser::types::{Field, Selection},
    registry::Registry,
    resolver_utils::{ContainerType, resolve_list},
};
use serde::Serialize;

use super::scalar::{Json, raw_text};

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

/// Room for the text of a usual object; more is made when it is needed.
const USUAL_BYTES: usize = 512;

/// JSON text that is being written.
#[derive(Debug)]
pub struct Writer {
    text: Vec<u8>,
    failed: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self { text: Vec::with_capacity(USUAL_BYTES), failed: false }
    }
}

impl Writer {
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
        let selections = &ctx.item.node.items;
        if !are_plain(selections) {
            return Box::pin(self.0.resolve(ctx, field)).await;
        }
        let mut out = Writer::default();
        let mut separator = "{";
        for selection in selections {
            let Selection::Field(field) = &selection.node else { continue };
            out.json(separator);
            separator = ",";
            out.plain(&field.node.response_key().node);
            out.json(":");
            if self.0.write_field(&field.node.name.node, &mut out) {
                continue;
            }
            match self.0.resolve_field(&ctx.with_field(field)).await {
                Ok(value) => out.answer(&value.unwrap_or_default()),
                Err(error) => {
                    ctx.add_error(error);
                    out.json("null");
                }
            }
        }
        out.json("}");
        let text = out.finish().ok_or_else(|| ServerError::new("an answer cannot be written", None))?;
        Ok(Json::Text(text).to_value())
    }
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
        match written(&self.0, &ctx.item.node.items) {
            Some(text) => Ok(Json::Text(text).to_value()),
            None => resolve_list(ctx, field, self.0.iter().map(Quick), Some(self.0.len())).await,
        }
    }
}

/// The text of a list, if nothing in it needs to be resolved.
fn written<T: Stored>(members: &[T], selections: &[Positioned<Selection>]) -> Option<String> {
    if !are_plain(selections) {
        return None;
    }
    let mut out = Writer::default();
    out.json("[");
    for (index, member) in members.iter().enumerate() {
        out.json(if index == 0 { "" } else { "," });
        let mut separator = "{";
        for selection in selections {
            let Selection::Field(field) = &selection.node else { return None };
            out.json(separator);
            separator = ",";
            out.plain(&field.node.response_key().node);
            out.json(":");
            if !member.write_field(&field.node.name.node, &mut out) {
                return None;
            }
        }
        out.json("}");
    }
    out.json("]");
    out.finish()
}

/// Whether there are fields and nothing else: neither fragments, nor directives, nor one key twice, nor the type's name.
/// Other selections are the executor's.
fn are_plain(selections: &[Positioned<Selection>]) -> bool {
    selections.iter().enumerate().all(|(index, selection)| {
        let Selection::Field(field) = &selection.node else { return false };
        let key = &field.node.response_key().node;
        let is_same = |other: &Positioned<Selection>| {
            matches!(&other.node, Selection::Field(other) if other.node.response_key().node == *key)
        };
        field.node.directives.is_empty()
            && !field.node.name.node.starts_with("__")
            && !selections.iter().take(index).any(is_same)
    })
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
