//! JSONPaths (RFC 9535) that pay for what they look at.
//!
//! The library evaluates a path in one go, however much that is. So a path is taken apart into its segments, each a path of
//! its own, and what a segment may look at from a node is paid for before it is applied to the node. Only filters have
//! queries within, which are paid for by the most that they can look at.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::super::value::echo;

/// The most characters of a path.
const MAX_CHARS: usize = 512;
/// How often a path may descend (`..`), and how often it may filter (`?`). Beyond that, the work grows with a power of the
/// document's size.
const MAX_COSTLY: usize = 2;
/// How deep documents nest at most, about: what descends from every node of a tree looks at each node as often as it lies
/// deep.
const DEPTH: u64 = 16;

/// A path that was found sound.
#[derive(Clone, Debug)]
pub(super) struct Query {
    segments: Vec<Segment>,
    /// Whether it picks one value at most, whatever the document is.
    pub(super) is_singular: bool,
}

/// The steps that are left; a step is about one value that is looked at.
#[derive(Debug)]
pub(super) struct Steps(u64);

/// There were not enough steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Part of a path that leads from a node to others.
#[derive(Clone, Debug)]
struct Segment {
    path: JsonPath,
    descends: bool,
    costs: Vec<Cost>,
}

/// What a selector may look at from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// One child.
    One,
    /// All children, each so often.
    Children(u64),
    /// Everything below, each value so often.
    Below(u64),
}

impl Steps {
    pub(super) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    fn spend(&mut self, steps: u64) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// Counts a value and everything in it; counting costs as well.
    fn spend_counting(&mut self, value: &Value) -> Result<u64, Exhausted> {
        self.spend(1)?;
        let mut count = 1;
        match value {
            Value::Array(members) => {
                for member in members {
                    count += self.spend_counting(member)?;
                }
            }
            Value::Object(members) => {
                for member in members.values() {
                    count += self.spend_counting(member)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(count)
    }
}

impl Query {
    /// Reads a path; an error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > MAX_CHARS {
            return Err(format!("a JSONPath has up to {MAX_CHARS} characters"));
        }
        let no_path = |message: &str| format!("{} is no JSONPath (RFC 9535): {message}", echo(text));
        JsonPath::parse(text).map_err(|error| no_path(error.message()))?;
        let signs = signs(text);
        let count = |sign: &str| signs.matches(sign).count();
        if count("..") > MAX_COSTLY || count("?") > MAX_COSTLY {
            return Err(format!("a JSONPath descends (..) and filters (?) up to {MAX_COSTLY} times"));
        }
        if count("?") > 0 && count("$") > 1 {
            return Err("a filter of a JSONPath looks at its own member (@), not at the whole document ($)"
                .to_owned());
        }
        let segments = segments_of(text).into_iter().map(Segment::parse).collect::<Option<_>>();
        // What is none of these picks one member by name or place in each segment.
        let is_singular = !["*", "..", "?", ":", ","].iter().any(|sign| signs.contains(sign));
        Ok(Self { segments: segments.ok_or_else(|| no_path("it cannot be taken apart"))?, is_singular })
    }

    /// What it finds in a document, in the order of RFC 9535.
    pub(super) fn find<'d>(
        &self,
        document: &'d Value,
        steps: &mut Steps,
    ) -> Result<Vec<&'d Value>, Exhausted> {
        let mut nodes = vec![document];
        for segment in &self.segments {
            let mut found = Vec::new();
            for node in nodes {
                segment.pay(node, steps)?;
                found.extend(segment.path.query(node).all());
            }
            steps.spend(u64::try_from(found.len()).unwrap_or(u64::MAX))?;
            nodes = found;
        }
        Ok(nodes)
    }
}

impl Segment {
    /// A sound segment, such as `.a`, `['a', 1]` or `..*`.
    fn parse(text: &str) -> Option<Self> {
        let path = JsonPath::parse(&format!("${text}")).ok()?;
        let descends = text.starts_with("..");
        let selectors = text.trim_start_matches('.');
        let costs = match selectors.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => split(inner, |sign| sign == ',').into_iter().map(Cost::of).collect(),
            None => vec![if selectors == "*" { Cost::Children(1) } else { Cost::One }],
        };
        Some(Self { path, descends, costs })
    }

    /// Pays for what it may look at from a node.
    fn pay(&self, node: &Value, steps: &mut Steps) -> Result<(), Exhausted> {
        let (children, has_members) = match node {
            Value::Array(members) => (members.len(), true),
            Value::Object(members) => (members.len(), true),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (0, false),
        };
        let children = u64::try_from(children).unwrap_or(u64::MAX);
        let counts =
            has_members && (self.descends || self.costs.iter().any(|cost| matches!(cost, Cost::Below(_))));
        let below = if counts { steps.spend_counting(node)? } else { 0 };
        for cost in &self.costs {
            let looked_at = match (cost, self.descends) {
                (Cost::One, false) => 0,
                (Cost::One, true) => below,
                (Cost::Children(times), false) => children.saturating_mul(*times),
                (Cost::Children(times), true) | (Cost::Below(times), false) => below.saturating_mul(*times),
                (Cost::Below(times), true) => below.saturating_mul(DEPTH).saturating_mul(*times),
            };
            steps.spend(looked_at.saturating_add(1))?;
        }
        Ok(())
    }
}

