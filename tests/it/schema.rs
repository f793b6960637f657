//! The checked-in schema is the code's.

use std::{fs, path::Path};

#[test]
fn the_checked_in_schema_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    let code = waybill::graphql::sdl();
    assert!(
        checked_in == code,
        "schema.graphql is not the code's; refresh it with: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let mut missing = Vec::new();
    let mut described = false;
    let mut inside = String::new();
    let mut in_block = false;
    for line in waybill::graphql::sdl().lines() {
        let text = line.trim();
        if text.starts_with("\"\"\"") || in_block {
            let marks = text.matches("\"\"\"").count();
            in_block ^= marks % 2 == 1;
            described = true;
            continue;
        }
        let opens = ["type ", "input ", "enum ", "interface ", "scalar ", "union "];
        if opens.iter().any(|word| text.starts_with(word)) {
            inside = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
            if !described {
                missing.push(inside.clone());
            }
        } else if line.starts_with('\t')
            && !text.is_empty()
            && text != "}"
            && !inside.is_empty()
            && !described
        {
            missing.push(format!("{inside}.{text}"));
        } else if text == "}" || text.starts_with("schema") || text.starts_with("directive") {
            if text.starts_with("schema") {
                inside.clear();
            }
        }
        described = false;
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// The headings below `heading` in a document.
fn headings(document: &str, heading: &str) -> Vec<String> {
    let (_, section) = document.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("### ")).map(ToOwned::to_owned).collect()
}

#[test]
fn every_code_is_documented_and_no_other() {
    let document = include_str!("../../docs/ERRORS.md");
    let user_errors = waybill::domain::problem::Code::ALL.map(waybill::domain::problem::Code::as_str);
    assert_eq!(headings(document, "## Codes of `userErrors`"), user_errors);
    let top_level = waybill::graphql::Code::ALL.map(waybill::graphql::Code::as_str);
    assert_eq!(headings(document, "## Codes of top-level errors"), top_level);
}
