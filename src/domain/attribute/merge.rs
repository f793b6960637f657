//! The attributes of a new owner, and those of one that changes.

use serde_json::{Map, Value};

use super::{
    super::{
        problem::{Found, Path, Problem, Problems},
        value::{Document, echo},
    },
    Rules,
};

/// What a patch of attributes comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The attributes after it.
    pub document: Document,
    /// The keys whose values are others now, or gone.
    pub changed: Vec<ChangedAttribute>,
}

/// The key of an attribute, what its value was and what it is; null for nothing.
pub type ChangedAttribute = (String, Value, Value);

impl Rules {
    /// The attributes of a new owner: what it came with, and defaults for what it came without. Every unknown key, wrong
    /// value and missing required key is named.
    pub fn admit(&self, given: Document, at: &Path, found: &mut Found) -> Document {
        if given.is_empty() && self.living.is_empty() {
            return given;
        }
        let mut map = given.to_map();
        for (key, value) in &map {
            if let Some(problem) = self.problem(key, value, at) {
                found.push(problem);
            }
        }
        let mut completed = false;
        for (key, definition) in &self.living {
            if map.contains_key(key) {
                continue;
            }
            if let Some(default) = &definition.default {
                map.insert(key.clone(), default.clone());
                completed = true;
            } else if definition.required {
                found.push(Problem::required(&at.field(key), format!("the attribute {key} is required")));
            }
        }
        if completed { found.absorb(Document::from_map(&map, at)).unwrap_or(given) } else { given }
    }

    /// Merges a patch key by key, one level deep: null removes a key, and an object value is replaced whole.
    ///
    /// Only what the patch changes is held against the rules: making an attribute required or narrower binds new writes
    /// only, and what was there before it was defined, or was archived since, may stay or go.
    pub fn merge(
        &self,
        present: &Document,
        patch: &Map<String, Value>,
        at: &Path,
    ) -> Result<Merged, Problems> {
        if patch.is_empty() {
            return Ok(Merged { document: present.clone(), changed: Vec::new() });
        }
        let before = present.to_map();
        let mut found = Found::new();
        let mut changed = Vec::new();
        let mut sound = Map::new();
        for (key, to) in patch {
            let from = before.get(key).unwrap_or(&Value::Null);
            let problem = match to {
                Value::Null => self.removal_problem(key, before.contains_key(key), at),
                _ if from == to => None,
                _ => self.problem(key, to, at),
            };
            if let Some(problem) = problem {
                found.push(problem);
            } else if from != to {
                changed.push((key.clone(), from.clone(), to.clone()));
                sound.insert(key.clone(), to.clone());
            }
        }
        let document = match changed.as_slice() {
            [] => Some(present.clone()),
            _ => found.absorb(present.merged(&sound, at)),
        };
        found.or(Merged { document: document.unwrap_or_default(), changed })
    }

    fn problem(&self, key: &str, value: &Value, at: &Path) -> Option<Problem> {
        let message = match self.living.get(key) {
            Some(definition) => definition.read(value).err()?,
            None => self.unknown(key),
        };
        Some(Problem::invalid(&at.field(key), message))
    }

    fn removal_problem(&self, key: &str, is_there: bool, at: &Path) -> Option<Problem> {
        match self.living.get(key) {
            Some(definition) if definition.required => {
                let message = format!("the attribute {key} is required: it can be changed but not removed");
                Some(Problem::required(&at.field(key), message))
            }
            None if !is_there && !self.archived.contains(key) => {
                Some(Problem::invalid(&at.field(key), self.unknown(key)))
            }
            _ => None,
        }
    }

    fn unknown(&self, key: &str) -> String {
        if self.archived.contains(key) {
            return format!(
                "the attribute {} is archived: its values can be read and removed, but not set; define the key again \
                 to set it",
                echo(key)
            );
        }
        format!(
            "there is no attribute {}: define it with attributeDefinitionCreate, or leave it out",
            echo(key)
        )
    }
}
