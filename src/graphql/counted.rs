//! Lists that spend their members from the operation's budget before these are resolved.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field,
    registry::Registry,
};

use super::quick::{budget, own_bytes, spend_resolved};
use crate::budget::Resource;

/// A list of objects that the executor resolves.
#[derive(Clone, Debug)]
pub struct Counted<T>(pub Vec<T>);

impl<T: OutputType> OutputType for Counted<T> {
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
        spend_resolved(budget.as_deref(), self.0.len(), ctx.item.node.items.len())?;
        let value = self.0.resolve(ctx, field).await?;
        if let (Some(budget), Value::List(members)) = (budget, &value) {
            // That it is too much ends the operation.
            let _ = budget.spend_count(Resource::AnswerBytes, members.iter().map(own_bytes).sum());
        }
        Ok(value)
    }
}
