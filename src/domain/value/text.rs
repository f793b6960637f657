//! What any text must keep to, and how a message may quote what was given.

use super::super::problem::{Code, Found, Path, Problem};

/// The most characters of a name or a reference.
pub const NAME_MAX_CHARS: usize = 255;

/// The most characters of a description, a note or an instruction.
pub const DESCRIPTION_MAX_CHARS: usize = 2_000;

/// The most characters that a message quotes of what was given.
const ECHO_MAX_CHARS: usize = 40;

/// A text that must be there: not blank, of at most `max_chars` characters, any Unicode but NUL.
///
/// `field` is its name in what stands at `at`; the path is made only for a problem.
pub fn check_text(text: &str, max_chars: usize, at: &Path, field: &str, found: &mut Found) {
    if text.trim().is_empty() {
        found.push(Problem::required(&at.field(field), format!("{field} must not be blank")));
    } else {
        check_form(text, max_chars, at, field, found);
    }
}

/// A text that may be left out or blank, else as [`check_text`].
pub fn check_optional_text(text: Option<&str>, max_chars: usize, at: &Path, field: &str, found: &mut Found) {
    if let Some(text) = text {
        check_form(text, max_chars, at, field, found);
    }
}

fn check_form(text: &str, max_chars: usize, at: &Path, field: &str, found: &mut Found) {
    // A character takes at least a byte, so that a short text need not be counted.
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            let message = format!("{field} may have up to {max_chars} characters, but this has {chars}");
            found.push(Problem::invalid(&at.field(field), message));
        }
    }
    if text.contains('\0') {
        let message = format!("{field} contains a NUL character; any other Unicode text is fine");
        found.push(Problem::invalid(&at.field(field), message));
    }
}

/// A list of at most `max` members.
pub(in crate::domain) fn check_count(count: usize, max: usize, at: &Path, field: &str, found: &mut Found) {
    if count > max {
        let message = format!("{field} may have up to {max} members, but this has {count}");
        found.push(Problem::new(Code::LimitExceeded, &at.field(field), message));
    }
}

/// A number that must not lie below zero.
pub(super) fn check_not_negative(is_negative: bool, at: &Path, field: &str, found: &mut Found) {
    if is_negative {
        found.push(Problem::invalid(&at.field(field), format!("{field} must be 0 or more")));
    }
}

/// What was given, for a message: quoted, escaped and cut. Not for personal data, which no message may repeat.
pub fn echo(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO_MAX_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::fixtures::report;

    #[test]
    fn a_required_text_is_neither_blank_nor_too_long_nor_broken() {
        let full = "ü".repeat(255);
        let long = "ü".repeat(256);
        for (text, expected) in [
            ("x", ""),
            (full.as_str(), ""),
            ("日本\n語", ""),
            ("", "REQUIRED name: name must not be blank"),
            (" \t", "REQUIRED name: name must not be blank"),
            (long.as_str(), "INVALID name: name may have up to 255 characters, but this has 256"),
            ("a\0b", "INVALID name: name contains a NUL character; any other Unicode text is fine"),
        ] {
            assert_eq!(report(|found| check_text(text, 255, &Path::root(), "name", found)), expected);
        }
    }

    #[test]
    fn an_optional_text_may_be_absent_or_blank() {
        for text in [None, Some(""), Some("x")] {
            assert_eq!(report(|found| check_optional_text(text, 255, &Path::root(), "name", found)), "");
        }
        assert_eq!(
            report(|found| check_optional_text(Some("abc"), 2, &Path::root(), "name", found)),
            "INVALID name: name may have up to 2 characters, but this has 3"
        );
    }

    #[test]
    fn a_message_quotes_little_of_what_was_given() {
        assert_eq!(echo("DE"), "\"DE\"");
        assert_eq!(echo("a\u{0}\n"), "\"a\\0\\n\"");
        assert_eq!(echo(&"é".repeat(1_000_000)), format!("\"{}…\"", "é".repeat(40)));
    }
}
