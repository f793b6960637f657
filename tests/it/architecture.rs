//! Layers look down, and what only one place may do is done nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each folder or file of `src`, and what of ours it must not name.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "access", "app", "cli", "config", "events", "fault", "graphql", "http", "outbound", "plugins",
            "seam", "secret", "serve", "store", "usecase", "entity", "webhooks",
        ],
    ),
    (
        "store",
        &[
            "access", "app", "cli", "config", "events", "graphql", "http", "outbound", "plugins", "serve",
            "usecase",
        ],
    ),
    (
        "events",
        &["app", "cli", "config", "graphql", "http", "outbound", "plugins", "serve", "usecase", "webhooks"],
    ),
    (
        "access",
        &["app", "cli", "config", "events", "graphql", "http", "outbound", "plugins", "serve", "usecase"],
    ),
    (
        "outbound",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "plugins", "serve",
            "store", "usecase", "entity",
        ],
    ),
    ("usecase", &["cli", "graphql", "http", "plugins", "serve", "webhooks"]),
    ("plugins", &["cli", "graphql", "http", "serve", "webhooks"]),
    ("webhooks", &["cli", "graphql", "http", "plugins", "serve"]),
    ("graphql", &["cli", "http", "serve", "webhooks"]),
    ("http", &["cli", "plugins", "serve", "store", "domain", "entity", "webhooks"]),
    (
        "config",
        &["app", "cli", "domain", "events", "graphql", "http", "plugins", "serve", "usecase", "entity"],
    ),
    (
        "seam.rs",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "outbound", "plugins",
            "serve", "store", "usecase",
        ],
    ),
    (
        "fault.rs",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "outbound", "plugins",
            "serve", "store", "usecase",
        ],
    ),
    (
        "metrics.rs",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "outbound", "plugins",
            "serve", "store", "usecase",
        ],
    ),
    (
        "trace",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "outbound", "plugins",
            "serve", "store", "usecase", "webhooks",
        ],
    ),
    (
        "secret.rs",
        &[
            "access", "app", "cli", "config", "domain", "events", "graphql", "http", "outbound", "plugins",
            "serve", "store", "usecase",
        ],
    ),
];

/// A test that looks into the crate, and for that puts the whole program together.
const WHOLE: &str = "graphql/second_check.rs";

/// Texts that may stand only in these places of `src`.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("async_graphql", &["graphql", "http", "cli"]),
    ("sea_orm::", &["store", "events", "fault.rs", "usecase", "graphql"]),
    (".write_transaction(", &["usecase/work.rs"]),
    (".commit_then(", &["usecase/work.rs", "store/transaction.rs"]),
    ("tx.commit()", &["store/writer.rs", "store/transaction.rs"]),
    ("\"BEGIN", &["store/transaction.rs", "store/database.rs"]),
    (".begin()", &["store/transaction.rs", "store/database.rs", "cli/import/split.rs"]),
    // One place chooses the operation of a document.
    ("DocumentOperations", &["graphql/documents.rs"]),
    ("operation_name", &["graphql/endpoint.rs", "graphql/request.rs", "http/operation.rs"]),
    ("ActiveModel", &["store"]),
    ("DatabaseConnection,", &["store"]),
    (
        "usecase::",
        &["usecase", "graphql", "plugins", "webhooks", "cli", "app.rs", "serve.rs", "http/callback.rs"],
    ),
    ("reqwest", &["outbound"]),
    ("opentelemetry", &["trace"]),
    ("prometheus_client", &["metrics.rs", "events"]),
    ("jsonwebtoken", &["access"]),
    ("Utc::now", &["seam.rs"]),
    ("Uuid::now_v7", &["seam.rs"]),
    ("rand::", &["seam.rs"]),
    // Of the plugin manager, the API knows the dry run only.
    ("plugins::", &["plugins", "serve.rs", "cli", "graphql/plugin/trial.rs"]),
    ("anyhow", &["main.rs", "cli", "serve.rs"]),
    // What the API shows of a contact has gone through the mask.
    ("contacts.open", &["graphql/contact.rs", "plugins", "store", "usecase"]),
];

/// What the pure core must not even mention.
const IMPURE: &[&str] =
    &["async ", ".await", "tokio", "Instant", "SystemTime", "std::fs", "std::net", "std::env"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `src/{place}`, as its path below `src` and its code without comments.
fn files(place: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![source().join(place)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code: Vec<_> = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(ToOwned::to_owned)
                .collect();
            let below = path.strip_prefix(source()).unwrap().display().to_string();
            found.push((below, code.join("\n")));
        }
    }
    // A rule over a place without files would hold whatever the code says.
    assert!(!found.is_empty(), "src/{place} has no source files; was it renamed?");
    found
}

/// The names after `crate::`, in paths and in grouped imports.
fn named_modules(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        let word =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut begins = true;
            for (index, character) in group.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => begins = true,
                    character if begins && depth == 0 && character.is_alphabetic() => {
                        names.push(word(&group[index..]));
                        begins = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.push(word(rest));
        }
    }
    names
}

#[test]
fn layers_look_down_only() {
    let mut wrong = Vec::new();
    for (layer, above) in LAYERS {
        for (file, code) in files(layer) {
            for name in named_modules(&code) {
                let is_whole = file == WHOLE && name == "serve";
                if above.contains(&name.as_str()) && !is_whole {
                    wrong.push(format!("src/{file} names crate::{name}"));
                }
            }
            if above.contains(&"entity") && code.contains("entity::") {
                wrong.push(format!("src/{file} names the crate entity"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_one_place_does_no_other_place_does() {
    let mut wrong = Vec::new();
    for (text, places) in ONLY_IN {
        assert!(
            places.iter().flat_map(|place| files(place)).any(|(_, code)| code.contains(text)),
            "{text} stands nowhere: the rule about it checks nothing"
        );
        for (file, code) in files("") {
            if code.contains(text) && !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("src/{file} has {text}, which belongs into {places:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_api_shows_use_cases_what_its_caller_was_granted() {
    let (mut right, mut wrong) = (0, Vec::new());
    for (file, code) in files("graphql") {
        let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        for (start, _) in code.match_indices("usecase::").chain(code.match_indices("plugins::")) {
            let call = code[start..].split(';').next().unwrap_or_default();
            if call.contains("(ctx.app()?,granted,") {
                right += 1;
            } else if call.contains("(ctx.app()?,") {
                wrong.push(format!("src/{file} calls {call} without a grant"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(right > 20, "only {right} calls were found: the rule about them checks too little");
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (file, code) in files("domain") {
        for text in IMPURE {
            if code.contains(text) {
                wrong.push(format!("src/{file} has {text:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn imports_are_found_in_paths_and_groups() {
    let code = "use crate::a::B;\nuse crate::{\n    c::{D, e::F},\n    g,\n};\nlet x = crate::h::i();";
    assert_eq!(named_modules(code), ["a", "c", "g", "h"]);
}

#[test]
fn no_test_is_ignored() {
    let mut open = vec![source(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    let mark = concat!("#[ign", "ore");
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            assert!(!fs::read_to_string(&path).unwrap().contains(mark), "{} ignores a test", path.display());
        }
    }
}
