//! Documents that a request names instead of sending them.
//!
//! Two ways, and one place to decide. *Automatic persisted queries*: a client sends a document together with its
//! SHA-256, and from then on the hash alone; whoever does not know it is told to send the document again, so that
//! nothing has to be kept for long, or by every process. *Trusted documents*: the operator names a list, and nothing
//! else is executed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::ServerError;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::error::Code;

/// The one version of that protocol.
const VERSION: u64 = 1;
/// A longer document is sent each time.
const MAX_BYTES: usize = 64 * 1024;
/// How much is kept; beyond it all is forgotten, and sent again as it is asked for.
const MAX_TOTAL_BYTES: usize = 4 * 1024 * 1024;
/// What an entry takes beside its text, about.
const OVERHEAD_BYTES: usize = 128;

/// What requests may name.
#[derive(Debug)]
pub(super) enum Persisted {
    /// Anything that was sent before.
    Automatic(Mutex<Kept>),
    /// What the operator trusts.
    Trusted(Trusted),
}

/// The members of `extensions` that mean something.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions<'a> {
    #[serde(borrow)]
    persisted_query: Option<&'a RawValue>,
}

/// A document that is named by its hash.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistedQuery {
    version: u64,
    sha256_hash: String,
}

/// Documents by their ids, and by what they say.
#[derive(Debug)]
pub(super) struct Trusted {
    by_id: HashMap<String, Arc<str>>,
    texts: HashSet<Arc<str>>,
}

/// Documents by the hexadecimal SHA-256 of their text.
#[derive(Debug, Default)]
pub(super) struct Kept {
    documents: HashMap<String, Arc<str>>,
    bytes: usize,
}

impl Persisted {
    /// What requests may name where the operator trusts `trusted` alone, or anything.
    pub(super) fn new(trusted: Option<&HashMap<String, String>>) -> Self {
        trusted.map_or_else(
            || Self::Automatic(Mutex::default()),
            |documents| Self::Trusted(Trusted::new(documents)),
        )
    }

    /// The document of a request: `text`, or where that is empty the one of that hash or id.
    pub(super) fn complete(
        &self,
        text: String,
        hash: Option<&str>,
        id: Option<&str>,
    ) -> Result<String, ServerError> {
        match self {
            Self::Trusted(trusted) => trusted.text(&text, [id, hash]).map(|text| text.to_string()),
            Self::Automatic(kept) => match hash.or_else(|| id?.strip_prefix("sha256:")) {
                Some(hash) if text.is_empty() => {
                    lock(kept).find(hash).map(|text| text.to_string()).ok_or_else(not_found)
                }
                Some(hash) if !hash.eq_ignore_ascii_case(&sha256(&text)) => {
                    let message = "the document has another SHA-256 than the one that was sent with it";
                    Err(Code::BadUserInput.server_error(message))
                }
                Some(hash) => {
                    lock(kept).keep(hash, &text);
                    Ok(text)
                }
                None if text.is_empty() && id.is_some() => Err(not_found()),
                None => Ok(text),
            },
        }
    }
}

impl Trusted {
    fn new(documents: &HashMap<String, String>) -> Self {
        let by_id: HashMap<_, Arc<str>> =
            documents.iter().map(|(id, text)| (plain(id).to_owned(), text.as_str().into())).collect();
        Self { texts: by_id.values().cloned().collect(), by_id }
    }

    /// The document that a request names, or its own text if that is trusted.
    fn text(&self, text: &str, ids: [Option<&str>; 2]) -> Result<Arc<str>, ServerError> {
        if text.is_empty() && ids.iter().any(Option::is_some) {
            let found = ids.into_iter().flatten().find_map(|id| self.by_id.get(plain(id)));
            return found.cloned().ok_or_else(not_found);
        }
        let message = "only documents that the operator trusts are executed here; name one by its id";
        self.texts.get(text).cloned().ok_or_else(|| Code::Forbidden.server_error(message))
    }
}

