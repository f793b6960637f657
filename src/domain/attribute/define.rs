//! Whether a definition is sound, and how it may change.

use serde_json::{Map, Value};

use super::{
    super::{
        order::Patch,
        problem::{Code, Found, Path, Problem, Problems},
        value::{DESCRIPTION_MAX_CHARS, Document, check_optional_text, echo},
    },
    Definition, Pattern, Range, Type,
    pattern::{PATTERN_MAX_CHARS, Unsound},
};

/// The most definitions of a tenant for one kind of owner; archived ones do not count.
pub const MAX_DEFINITIONS: usize = 200;
/// The most of them that may be indexed.
pub const MAX_INDEXED: usize = 32;

const KEY_MAX_CHARS: usize = 64;
const MAX_CHOICES: usize = 100;

/// A definition as a caller writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDefinition {
    /// Its name.
    pub key: String,
    /// What it says, in words.
    pub description: Option<String>,
    /// What its values are.
    pub kind: Type,
    /// Whether lists can be filtered and sorted by it.
    pub indexed: bool,
    /// Whether a new owner must have it.
    pub required: bool,
    /// The value of a new owner that comes without one.
    pub default: Option<Value>,
    /// Numbers: the value; texts: the number of characters.
    pub range: Option<Range>,
    /// What must be found in a text.
    pub regex: Option<String>,
    /// The values that it may have.
    pub one_of: Option<Vec<Value>>,
}

impl NewDefinition {
    /// The definition, if it is sound; else everything that is wrong with it.
    pub fn into_definition(self) -> Result<Definition, Problems> {
        let Self { key, description, kind, indexed, required, default, range, regex, one_of } = self;
        let definition = Definition {
            key,
            description,
            kind,
            indexed,
            required,
            default: default.filter(|value| !value.is_null()),
            range: range.unwrap_or_default(),
            pattern: regex.map(Pattern::new),
            one_of,
        };
        let mut found = Found::new();
        definition.check(&mut found);
        found.or(definition)
    }
}

/// What somebody wants to change of a definition. Owner, key and type never change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionPatch {
    /// What it says, in words.
    pub description: Patch<String>,
    /// Whether lists can be filtered and sorted by it.
    pub indexed: Option<bool>,
    /// Whether a new owner must have it.
    pub required: Option<bool>,
    /// The value of a new owner that comes without one.
    pub default: Patch<Value>,
    /// The range.
    pub range: Patch<Range>,
    /// What must be found in a text.
    pub regex: Patch<String>,
    /// The values that it may have.
    pub one_of: Patch<Vec<Value>>,
}

impl DefinitionPatch {
    /// The definition after the change, if that is sound. A narrower one binds new writes only.
    pub fn apply(self, present: &Definition) -> Result<Definition, Problems> {
        let range = (present.range != Range::default()).then_some(present.range);
        let pattern = present.pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
        NewDefinition {
            key: present.key.clone(),
            description: self.description.apply(present.description.clone()),
            kind: present.kind,
            indexed: self.indexed.unwrap_or(present.indexed),
            required: self.required.unwrap_or(present.required),
            default: self.default.apply(present.default.clone()),
            range: self.range.apply(range),
            regex: self.regex.apply(pattern),
            one_of: self.one_of.apply(present.one_of.clone()),
        }
        .into_definition()
    }
}

