//! What stands before each port's protocol, and its certificates when they change.

use std::sync::Arc;

use crate::config::{Config, Mistake, Port};
use crate::net::admission::ConnectionLimits;
use crate::net::entry::Entry;
use crate::net::tls::{Tls, TlsMistake};
use crate::net::turns::Turns;

use super::files::{Files, Watched};

/// The entry of a port. Its files are read again when they change: what it shows counts for new connections, who vouches for
/// clients for open ones too.
pub(super) fn entry(config: &Config, port: Port, files: &mut Files) -> Result<Entry, Vec<Mistake>> {
    let proxies = Arc::new(config.proxy.proxies(port));
    let turns = Arc::new(Turns::new(config.limits.max_handshakes));
    let Some(own) = config.tls.files(port) else { return Ok(Entry { tls: None, proxies, turns }) };
    let watched = Watched::new(format!("the TLS of {}", port.flag()), own.paths());
    let told = |wrong: Vec<TlsMistake>| {
        let mistakes = wrong.into_iter();
        mistakes.map(|TlsMistake { option, problem }| Mistake {
            key: option.to_owned(),
            problem,
            example: String::new(),
        })
    };
    let tls = Tls::new(&own, port.protocol()).map_err(|wrong| told(wrong).collect::<Vec<_>>())?;
    let renewed = tls.clone();
    files.watch(watched, move || {
        let wrong = renewed.replace(&own, port.protocol()).err();
        let wrong = wrong.map(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        wrong.map_or(Ok(()), Err)
    });
    Ok(Entry { tls: Some(tls), proxies, turns })
}

/// Who gets in at each port.
#[derive(Clone)]
pub(super) struct Doors {
    pub(super) listen: Arc<ConnectionLimits>,
    pub(super) grpc: Arc<ConnectionLimits>,
    pub(super) admin: Arc<ConnectionLimits>,
}

impl Doors {
    pub(super) fn new(config: &Config) -> Doors {
        let limits = &config.limits;
        let door = |most, per_address: usize| {
            let per_address = u32::try_from(per_address).unwrap_or(u32::MAX);
            ConnectionLimits::paced(most, per_address, limits.handshakes_per_address)
        };
        Doors {
            listen: door(limits.max_connections, limits.max_connections_per_address),
            grpc: door(limits.max_grpc_connections, limits.max_grpc_connections_per_address),
            admin: door(limits.max_admin_connections, limits.max_admin_connections_per_address),
        }
    }

    /// How many each port has let in that have not left.
    pub(super) fn connections(&self) -> [(&'static str, u64); 3] {
        let ports = [("listen", &self.listen), ("grpc", &self.grpc), ("admin", &self.admin)];
        ports.map(|(port, limits)| (port, limits.connections() as u64))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::metrics::Metrics;

    /// How many take a turn, each within the one before it, until one has to wait.
    fn nested(turns: &Turns, metrics: &Metrics, inside: usize) -> usize {
        let more = async { if inside < 9 { nested(turns, metrics, inside + 1) } else { inside } };
        turns.take(more, metrics).now_or_never().unwrap_or(inside)
    }

    #[test]
    fn as_many_handshakes_are_computed_at_once_as_the_configuration_says() {
        for most in 1..4 {
            let mut config = Config::default();
            config.limits.max_handshakes = most;
            let entry = entry(&config, Port::Listen, &mut Files::default()).unwrap();
            assert_eq!(nested(&entry.turns, &Metrics::default(), 0), most);
        }
    }
}
