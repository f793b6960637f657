//! Expressions in CEL, evaluated with a bounded amount of work.
//!
//! CEL always ends, but not always soon: loops nest, and values double. A text, its nesting and its loops are limited when
//! it is parsed. What is left is metered while it runs: the parsed expression is rewritten so that every loop pays for its
//! turns, and every operand for its size, out of a budget that the caller gives. It is rewritten as well to name what it
//! looks at of its variables, so that nothing else is made for it, and that only when it is looked at.

mod budget;
mod check;
mod document;
mod meter;
mod references;
mod values;

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, ExecutionError, IdedExpr, Program};
use serde_json::Value as Json;

pub use self::{
    budget::Budget,
    document::{Document, Found, Shared},
    references::{Elements, Reference},
};
use self::{
    budget::Exhausted,
    check::depth_of,
    document::Resolver,
    meter::{metered, natives},
    references::referring,
    values::json,
};

/// The most characters of an expression.
pub const EXPRESSION_MAX_CHARS: usize = 2_000;

/// Opening brackets, wherever they stand: no more than that can be open at once.
const MAX_BRACKETS: usize = 100;
/// Parser and interpreter recurse, and take up to 150 and 100 KiB for a level where they are not optimised. Only what is
/// used of a stack becomes memory.
const PARSER_STACK: usize = 16 * 1024 * 1024;
const INTERPRETER_STACK: usize = 8 * 1024 * 1024;
/// What the interpreter needs of a stack for each level, what meters it included.
const STACK_PER_LEVEL: usize = 200 * 1024;
/// What it costs to begin an evaluation.
const EVALUATION_COST: u64 = 20;
/// The accumulator of loops; no expression can name it.
const ACCUMULATOR: &str = "@result";
/// What is said where the interpreter itself failed.
const BROKEN: &str = "the expression cannot be evaluated";

/// The types and functions of the language. Its regular expressions are ours, which are bounded.
static STANDARD: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// An expression that was found sound.
#[derive(Debug)]
pub struct Expression {
    text: String,
    metered: IdedExpr,
    references: Vec<Reference>,
    depth: usize,
}

/// Why an evaluation gave no value, in a sentence that repeats nothing of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    /// Whether it used up its budget.
    pub is_exhausted: bool,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_exhausted: false }
    }
}

impl Expression {
    /// Parses an expression over those variables; an error says what is wrong with it.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an expression must not be blank".to_owned());
        }
        let chars = text.chars().count();
        if chars > EXPRESSION_MAX_CHARS {
            return Err(format!(
                "an expression has up to {EXPRESSION_MAX_CHARS} characters, but this has {chars}"
            ));
        }
        if text.chars().filter(|character| "([{".contains(*character)).count() > MAX_BRACKETS {
            return Err(format!("an expression has up to {MAX_BRACKETS} opening brackets"));
        }
        let parse = || {
            let program = Program::compile(text).map_err(|errors| {
                let first = errors.errors.first().map_or("", |error| error.msg.as_str());
                format!("the expression is no CEL: {first}")
            })?;
            let depth = depth_of(program.expression(), variables)?;
            let (expr, references) = referring(program.expression().clone(), variables);
            Ok(Self { text: text.to_owned(), metered: metered(expr), references, depth })
        };
        stacker::grow(PARSER_STACK, parse)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it looks at.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Its value for a document, at the cost of what that takes of a budget.
    pub fn evaluate(&self, document: &dyn Document, budget: &Budget) -> Result<Json, Failure> {
        let evaluate = || {
            budget.spend(EVALUATION_COST);
            let resolver = Resolver::new(document, &self.references, budget);
            let mut context = Context::with_env(Arc::clone(&STANDARD));
            context.set_variable_resolver(&resolver);
            for (name, function) in natives(budget) {
                context.add_function(name, function).map_err(|_| Failure::new(BROKEN))?;
            }
            let value = context.resolve(&self.metered).map_err(|error| self.explain(&error, &resolver))?;
            json(&value)
        };
        let needed = (self.depth + 1) * STACK_PER_LEVEL;
        let evaluate = || stacker::maybe_grow(needed, INTERPRETER_STACK, evaluate);
        match panic::catch_unwind(AssertUnwindSafe(evaluate)) {
            Ok(result) => result,
            Err(payload) if payload.is::<Exhausted>() => Err(Failure {
                message:
                    "the expression takes too long: it goes over large lists too often, or makes too large values"
                        .to_owned(),
                is_exhausted: true,
            }),
            Err(_) => Err(Failure::new(BROKEN)),
        }
    }

    fn explain(&self, error: &ExecutionError, resolver: &Resolver<'_>) -> Failure {
        // A key may come out of the document; one that stands in the expression does not.
        let known = |name: &str| self.text.contains(name);
        Failure::new(match error {
            ExecutionError::NoSuchKey(name) if known(name) => no_such(name),
            ExecutionError::NoSuchKey(_) => "there is no such key; has() tells whether there is".to_owned(),
            ExecutionError::UndeclaredReference(name) => match resolver.missing(name) {
                Some((Reference { member: Some(member), .. }, Found::NoMember)) => no_such(member),
                Some((Reference { variable, .. }, _)) => {
                    format!("{variable} has no members here; {variable} != null tells whether it has")
                }
                None => BROKEN.to_owned(),
            },
            ExecutionError::NoSuchOverload(error) => error.to_string(),
            ExecutionError::UnexpectedType { got, want } => format!("{want} is expected, but there is {got}"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "a number is divided by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number is out of range".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "a list is not that long".to_owned(),
            ExecutionError::FunctionError { function, .. } => {
                format!("{function}() was given a value that it does not take")
            }
            _ => "an operator was given values that it does not take".to_owned(),
        })
    }
}

fn no_such(member: &str) -> String {
    format!("there is no {member}; has() tells whether there is")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::unreachable)]
mod tests;
