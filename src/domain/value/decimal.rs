//! Decimal numbers as callers write them.

use rust_decimal::Decimal;
use serde_json::Number;

/// The most significant digits of a decimal number, and the most of them after the point.
pub const DECIMAL_MAX_DIGITS: usize = 28;

/// From here on two neighbouring whole numbers may be one as a binary float.
const FLOAT_MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why something is no decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecimal {
    /// It is not written as one: digits with at most one point among them and at most a minus before them.
    Form,
    /// It is a JSON number so large that it may have lost digits on its way.
    Inexact,
    /// It has more than 28 digits.
    TooLong,
}

/// The number that a text stands for; it keeps its digits.
pub fn decimal_of_text(text: &str) -> Result<Decimal, NotDecimal> {
    if is_plain(text) { within_limits(Decimal::from_str_exact(text).ok()) } else { Err(NotDecimal::Form) }
}

/// The number that a JSON number stands for.
pub fn decimal_of_number(number: &Number) -> Result<Decimal, NotDecimal> {
    if number.is_f64() && number.as_f64().is_none_or(|number| number.abs() >= FLOAT_MAX_EXACT) {
        return Err(NotDecimal::Inexact);
    }
    let text = number.to_string();
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(&text)
    } else {
        Decimal::from_str_exact(&text)
    };
    within_limits(parsed.ok())
}

/// `rust_decimal` takes more forms than we do.
fn is_plain(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(unsigned),
    }
}

fn within_limits(parsed: Option<Decimal>) -> Result<Decimal, NotDecimal> {
    let mut number = parsed
        .filter(|number| number.mantissa().unsigned_abs() < 10_u128.pow(28))
        .ok_or(NotDecimal::TooLong)?;
    if number.is_zero() {
        // There is one zero: "-0.00" is "0.00".
        number.set_sign_positive(true);
    }
    Ok(number)
}
