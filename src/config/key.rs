//! One thing that can be configured: its names, its meaning, and how its text becomes a value.

use super::{Config, VARIABLE_PREFIX};

/// One key.
///
/// A key is called the same everywhere: `max-connections` in a file is `--max-connections` on the command line and
/// `RIALTO_MAX_CONNECTIONS` in the environment.
#[derive(Debug)]
pub struct Key {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// Where it stands in the help.
    pub group: Group,
    /// What it takes.
    pub takes: Takes,
    /// What it means, in a sentence for the help.
    pub help: &'static str,
    /// A value that is right.
    pub example: &'static str,
    pub(super) read: Read,
    pub(super) show: fn(&Config) -> Vec<String>,
}

/// How a key's text enters the configuration.
pub(super) type Read = fn(&mut Config, &str) -> Result<(), String>;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing on the command line; `true` or `false` in the environment.
    Nothing,
    /// One value, called this in the help.
    One(&'static str),
    /// Any number of values: the flag is repeated, the variable has commas.
    Many(&'static str),
}

/// Where a key stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What most people set.
    Basics,
    /// Who is believed to be whom.
    Identity,
    /// TLS, and what stands before the bridge.
    Edge,
    /// Limits of browsers' connections.
    Connections,
    /// Limits of publishing.
    Publishing,
    /// What channels keep.
    Logs,
}

impl Group {
    /// The heading in the help.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Basics => "Basics",
            Group::Identity => "Identity",
            Group::Edge => "TLS and proxies",
            Group::Connections => "Limits of connections",
            Group::Publishing => "Limits of publishing",
            Group::Logs => "Limits of channel logs",
        }
    }
}

impl Key {
    /// The flag, `--max-connections`.
    pub fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// The variable, `RIALTO_MAX_CONNECTIONS`.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// What its values are, and in which unit.
    pub fn unit(&self) -> &'static str {
        match self.takes {
            Takes::Nothing => "true or false",
            Takes::One("N") => "a number",
            Takes::One("BYTES") => "bytes, or KiB, MiB, GiB",
            Takes::One("N|off") => "a number, or off",
            Takes::One("TIME") => "ms, s, m or h",
            Takes::One("SPAN") => "ms, s, m or h, or off",
            Takes::One("ADDRESS") => "an IP address with a port",
            Takes::One("PATH") => "a path",
            Takes::One("URLPATH") => "a path of URLs",
            Takes::Many("NETWORK") => "IP addresses or networks",
            Takes::Many("PATH") => "paths",
            Takes::One("SECRET" | "ISSUER" | "CLAIM") => "a text",
            Takes::One(_) => "a word",
            Takes::Many(_) => "any number of them",
        }
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.takes == Takes::One("SECRET")
    }

    /// The value in a configuration, as it would be written; several for a key that takes many.
    pub fn value(&self, config: &Config) -> Vec<String> {
        (self.show)(config)
    }

    /// Puts a value into the configuration; a key that takes many adds it.
    pub(super) fn apply(&self, config: &mut Config, text: &str) -> Result<(), String> {
        (self.read)(config, text)
    }
}
