//! The text form of ids: [TypeID](https://github.com/jetify-com/typeid) 0.3, a prefix, an underscore and the 128 bits
//! of a UUID in 26 characters of Crockford's base 32 in lower case.

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_CHARS: usize = 26;
/// A text in a message is cut to this many characters, because it may be anything that a client sent.
const SHOWN_CHARS: usize = 40;

/// Why a text is not an id of the kind that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is an id of another kind.
    #[error("expected the id of {expected} ({expected_prefix}_…), got an id with the prefix {given:?}")]
    WrongKind {
        /// What was expected, in words.
        expected: &'static str,
        /// Its prefix.
        expected_prefix: &'static str,
        /// The prefix of the given text.
        given: String,
    },
    /// It is not an id at all.
    #[error("{given:?} is not an id: expected {expected_prefix}_ and 26 characters, as in {example}")]
    Malformed {
        /// The prefix that was expected.
        expected_prefix: &'static str,
        /// An id of the right form.
        example: String,
        /// The given text, cut short.
        given: String,
    },
}

/// The text form of `uuid` under `prefix`.
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    let mut text = String::with_capacity(prefix.len() + 1 + SUFFIX_CHARS);
    text.push_str(prefix);
    text.push('_');
    for position in (0..SUFFIX_CHARS).rev() {
        let index = usize::from(((bits >> (5 * position)) & 31) as u8);
        text.push(ALPHABET.get(index).copied().map_or('0', char::from));
    }
    text
}

/// The UUID that `text` stands for, if it has the form of an id with that prefix.
pub fn parse(prefix: &'static str, kind: &'static str, text: &str) -> Result<Uuid, ParseError> {
    let malformed = || ParseError::Malformed {
        expected_prefix: prefix,
        example: encode(prefix, Uuid::nil()),
        given: shorten(text),
    };
    let (given, suffix) = text.rsplit_once('_').ok_or_else(malformed)?;
    let bits = decode(suffix).ok_or_else(malformed)?;
    if given == prefix {
        Ok(Uuid::from_u128(bits))
    } else {
        Err(ParseError::WrongKind { expected: kind, expected_prefix: prefix, given: shorten(given) })
    }
}

/// The prefix of a text that has the form of an id of any kind.
pub fn prefix(text: &str) -> Option<&str> {
    split(text).map(|(prefix, _)| prefix)
}

/// The prefix and the UUID of a text that has the form of an id of any kind.
pub fn split(text: &str) -> Option<(&str, Uuid)> {
    let (prefix, suffix) = text.rsplit_once('_')?;
    decode(suffix).map(|bits| (prefix, Uuid::from_u128(bits)))
}

fn decode(suffix: &str) -> Option<u128> {
    // 26 characters hold 130 bits, so the first may only be 0 to 7.
    if suffix.len() != SUFFIX_CHARS || suffix.as_bytes().first().is_none_or(|first| *first > b'7') {
        return None;
    }
    suffix.bytes().try_fold(0_u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        Some((bits << 5) | u128::try_from(digit).ok()?)
    })
}

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `spec/valid.json` of the TypeID specification.
    #[test]
    fn text_form_is_that_of_the_specification() {
        for (text, uuid) in [
            ("prefix_00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
            ("prefix_00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
            ("prefix_0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
            ("prefix_0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
            ("prefix_00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
            ("prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ("prefix_0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
            ("prefix_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ] {
            let uuid: Uuid = uuid.parse().unwrap();
            assert_eq!(encode("prefix", uuid), text);
            assert_eq!(parse("prefix", "a thing", text), Ok(uuid));
        }
    }

    /// From `spec/invalid.json` of the TypeID specification.
    #[test]
    fn other_texts_are_malformed() {
        for text in [
            "",
            "prefix",
            "prefix_",
            "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "prefix_1234567890123456789012345",
            "prefix_123456789012345678901234567",
            "prefix_0123456789ABCDEFGHJKMNPQRS",
            "prefix_123456789-123456789-123456",
            "prefix_ooooooiiiiiiuuuuuuulllllll",
            "00000000000000000000000000",
            "prefix_é23456789abcdefghjkmnpqr",
        ] {
            let error = parse("prefix", "a thing", text).unwrap_err();
            assert!(matches!(error, ParseError::Malformed { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn an_id_of_another_kind_is_named() {
        let error = parse("ord", "an order", "wo_00000000000000000000000001").unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected the id of an order (ord_…), got an id with the prefix \"wo\""
        );
    }

    #[test]
    fn a_long_text_is_cut_in_the_message() {
        let error = parse("ord", "an order", &"x".repeat(1_000_000)).unwrap_err();
        assert!(error.to_string().len() < 200);
    }
}
