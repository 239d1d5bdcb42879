//! Ports that anybody may use who gets there.

use std::net::SocketAddr;

use super::Addresses;
use crate::config::{Config, Port};

/// What is told at the start of each port that can be reached from other machines and asks nobody who they are, with what
/// they may do there. Not refused: `--insecure` says that something before the bridge decides.
pub(super) fn to_anybody(config: &Config, addresses: &Addresses) -> Vec<(Port, SocketAddr, &'static str)> {
    let peers = &config.peers;
    let ports = [
        (Port::Listen, addresses.listen, config.identity.is_on(), "subscribe to everything"),
        (Port::Grpc, addresses.grpc, peers.publishers.is_some(), "publish everything"),
        (Port::Admin, addresses.admin, peers.admin_token.is_some(), "publish everything, and do what operators do"),
    ];
    let is_open = |(port, address, asks, _): &(Port, SocketAddr, bool, _)| {
        !asks && !config.tls.asks_for_certificates(*port) && !address.ip().is_loopback()
    };
    ports.into_iter().filter(is_open).map(|(port, address, _, may)| (port, address, may)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Secret;

    #[test]
    fn each_port_that_asks_nobody_and_can_be_reached_is_told_of() {
        let told = |config: &Config, ip: [u8; 4]| {
            let open = SocketAddr::from((ip, 7_000));
            let addresses = Addresses { listen: open, grpc: open, admin: open };
            to_anybody(config, &addresses).into_iter().map(|(port, ..)| port).collect::<Vec<_>>()
        };
        let outside = [192, 0, 2, 7];
        let mut config = Config::default();
        assert_eq!(told(&config, outside), Port::ALL);
        assert_eq!(told(&config, [127, 0, 0, 1]), []);
        config.identity.secret = Some(Secret::new("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"));
        assert_eq!(told(&config, outside), [Port::Grpc, Port::Admin]);
        config.peers.publishers = Some(PathBuf::from("publishers.toml"));
        assert_eq!(told(&config, outside), [Port::Admin]);
        config.peers.admin_token = Some(PathBuf::from("token"));
        assert_eq!(told(&config, outside), []);
        let mut config = Config::default();
        let file = || Some(PathBuf::from("file.pem"));
        (config.tls.certificate, config.tls.key, config.tls.grpc_client_ca) = (file(), file(), file());
        assert_eq!(told(&config, outside), [Port::Listen, Port::Admin]);
        config.tls.admin_client_ca = file();
        assert_eq!(told(&config, outside), [Port::Listen], "TLS alone asks nobody who they are");
    }
}
