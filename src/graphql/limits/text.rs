//! What can be told of a document before it is parsed.

/// How deep brackets of any kind may be nested in a document. The parser of the GraphQL library bounds the depth of
/// selections, but follows nested lists and objects by recursion without bound: about 2,000 levels of them overflow
/// the stack, which takes the process down. No honest document comes near this.
pub(super) const MAX_NESTING: usize = 100;

/// What a look at a text tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// How deep brackets are nested, up to one more than [`MAX_NESTING`].
    pub(super) nesting: usize,
    /// How many tokens there are, as far as the look went: about, because a number counts for what it is glued to.
    pub(super) tokens: usize,
}

/// Looks at a document until it is nested deeper or has more tokens than is allowed. Strings and comments are one token
/// and none, whatever they hold.
pub(super) fn look(document: &str, most_tokens: usize) -> Look {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    let mut look = Look::default();
    while let [first, tail @ ..] = rest {
        look.tokens += usize::from(!matches!(first, b'#' | b',') && !first.is_ascii_whitespace());
        if look.tokens > most_tokens || look.nesting > MAX_NESTING {
            return look;
        }
        rest = match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                look.nesting = look.nesting.max(depth);
                tail
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                tail
            }
            b'#' => after(tail, |tail| matches!(tail, [b'\n' | b'\r', ..]), 0),
            b'"' => match tail {
                [b'"', b'"', block @ ..] => after_block_string(block),
                _ => after_string(tail),
            },
            byte if is_of_a_name(*byte) => {
                after(tail, |tail| tail.first().is_none_or(|byte| !is_of_a_name(*byte)), 0)
            }
            _ => tail,
        };
    }
    look
}

/// Whether a byte stands in names and numbers, or among the dots of a spread.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+') || !byte.is_ascii()
}

fn after(mut text: &[u8], ends: impl Fn(&[u8]) -> bool, skip: usize) -> &[u8] {
    while !text.is_empty() && !ends(text) {
        text = text.get(1..).unwrap_or_default();
    }
    text.get(skip..).unwrap_or_default()
}

fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            // A string ends with its line, if it does not end before; the parser will say so.
            [b'"' | b'\n' | b'\r', tail @ ..] => return tail,
            [b'\\', _, tail @ ..] | [_, tail @ ..] => tail,
            [] => return text,
        };
    }
}

fn after_block_string(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'"', b'"', b'"', tail @ ..] => return tail,
            [b'\\', b'"', b'"', b'"', tail @ ..] | [_, tail @ ..] => tail,
            [] => return text,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn only_real_brackets_count() {
        for (document, expected) in [
            (lists(MAX_NESTING), false),
            (lists(MAX_NESTING + 1), true),
            (format!("{{ a(b: {}) }}", lists(MAX_NESTING - 1)), true),
            (lists(MAX_NESTING).repeat(50), false),
            (format!("{{ a(b: \"{}\") }}", lists(500)), false),
            (format!("{{ a(b: \"\\\"{}\") }}", lists(500)), false),
            (format!("{{ a(b: \"\"\" \" \\\"\"\" {} \"\"\") }}", lists(500)), false),
            (format!("# {}\n{{ a }}", lists(500)), false),
            (format!("# \"\n{}", lists(500)), true),
            (format!("{{ a(b: \"\") {} }}", lists(500)), true),
            (format!("{{ a(b: \"\\\\\") {} }}", lists(500)), true),
            (String::new(), false),
            ("\"".to_owned(), false),
            ("\"\"\"".to_owned(), false),
            ("\"\\".to_owned(), false),
        ] {
            let found = look(&document, usize::MAX).nesting > MAX_NESTING;
            assert_eq!(found, expected, "{document}");
        }
    }

    #[test]
    fn tokens_are_counted_until_there_are_too_many() {
        for (document, tokens) in [
            ("", 0),
            (" \n,# comment { a }", 0),
            ("{ a }", 3),
            ("{a:b_1(c:-1.5e+9,d:\"x y\",e:[1 2]) @skip(if:$f) ...G}", 28),
            ("query Q { ...on T { a(b: \"\"\" { { \"\"\") } }", 14),
        ] {
            assert_eq!(look(document, 1_000).tokens, tokens, "{document}");
        }
        assert_eq!(look(&"a ".repeat(1_000_000), 10).tokens, 11);
        assert_eq!(look(&"{".repeat(1_000_000), 1_000_000).nesting, MAX_NESTING + 1);
    }
}
