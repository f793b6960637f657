use std::{ffi::OsString, fs, path::PathBuf};

use clap::Parser;

use super::*;

/// A command line that has nothing but the settings.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

/// One file of a test, gone afterwards.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("waybill-config-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn load(flags: &[&str], environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let line = Line::parse_from(std::iter::once(&"waybill").chain(flags));
    Config::load_from(&line.flags, &|name| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

/// The problems, one a line.
fn problems(flags: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    load(flags, environment).unwrap_err().iter().map(ToString::to_string).collect()
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn without_flags_environment_and_file_everything_is_as_documented() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database_url.expose(), "sqlite://waybill.db");
    assert_eq!(config.database_connections, None);
    assert_eq!(config.data_key_file, DataKeyFile::Own("waybill.db.data-key".into()));
    assert_eq!(config.plugin_allow_net, networks(&[]));
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.limits.request_timeout(), Duration::from_secs(30));
    assert_eq!(config.idempotency_keep, Duration::from_hours(24));
    assert_eq!(config.event_keep, None);
    assert!(config.introspection && config.trusted_documents.is_none() && config.cors_origins.is_empty());
    assert_eq!(config.batch_limit, 1);
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let file = File::new("precedence.toml", "listen = '127.0.0.1:3'\nlog = 'warn'\n");
    let by_flag = ["--config", file.path()];
    let flags = ["--config", file.path(), "--listen", "127.0.0.1:1"];
    let variables = [("WAYBILL_LISTEN", "127.0.0.1:2")];
    let by_variable = [("WAYBILL_CONFIG", file.path())];
    let empty = [("WAYBILL_LISTEN", ""), ("WAYBILL_CONFIG", "")];
    for (flags, environment, port, log) in [
        (&flags[..], &variables[..], 1, "warn"),
        (&by_flag[..], &variables[..], 2, "warn"),
        (&by_flag[..], &[], 3, "warn"),
        (&[], &by_variable[..], 3, "warn"),
        (&[], &variables[..], 2, "info"),
        (&[], &empty[..], 8080, "info"),
    ] {
        let config = load(flags, environment).unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (port, log), "{flags:?} {environment:?}");
    }
}

