//! The configuration that holds, and where each value of it came from.

use std::fmt;
use std::path::PathBuf;

use super::file::{self, as_toml};
use super::key::{Key, Takes};
use super::{
    Config, ConfigError, Environment, Machine, Mistake, contradictions, empty_key_variables, is_guard, keys,
    said_in_environment, said_in_flags, unknown_variables,
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of a configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A configuration with where each value came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// What holds.
    pub config: Config,
    /// In the order of [`keys()`].
    origins: Vec<Origin>,
}

impl Effective {
    /// Makes the configuration of flags, environment and file, in this order of precedence.
    ///
    /// # Errors
    /// Every mistake, in one [`ConfigError`].
    pub fn load(flags: &[(String, String)], environment: &dyn Environment) -> Result<Effective, ConfigError> {
        Effective::load_on(&Machine::read(), flags, environment)
    }

    pub(super) fn load_on(
        machine: &Machine,
        flags: &[(String, String)],
        environment: &dyn Environment,
    ) -> Result<Effective, ConfigError> {
        let mut config = Config::on(machine);
        let mut origins = Vec::with_capacity(keys().len());
        let mut path = None;
        let mut in_file = file::Said::default();
        let (mut mistakes, mut is_guard_lost) = (Vec::new(), false);
        for key in keys() {
            let (origin, said) = said_beside_files(key, flags, environment).unwrap_or_else(|| {
                let entry = in_file.entries.iter().find(|entry| entry.key.name == key.name);
                match (entry, &path) {
                    (Some(entry), Some(path)) => {
                        (Origin::File { path: PathBuf::clone(path), line: entry.line }, entry.values.clone())
                    }
                    _ => (Origin::Default, Vec::new()),
                }
            });
            for value in said {
                if let Err(problem) = key.apply(&mut config, &value) {
                    is_guard_lost |= is_guard(key);
                    let (key, example) = (blamed(&origin, key), key.example.to_owned());
                    mistakes.push(Mistake { key, problem, example });
                }
            }
            origins.push(origin);
            // The first key of all names the file.
            if path.is_none()
                && let Some(named) = &config.file
            {
                in_file = file::read(named);
                path = Some(named.clone());
            }
        }
        mistakes.append(&mut in_file.mistakes);
        mistakes.extend(unknown_variables(environment));
        mistakes.extend(empty_key_variables(environment));
        let contradicting = contradictions(&config, is_guard_lost).into_iter();
        mistakes.extend(contradicting.map(|mistake| blame_origin(mistake, &origins)));
        if mistakes.is_empty() { Ok(Effective { config, origins }) } else { Err(ConfigError { mistakes }) }
    }

    /// Every key with its values and where they came from.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Key, Vec<String>, &Origin)> {
        keys().iter().zip(&self.origins).map(|(key, origin)| (*key, key.value(&self.config), origin))
    }

    /// A file that says what was said; what was not is there as a comment.
    pub fn to_toml(&self) -> String {
        let mut text = "# The configuration of a bridge: rialto serve --config THIS-FILE\n".to_owned();
        for (key, values, origin) in self.entries().filter(|(key, ..)| key.name != "config") {
            let is_empty = values.is_empty() && !matches!(key.takes, Takes::Many(_));
            let shown = if is_empty { vec![key.example.to_owned()] } else { values };
            // A secret is not written down by the way: whoever takes the file brings it along.
            let comment = if *origin == Origin::Default || key.is_secret() { "# " } else { "" };
            text.push_str(&format!("\n# {}\n{comment}{}\n", key.help, as_toml(key, &shown)));
        }
        text
    }
}

/// What flags say of a key, or else the environment.
fn said_beside_files(
    key: &Key,
    flags: &[(String, String)],
    environment: &dyn Environment,
) -> Option<(Origin, Vec<String>)> {
    let flagged = said_in_flags(key, flags);
    if !flagged.is_empty() {
        return Some((Origin::Flag(key.flag()), flagged));
    }
    let set = said_in_environment(key, environment);
    (!set.is_empty()).then(|| (Origin::Variable(key.variable()), set))
}

/// What to change for a value of this origin.
fn blamed(origin: &Origin, key: &Key) -> String {
    match origin {
        Origin::Default => key.flag(),
        Origin::File { .. } => format!("{origin}: {}", key.name),
        Origin::Variable(name) | Origin::Flag(name) => name.clone(),
    }
}

/// A contradiction names a flag; whoever said it elsewhere is to look there.
fn blame_origin(mistake: Mistake, origins: &[Origin]) -> Mistake {
    let said = keys().iter().zip(origins).find(|(key, _)| key.flag() == mistake.key);
    let key = said.map_or_else(|| mistake.key.clone(), |(key, origin)| blamed(origin, key));
    Mistake { key, ..mistake }
}
