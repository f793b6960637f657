//! Plugins that are expressions: evaluated in the process, and settled as if they had been called.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    app::App,
    domain::{
        plugin::{Answer, Expression, PLUGIN_VARIABLES, judge_value},
        value::Message,
    },
    usecase::plugin::{AttemptRecord, excerpt},
};

/// How many parsed expressions are kept; beyond that all are forgotten, and parsed again as they are needed. More than
/// a busy process meets, and few megabytes even of the longest.
const KEPT: usize = 256;

/// Expressions that were evaluated before, by their text: to parse one costs more than to evaluate it.
static PARSED: LazyLock<Parsed> = LazyLock::new(Parsed::default);

#[derive(Debug, Default)]
struct Parsed(Mutex<HashMap<String, Arc<Expression>>>);

/// What an expression says of a document, and the record of it.
pub fn ask(app: &App, text: &str, document: &Value) -> (Answer, AttemptRecord) {
    let started_at = app.clock.now();
    let begun = Instant::now();
    let value = evaluate(text, document);
    let duration: Duration = begun.elapsed();
    let response_excerpt = value.as_ref().ok().map(|value| excerpt(value.to_string().as_bytes()));
    let answer = value.map_or_else(|error| Answer::Fail { error }, |value| meaning(&value));
    (answer, AttemptRecord { started_at, duration, status_code: None, response_excerpt })
}

/// What the value of an expression means. There is nobody to call back.
pub fn meaning(value: &Value) -> Answer {
    match judge_value(value) {
        Answer::Defer => Answer::Fail { error: "an expression cannot put its answer off (DEFER)".into() },
        answer => answer,
    }
}

/// The value of an expression for a document, or why it has none.
pub fn evaluate(text: &str, document: &Value) -> Result<Value, Message> {
    let expression = PARSED.get(text)?;
    let members = document.as_object().ok_or("there is no document")?;
    expression.evaluate(members).map_err(|failure| failure.to_string().into())
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