impl Cost {
    /// The cost of a sound selector.
    fn of(selector: &str) -> Self {
        let selector = selector.trim();
        match selector.chars().next() {
            Some('?') => Self::of_filter(selector.trim_start_matches('?')),
            Some('*') => Self::Children(1),
            Some('\'' | '"') => Self::One,
            _ if selector.contains(':') => Self::Children(1),
            _ => Self::One,
        }
    }

    /// The cost of what stands behind the `?` of a filter.
    fn of_filter(test: &str) -> Self {
        let signs = signs(test);
        let count = |sign: char| u64::try_from(signs.matches(sign).count()).unwrap_or(u64::MAX);
        let calls = signs.as_bytes().windows(2).any(|pair| matches!(pair, [b'a'..=b'z', b'(']));
        let looks_around = [":", "*", ",", "..", "?"].iter().any(|sign| signs.contains(sign));
        // Two queries of one comparison may compare all that there is below them.
        let compares =
            signs.split("&&").flat_map(|test| test.split("||")).any(|test| test.matches('@').count() > 1);
        if !calls && !looks_around && !compares {
            return Self::Children(1 + count('@') + count('.') + count('['));
        }
        let again = if signs.contains("..") || signs.contains('?') { DEPTH } else { 1 };
        Self::Below(count('@').max(1).saturating_mul(again).saturating_mul(copies(&signs)))
    }
}

/// How often queries may find the same value, because selectors stand side by side.
fn copies(signs: &str) -> u64 {
    let mut copies: u64 = 1;
    let mut open = Vec::new();
    for sign in signs.chars() {
        match sign {
            '[' | '(' => open.push(1_u64),
            ',' => {
                if let Some(side_by_side) = open.last_mut() {
                    *side_by_side += 1;
                }
            }
            ']' | ')' => copies = copies.saturating_mul(open.pop().unwrap_or(1)),
            _ => {}
        }
    }
    copies
}

