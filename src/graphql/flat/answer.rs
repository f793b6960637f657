//! An answer that may be there as text already.

use std::borrow::Cow;

use async_graphql::{
    Context, ContextSelectionSet, OutputType, Positioned, Result, ServerResult, Value, parser::types::Field,
    registry::Registry,
};

use super::super::{context::ContextExt, quick::Writer, scalar::raw_value};
use crate::fault::Fault;

/// An object, or what it would be resolved into. In the schema it is the object itself.
#[derive(Debug)]
pub enum Answer<T> {
    /// What was asked for.
    Written(Value),
    /// To be resolved.
    Object(T),
}

impl<T> Answer<T> {
    /// An answer that was written.
    pub fn written(ctx: &Context<'_>, text: Writer) -> Result<Self> {
        let text = text.finish().ok_or_else(|| {
            let exhausted = ctx.operation().ok().and_then(|operation| operation.budget.exhausted());
            ctx.fault(
                exhausted.map_or_else(|| Fault::broken("an answer cannot be written"), Fault::Exhausted),
            )
        })?;
        Ok(Self::Written(raw_value(text)))
    }
}

impl<T: OutputType> OutputType for Answer<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Self::Written(value) => Ok(value.clone()),
            Self::Object(object) => Box::pin(object.resolve(ctx, field)).await,
        }
    }
}
