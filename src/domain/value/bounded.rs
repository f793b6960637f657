//! Text that somebody outside wrote, and that is shown and stored whatever it says.

use std::{fmt, ops::Deref};

use super::DESCRIPTION_MAX_CHARS;

/// What went wrong, or why something is so, in words that may quote a plugin or an endpoint.
pub type Message = BoundedText<DESCRIPTION_MAX_CHARS>;

/// A text of at most `MAX_CHARS` characters and without NUL, so that every store takes it. What is longer is cut and ends in an
/// ellipsis; NUL is replaced.
///
/// There is no other way to make one: what takes it as its type cannot be given text that is not bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoundedText<const MAX_CHARS: usize>(String);

impl<const MAX_CHARS: usize> BoundedText<MAX_CHARS> {
    /// The text as far as it is kept.
    pub fn new(text: &str) -> Self {
        let without_nul = |character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character };
        let mut chars = text.chars().map(without_nul);
        let mut kept: String = chars.by_ref().take(MAX_CHARS).collect();
        if chars.next().is_some() {
            kept.pop();
            kept.push('…');
        }
        Self(kept)
    }
}

impl<const MAX_CHARS: usize> Deref for BoundedText<MAX_CHARS> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX_CHARS: usize> fmt::Display for BoundedText<MAX_CHARS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX_CHARS: usize> From<&str> for BoundedText<MAX_CHARS> {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<const MAX_CHARS: usize> From<String> for BoundedText<MAX_CHARS> {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl<const MAX_CHARS: usize> From<BoundedText<MAX_CHARS>> for String {
    fn from(text: BoundedText<MAX_CHARS>) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_and_has_no_nul() {
        for (text, expected) in [
            ("", ""),
            ("abcd", "abcd"),
            ("日本語だ", "日本語だ"),
            ("abcde", "abc…"),
            ("日本語だよ", "日本語…"),
            ("a\0", "a\u{fffd}"),
            ("\0\0\0\0\0", "\u{fffd}\u{fffd}\u{fffd}…"),
        ] {
            let bounded = BoundedText::<4>::new(text);
            assert_eq!(&*bounded, expected, "{text:?}");
            assert_eq!(BoundedText::new(&bounded), bounded, "what is bounded stays as it is");
        }
    }
}
