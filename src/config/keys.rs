//! Everything that can be said, in the order of the help.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::key::{Group, Key, Takes};
use super::{LogFormat, LogLevel, SchemaPolicy, identity, limits, peers, proxies, tls, value};

/// Every key.
pub fn keys() -> &'static [&'static Key] {
    static ALL: LazyLock<Vec<&'static Key>> = LazyLock::new(|| {
        let groups = [BASICS, identity::KEYS, identity::BOUNDS, peers::KEYS, tls::KEYS, proxies::KEYS, limits::KEYS];
        groups.into_iter().flatten().collect()
    });
    &ALL
}

const BASICS: &[Key] = &[
    Key {
        name: "config",
        group: Group::Basics,
        takes: Takes::One("PATH"),
        help: "A file to read the rest from, `key = value` each; flags and variables win over it",
        example: "rialto.toml",
        read: |config, text| {
            config.file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| config.file.iter().map(|path| path.display().to_string()).collect(),
    },
    Key {
        name: "listen",
        group: Group::Basics,
        takes: Takes::One("ADDRESS"),
        help: "Where browsers connect: /ws, /health, /ready; port 0 takes a free one",
        example: "127.0.0.1:8080",
        read: |config, text| value::address(text).map(|address| config.listen = address),
        show: |config| vec![config.listen.to_string()],
    },
    Key {
        name: "grpc",
        group: Group::Basics,
        takes: Takes::One("ADDRESS"),
        help: "Where backends publish",
        example: "127.0.0.1:50051",
        read: |config, text| value::address(text).map(|address| config.grpc = address),
        show: |config| vec![config.grpc.to_string()],
    },
    Key {
        name: "admin",
        group: Group::Basics,
        takes: Takes::One("ADDRESS"),
        help: "Where operators look and scripts publish over HTTP: /v1/publish",
        example: "127.0.0.1:9090",
        read: |config, text| value::address(text).map(|address| config.admin = address),
        show: |config| vec![config.admin.to_string()],
    },
    Key {
        name: "schema",
        group: Group::Basics,
        takes: Takes::Many("PATH"),
        help: "A folder of .proto files, or a file with a FileDescriptorSet, instead of the bundled catalogue; may be repeated",
        example: "./my-proto",
        read: |config, text| {
            config.schema.push(PathBuf::from(text));
            Ok(())
        },
        show: |config| config.schema.iter().map(|path| path.display().to_string()).collect(),
    },
    Key {
        name: "allow-breaking",
        group: Group::Basics,
        takes: Takes::Nothing,
        help: "Lets a reload by SIGHUP make breaking changes; subscriptions on types and channels that go end, and are told so",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.allow_breaking = yes),
        show: |config| vec![config.allow_breaking.to_string()],
    },
    Key {
        name: "schema-policy",
        group: Group::Basics,
        takes: Takes::One("POLICY"),
        help: "For clients built from another schema: serve them, ask them to reload the page, or refuse them (4503)",
        example: "serve",
        read: |config, text| one_of(text, POLICIES).map(|policy| config.schema_policy = policy),
        show: |config| vec![name_in(config.schema_policy, POLICIES)],
    },
    Key {
        name: "insecure",
        group: Group::Basics,
        takes: Takes::Nothing,
        help: "Allows addresses other than loopback although nobody is authenticated there; tokens are asked for all the same",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.insecure = yes),
        show: |config| vec![config.insecure.to_string()],
    },
    Key {
        name: "allowed-origin",
        group: Group::Basics,
        takes: Takes::Many("ORIGIN"),
        help: "An origin whose pages may connect; pages of this machine may while the bridge listens on loopback and asks nobody for a token",
        example: "https://app.example.com",
        read: |config, text| value::origin(text).map(|origin| config.allowed_origins.push(origin)),
        show: |config| config.allowed_origins.clone(),
    },
    Key {
        name: "allowed-host",
        group: Group::Basics,
        takes: Takes::Many("NAME"),
        help: "A name by which the internal port may be addressed, beside IP addresses and localhost",
        example: "rialto.internal",
        read: |config, text| value::host(text).map(|host| config.allowed_hosts.push(host)),
        show: |config| config.allowed_hosts.clone(),
    },
    Key {
        name: "ready-file",
        group: Group::Basics,
        takes: Takes::One("PATH"),
        help: "Gets the chosen addresses as JSON once everything listens",
        example: "/run/rialto/ready.json",
        read: |config, text| {
            config.ready_file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| config.ready_file.iter().map(|path| path.display().to_string()).collect(),
    },
    Key {
        name: "log-format",
        group: Group::Basics,
        takes: Takes::One("FORMAT"),
        help: "text for people, json for machines",
        example: "json",
        read: |config, text| one_of(text, FORMATS).map(|format| config.log.format = format),
        show: |config| vec![name_in(config.log.format, FORMATS)],
    },
    Key {
        name: "log-level",
        group: Group::Basics,
        takes: Takes::One("LEVEL"),
        help: "The least that is logged: error, warn, info, debug or trace",
        example: "info",
        read: |config, text| one_of(text, LEVELS).map(|level| config.log.level = level),
        show: |config| vec![name_in(config.log.level, LEVELS)],
    },
    Key {
        name: "log-payloads",
        group: Group::Basics,
        takes: Takes::Nothing,
        help: "Shows payloads in the log, for finding mistakes: masked fields as \"***\", 1 KiB each, 100 a second, as lines at TRACE whatever --log-level says",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.log.payloads = yes),
        show: |config| vec![config.log.payloads.to_string()],
    },
    Key {
        name: "drain-timeout",
        group: Group::Basics,
        takes: Takes::One("TIME"),
        help: "How long a shutdown may take before what is left is cut",
        example: "30s",
        read: |config, text| value::duration(text).map(|drain| config.drain = drain),
        show: |config| vec![value::show_duration(config.drain)],
    },
];

const POLICIES: &[(&str, SchemaPolicy)] =
    &[("serve", SchemaPolicy::Serve), ("reload", SchemaPolicy::Reload), ("refuse", SchemaPolicy::Refuse)];

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

fn one_of<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("{text:?} is not one of {}", known.join(", "))
    })
}

fn name_in<T: Copy + PartialEq>(value: T, names: &[(&str, T)]) -> String {
    names.iter().find(|(_, known)| *known == value).map_or_else(String::new, |(name, _)| (*name).to_owned())
}
