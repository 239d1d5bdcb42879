//! The configuration from outside: flags and a map of variables in, a tree or the list of mistakes out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Config, ConfigError, Environment as _, LogFormat, LogLevel, Machine, Output, Takes, keys, wants_colour};

const MACHINE: Machine = Machine { file_descriptors: 1_000, memory_bytes: 8 << 30, processors: 3 };

fn load(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let flags: Vec<(String, String)> = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load_on(&MACHINE, &flags, &variables(environment))
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
        ("max-subscriptions", "many", "\"many\" is not a whole number"),
        ("max-subscriptions", "0", "must be at least 1"),
        ("max-message-bytes", "2MiB", "2MiB is more than the hard limit of 1MiB"),
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
fn an_open_address_needs_insecure() {
    for key in ["listen", "grpc", "admin"] {
        let found = mistakes(&[(key, "0.0.0.0:7000")], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, format!("--{key}"));
        assert!(found[0].1.contains("--insecure"), "{}", found[0].1);
        assert!(load(&[(key, "0.0.0.0:7000"), ("insecure", "true")], &[]).is_ok());
    }
    assert!(load(&[("listen", "[::1]:0"), ("grpc", "127.0.0.9:0")], &[]).is_ok());
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
        let mut config = Config::on(&MACHINE);
        for shown in key.value(&config) {
            key.apply(&mut config, &shown).unwrap_or_else(|problem| panic!("{}: {problem}", key.name));
        }
        assert_eq!(config, Config::on(&MACHINE), "{} does not read back what it shows", key.name);
        key.apply(&mut config, key.example).unwrap_or_else(|problem| panic!("{}: {problem}", key.name));
        assert_eq!(key.value(&config), [key.example], "{}", key.name);
        assert!(!key.help.is_empty() && !key.help.ends_with('.'), "{}", key.name);
        assert!(matches!(key.takes, Takes::Nothing) == ["insecure", "allow-breaking"].contains(&key.name));
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
