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

/// Whether a variable tells of a service that another program runs: what Kubernetes sets in every container beside a Service
/// called `rialto` or `rialto-…`, and Docker beside a link of that name.
pub(super) fn is_of_a_service(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    // RIALTO_SERVICE_HOST, RIALTO_SERVICE_PORT_HTTP
    let is_service = |rest: &str| rest == "HOST" || rest == "PORT" || rest.starts_with("PORT_");
    // RIALTO_PORT_8080_TCP, RIALTO_PORT_8080_TCP_ADDR
    let is_port = |rest: &str| {
        rest.split_once('_').is_some_and(|(number, rest)| {
            number.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].iter().any(|protocol| rest.starts_with(protocol))
        })
    };
    name.split_once("_SERVICE_").is_some_and(|(_, rest)| is_service(rest))
        || name.split_once("_PORT_").is_some_and(|(_, rest)| is_port(rest))
        || (name.ends_with("_PORT") && is_address)
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
