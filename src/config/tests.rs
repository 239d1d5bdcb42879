//! The configuration from outside: flags and a map of variables in, a tree or the list of mistakes out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Config, ConfigError, Effective, Environment as _, LogFormat, LogLevel, Machine, Output, Takes, keys, wants_colour,
};

mod guards;

const MACHINE: Machine = Machine { file_descriptors: 1_000, memory_bytes: 8 << 30, processors: 3 };

pub(super) fn load(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let flags: Vec<(String, String)> = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Effective::load_on(&MACHINE, &flags, &variables(environment)).map(|effective| effective.config)
}

fn variables(environment: &[(&str, &str)]) -> BTreeMap<String, String> {
    environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn mistakes(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<(String, String)> {
    let error = load(flags, environment).expect_err("should be refused");
    error.mistakes.into_iter().map(|mistake| (mistake.key, mistake.problem)).collect()
}

#[test]
fn nothing_said_is_a_complete_configuration() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config, Config::on(&MACHINE));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.limits.max_connections, 800);
    assert_eq!(config.limits.max_log_bytes, 2 << 30);
    assert_eq!(config.limits.shards, 3);
}

#[test]
fn a_large_machine_does_not_give_everything_to_logs() {
    let config = Config::on(&Machine { memory_bytes: 1 << 40, ..MACHINE });
    assert_eq!(config.limits.max_log_bytes, 4 << 30);
}

#[test]
fn flags_win_over_variables_and_variables_over_defaults() {
    let config = load(
        &[("listen", "127.0.0.1:1"), ("schema", "a"), ("schema", "b")],
        &[("RIALTO_LISTEN", "127.0.0.1:2"), ("RIALTO_GRPC", "[::1]:3"), ("RIALTO_SCHEMA", "c")],
    )
    .unwrap();
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.grpc.to_string(), "[::1]:3");
    assert_eq!(config.schema, ["a", "b"].map(std::path::PathBuf::from));
}

#[test]
fn a_variable_that_takes_many_has_commas_and_an_empty_one_says_nothing() {
    let config =
        load(&[], &[("RIALTO_ALLOWED_ORIGIN", "https://a.example, https://b.example:8443,"), ("RIALTO_LISTEN", "")])
            .unwrap();
    assert_eq!(config.allowed_origins, ["https://a.example", "https://b.example:8443"]);
    assert_eq!(config.listen.port(), 8080);
}

#[test]
fn a_host_is_a_name_without_scheme_and_port() {
    let config = load(&[("allowed-host", "Rialto.internal")], &[]).unwrap();
    assert_eq!(config.allowed_hosts, ["rialto.internal"]);
    for wrong in ["http://rialto", "rialto:9090", "a b"] {
        let error = load(&[("allowed-host", wrong)], &[]).unwrap_err();
        assert!(error.to_string().contains("--allowed-host"), "{error}");
    }
}

#[test]
fn values_have_units() {
    let config = load(
        &[("ping-interval", "1500ms"), ("max-channel-bytes", "64KiB"), ("max-connections", "10_000")],
        &[("RIALTO_DRAIN_TIMEOUT", "2m"), ("RIALTO_LOG_FORMAT", "json"), ("RIALTO_LOG_LEVEL", "warn")],
    )
    .unwrap();
    assert_eq!(config.limits.ping_interval, Duration::from_millis(1_500));
    assert_eq!(config.limits.max_channel_bytes, 65_536);
    assert_eq!(config.limits.max_connections, 10_000);
    assert_eq!(config.drain, Duration::from_secs(120));
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, LogLevel::Warn));
}

