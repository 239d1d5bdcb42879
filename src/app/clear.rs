//! Ports where tokens would cross a network as they are.

use std::net::SocketAddr;

use super::Addresses;
use crate::config::{Config, Port};

/// What is told at the start of each port that asks for tokens, can be reached from other machines and has no TLS, unless
/// something before it is known that may have. Not refused: what encrypts may stand where the bridge does not see it.
pub(super) fn in_the_clear(config: &Config, addresses: &Addresses) -> Vec<(Port, SocketAddr, &'static str)> {
    let ports = [
        (Port::Listen, addresses.listen, config.identity.is_on(), "users"),
        (Port::Grpc, addresses.grpc, config.peers.publishers.is_some(), "publishers"),
        (Port::Admin, addresses.admin, config.peers.admin_token.is_some(), "operators"),
    ];
    let is_clear = |(port, address, asks, _): &(Port, SocketAddr, bool, _)| {
        let proxies = config.proxy.proxies(*port);
        let has_proxy = !proxies.trusted.is_empty() && (proxies.protocol || proxies.written.is_some());
        *asks && !address.ip().is_loopback() && !config.tls.is_on(*port) && !has_proxy
    };
    ports.into_iter().filter(is_clear).map(|(port, address, _, whose)| (port, address, whose)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Secret;

    #[test]
    fn tokens_on_a_port_without_tls_beyond_loopback_are_told_of_unless_a_proxy_is_known() {
        let open = |ip: [u8; 4]| SocketAddr::from((ip, 7_000));
        let addresses = |ip| Addresses { listen: open(ip), grpc: open(ip), admin: open(ip) };
        let mut config = Config::default();
        let told = |config: &Config, ip| {
            in_the_clear(config, &addresses(ip)).into_iter().map(|(port, ..)| port).collect::<Vec<_>>()
        };
        let outside = [192, 0, 2, 7];
        assert_eq!(told(&config, outside), [], "nobody is asked for a token");
        config.peers.publishers = Some(PathBuf::from("publishers.toml"));
        config.peers.admin_token = Some(PathBuf::from("token"));
        assert_eq!(told(&config, outside), [Port::Grpc, Port::Admin]);
        config.identity.secret = Some(Secret::new("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"));
        assert_eq!(told(&config, outside), Port::ALL);
        assert_eq!(told(&config, [127, 0, 0, 1]), []);
        config.proxy.trusted = vec!["10.0.0.9".parse().unwrap()];
        assert_eq!(told(&config, outside), [Port::Grpc, Port::Admin], "headers are of the first port");
        config.proxy.protocol = [false, true, true];
        assert_eq!(told(&config, outside), []);
        config.proxy.trusted.clear();
        config.tls.certificate = Some(PathBuf::from("tls.crt"));
        config.tls.key = Some(PathBuf::from("tls.key"));
        config.tls.ports = vec![Port::Grpc];
        assert_eq!(told(&config, outside), [Port::Listen, Port::Admin]);
    }
}
