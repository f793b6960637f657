//! Plugins that are expressions: evaluated in the process, and settled as if they had been called.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    app::App,
    domain::plugin::{Answer, Expression, PLUGIN_VARIABLES, judge_value},
    usecase::plugin::{AttemptRecord, excerpt},
};

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
        Answer::Defer => Answer::Fail { error: "an expression cannot put its answer off (DEFER)".to_owned() },
        answer => answer,
    }
}

/// The value of an expression for a document, or why it has none.
pub fn evaluate(text: &str, document: &Value) -> Result<Value, String> {
    let expression = Expression::parse(text, &PLUGIN_VARIABLES)?;
    let members = document.as_object().ok_or("there is no document")?;
    expression.evaluate(members).map_err(|failure| failure.to_string())
}
