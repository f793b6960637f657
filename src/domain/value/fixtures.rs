//! Sound values and a readable form of problems, for tests.

use super::super::problem::{Found, Problem};
use super::{Address, Contact, Container, Location, Phone, Stop};

/// What `check` finds, a line each: code, path, message.
pub(in crate::domain) fn report(check: impl FnOnce(&mut Found)) -> String {
    lines(check, |problem| format!("{} {}: {}", problem.code.as_str(), problem.path, problem.message))
        .join("\n")
}

/// The paths of what `check` finds, with spaces between them.
pub(in crate::domain) fn paths(check: impl FnOnce(&mut Found)) -> String {
    lines(check, |problem| problem.path.to_string()).join(" ")
}

fn lines(check: impl FnOnce(&mut Found), show: impl Fn(&Problem) -> String) -> Vec<String> {
    let mut found = Found::new();
    check(&mut found);
    found.or(()).err().map_or_else(Vec::new, |problems| problems.as_slice().iter().map(show).collect())
}

pub(in crate::domain) fn contact() -> Contact {
    Contact {
        name: "Ada".into(),
        phone: Some(Phone { country_code: "+44".into(), number: "2079460000".into(), is_mobile: Some(true) }),
        email: None,
    }
}

pub(in crate::domain) fn location() -> Location {
    Location {
        address: Some(Address {
            line1: "Unter den Linden 1".into(),
            line2: None,
            city: "Berlin".into(),
            state: None,
            postal_code: Some("10117".into()),
            country: "DE".into(),
        }),
        facility_id: None,
        geo: None,
    }
}

pub(in crate::domain) fn stop() -> Stop {
    Stop { contact: None, location: location(), slot: None, service_time_seconds: None, instruction: None }
}

pub(in crate::domain) fn container(container_id: &str) -> Container {
    Container {
        container_id: container_id.into(),
        kind: None,
        description: None,
        weight: None,
        attributes: None,
    }
}
