//! What was said (flags, environment, a file) turned into what is meant, with every mistake reported at once.
//!
//! A [`Config`] is a tree of plain structs, made once at start and never changed. Flags win over the environment, the
//! environment over the file, the file over the defaults; the table in [`keys()`] is the only list of what can be said. This is the only module
//! that reads the environment, and it does so through [`Environment`], so that a test hands in a map.

mod effective;
mod environment;
mod file;
mod identity;
mod key;
mod keys;
mod limits;
mod machine;
mod peers;
mod proxies;
mod publishers;
mod spelling;
mod tls;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use effective::{Effective, Origin};
pub use environment::{Environment, Output, Process, wants_colour};
pub use identity::{Identity, IssuerTenant, JwksUrl, Secret, secret_of};
pub use key::{Group, Key, Takes};
pub use keys::keys;
pub use limits::Limits;
pub use machine::{Machine, raise_file_descriptors};
pub use peers::Peers;
pub use proxies::ProxyConfig;
pub use publishers::{parse_publishers, read_publishers};
pub use tls::{Port, TlsConfig};
pub use value::duration;

/// What every variable of Rialto's begins with.
pub const VARIABLE_PREFIX: &str = "RIALTO_";

/// Everything that can be chosen about a bridge.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file that was read. Default none: no file is read that was not named.
    pub file: Option<PathBuf>,
    /// Where browsers connect. Default `127.0.0.1:8080`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where backends publish. Default `127.0.0.1:50051`.
    pub grpc: SocketAddr,
    /// Where operators look and scripts publish over HTTP. Default `127.0.0.1:9090`.
    pub admin: SocketAddr,
    /// Gets the addresses as JSON once everything listens.
    pub ready_file: Option<PathBuf>,
    /// Folders of `.proto` files and files with a `FileDescriptorSet`. Empty: the bundled catalogue.
    pub schema: Vec<PathBuf>,
    /// Whether SIGHUP may bring a schema that takes away what is in use. Default no.
    pub allow_breaking: bool,
    /// What a client does that was built from another schema. Default: it is served.
    pub schema_policy: SchemaPolicy,
    /// Whether addresses other than loopback are allowed although nobody is authenticated there. It never turns
    /// authentication off. Default no.
    pub insecure: bool,
    /// The origins whose pages may connect, compared as they are. Pages of this machine may always connect while the
    /// bridge listens on loopback and nobody is authenticated. Default none.
    pub allowed_origins: Vec<String>,
    /// Names by which the internal port may be addressed, beside IP addresses and `localhost`. Default none.
    pub allowed_hosts: Vec<String>,
    /// Who is believed to be whom. Default: nobody is authenticated.
    pub identity: Identity,
    /// Certificates. Default: the ports are plain.
    pub tls: TlsConfig,
    /// What stands before the port of browsers. Default: nothing.
    pub proxy: ProxyConfig,
    /// Who publishes and who operates. Default: whoever reaches the port.
    pub peers: Peers,
    /// How the bridge logs.
    pub log: LogConfig,
    /// How long a shutdown may take before what is left is cut. Default 30 s.
    pub drain: Duration,
    /// How much of everything there may be, and how long.
    pub limits: Limits,
}

/// What a client does that was built from another schema than the one that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaPolicy {
    /// Nothing: it is served.
    Serve,
    /// It is served, and asked to reload when convenient.
    Reload,
    /// It is refused with 4503.
    Refuse,
}

/// How the bridge logs, to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least that is logged.
    pub level: LogLevel,
    /// Whether payloads are shown in the log, masked.
    pub payloads: bool,
}

/// For whom log lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// People: one readable line each.
    Text,
    /// Machines: one JSON object a line.
    Json,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something is odd.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Default for Config {
    /// What holds when nothing is said, on this machine.
    fn default() -> Self {
        Config::on(&Machine::read())
    }
}

impl Config {
    /// What holds when nothing is said, on a machine of this size.
    pub fn on(machine: &Machine) -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Config {
            file: None,
            listen: loopback(8080),
            grpc: loopback(50051),
            admin: loopback(9090),
            ready_file: None,
            schema: Vec::new(),
            allow_breaking: false,
            schema_policy: SchemaPolicy::Serve,
            insecure: false,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            identity: Identity::default(),
            tls: TlsConfig::default(),
            proxy: ProxyConfig::default(),
            peers: Peers::default(),
            log: LogConfig { format: LogFormat::Text, level: LogLevel::Info, payloads: false },
            drain: Duration::from_secs(30),
            limits: Limits::on(machine),
        }
    }

    /// Makes the configuration of flags, environment and the file that one of them names.
    ///
    /// `flags` has the values given on the command line by [`Key::name`], in their order.
    ///
    /// # Errors
    /// Every mistake, in one [`ConfigError`].
    pub fn load(flags: &[(String, String)], environment: &dyn Environment) -> Result<Config, ConfigError> {
        Effective::load(flags, environment).map(|effective| effective.config)
    }

    /// Whether any port asks who somebody is. Then there is no page that shows everything and publishes for whoever sees it.
    pub fn asks_anybody(&self) -> bool {
        let has_guard = self.peers.publishers.is_some() || self.peers.admin_token.is_some();
        has_guard || self.identity.is_on() || Port::ALL.iter().any(|port| self.tls.asks_for_certificates(*port))
    }
}

/// The values of one key on the command line.
fn said_in_flags(key: &Key, flags: &[(String, String)]) -> Vec<String> {
    flags.iter().filter(|(name, _)| name == key.name).map(|(_, value)| value.clone()).collect()
}

