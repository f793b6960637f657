//! The README's tour prints what the README says.

use std::{path::Path, process::Command};

use crate::{
    fault::Server,
    harness::{PluginServer, TestDatabase},
};

/// The same text without what differs from run to run: ids, and the number in the plugin's name.
fn masked(text: &str) -> String {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut masked = String::new();
    for part in text.split_inclusive(|character| !is_word(character)) {
        let word = part.trim_end_matches(|character| !is_word(character));
        let rest = &part[word.len()..];
        match word.split_once('_') {
            Some((prefix, id)) if id.len() == 26 => masked.push_str(prefix),
            _ if masked.ends_with("serviceability-") => masked.push('N'),
            _ => masked.push_str(word),
        }
        masked.push_str(rest);
    }
    masked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_prints_what_the_readme_says() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let database = TestDatabase::create().await;
    let plugin = PluginServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &database.url);
    let mut tour = Command::new("sh");
    tour.arg("examples/tour.sh")
        .current_dir(top)
        .env("WAYBILL", format!("http://{}", server.address))
        .env("PLUGIN", &plugin.url);
    let tour = tokio::task::spawn_blocking(move || tour.output().unwrap()).await.unwrap();
    assert!(tour.status.success(), "{tour:?}");

    let readme = std::fs::read_to_string(top.join("README.md")).unwrap();
    let (_, printed) = readme.split_once("It prints:\n\n```text\n").unwrap();
    let (printed, _) = printed.split_once("\n```").unwrap();
    let output = String::from_utf8(tour.stdout).unwrap();
    assert_eq!(masked(output.trim()), masked(printed.trim()));
}