impl Definition {
    fn check(&self, found: &mut Found) {
        let at = Path::root();
        if !is_key(&self.key) {
            let message = format!(
                "key must be 1 to {KEY_MAX_CHARS} letters, digits and underscores, and not begin with a digit, \
                 unlike {}",
                echo(&self.key)
            );
            found.push(Problem::invalid(&at.field("key"), message));
        }
        check_optional_text(self.description.as_deref(), DESCRIPTION_MAX_CHARS, &at, "description", found);
        if self.indexed && !self.kind.is_ordered() {
            let message =
                format!("a {} attribute has no order, so that it cannot be indexed", self.kind.as_str());
            found.push(Problem::invalid(&at.field("indexed"), message));
        }
        let sound = [
            self.check_range(&at.field("range"), found),
            self.check_pattern(&at.field("regex"), found),
            self.check_choices(&at.field("oneOf"), found),
        ];
        // A default cannot be held against rules that are wrong themselves.
        if let Some(default) = self.default.as_ref().filter(|_| sound == [true; 3]) {
            let at = at.field("defaultValue");
            let within_limits =
                Document::from_map(&Map::from_iter([(self.key.clone(), default.clone())]), &at);
            if found.absorb(within_limits).is_some()
                && let Err(message) = self.read(default)
            {
                found.push(Problem::invalid(&at, format!("the default breaks the definition: {message}")));
            }
        }
    }

    fn check_range(&self, at: &Path, found: &mut Found) -> bool {
        let Range { min, max } = self.range;
        let message = match self.kind {
            _ if self.range == Range::default() => return true,
            Type::Number | Type::String if min.zip(max).is_some_and(|(min, max)| min > max) => {
                "min must not be greater than max".to_owned()
            }
            Type::String
                if [min, max].into_iter().flatten().any(|end| end.is_sign_negative() || !end.fract().is_zero()) =>
            {
                "the range of a STRING attribute bounds its length: min and max must be whole and not negative"
                    .to_owned()
            }
            Type::Number | Type::String => return true,
            kind => format!(
                "only NUMBER attributes (their value) and STRING attributes (their length) have a range, not {}",
                kind.as_str()
            ),
        };
        found.push(Problem::invalid(at, message));
        false
    }

    fn check_pattern(&self, at: &Path, found: &mut Found) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        let length = pattern.as_str().chars().count();
        let problem = if self.kind != Type::String {
            let message = format!("only STRING attributes have a regex, not {}", self.kind.as_str());
            Problem::invalid(at, message)
        } else if length > PATTERN_MAX_CHARS {
            let message =
                format!("regex may have up to {PATTERN_MAX_CHARS} characters, but this has {length}");
            Problem::new(Code::LimitExceeded, at, message)
        } else {
            match pattern.check() {
                Ok(()) => return true,
                Err(Unsound::TooLarge) => Problem::new(
                    Code::LimitExceeded,
                    at,
                    "regex is too large once it is compiled; make it simpler",
                ),
                Err(Unsound::Syntax(reason)) => {
                    let message = format!(
                        "regex does not compile: {reason}; it is of the linear-time kind, without look-around and \
                         back-references"
                    );
                    Problem::invalid(at, message)
                }
            }
        };
        found.push(problem);
        false
    }

    fn check_choices(&self, at: &Path, found: &mut Found) -> bool {
        let Some(choices) = &self.one_of else { return true };
        let problem = if !self.kind.is_ordered() {
            Problem::invalid(at, format!("a {} attribute cannot have oneOf", self.kind.as_str()))
        } else if choices.is_empty() {
            Problem::invalid(at, "oneOf must have at least one value; leave it out to allow any")
        } else if choices.len() > MAX_CHOICES {
            let message =
                format!("oneOf may have up to {MAX_CHOICES} values, but this has {}", choices.len());
            Problem::new(Code::LimitExceeded, at, message)
        } else {
            let unbound = Self { one_of: None, ..self.clone() };
            let mut sound = true;
            for (index, choice) in choices.iter().enumerate() {
                let at = at.index(index);
                if choice.as_str().is_some_and(|text| text.contains('\0')) {
                    found.push(Problem::invalid(
                        &at,
                        "contains a NUL character; any other Unicode text is fine",
                    ));
                    sound = false;
                } else if let Err(message) = unbound.read(choice) {
                    found.push(Problem::invalid(&at, format!("the value breaks the definition: {message}")));
                    sound = false;
                }
            }
            return sound;
        };
        found.push(problem);
        false
    }
}

fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && key.len() <= KEY_MAX_CHARS
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