/// The values of one key in the environment. An empty variable says nothing.
fn said_in_environment(key: &Key, environment: &dyn Environment) -> Vec<String> {
    let Some(text) = environment.get(&key.variable()) else { return Vec::new() };
    let values: Vec<&str> = match key.takes {
        Takes::Many(_) => text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect(),
        _ => Some(text.trim()).filter(|text| !text.is_empty()).into_iter().collect(),
    };
    values.into_iter().map(str::to_owned).collect()
}

/// Whether this key says who is let in.
fn is_guard(key: &Key) -> bool {
    Identity::KEYS.contains(&key.name) || Peers::GUARDS.contains(&key.name)
}

/// Variables that should hold a key or name a certificate and are empty. Elsewhere an empty variable says nothing; here it
/// would say that nobody is asked for a token, or that a port is plain, because something before the bridge has lost it.
fn empty_key_variables(environment: &dyn Environment) -> Vec<Mistake> {
    let is_empty = |key: &&&Key| environment.get(&key.variable()).is_some_and(|text| text.trim().is_empty());
    let missed = |key: &&'static Key| match () {
        () if is_guard(key) => {
            Some((*key, "without a key nobody is asked for a token; give the key, or unset the variable"))
        }
        () if TlsConfig::FILES.contains(&key.name) => {
            Some((*key, "without it ports are plain, or ask for no certificate; name the file, or unset the variable"))
        }
        () => None,
    };
    let keys = keys().iter().filter(is_empty).filter_map(missed);
    keys.map(|(key, why)| Mistake {
        key: key.variable(),
        problem: format!("is set and empty, and {why}"),
        example: format!("{}={}", key.variable(), key.example),
    })
    .collect()
}

/// Variables that look like Rialto's and are not: most often a slip of the pen. Those that a cluster sets about services
/// are nobody's slip.
fn unknown_variables(environment: &dyn Environment) -> Vec<Mistake> {
    let known: Vec<String> = keys().iter().map(|key| key.variable()).collect();
    let mut names = environment.names();
    names.sort();
    names
        .into_iter()
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(name))
        .filter(|name| !environment::is_of_a_service(name, &environment.get(name).unwrap_or_default()))
        .map(|name| {
            let nearest = spelling::nearest(&name, known.iter().map(String::as_str)).unwrap_or(&known[0]).to_owned();
            let problem = format!("no such variable; the nearest one is {nearest}");
            let key = keys().iter().find(|key| key.variable() == nearest);
            let example = key.map_or_else(String::new, |key| format!("{nearest}={}", key.example));
            Mistake { key: name, problem, example }
        })
        .collect()
}

/// What is wrong although each value on its own is right. Where a guard was said wrongly (`is_guard_lost`) nothing is said of a
/// guard that is missing: there was to be one.
fn contradictions(config: &Config, is_guard_lost: bool) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let addresses = [("--listen", config.listen), ("--grpc", config.grpc), ("--admin", config.admin)];
    for (index, (flag, address)) in addresses.iter().enumerate() {
        // Tokens are asked for where browsers connect, certificates or tokens where backends and operators do.
        let has_list = config.peers.publishers.is_some();
        let (is_guarded, keys) = match *flag {
            "--listen" => (config.identity.is_on(), "give keys for tokens (--jwt-secret-file) or --session-token"),
            "--grpc" => (
                has_list || config.tls.asks_for_certificates(Port::Grpc),
                "list who may publish (--publishers), ask for certificates (--grpc-client-ca)",
            ),
            _ => (
                config.peers.admin_token.is_some() || config.tls.asks_for_certificates(Port::Admin),
                "give a token (--admin-token-file), ask for certificates (--admin-client-ca)",
            ),
        };
        if !address.ip().is_loopback() && !is_guarded && !is_guard_lost && !config.insecure {
            mistakes.push(Mistake {
                key: (*flag).to_owned(),
                problem: format!(
                    "{address} can be reached from other machines, and nobody is authenticated there; {keys}, bind \
                     loopback, or say --insecure when something in front of the bridge decides who may connect"
                ),
                example: format!("127.0.0.1:{}", address.port()),
            });
        }
        if let Some((earlier, _)) = addresses[..index].iter().find(|(_, other)| other == address && address.port() != 0)
        {
            mistakes.push(Mistake {
                key: (*flag).to_owned(),
                problem: format!("{address} is the address of {earlier} too"),
                example: "127.0.0.1:0".to_owned(),
            });
        }
    }
    mistakes.extend(config.tls.mistakes());
    mistakes.extend(config.proxy.mistakes());
    if config.identity.has_key() || !is_guard_lost {
        mistakes.extend(config.identity.settings().err().unwrap_or_default());
        mistakes.extend(config.identity.session_mistakes(config.peers.require_tenant));
    }
    mistakes.extend(config.peers.mistakes(config, is_guard_lost));
    if config.identity.cookie.is_some() && config.identity.is_on() && config.allowed_origins.is_empty() {
        mistakes.push(Mistake {
            key: "--token-cookie".to_owned(),
            problem: "a cookie counts for pages of an allowed origin only, and there is none; give --allowed-origin"
                .to_owned(),
            example: "--allowed-origin https://app.example.com".to_owned(),
        });
    }
    mistakes.extend(config.limits.contradictions());
    mistakes
}

/// One thing that was said wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The flag, the variable or the line of a file to change.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// A value that would be right. Empty: the problem says what to do.
    pub example: String,
}

/// Everything that was said wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The mistakes, by key.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.mistakes.len();
        write!(f, "{count} {} in the configuration", if count == 1 { "mistake" } else { "mistakes" })?;
        for mistake in &self.mistakes {
            write!(f, "\n  {}: {}", mistake.key, mistake.problem)?;
            if !mistake.example.is_empty() {
                write!(f, " (example: {})", mistake.example)?;
            }
        }
        Ok(())
    }
}
