//! Limits that hold before anything is executed: what a document may ask for, and what may come with it.
//!
//! Most of it follows from the document alone and is kept with it (see [`super::documents`]); what remains for each
//! request is to look at its variables (see also [`super::variables`], which bounds them).

mod measure;
mod text;
mod weights;

use async_graphql::{
    ServerError, Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
};

use super::error::Code;
use crate::config::Limits;
use measure::{Endless, Measure};

/// What an operation costs, as soon as its variables are known.
#[derive(Debug)]
pub(super) struct Cost(Measure);

/// Refuses a document that should not even be parsed.
pub(super) fn check_text(document: &str, limits: &Limits) -> Result<(), ServerError> {
    let (length, most) = (document.len(), limits.document_bytes);
    if length > most {
        return Err(too_much(format!("the document has {length} bytes; at most {most} are taken")));
    }
    let look = text::look(document, limits.tokens);
    if look.nesting > text::MAX_NESTING {
        return Err(too_much("the document is nested too deep"));
    }
    if look.tokens > limits.tokens {
        return Err(too_much(format!("the document has more than {} tokens", limits.tokens)));
    }
    Ok(())
}

/// Refuses an operation that asks for too much whatever its variables are.
pub(super) fn check_operation(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    limits: &Limits,
) -> Result<Cost, ServerError> {
    let measure = Measure::of(document, operation).map_err(|endless| match endless {
        Endless::Circle => {
            Code::GraphqlValidationFailed.server_error("fragments spread each other in a circle")
        }
        Endless::Deep => too_much("the document is nested too deep"),
    })?;
    let root_fields = usize::try_from(measure.root_fields).unwrap_or(usize::MAX);
    for (count, most, what) in [
        (measure.depth, limits.depth, "levels of fields"),
        (measure.aliases, limits.aliases, "aliases"),
        (measure.directives, limits.directives, "directives"),
        (root_fields, limits.root_fields, "fields at its root"),
    ] {
        if count > most {
            return Err(too_much(format!("the document has {count} {what}; at most {most} are taken")));
        }
    }
    Ok(Cost(measure))
}

impl Cost {
    /// What the operation costs with these variables; refuses it if that is too much.
    pub(super) fn check(&self, variables: &Variables, limits: &Limits) -> Result<u64, ServerError> {
        let cost = self.0.cost(variables);
        if usize::try_from(cost).is_ok_and(|cost| cost <= limits.complexity) {
            return Ok(cost);
        }
        Err(too_much(format!(
            "the operation costs {cost}, each field of each item counted; at most {} is taken: ask for shorter pages or \
             less at a time",
            limits.complexity
        )))
    }
}

fn too_much(message: impl Into<String>) -> ServerError {
    Code::QueryTooComplex.server_error(message)
}
