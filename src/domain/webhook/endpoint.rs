//! What an endpoint must be like before it is saved. Its URL is checked by those who know which addresses are allowed.

use super::super::{
    order::Patch,
    problem::{Found, Path},
    value::{DESCRIPTION_MAX_CHARS, check_optional_text},
};

/// An endpoint to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// The stored names of the types of events that are sent; all of them, if left out.
    pub event_types: Option<Vec<String>>,
}

impl NewEndpoint {
    /// Pushes every problem that does not depend on which addresses are allowed.
    pub fn check(&self, at: &Path, found: &mut Found) {
        let description = self.description.as_deref();
        check_optional_text(description, DESCRIPTION_MAX_CHARS, at, "description", found);
    }
}

/// What somebody wants to change of an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointPatch {
    /// Where it is.
    pub url: Option<String>,
    /// What it is for.
    pub description: Patch<String>,
    /// The types of events that are sent; cleared, all of them are.
    pub event_types: Patch<Vec<String>>,
    /// Whether anything is sent. Events that happen meanwhile are sent once it is enabled again.
    pub enabled: Option<bool>,
    /// Whether its secret is replaced; the old one signs for another day.
    pub rotate_secret: bool,
}

impl EndpointPatch {
    /// Pushes every problem that does not depend on which addresses are allowed.
    pub fn check(&self, at: &Path, found: &mut Found) {
        let description = self.description.value().map(String::as_str);
        check_optional_text(description, DESCRIPTION_MAX_CHARS, at, "description", found);
    }
}
