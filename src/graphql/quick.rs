//! Resolves the objects of long lists one field after the other.
//!
//! async-graphql makes a boxed task of every field of every object and drives them together. Most fields of an order or
//! work order are there at once, and a page has hundreds of them, so for these objects that machinery costs more than
//! all the rest. Here the fields of one object follow each other; the objects of a list still go side by side, so that
//! loaders gather what the same field of all of them asks for.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, Selection},
    registry::Registry,
    resolver_utils::ContainerType,
};

/// An object whose fields are resolved one after the other. In the schema it is the object itself.
#[derive(Clone, Debug)]
pub struct Quick<T>(pub T);

impl<T: ContainerType> OutputType for Quick<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selections = &ctx.item.node.items;
        let Some(fields) = plain_fields(selections) else {
            return Box::pin(self.0.resolve(ctx, field)).await;
        };
        let mut answer = IndexMap::with_capacity(selections.len());
        for field in fields {
            let key = field.node.response_key().node.clone();
            let value = match self.0.resolve_field(&ctx.with_field(field)).await {
                Ok(value) => value.unwrap_or_default(),
                Err(error) => {
                    ctx.add_error(error);
                    Value::Null
                }
            };
            answer.insert(key, value);
        }
        Ok(Value::Object(answer))
    }
}

/// The selected fields, if there is nothing else to it: neither fragments, nor directives, nor one key twice, nor the
/// type's name. Such selections are the executor's.
fn plain_fields(selections: &[Positioned<Selection>]) -> Option<Vec<&Positioned<Field>>> {
    let mut fields: Vec<&Positioned<Field>> = Vec::with_capacity(selections.len());
    for selection in selections {
        let Selection::Field(field) = &selection.node else { return None };
        let key = field.node.response_key();
        let known = |other: &&Positioned<Field>| other.node.response_key().node == key.node;
        let meta = field.node.name.node.starts_with("__");
        if meta || !field.node.directives.is_empty() || fields.iter().any(known) {
            return None;
        }
        fields.push(field);
    }
    Some(fields)
}
