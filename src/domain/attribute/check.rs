//! Whether a value is what its definition asks for.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    super::value::{NAME_MAX_CHARS, echo},
    Definition, Range, Typed,
};

impl Definition {
    /// The value as one of the definition's type, or what is wrong with it, in a sentence.
    pub fn read(&self, value: &Value) -> Result<Typed, String> {
        let typed = self.kind.read(value).ok_or_else(|| self.wrong_type())?;
        match &typed {
            Typed::Text(text) => {
                self.check_length(text)?;
                if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_found_in(text)) {
                    let pattern = self.pattern.as_ref().map_or("", |pattern| pattern.as_str());
                    return Err(format!("{} must match the regular expression {pattern}", self.key));
                }
            }
            Typed::Number(number) if !self.range.holds(*number) => {
                return Err(format!("{} must be {}, not {number}", self.key, self.range));
            }
            _ => {}
        }
        if let Some(choices) = &self.one_of
            && !choices.iter().any(|choice| self.kind.read(choice).as_ref() == Some(&typed))
        {
            return Err(format!("{} must be one of {}", self.key, list(choices)));
        }
        Ok(typed)
    }

    /// What a value of another type is told.
    pub fn wrong_type(&self) -> String {
        format!("{} is a {} attribute: it must be {}", self.key, self.kind.as_str(), self.kind.expectation())
    }

    fn check_length(&self, text: &str) -> Result<(), String> {
        if self.range == Range::default() {
            return Ok(());
        }
        let length = text.chars().count();
        if self.range.holds(Decimal::from(length)) {
            return Ok(());
        }
        Err(format!("{} must have {} characters, but this has {length}", self.key, self.range))
    }
}

impl Range {
    /// Whether a number lies in it.
    fn holds(&self, number: Decimal) -> bool {
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "from {min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any number of"),
        }
    }
}

/// The choices, as far as a message may be long.
fn list(choices: &[Value]) -> String {
    let mut text = String::new();
    for choice in choices {
        if text.len() > NAME_MAX_CHARS {
            text.push_str(", …");
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        match choice {
            Value::String(choice) => text.push_str(&echo(choice)),
            other => text.push_str(&other.to_string()),
        }
    }
    text
}