#[test]
fn the_file_that_a_flag_names_wins_over_the_one_of_the_environment() {
    let given = File::new("given.toml", "log = 'debug'");
    let config = load(&["--config", given.path()], &[("WAYBILL_CONFIG", "/not/there.toml")]).unwrap();
    assert_eq!(config.log, "debug");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a line for each setting")]
fn every_setting_can_be_made_in_every_place() {
    let key = File::new("key", "");
    let documents = File::new("documents.json", r#"{"sha256:1": "{ a }"}"#);
    let secret = File::new("secret", "a secret of at least thirty-two bytes\n");
    let texts = [
        (Setting::Listen, "[::1]:9"),
        (Setting::PublicUrl, "https://orders.example.com/waybill/"),
        (Setting::DatabaseUrl, "postgres://waybill@db/waybill"),
        (Setting::DatabaseConnections, "12"),
        (Setting::DataKeyFile, key.path()),
        (Setting::JwtSecretFile, secret.path()),
        (Setting::Jwks, "https://issuer.example/keys"),
        (Setting::JwtAudience, "waybill"),
        (Setting::JwtIssuer, "https://issuer.example"),
        (Setting::ApiKeys, "on"),
        (Setting::PluginAllowNet, "10.1.0.0/16,fd00:1::/32"),
        (Setting::EventKeepDays, "30"),
        (Setting::IdempotencyKeepHours, "48"),
        (Setting::Introspection, "off"),
        (Setting::BatchLimit, "7"),
        (Setting::TrustedDocuments, documents.path()),
        (Setting::CorsOrigin, "https://a.example,http://b.example:81"),
        (Setting::MetricsListen, "10.0.0.1:9464"),
        (Setting::OtlpEndpoint, "https://collector.example/otlp/"),
        (Setting::Log, "info,waybill=debug"),
        (Setting::LogFormat, "json"),
        (Setting::Limit(Limit::Depth), "11"),
        (Setting::Limit(Limit::Complexity), "12"),
        (Setting::Limit(Limit::Values), "22"),
        (Setting::Limit(Limit::AnswerBytes), "2003"),
        (Setting::Limit(Limit::Rows), "23"),
        (Setting::Limit(Limit::StoreSeconds), "24"),
        (Setting::Limit(Limit::ProcessorMillis), "25"),
        (Setting::Limit(Limit::Aliases), "13"),
        (Setting::Limit(Limit::Directives), "14"),
        (Setting::Limit(Limit::RootFields), "15"),
        (Setting::Limit(Limit::Tokens), "16"),
        (Setting::Limit(Limit::DocumentBytes), "2001"),
        (Setting::Limit(Limit::BodyBytes), "2002"),
        (Setting::Limit(Limit::List), "17"),
        (Setting::Limit(Limit::VariableValues), "26"),
        (Setting::Limit(Limit::Seconds), "18"),
        (Setting::Limit(Limit::Sockets), "19"),
        (Setting::Limit(Limit::Rate), "20"),
        (Setting::Limit(Limit::TenantRate), "21"),
    ];
    assert_eq!(texts.map(|(setting, _)| setting), Setting::ALL);
    let limits = Limits {
        depth: 11,
        complexity: 12,
        values: 22,
        answer_bytes: 2_003,
        rows: 23,
        store_seconds: 24,
        processor_millis: 25,
        aliases: 13,
        directives: 14,
        root_fields: 15,
        tokens: 16,
        document_bytes: 2_001,
        body_bytes: 2_002,
        list: 17,
        variable_values: 26,
        seconds: 18,
        sockets: 19,
        rate: 20,
        tenant_rate: 21,
    };

    let flags: Vec<_> = texts.iter().map(|(setting, text)| format!("{}={text}", setting.flag())).collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let variables = texts.map(|(setting, text)| (setting.variable(), text));
    let variables: Vec<_> = variables.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let lines = texts.map(|(setting, text)| format!("{} = {text:?}", setting.key()));
    let file = File::new(
        "all.toml",
        &lines.join(
            "
",
        ),
    );
    for (flags, environment) in [(&flags[..], &[][..]), (&[], &variables), (&["--config", file.path()], &[])]
    {
        let config = load(flags, environment).unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9");
        assert_eq!(config.database_url.expose(), "postgres://waybill@db/waybill");
        assert_eq!(config.database_connections, Some(12));
        assert_eq!(config.data_key_file, DataKeyFile::Given(key.path().into()));
        let access = &config.access;
        let secret = access.jwt_secret.as_ref().map(|secret| secret.expose().as_slice());
        assert_eq!(secret, Some(&b"a secret of at least thirty-two bytes"[..]));
        assert_eq!(access.jwks, Some(KeySource::Url("https://issuer.example/keys".parse().unwrap())));
        assert_eq!(access.jwt_audience.as_deref(), Some("waybill"));
        assert_eq!((access.jwt_issuer.as_deref(), access.api_keys), (Some("https://issuer.example"), true));
        assert_eq!(config.plugin_allow_net, networks(&["10.1.0.0/16", "fd00:1::/32"]));
        assert_eq!(config.event_keep, Some(Duration::from_hours(30 * 24)));
        assert_eq!(config.metrics_listen, Some("10.0.0.1:9464".parse().unwrap()));
        assert_eq!(config.otlp_endpoint.as_deref(), Some("https://collector.example/otlp"));
        assert_eq!(config.idempotency_keep, Duration::from_hours(48));
        assert_eq!((config.introspection, config.batch_limit), (false, 7));
        assert_eq!(config.trusted_documents.unwrap()["sha256:1"], "{ a }");
        assert_eq!(config.cors_origins, ["https://a.example", "http://b.example:81"]);
        assert_eq!((config.log.as_str(), config.log_format), ("info,waybill=debug", LogFormat::Json));
        assert_eq!(config.limits, limits);
    }
}

#[test]
fn names_are_those_that_others_rely_on() {
    let names = Setting::ALL.map(|setting| (setting.flag(), setting.variable()));
    for (flag, variable) in [
        ("--listen", "WAYBILL_LISTEN"),
        ("--database-url", "WAYBILL_DATABASE_URL"),
        ("--plugin-allow-net", "WAYBILL_PLUGIN_ALLOW_NET"),
        ("--data-key-file", "WAYBILL_DATA_KEY_FILE"),
        ("--jwt-secret-file", "WAYBILL_JWT_SECRET_FILE"),
        ("--jwks", "WAYBILL_JWKS"),
        ("--api-keys", "WAYBILL_API_KEYS"),
        ("--log-format", "WAYBILL_LOG_FORMAT"),
    ] {
        assert!(names.contains(&(flag.to_owned(), variable.to_owned())), "{flag} {variable}");
    }
}

#[test]
fn networks_come_one_by_one_with_commas_or_as_a_list() {
    let expected = networks(&["10.1.0.0/16", "192.168.7.9/32", "fd00:1::/32"]);
    let flags = ["--plugin-allow-net", "10.1.0.0/16, 192.168.7.9", "--plugin-allow-net", "fd00:1::/32,"];
    assert_eq!(load(&flags, &[]).unwrap().plugin_allow_net, expected);
    let file = File::new("list.toml", "plugin_allow_net = ['10.1.0.0/16', '192.168.7.9', 'fd00:1::/32']");
    assert_eq!(load(&["--config", file.path()], &[]).unwrap().plugin_allow_net, expected);
    // The place that wins gives the whole list.
    let flags = ["--config", file.path(), "--plugin-allow-net", "10.9.0.0/16"];
    assert_eq!(load(&flags, &[]).unwrap().plugin_allow_net, networks(&["10.9.0.0/16"]));
}

#[test]
fn without_access_only_a_loopback_address_is_served() {
    for (text, expected) in [
        ("127.0.0.1:8080", Ok("127.0.0.1:8080")),
        ("127.9.9.9:1", Ok("127.9.9.9:1")),
        ("localhost:0", Ok("127.0.0.1:0")),
        ("[::1]:8080", Ok("[::1]:8080")),
        ("0.0.0.0:8080", Err("no access is configured")),
        ("[::]:8080", Err("no access is configured")),
        ("10.0.0.1:80", Err("no access is configured")),
        ("127.0.0.1", Err("not an address with a port")),
        ("localhost", Err("not an address with a port")),
        ("localhost:99999", Err("not an address with a port")),
        ("example.org:80", Err("not an address with a port")),
        (":8080", Err("not an address with a port")),
        ("8080", Err("not an address with a port")),
    ] {
        let found = load(&["--listen", text], &[]).map(|config| config.listen.to_string());
        let found = found.map_err(|problems| problems.to_string());
        match expected {
            Ok(address) => assert_eq!(found.as_deref(), Ok(address), "{text}"),
            Err(part) => assert!(found.clone().unwrap_err().contains(part), "{text}: {found:?}"),
        }
    }
}

#[test]
fn with_access_any_address_is_served() {
    let config = load(&["--listen", "0.0.0.0:8080", "--api-keys"], &[]).unwrap();
    assert_eq!((config.listen.to_string().as_str(), config.access.api_keys), ("0.0.0.0:8080", true));
    let found = problems(&["--listen", "0.0.0.0:8080", "--api-keys=off"], &[]);
    assert!(found[0].starts_with("--listen: 0.0.0.0:8080 can be reached from other machines"), "{found:?}");
}

#[test]
fn with_access_the_data_key_of_postgres_is_named() {
    let url = "postgres://waybill@db/waybill";
    assert!(load(&["--database-url", url], &[]).is_ok());
    assert!(load(&["--api-keys"], &[]).is_ok());
    let found = problems(&["--database-url", url, "--api-keys"], &[]);
    assert!(found[0].starts_with("--data-key-file: with PostgreSQL and access configured"), "{found:?}");
    let key = File::new("named-key", "");
    assert!(load(&["--database-url", url, "--api-keys", "--data-key-file", key.path()], &[]).is_ok());
}

#[test]
fn a_key_set_comes_from_a_file_or_over_a_way_that_nobody_can_change() {
    let symmetric = File::new("oct.json", r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#);
    let text = File::new("text.json", "nonsense");
    for (source, part) in [
        ("https://issuer.example/keys", ""),
        ("http://localhost:1/keys", ""),
        ("http://127.0.0.1:1/keys", ""),
        ("http://[::1]:1/keys", ""),
        ("http://issuer.example/keys", "give a file, an https URL"),
        ("ftp://localhost/keys", "give a file, an https URL"),
        ("https://", "the URL is malformed"),
        ("/not/there", "cannot read /not/there"),
        (symmetric.path(), "the set has no key for RS256, ES256 or EdDSA"),
        (text.path(), "it is not a JSON Web Key Set"),
    ] {
        match load(&["--jwks", source], &[]) {
            Ok(_) => assert_eq!(part, "", "{source}"),
            Err(problems) => {
                let problems = problems.to_string();
                assert!(!part.is_empty() && problems.contains(part), "{source}: {problems}");
            }
        }
    }
}

#[test]
fn the_key_file_is_beside_the_store_unless_given() {
    for (url, path) in [
        ("sqlite://waybill.db", "waybill.db.data-key"),
        ("sqlite:///var/lib/waybill/orders.db?cache=private", "/var/lib/waybill/orders.db.data-key"),
        ("sqlite:orders", "orders.data-key"),
        ("postgres://waybill@db/waybill", "waybill.data-key"),
    ] {
        let config = load(&["--database-url", url], &[]).unwrap();
        assert_eq!(config.data_key_file, DataKeyFile::Own(path.into()), "{url}");
    }
}

#[test]
fn every_problem_is_named_with_its_place() {
    let file = File::new(
        "wrong.toml",
        "listen = 8080\ndatabase-url = 'x'\nlog_format = 'xml'\nlimits = { depth = 3 }\nlog = true\n",
    );
    let flags = [
        "--config",
        file.path(),
        "--database-connections",
        "0",
        "--plugin-allow-net",
        "10.1.0.0/16,10.0.0.0/40,10.1.2.3/16",
    ];
    let environment = [("WAYBILL_DATABASE_URL", "mysql://root:hunter2@db/x"), ("WAYBILL_DATA_KEY_FILE", "/")];
    let found = problems(&flags, &environment);
    let path = file.path();
    let expected = [
        format!("database-url in {path}: there is no such setting; write database_url"),
        format!(
            "limits in {path}: there is no such setting; the settings are listen, public_url, \
             database_url, database_connections, data_key_file, jwt_secret_file, jwks, \
             jwt_audience, jwt_issuer, api_keys, plugin_allow_net, event_keep_days, idempotency_keep_hours, introspection, batch_limit, \
             trusted_documents, cors_origin, metrics_listen, otlp_endpoint, log, log_format, limit_depth, limit_complexity, \
             limit_values, limit_answer_bytes, limit_rows, limit_store_seconds, limit_processor_millis, limit_aliases, limit_directives, limit_root_fields, limit_tokens, limit_document_bytes, \
             limit_body_bytes, limit_list, limit_variable_values, limit_seconds, limit_sockets, limit_rate, limit_tenant_rate"
        ),
        format!(
            "listen in {path}: \"8080\" is not an address with a port; give one such as 127.0.0.1:8080, [::1]:8080 \
             or localhost:8080"
        ),
        "WAYBILL_DATABASE_URL: the URL is of no store that is known; give sqlite://FILE or \
         postgres://USER:PASSWORD@HOST/DATABASE"
            .to_owned(),
        "--database-connections: \"0\" is not a number of connections; give one from 1 to 1000".to_owned(),
        "--plugin-allow-net: \"10.0.0.0/40\" is not a network; give one such as 10.1.0.0/16 or fd00:1::/32; \
         10.1.2.3/16 is an address inside of a network; give 10.1.0.0/16 for the network, or 10.1.2.3/32 for the \
         address alone"
            .to_owned(),
        format!("log in {path}: this is a boolean; give a text, a number or a list of texts"),
        format!("log_format in {path}: \"xml\" is not a log format; give text or json"),
        "WAYBILL_DATA_KEY_FILE: / is a folder; make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)"
            .to_owned(),
    ];
    assert_eq!(found, expected);
    assert!(!found.join("\n").contains("hunter2"));
    let all = load(&flags, &environment).unwrap_err().to_string();
    assert!(all.starts_with("the configuration has 9 problems:\n  database-url in"), "{all}");
}

#[test]
fn a_collector_is_named_by_a_url_that_holds_no_secret() {
    for (given, expected) in [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("https://collector.example/otlp/", "https://collector.example/otlp"),
    ] {
        let config = load(&["--otlp-endpoint", given], &[]).unwrap();
        assert_eq!(config.otlp_endpoint.as_deref(), Some(expected));
    }
    for given in [
        "collector:4318",
        "grpc://collector:4317",
        "https://u:hunter2@collector",
        "http://collector/?key=hunter2",
    ] {
        let expected = "--otlp-endpoint: this is no address of a collector; give one such as http://127.0.0.1:4318, \
                        without a query; credentials go into the variable OTEL_EXPORTER_OTLP_HEADERS";
        assert_eq!(problems(&["--otlp-endpoint", given], &[]), [expected], "{given}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_of_whoever_named_it() {
    let broken = File::new("broken.toml", "log = 'info'\ndatabase_url = 'postgres://u:hunter2@db/x\n");
    for (flags, environment, place, part) in [
        (&["--config", "/not/there.toml"][..], &[][..], "--config: ", "cannot read /not/there.toml"),
        (&[], &[("WAYBILL_CONFIG", "/not/there.toml")], "WAYBILL_CONFIG: ", "cannot read /not/there.toml"),
        (&["--config", broken.path()], &[], "--config: ", "is not TOML: line 2: "),
    ] {
        let found = problems(flags, environment);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(place) && found[0].contains(part), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_setting_that_makes_no_sense_is_refused() {
    for (flag, text, part) in [
        ("--database-url", "", "no store that is known"),
        ("--database-url", "sqlite://", "names no file"),
        ("--database-url", "sqlite::memory:", "in memory would lose"),
        ("--database-url", "sqlite://x?mode=memory", "in memory would lose"),
        ("--database-url", "postgres://u:hunter2@h:port/x", "malformed"),
        ("--database-connections", "many", "not a number of connections"),
        ("--database-connections", "1001", "not a number of connections"),
        ("--data-key-file", "/not/there", "cannot read /not/there"),
        ("--jwt-secret-file", "/not/there", "cannot read /not/there"),
        ("--jwt-secret-file", "/dev/null", "shorter than 32 bytes"),
        ("--plugin-allow-net", "localhost", "not a network"),
        ("--introspection", "yes", "neither on nor off"),
        ("--batch-limit", "0", "give one from 1 (no lists) to 1000"),
        ("--trusted-documents", "/not/there", "cannot read /not/there"),
        ("--trusted-documents", "Cargo.toml", "has not the form"),
        ("--cors-origin", "*", "name each origin"),
        ("--cors-origin", "app.example.com", "is not an origin"),
        ("--cors-origin", "https://app.example.com/path", "is not an origin"),
        ("--cors-origin", "https://me@app.example.com", "is not an origin"),
        ("--cors-origin", "file:///x", "is not an origin"),
        ("--cors-origin", "null", "is not an origin"),
        ("--limit-depth", "31", "give one from 1 to 30"),
        ("--limit-body-bytes", "8 MiB", "give one from 1024 to 1000000000"),
        ("--limit-rate", "many", "give one from 0 to 1000000000"),
        ("--log", "waybill=loud", "not a log filter"),
        ("--log", "", "not a log filter"),
        ("--log-format", "JSON", "not a log format"),
    ] {
        let found = problems(&[flag, text], &[]);
        assert_eq!(found.len(), 1, "{flag} {text}: {found:?}");
        assert!(found[0].starts_with(flag) && found[0].contains(part), "{flag} {text}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;

    let problems = Config::load_from(&Flags::default(), &|name| {
        (name == "WAYBILL_LISTEN").then(|| OsString::from_vec(vec![0xff]))
    })
    .unwrap_err();
    assert_eq!(problems.to_string(), "WAYBILL_LISTEN: the value is not valid Unicode");
}
