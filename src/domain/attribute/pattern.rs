//! Regular expressions of attributes, compiled once for each text.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use regex_automata::{
    meta::{BuildError, Config, Regex},
    util::syntax,
};

/// The most characters of a pattern.
pub(super) const PATTERN_MAX_CHARS: usize = 512;
/// The most bytes that the automaton of a pattern may take while it is compiled.
const MAX_AUTOMATON_BYTES: usize = 1 << 20;
/// What a thread that searches may keep of what it found out about a pattern.
const MAX_SEARCH_BYTES: usize = 256 << 10;
/// The most bytes that the compiled patterns of a tenant may take together.
pub const MAX_PATTERN_BYTES: usize = 8 << 20;
/// The most bytes of compiled patterns that are kept; beyond it all are forgotten, and compiled again as they are needed.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Patterns that were compiled before. What a text compiles to follows from nothing else.
static COMPILED: LazyLock<Compiled> = LazyLock::new(Compiled::default);

/// A regular expression of the linear-time kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unsound {
    /// It takes too much memory.
    TooLarge,
    /// It cannot be read, for this reason.
    Syntax(String),
}

#[derive(Debug, Default)]
struct Compiled(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_text: HashMap<String, Result<Arc<Regex>, Unsound>>,
    bytes: usize,
}

impl Pattern {
    /// The pattern of that text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was compiled before. If not, the first use takes some milliseconds.
    pub fn is_compiled(&self) -> bool {
        COMPILED.lock().by_text.contains_key(&self.0)
    }

    /// The bytes that it takes once it is compiled; none for a text that is no pattern.
    pub fn bytes(&self) -> usize {
        COMPILED.get(&self.0).map_or(0, |regex| bytes_of(&self.0, &regex))
    }

    /// Whether it can be compiled.
    pub(super) fn check(&self) -> Result<(), Unsound> {
        COMPILED.get(&self.0).map(drop)
    }

    /// Whether it is found in `text`. One that cannot be compiled was never saved.
    pub(super) fn is_found_in(&self, text: &str) -> bool {
        COMPILED.get(&self.0).map_or(true, |regex| regex.is_match(text))
    }
}

impl Compiled {
    fn get(&self, text: &str) -> Result<Arc<Regex>, Unsound> {
        if let Some(known) = self.lock().by_text.get(text) {
            return known.clone();
        }
        // Not under the lock: others need not wait for it.
        let compiled = compile(text).map(Arc::new);
        let bytes = compiled.as_ref().map_or(text.len(), |regex| bytes_of(text, regex));
        let mut kept = self.lock();
        if kept.bytes.saturating_add(bytes) > MAX_KEPT_BYTES {
            *kept = Kept::default();
        }
        if kept.by_text.insert(text.to_owned(), compiled.clone()).is_none() {
            kept.bytes += bytes;
        }
        compiled
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(text: &str, regex: &Regex) -> usize {
    text.len() + size_of::<Regex>() + regex.memory_usage()
}

fn compile(text: &str) -> Result<Regex, Unsound> {
    if text.chars().count() > PATTERN_MAX_CHARS {
        return Err(Unsound::TooLarge);
    }
    let config = Config::new()
        .nfa_size_limit(Some(MAX_AUTOMATON_BYTES))
        .hybrid_cache_capacity(MAX_SEARCH_BYTES)
        .onepass(false)
        .dfa(false);
    let unsound = |error: BuildError| match error.syntax_error() {
        // The last line says what is wrong; those before it draw where.
        Some(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Unsound::Syntax(reason.to_owned())
        }
        None => Unsound::TooLarge,
    };
    Regex::builder().configure(config).syntax(syntax::Config::new()).build(text).map_err(unsound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compiled_once_whether_it_is_a_pattern_or_not() {
        let compiled = Compiled::default();
        let first = compiled.get("^[a-z]+$").unwrap();
        assert!(Arc::ptr_eq(&first, &compiled.get("^[a-z]+$").unwrap()));
        assert!(first.is_match("abc") && !first.is_match("ABC"));
        assert_eq!(compiled.get("(").unwrap_err(), Unsound::Syntax("unclosed group".to_owned()));
        assert_eq!(compiled.get(r"(\w{500}){500}").unwrap_err(), Unsound::TooLarge);
        assert_eq!(compiled.lock().by_text.len(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let compiled = Compiled::default();
        let large = bytes_of("", &compile(r"\pL{20}").unwrap());
        assert!((500_000..2_000_000).contains(&large), "{large}");
        let mut most = 0;
        for number in 0..=(MAX_KEPT_BYTES / large + 1) {
            compiled.get(&format!(r"\pL{{20}}{number}")).unwrap();
            assert!(compiled.lock().bytes <= MAX_KEPT_BYTES);
            most = most.max(compiled.lock().by_text.len());
        }
        let left = compiled.lock().by_text.len();
        assert!(left < most, "{left} of {most}");
    }
}
