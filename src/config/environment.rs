//! The environment, behind a trait that a test replaces with a map.

use std::collections::BTreeMap;

/// Where variables come from.
pub trait Environment {
    /// The value of a variable, if it is set (and is Unicode).
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all variables.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct Process;

impl Environment for Process {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Whether output should be coloured: only on a terminal, and never where `NO_COLOR` is set (<https://no-color.org>) or
/// the terminal is dumb.
pub fn wants_colour(environment: &dyn Environment, output: Output) -> bool {
    let refused = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = environment.get("TERM").is_some_and(|value| value == "dumb");
    output == Output::Terminal && !refused && !dumb
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To a person.
    Terminal,
    /// To a file or a program.
    Pipe,
}