/// An id without the name of the algorithm that made it.
fn plain(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

/// The message is the one that clients of automatic persisted queries look for.
fn not_found() -> ServerError {
    Code::PersistedQueryNotFound.server_error("PersistedQueryNotFound")
}

/// The hash that a request's extensions name, if they do.
pub(super) fn hash(extensions: &RawValue) -> Result<Option<String>, ServerError> {
    let extensions: Extensions<'_> = serde_json::from_str(extensions.get()).map_err(|_| malformed())?;
    let Some(named) = extensions.persisted_query else { return Ok(None) };
    match serde_json::from_str(named.get()) {
        Ok(PersistedQuery { version: VERSION, sha256_hash }) => Ok(Some(sha256_hash)),
        Ok(_) | Err(_) => Err(malformed()),
    }
}

fn malformed() -> ServerError {
    let message = r#"extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"}"#;
    Code::BadUserInput.server_error(message)
}

fn sha256(text: &str) -> String {
    use std::fmt::Write as _;

    let mut hash = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing into a string does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn find(&self, hash: &str) -> Option<Arc<str>> {
        self.documents.get(&hash.to_ascii_lowercase()).map(Arc::clone)
    }

    fn keep(&mut self, hash: &str, text: &str) {
        let bytes = text.len() + OVERHEAD_BYTES;
        if text.len() > MAX_BYTES || self.documents.contains_key(hash) {
            return;
        }
        if self.bytes + bytes > MAX_TOTAL_BYTES {
            *self = Self::default();
        }
        if self.documents.insert(hash.to_ascii_lowercase(), text.into()).is_none() {
            self.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    fn code(error: &ServerError) -> String {
        error.extensions.as_ref().unwrap().get("code").unwrap().clone().into_json().unwrap().to_string()
    }

    #[test]
    fn a_document_is_known_by_its_hash_once_it_was_sent_with_it() {
        let persisted = Persisted::new(None);
        let hash = sha256("{ a }");
        assert_eq!(hash, "1c7e1e347f726166b5b1c55afd61f278cc9b45e00c108ec33d540a566379811b");
        let error = persisted.complete(String::new(), Some(&hash), None).unwrap_err();
        assert_eq!(
            (error.message.as_str(), code(&error).as_str()),
            ("PersistedQueryNotFound", "\"PERSISTED_QUERY_NOT_FOUND\"")
        );
        assert_eq!(persisted.complete("{ a }".to_owned(), Some(&hash), None).unwrap(), "{ a }");
        for named in [
            persisted.complete(String::new(), Some(&hash), None),
            persisted.complete(String::new(), Some(&hash.to_uppercase()), None),
            persisted.complete(String::new(), None, Some(&format!("sha256:{hash}"))),
        ] {
            assert_eq!(named.unwrap(), "{ a }");
        }
        assert_eq!(persisted.complete("{ b }".to_owned(), None, None).unwrap(), "{ b }");
    }

    #[test]
    fn a_hash_that_is_not_the_documents_is_refused_and_nothing_kept() {
        let persisted = Persisted::new(None);
        let hash = sha256("{ a }");
        let error = persisted.complete("{ b }".to_owned(), Some(&hash), None).unwrap_err();
        assert_eq!(code(&error), "\"BAD_USER_INPUT\"");
        assert!(persisted.complete(String::new(), Some(&hash), None).is_err());
        let named = |extension: serde_json::Value| {
            super::hash(&to_raw_value(&json!({"persistedQuery": extension})).unwrap())
        };
        for extension in [json!(1), json!({"version": 2, "sha256Hash": "x"}), json!({"version": 1})] {
            assert_eq!(code(&named(extension).unwrap_err()), "\"BAD_USER_INPUT\"");
        }
        assert_eq!(named(json!({"version": 1, "sha256Hash": "x"})).unwrap().as_deref(), Some("x"));
        assert_eq!(super::hash(&to_raw_value(&json!({"other": [1]})).unwrap()).unwrap(), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut kept = Kept::default();
        for number in 0..100_000 {
            kept.keep(&format!("{number:x}"), &format!("{{ a{number} }}"));
            assert!(kept.find(&format!("{number:X}")).is_some());
            assert!(kept.bytes <= MAX_TOTAL_BYTES);
        }
        assert!(kept.documents.len() * OVERHEAD_BYTES <= MAX_TOTAL_BYTES);
        kept.keep("long", &" ".repeat(MAX_BYTES + 1));
        assert!(kept.find("long").is_none());
    }

    #[test]
    fn where_documents_are_trusted_no_other_is_executed() {
        let hash = sha256("{ a }");
        let documents = HashMap::from([(format!("sha256:{hash}"), "{ a }"), ("orders".to_owned(), "{ b }")]);
        let documents = documents.into_iter().map(|(id, text)| (id, text.to_owned())).collect();
        let persisted = Persisted::new(Some(&documents));
        for (text, extension, id, expected) in [
            ("", Some(hash.as_str()), None, Ok("{ a }")),
            ("", None, Some(hash.as_str()), Ok("{ a }")),
            ("", None, Some(&*format!("sha256:{hash}")), Ok("{ a }")),
            ("", None, Some("orders"), Ok("{ b }")),
            ("{ b }", None, None, Ok("{ b }")),
            ("{ b }", Some("anything"), None, Ok("{ b }")),
            ("{ c }", None, None, Err("\"FORBIDDEN\"")),
            ("{ c }", None, Some("orders"), Err("\"FORBIDDEN\"")),
            ("", None, Some("other"), Err("\"PERSISTED_QUERY_NOT_FOUND\"")),
        ] {
            let found = persisted.complete(text.to_owned(), extension, id).map_err(|error| code(&error));
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text} {extension:?} {id:?}");
        }
    }
}
