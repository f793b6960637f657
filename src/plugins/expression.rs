//! Plugins that are expressions: evaluated in the process, and settled as if they had been called.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use crate::domain::{
    plugin::{Answer, Budget, Expression, PLUGIN_VARIABLES, judge_value},
    value::Message,
};

/// The steps that an evaluation may take: some tens of milliseconds.
const MAX_STEPS: u64 = 500_000;
/// How many parsed expressions are kept; beyond that all are forgotten, and parsed again as they are needed. More than
/// a busy process meets, and few megabytes even of the longest.
const KEPT: usize = 256;

/// Expressions that were evaluated before, by their text: to parse one costs more than to evaluate it.
static PARSED: LazyLock<Parsed> = LazyLock::new(Parsed::default);

#[derive(Debug, Default)]
struct Parsed(Mutex<HashMap<String, Arc<Expression>>>);

/// What the value of an expression means. There is nobody to call back.
pub fn meaning(value: &Value) -> Answer {
    match judge_value(value) {
        Answer::Defer => Answer::Fail { error: "an expression cannot answer later (DEFER)".into() },
        answer => answer,
    }
}

/// The value of an expression for a document, or why it has none.
pub fn evaluate(text: &str, document: &Map<String, Value>) -> Result<Value, Message> {
    let expression = PARSED.get(text)?;
    expression.evaluate(document, &Budget::new(MAX_STEPS)).map_err(|failure| failure.to_string().into())
}

impl Parsed {
    /// The expression of that text.
    fn get(&self, text: &str) -> Result<Arc<Expression>, String> {
        if let Some(expression) = self.known().get(text) {
            return Ok(Arc::clone(expression));
        }
        // Not under the lock: others need not wait for it.
        let expression = Arc::new(Expression::parse(text, &PLUGIN_VARIABLES)?);
        let mut known = self.known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&expression));
        Ok(expression)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Expression>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_parsed_once_and_what_is_none_is_not_kept() {
        let parsed = Parsed::default();
        let first = parsed.get("order.size < 3").unwrap();
        assert!(Arc::ptr_eq(&first, &parsed.get("order.size < 3").unwrap()));
        assert!(parsed.get("order.").is_err());
        assert_eq!(parsed.known().len(), 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let parsed = Parsed::default();
        for number in 0..=KEPT {
            parsed.get(&format!("{number} > 1")).unwrap();
        }
        assert_eq!(parsed.known().len(), 1);
    }
}