#[test]
fn wrong_values_are_refused_and_say_what_is_wrong() {
    let table = [
        ("listen", "8080", "\"8080\" is not an IP address with a port"),
        ("ping-interval", "30", "\"30\" is not a whole number with a unit (ms, s, m, h)"),
        ("ping-interval", "0s", "must be longer than nothing"),
        ("ping-interval", "99999h", "\"99999h\" is longer than a year"),
        ("max-event-bytes", "1MB", "\"1MB\" is not a whole number of bytes, KiB, MiB or GiB"),
        ("max-event-bytes", "0", "must be at least 1 byte"),
        ("replay-bytes-per-second", "0", "must be at least 1 byte"),
        ("replay-burst-bytes", "0KiB", "must be at least 1 byte"),
        ("max-subscriptions", "many", "\"many\" is not a whole number"),
        ("max-subscriptions", "0", "must be at least 1"),
        ("max-message-bytes", "2MiB", "2MiB is more than the hard limit of 1MiB"),
        ("max-depth", "201", "201 is more than the hard limit of 200"),
        ("max-publish-request-bytes", "1KiB", "a request could not carry an event of --max-event-bytes 1MiB"),
        ("log-level", "loud", "\"loud\" is not one of error, warn, info, debug, trace"),
        ("insecure", "perhaps", "\"perhaps\" is neither true nor false"),
        ("allowed-origin", "app.example.com", "does not begin with https:// or http:// and a host"),
        ("allowed-origin", "https://*.example.com", "* matches nothing"),
        ("allowed-origin", "https://app.example.com/", "no final slash"),
        ("allowed-origin", "https://app.example.com:443", "browsers send \"https://app.example.com\""),
    ];
    for (key, value, expected) in table {
        let found = mistakes(&[(key, value)], &[]);
        assert_eq!(found.len(), 1, "{key}={value}: {found:?}");
        assert_eq!(found[0].0, format!("--{key}"));
        assert!(found[0].1.contains(expected), "{key}={value}: {:?}", found[0].1);
    }
}

#[test]
fn all_mistakes_come_at_once_with_the_name_that_was_used_and_an_example() {
    let error = load(
        &[("listen", "nowhere")],
        &[("RIALTO_PING_INTERVAL", "soon"), ("RIALTO_MAX_CONECTIONS", "5"), ("PATH", "/bin")],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 mistakes in the configuration\n\
         \x20 --listen: \"nowhere\" is not an IP address with a port (example: 127.0.0.1:8080)\n\
         \x20 RIALTO_PING_INTERVAL: \"soon\" is not a whole number with a unit (ms, s, m, h) (example: 30s)\n\
         \x20 RIALTO_MAX_CONECTIONS: no such variable; the nearest one is RIALTO_MAX_CONNECTIONS (example: \
         RIALTO_MAX_CONNECTIONS=5000)"
    );
}

#[test]
fn what_a_cluster_says_about_its_services_configures_nothing_and_is_no_mistake() {
    let config = load(
        &[],
        &[
            ("RIALTO_SERVICE_HOST", "10.0.171.239"),
            ("RIALTO_SERVICE_PORT", "8080"),
            ("RIALTO_SERVICE_PORT_WS", "8080"),
            ("RIALTO_PORT", "tcp://10.0.171.239:8080"),
            ("RIALTO_PORT_8080_TCP", "tcp://10.0.171.239:8080"),
            ("RIALTO_PORT_8080_TCP_PROTO", "tcp"),
            ("RIALTO_PORT_8080_TCP_PORT", "8080"),
            ("RIALTO_PORT_8080_TCP_ADDR", "10.0.171.239"),
            ("RIALTO_ADMIN_SERVICE_HOST", "10.0.171.240"),
            ("RIALTO_ADMIN_PORT", "tcp://10.0.171.240:9090"),
            ("RIALTO_ADMIN_PORT_9090_TCP_ADDR", "10.0.171.240"),
        ],
    );
    assert_eq!(config.unwrap(), Config::on(&MACHINE));
    // What somebody wrote is told as before.
    for (name, value) in
        [("RIALTO_PORT", "8080"), ("RIALTO_SERVICE", "x"), ("RIALTO_SERVICE_NAME", "x"), ("RIALTO_PORT_GRPC", "1")]
    {
        assert_eq!(mistakes(&[], &[(name, value)]).len(), 1, "{name}");
    }
}

#[test]
fn two_listeners_cannot_share_an_address_except_a_free_one() {
    let found = mistakes(&[("grpc", "127.0.0.1:8080")], &[]);
    assert_eq!(found, [("--grpc".to_owned(), "127.0.0.1:8080 is the address of --listen too".to_owned())]);
    assert!(load(&[("listen", "127.0.0.1:0"), ("grpc", "127.0.0.1:0"), ("admin", "127.0.0.1:0")], &[]).is_ok());
}

