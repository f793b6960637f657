//! Values as bytes that sort as the values do, so that both stores compare them alike and one index serves all types.

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::Typed;

/// What stands for an owner that does not have the attribute: it comes last.
pub const ABSENT: &[u8] = &[0xff];

/// What stands before every value that is there.
const PRESENT: u8 = 1;

/// The most characters of a prefix to look for.
pub const PREFIX_MAX_CHARS: usize = 255;

/// A longer text is kept so far, and told apart by its hash: an index holds no entry of any length.
const TEXT_MAX_BYTES: usize = 1_024;
const HASH_BYTES: usize = 16;

/// The bytes of a value. Texts sort by code point, and those that begin with the same 1,024 bytes in no order that means
/// anything; of instants, the earlier one comes first; false comes before true. Objects and arrays have no order.
pub fn encode(value: &Typed) -> Vec<u8> {
    let mut bytes = vec![PRESENT];
    match value {
        Typed::Text(text) => match text.as_bytes().split_at_checked(TEXT_MAX_BYTES) {
            Some((begin, rest)) if !rest.is_empty() => {
                bytes.extend_from_slice(begin);
                bytes.extend(Sha256::digest(text).into_iter().take(HASH_BYTES));
            }
            _ => bytes.extend_from_slice(text.as_bytes()),
        },
        Typed::Number(number) => encode_number(*number, &mut bytes),
        Typed::Boolean(flag) => bytes.push(u8::from(*flag)),
        Typed::DateTime(instant) => {
            // With the sign's bit turned over, what is negative comes first.
            let micros = instant.timestamp_micros() ^ i64::MIN;
            bytes.extend_from_slice(&micros.to_be_bytes());
        }
        Typed::Json => {}
    }
    bytes
}

/// The bounds of the texts that begin with `prefix`, of at most [`PREFIX_MAX_CHARS`] characters: the first belongs to
/// them, the second does not.
pub fn encode_prefix(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let from = [&[PRESENT], prefix.as_bytes()].concat();
    // No byte of a text is as great as this.
    let to = [from.as_slice(), &[0xff]].concat();
    (from, to)
}

/// Sign, power of ten and digits. Equal numbers have the same bytes, however they were written.
fn encode_number(number: Decimal, bytes: &mut Vec<u8>) {
    const NEGATIVE: u8 = 1;
    const ZERO: u8 = 2;
    const POSITIVE: u8 = 3;
    const MIDDLE: i64 = 128;
    let number = number.normalize();
    if number.is_zero() {
        bytes.push(ZERO);
        return;
    }
    let digits = number.mantissa().unsigned_abs().to_string();
    // The number is 0.DIGITS times ten to this power, which lies between -28 and 29.
    let power = i64::try_from(digits.len()).unwrap_or(0) - i64::from(number.scale());
    let power = u8::try_from(MIDDLE + power).unwrap_or(0);
    let digits = digits.trim_end_matches('0');
    // Digits without zeros at their end compare as texts do, the shorter one first; of negative numbers, everything
    // the other way round.
    if number.is_sign_negative() {
        bytes.extend([NEGATIVE, !power]);
        bytes.extend(digits.bytes().map(|digit| !digit));
        bytes.push(0xff);
    } else {
        bytes.extend([POSITIVE, power]);
        bytes.extend(digits.bytes());
    }
}