/// The segments of a sound path, without the white space between them.
fn segments_of(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let mut before = ' ';
    let parts = split_before(path, |sign| {
        let begins = matches!(sign, '[' | '.') && before != '.';
        before = sign;
        begins
    });
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The parts of a text between signs that stand in no quotes and no brackets.
fn split(text: &str, mut is_between: impl FnMut(char) -> bool) -> Vec<&str> {
    let parts = split_before(text, &mut is_between).into_iter();
    parts.map(|part| part.strip_prefix(&mut is_between).unwrap_or(part)).collect()
}

/// The parts of a text that begin with signs that stand in no quotes and no brackets.
fn split_before(text: &str, mut begins: impl FnMut(char) -> bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut rest, mut start, mut depth) = (text, 0, 0_usize);
    let mut quotes = Quotes::default();
    for (at, sign) in text.char_indices() {
        if !quotes.take(sign) {
            continue;
        }
        if depth == 0
            && begins(sign)
            && let Some((part, from)) = rest.split_at_checked(at - start)
        {
            if !part.is_empty() || at > 0 {
                parts.push(part);
            }
            (rest, start) = (from, at);
        }
        match sign {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.push(rest);
    parts
}

/// A sound path without what stands in quotes.
fn signs(path: &str) -> String {
    let mut quotes = Quotes::default();
    path.chars().filter(|sign| quotes.take(*sign)).collect()
}

/// Where in a text quotes are open.
#[derive(Debug, Default)]
struct Quotes {
    open: Option<char>,
    escaped: bool,
}

impl Quotes {
    /// Goes on by a character; whether that stands outside of quotes, and is none.
    fn take(&mut self, character: char) -> bool {
        match self.open {
            Some(_) if self.escaped => self.escaped = false,
            Some(open) => {
                self.escaped = character == '\\';
                if character == open {
                    self.open = None;
                }
            }
            None if matches!(character, '\'' | '"') => self.open = Some(character),
            None => return true,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Paths of all kinds, as they may be written.
    const PATHS: &[&str] = &[
        "$",
        "$.a",
        "$['a']",
        "$[\"a\"]",
        "$ .a ['b'] [0]",
        "$.a.b.c",
        "$[0]",
        "$[-1]",
        "$[ 'a' , 'b' , 0 , -1 ]",
        "$['a','a']['b','b']",
        "$.*",
        "$[*]",
        "$[*,*]",
        "$.*.*",
        "$[1:]",
        "$[:2]",
        "$[::-1]",
        "$[0:3:2, 1]",
        "$..a",
        "$..*",
        "$..[*]",
        "$..['a','b']",
        "$..[0]",
        "$..[0:2]",
        "$..*..*",
        "$..a..b",
        "$.a..*",
        "$.*..b.*",
        "$[?@.a]",
        "$[?@.a == 1]",
        "$[?@['a'] != 'x' && @.b]",
        "$[?!@.a || @.b > 1]",
        "$[?(@.a == 1 || @.b == 'b]') && @.c]",
        "$[?@ == 1, ?@ == 2, 0]",
        "$[?@.a == @.b]",
        "$[?@..a]",
        "$[?@[*]]",
        "$[?@[?@.a]]",
        "$[?count(@.*) > 1]",
        "$[?length(@.a) > 1]",
        "$[?value(@..a) == 1]",
        "$..[?@.a]",
        "$..[?@ == 1]",
        "$..*[?@.a == 1]",
        "$..*..[?@ == 1]",
        "$[?@..a || @..b].a",
        "$['it\\'s']['x.y[z]'].a",
        "$['a\"b']",
        "$[\"a'],['b\"]",
        "$['\\u0061']",
        "$['ü', 'ß'].é",
    ];

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            "[abx]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof![
                Just("a"),
                Just("b"),
                Just("c"),
                Just("it's"),
                Just("x.y[z]"),
                Just("a\"b"),
                Just("é")
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((key, inner), 0..5).prop_map(|members| members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()),
            ]
        })
    }

    fn is_sound(path: &str) -> bool {
        JsonPath::parse(path).is_ok()
    }

    proptest! {
        #[test]
        fn a_path_finds_what_the_library_finds(document in documents()) {
            for path in PATHS.iter().filter(|path| is_sound(path)) {
                let expected = JsonPath::parse(path).unwrap().query(&document).all();
                let found = Query::parse(path).unwrap().find(&document, &mut Steps::new(10_000_000)).unwrap();
                let same = found.iter().zip(&expected).all(|(a, b)| std::ptr::eq(*a, *b));
                prop_assert!(same && found.len() == expected.len(), "{path}: {found:?} instead of {expected:?}");
            }
        }
    }

    #[test]
    fn the_table_is_of_sound_paths() {
        let unsound: Vec<_> = PATHS.iter().filter(|path| !is_sound(path)).collect();
        assert_eq!(unsound, Vec::<&&str>::new());
        for path in PATHS {
            assert!(Query::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_path_is_taken_apart_where_its_segments_begin() {
        for (path, expected) in [
            ("$", vec![]),
            ("$.a['b'][0]", vec![".a", "['b']", "[0]"]),
            ("$ .a [ 'b' ]", vec![".a", "[ 'b' ]"]),
            ("$..a..*..['b']", vec!["..a", "..*", "..['b']"]),
            ("$[?@['x'].y == ']']..[0]", vec!["[?@['x'].y == ']']", "..[0]"]),
            ("$['a\\'].b']", vec!["['a\\'].b']"]),
        ] {
            assert_eq!(segments_of(path), expected, "{path}");
        }
    }

    #[test]
    fn what_a_selector_may_look_at_is_known_before() {
        for (selector, cost) in [
            ("'a:b*'", Cost::One),
            ("-1", Cost::One),
            ("*", Cost::Children(1)),
            ("1:2", Cost::Children(1)),
            ("?@.a == '@..*'", Cost::Children(3)),
            ("?@.a == 1 && @['b'] > 2", Cost::Children(5)),
            ("?@.a == @.b", Cost::Below(2)),
            ("?@.*", Cost::Below(1)),
            ("?@..a", Cost::Below(16)),
            ("?count(@.a) > 1", Cost::Below(1)),
            ("?@[?@.a]", Cost::Below(32)),
            ("?@['a','b','c']['d','e']", Cost::Below(6)),
        ] {
            assert_eq!(Cost::of(selector), cost, "{selector}");
        }
    }

    #[test]
    fn nothing_is_looked_at_that_is_not_paid_for() {
        let wide: Value = (0..1_000).map(|number| json!({"a": number, "b": [number]})).collect();
        let doubled = format!("${}", "[*,*,*,*]".repeat(40));
        let within = format!("$[?@{}]", "[*,*,*,*]".repeat(40));
        for path in ["$..*..[?@==11]", "$..*..*", "$[?@..*[?@..a]]", &doubled, &within] {
            let query = Query::parse(path).unwrap();
            assert_eq!(query.find(&wide, &mut Steps::new(10_000)), Err(Exhausted), "{path}");
        }
        let cheap = Query::parse("$[999].b[0]").unwrap();
        assert_eq!(cheap.find(&wide, &mut Steps::new(6)), Ok(vec![&json!(999)]));
        assert_eq!(cheap.find(&wide, &mut Steps::new(5)), Err(Exhausted));
    }
}
