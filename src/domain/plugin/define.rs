//! What a plugin must be like before it is saved.

use super::{
    super::{
        order::Patch,
        problem::{Found, Path, Problem},
        value::{DESCRIPTION_MAX_CHARS, check_optional_text, check_text},
    },
    Expression, NewHttp,
};

/// How long the names of plugins and workflows are, in characters.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=50;

/// A plugin to be saved; its URL is checked by those who know which addresses are allowed.
#[derive(Clone, Debug)]
pub struct NewPlugin {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it is made of.
    pub kind: NewKind,
    /// Whether it is called.
    pub enabled: bool,
}

/// What a new plugin is made of.
#[derive(Clone, Debug)]
pub enum NewKind {
    /// An HTTP endpoint.
    Http(NewHttp),
    /// A CEL expression over [`PLUGIN_VARIABLES`].
    Expression(String),
}

/// What the expression of a plugin can speak of: the members of the document that it is given.
pub const PLUGIN_VARIABLES: [&str; 4] = ["order", "workOrder", "event", "run"];

/// A change of a plugin. What it does not name stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PluginPatch {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Patch<String>,
    /// Its endpoint, as a whole; only its headers may be left as they are.
    pub http: Option<NewHttp>,
    /// Its expression.
    pub expression: Option<String>,
    /// Whether it is called.
    pub enabled: Option<bool>,
    /// Whether the secret that its calls are signed with is replaced.
    pub rotate_secret: bool,
}

impl PluginPatch {
    /// Pushes every problem that depends neither on the plugin nor on which addresses are allowed.
    pub fn check(&self, at: &Path, found: &mut Found) {
        if let Some(name) = &self.name {
            check_name(name, at, found);
        }
        let description = self.description.value().map(String::as_str);
        check_optional_text(description, DESCRIPTION_MAX_CHARS, at, "description", found);
        if let Some(http) = &self.http {
            http.check(&at.field("http"), found);
        }
        if let Some(text) = &self.expression {
            check_expression(text, at, found);
        }
    }
}

impl NewPlugin {
    /// Pushes every problem that does not depend on which addresses are allowed.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_name(&self.name, at, found);
        let description = self.description.as_deref();
        check_optional_text(description, DESCRIPTION_MAX_CHARS, at, "description", found);
        match &self.kind {
            NewKind::Http(http) => http.check(&at.field("http"), found),
            NewKind::Expression(text) => check_expression(text, at, found),
        }
    }
}

fn check_expression(text: &str, at: &Path, found: &mut Found) {
    if let Err(message) = Expression::parse(text, &PLUGIN_VARIABLES) {
        found.push(Problem::invalid(&at.field("expression"), message));
    }
}

/// Pushes what is wrong with the name of a plugin or a workflow.
pub(super) fn check_name(name: &str, at: &Path, found: &mut Found) {
    if NAME_CHARS.contains(&name.chars().count()) {
        check_text(name, *NAME_CHARS.end(), at, "name", found);
    } else {
        let message = format!("a name has {} to {} characters", NAME_CHARS.start(), NAME_CHARS.end());
        found.push(Problem::invalid(&at.field("name"), message));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::HttpMethod, *};

    fn plugin() -> NewPlugin {
        NewPlugin {
            name: "serviceability".to_owned(),
            description: None,
            kind: NewKind::Http(NewHttp {
                body_template: None,
                url: "https://plugins.example/check".to_owned(),
                method: HttpMethod::Post,
                headers: Some(vec![("X-Token".to_owned(), "s3cret".to_owned())]),
                request_timeout_ms: 5_000,
                callback_timeout_ms: 600_000,
                max_attempts: 5,
            }),
            enabled: true,
        }
    }

    fn problems(plugin: &NewPlugin) -> Vec<String> {
        let mut found = Found::new();
        plugin.check(&Path::root(), &mut found);
        found.or(()).map_or_else(
            |problems| problems.as_slice().iter().map(|problem| problem.path.to_string()).collect(),
            |()| Vec::new(),
        )
    }

    #[test]
    fn a_sound_plugin_has_no_problem() {
        assert_eq!(problems(&plugin()), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_named() {
        let mut bad = plugin();
        bad.name = "ab".to_owned();
        let NewKind::Http(http) = &mut bad.kind else { return };
        http.request_timeout_ms = 20_001;
        http.callback_timeout_ms = 999;
        http.body_template = Some(serde_json::json!({"a": {"$expr": "order"}}));
        http.max_attempts = 0;
        let headers = [("Webhook-Id", "1"), ("HOST", "x"), ("a b", "x"), ("ok", "line\nbreak")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        http.headers = Some(headers);
        assert_eq!(
            problems(&bad),
            [
                "name",
                "http.requestTimeoutMs",
                "http.callbackTimeoutMs",
                "http.maxAttempts",
                "http.headers.0.name",
                "http.headers.1.name",
                "http.headers.2.name",
                "http.headers.3.value",
                "http.bodyTemplate.a.$expr",
            ]
        );
    }
}
