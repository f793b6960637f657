//! A server that cannot start says why and what to do, with the exit status of its kind, and writes nothing.

use std::{net::TcpListener, path::Path};

use waybill::store::Database;

use super::{Server, run};
use crate::harness::TestDatabase;

/// Exit status and error of a start that must fail; standard output belongs to what a command prints.
fn failure(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(folder, arguments);
    assert!(output.stdout.is_empty(), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    let error = log.find("error: ").map(|start| log[start..].trim_end().to_owned());
    (output.status.code().unwrap(), error.unwrap_or(log))
}

#[test]
fn a_port_in_use_is_named_before_the_store_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let expected = format!(
        "error: the address {address} is in use: stop what serves there, or choose another with --listen"
    );
    assert_eq!(failure(folder.path(), &["serve", "--listen", &address]), (1, expected));
    assert!(!folder.path().join("waybill.db").exists());
}

#[test]
fn a_database_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    std::fs::write(folder.path().join("text.db"), "this is no database, whatever its name says".repeat(100))
        .unwrap();
    for file in ["missing/waybill.db", "folder.db", "text.db"] {
        let url = format!("sqlite://{}", folder.path().join(file).display());
        for command in ["serve", "migrate"] {
            let (status, error) =
                failure(folder.path(), &[command, "--listen", "127.0.0.1:0", "--database-url", &url]);
            assert_eq!(status, 1, "{error}");
            let path = folder.path().join(file);
            let begin = format!("error: cannot open the SQLite file {}: ", path.display());
            assert!(error.starts_with(&begin), "{error}");
            assert!(
                error.ends_with("check that its folder exists and that this user may write both"),
                "{error}"
            );
        }
    }
    assert!(!folder.path().join("missing").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_database_in_a_place_that_nobody_can_write_is_named() {
    // Nobody may write there, not even root, who may write everywhere else.
    let folder = tempfile::tempdir().unwrap();
    let (status, error) = failure(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0", "--database-url", "sqlite:///proc/waybill.db"],
    );
    assert_eq!(status, 1, "{error}");
    assert!(error.starts_with("error: cannot open the SQLite file /proc/waybill.db: "), "{error}");
}

#[test]
fn a_postgresql_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://waybill:s3cret@{free}/orders");
    let (status, error) =
        failure(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    assert_eq!(status, 1, "{error}");
    assert!(error.starts_with("error: cannot connect to PostgreSQL: "), "{error}");
    assert!(error.ends_with("check the database URL and that the server accepts this user"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn wrong_settings_are_all_named_and_have_their_own_status() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("waybill.toml");
    std::fs::write(&config, "log_format = \"xml\"\nport = 80\n").unwrap();
    let arguments = [
        "serve",
        "--config",
        "waybill.toml",
        "--listen",
        "8080",
        "--database-url",
        "mysql://localhost",
        "--database-connections",
        "none",
        "--plugin-allow-net",
        "10.0.0.1/8",
    ];
    let (status, error) = failure(folder.path(), &arguments);
    assert_eq!(status, 2, "{error}");
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "error: the configuration has 6 problems:");
    for place in [
        "--listen: \"8080\" is not an address with a port",
        "--database-url: the URL is of no store that is known",
        "--database-connections: \"none\" is not a number of connections",
        "--plugin-allow-net: 10.0.0.1/8 is an address inside of a network; give 10.0.0.0/8",
        "log_format in waybill.toml: \"xml\" is not a log format; give text or json",
        "port in waybill.toml: there is no such setting",
    ] {
        assert!(lines.iter().any(|line| line.trim().starts_with(place)), "{place} is not in\n{error}");
    }
    assert!(!folder.path().join("waybill.db").exists());
}

#[test]
fn wrong_usage_has_the_same_status() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["serve", "--nope"][..], &["swerve"], &["serve", "--listen"], &["serve", "extra"]] {
        let (status, error) = failure(folder.path(), arguments);
        assert_eq!(status, 2, "{error}");
        assert!(error.contains("For more information, try '--help'."), "{error}");
    }
}

#[test]
fn a_data_key_that_is_missing_for_a_store_with_secrets_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("waybill.db");
    let url = format!("sqlite://{}", database.display());
    drop(Server::start(folder.path(), &url));
    let mut command =
        super::program(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    let output = command.env_remove("WAYBILL_DATA_KEY_FILE").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    let key_file = folder.path().join("waybill.db.data-key");
    let begin = format!(
        "error: the data key file {} is missing, but the store {} is not new",
        key_file.display(),
        database.display()
    );
    assert!(log.contains(&begin), "{log}");
    assert!(!key_file.exists());
}

#[test]
fn a_terminated_server_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("waybill.db").display());
    let mut server = Server::start(folder.path(), &url);
    let id = server.process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(server.process.wait().unwrap().success());
}

#[tokio::test]
async fn one_connection_is_enough_to_bring_the_schema_up_to_date() {
    let store = TestDatabase::create().await;
    let database = Database::open(&store.url, Some(1)).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
}
