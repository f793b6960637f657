//! Limits that must hold before a document is parsed.

/// How deep brackets of any kind may be nested in a document. The parser of the GraphQL library bounds the depth of
/// selections, but follows nested lists and objects by recursion without bound: about 2,000 levels of them overflow
/// the stack, which takes the process down. No honest document comes near this.
const MAX_NESTING: usize = 100;

/// Whether brackets are nested deeper in `document` than any honest document needs. Strings and comments do not count.
pub fn nested_too_deep(document: &str) -> bool {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let [first, tail @ ..] = rest {
        rest = match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return true;
                }
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
            _ => tail,
        };
    }
    false
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
            assert_eq!(nested_too_deep(&document), expected, "{document}");
        }
    }
}