#[test]
fn every_key_is_described_once_and_reads_what_it_shows_and_its_example() {
    let mut names: Vec<&str> = keys().iter().map(|key| key.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    for key in keys() {
        assert!(!key.unit().is_empty());
        let mut config = Config::on(&MACHINE);
        for shown in key.value(&config) {
            key.apply(&mut config, &shown).unwrap_or_else(|problem| panic!("{}: {problem}", key.name));
        }
        assert_eq!(config, Config::on(&MACHINE), "{} does not read back what it shows", key.name);
        key.apply(&mut config, key.example).unwrap_or_else(|problem| panic!("{}: {problem}", key.name));
        let shown = if key.is_secret() { "(set)" } else { key.example };
        assert_eq!(key.value(&config), [shown], "{}", key.name);
        assert!(!key.help.is_empty() && !key.help.ends_with('.'), "{}", key.name);
        assert!(
            matches!(key.takes, Takes::Nothing)
                == [
                    "insecure",
                    "allow-breaking",
                    "token-in-query",
                    "session-token",
                    "require-tenant",
                    "log-payloads",
                    "proxy-protocol",
                    "grpc-proxy-protocol",
                    "admin-proxy-protocol",
                ]
                .contains(&key.name)
        );
    }
}

#[test]
fn colour_is_for_terminals_whose_owner_did_not_refuse() {
    let table = [
        (&[][..], Output::Terminal, true),
        (&[], Output::Pipe, false),
        (&[("NO_COLOR", "1")], Output::Terminal, false),
        (&[("NO_COLOR", "")], Output::Terminal, true),
        (&[("TERM", "dumb")], Output::Terminal, false),
        (&[("TERM", "xterm")], Output::Terminal, true),
    ];
    for (environment, output, expected) in table {
        assert_eq!(wants_colour(&variables(environment), output), expected, "{environment:?} {output:?}");
    }
    assert!(super::Process.get("RIALTO_SURELY_NOT_SET").is_none());
}

fn effective(text: &str, flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Effective, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rialto.toml");
    std::fs::write(&path, text).unwrap();
    let mut all = vec![("config".to_owned(), path.display().to_string())];
    all.extend(flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    Effective::load_on(&MACHINE, &all, &variables(environment))
}

#[test]
fn a_file_gives_way_to_variables_and_flags_and_says_its_lines() {
    let text = "# mine\nlisten = \"127.0.0.1:1\"\nmax-connections = 10_000\nallowed-host = [\"a.example\", \"b\"]\n\
                insecure = true\npong-timeout = \"7s\"\n";
    let found = effective(text, &[("listen", "127.0.0.1:3")], &[("RIALTO_PONG_TIMEOUT", "8s")]).unwrap();
    assert_eq!(found.config.listen.port(), 3);
    assert_eq!(found.config.limits.pong_timeout, Duration::from_secs(8));
    assert_eq!((found.config.limits.max_connections, found.config.insecure), (10_000, true));
    assert_eq!(found.config.allowed_hosts, ["a.example", "b"]);
    let origin = |name: &str| {
        let entry = found.entries().find(|(key, ..)| key.name == name);
        entry.map(|(.., origin)| origin.to_string().rsplit('/').next().unwrap_or_default().to_owned()).unwrap()
    };
    assert_eq!(origin("max-connections"), "rialto.toml:3");
    assert_eq!(origin("insecure"), "rialto.toml:5");
    assert_eq!((origin("listen"), origin("grpc")), ("--listen".to_owned(), "default".to_owned()));
    assert_eq!(origin("pong-timeout"), "RIALTO_PONG_TIMEOUT");
}

#[test]
fn mistakes_of_a_file_have_its_name_and_line() {
    let table = [
        ("ping = \"1s\"", ":1: ping", "no such key; the nearest one is ping-interval"),
        ("\nMax_Connections = 5", ":2: Max_Connections", "no such key; the nearest one is max-connections"),
        ("max-connections = 1.5", ":1: max-connections", "takes text or a number, not a float"),
        ("max-connections = [5]", ":1: max-connections", "takes one value, not a list"),
        ("ping-interval = 30", ":1: ping-interval", "\"30\" is not a whole number with a unit (ms, s, m, h)"),
        ("config = \"other.toml\"", ":1: config", "a file cannot name another one"),
        ("[limits]\nlisten = \"x\"", ":1: limits", "is a table; every key stands at the top of the file"),
        ("\n\nlisten", ":3", "is not TOML"),
        ("log-level = info", ":1: log-level", "is not TOML: text stands in quotes"),
        ("\nlisten = 127.0.0.1:9  # here", ":2: listen", "is not TOML: text stands in quotes"),
        ("allowed-origin = https://a.example", ":1: allowed-origin", "is not TOML: text stands in quotes"),
        ("max-connections = many", ":1", "is not TOML"),
        ("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"", ":2", "is not TOML"),
        ("grpc = \"127.0.0.1:8080\"", ":1: grpc", "127.0.0.1:8080 is the address of --listen too"),
        ("max-message-bytes = \"2MiB\"", ":1: max-message-bytes", "more than the hard limit"),
    ];
    for (text, place, problem) in table {
        let found = effective(text, &[], &[]).expect_err("should be refused").mistakes;
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].key.ends_with(&format!("rialto.toml{place}")), "{text}: {}", found[0].key);
        assert!(found[0].problem.contains(problem), "{text}: {}", found[0].problem);
        assert!(!problem.contains("nearest one") || found[0].problem == problem, "{text}: {}", found[0].problem);
        // What is advised can be written there.
        if !found[0].example.starts_with("--") && found[0].example.contains(" = ") {
            assert!(effective(&found[0].example, &[], &[]).is_ok(), "{text}: {}", found[0].example);
        }
    }
}

#[test]
fn what_is_wrong_on_the_command_line_in_variables_and_in_a_file_comes_at_once() {
    let text = "max-connections = 0\nno-such-key = 1\ngrpc = \"127.0.0.1:7000\"\nadmin = \"127.0.0.1:7000\"";
    let (flags, variables) = (&[("ping-interval", "soon")], &[("RIALTO_PONG_TIMEOUT", "late"), ("RIALTO_PING", "1s")]);
    let found = effective(text, flags, variables).expect_err("should be refused").mistakes;
    let mut blamed: Vec<&str> =
        found.iter().map(|mistake| &mistake.key[mistake.key.find(':').map_or(0, |at| at + 1)..]).collect();
    blamed.sort_unstable();
    let expected =
        ["--ping-interval", "1: max-connections", "2: no-such-key", "4: admin", "RIALTO_PING", "RIALTO_PONG_TIMEOUT"];
    assert_eq!(blamed, expected, "{found:#?}");
}

#[test]
fn only_a_file_on_the_disk_is_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large.toml"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::write(&large, "# \n".repeat(400_000)).unwrap();
    let table = [
        (pipe.as_path(), "is not a regular file"),
        (std::path::Path::new("/dev/zero"), "is not a regular file"),
        (folder.path(), "is not a regular file"),
        (&large, "has more than the 1048576 bytes that are read"),
        (std::path::Path::new("/no/such.toml"), "cannot be read"),
    ];
    for (path, problem) in table {
        let shown = path.display().to_string();
        let found = mistakes(&[("config", &shown)], &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == shown && found[0].1.contains(problem), "{found:?}");
    }
}

#[test]
fn a_printed_file_loads_as_what_it_was_printed_from() {
    let flags = [
        ("listen", "127.0.0.1:0"),
        ("allowed-host", "a.example"),
        ("allowed-host", "b"),
        ("schema", "a \"quoted\" \\ folder"),
        ("insecure", "true"),
        ("max-connections", "7"),
        ("max-event-bytes", "2MiB"),
        ("schema-policy", "refuse"),
    ];
    let printed = effective("", &flags, &[]).unwrap();
    let text = printed.to_toml();
    let again = effective(&text, &[], &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(Config { file: None, ..again.config }, Config { file: None, ..printed.config.clone() });
    assert!(text.contains("\n# ping-interval = \"30s\"\n"), "what was not said is a comment:\n{text}");
}

#[test]
fn a_variable_that_was_not_finished_is_finished() {
    let found = mistakes(&[], &[("RIALTO_PING", "1s")]);
    assert_eq!(found[0].1, "no such variable; the nearest one is RIALTO_PING_INTERVAL");
}
