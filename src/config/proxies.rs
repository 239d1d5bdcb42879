//! What stands before the ports: whose word counts there, and which path the port of browsers is below.

use super::key::{Group, Key, Takes};
use super::{Mistake, Port, value};
use crate::net::entry::Proxies;
use crate::net::forwarded::Written;
use crate::net::network::Network;

/// Everything about proxies. Without one nobody's word about others counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyConfig {
    /// Who is trusted.
    pub trusted: Vec<Network>,
    /// Which headers they write before the port of browsers.
    pub written: Written,
    /// The ports where they begin each connection with the PROXY protocol, in the order of [`Port::ALL`].
    pub protocol: [bool; 3],
    /// Everything on the port is below this, `/live`. Empty: it is not below anything.
    pub base_path: String,
}

impl ProxyConfig {
    /// What stands before a port. Headers count on that of browsers alone; where the others know nothing of a proxy, none
    /// is trusted.
    pub fn proxies(&self, port: Port) -> Proxies {
        let [listen, grpc, admin] = self.protocol;
        let written = Some(self.written).filter(|_| port == Port::Listen);
        let protocol = match port {
            Port::Listen => listen,
            Port::Grpc => grpc,
            Port::Admin => admin,
        };
        Proxies { trusted: self.trusted.clone(), written, protocol }
    }

    /// What is wrong although each value is right.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let [listen, grpc, admin] = self.protocol;
        let said = [
            ("--proxy-protocol", listen),
            ("--grpc-proxy-protocol", grpc),
            ("--admin-proxy-protocol", admin),
            ("--proxy-header", self.written != Written::default()),
        ];
        let said = said.into_iter().filter(|(_, said)| *said && self.trusted.is_empty());
        let problem = "no proxy is trusted, so nobody would be believed; give --trusted-proxy";
        said.map(|(flag, _)| Mistake {
            key: flag.to_owned(),
            problem: problem.to_owned(),
            example: "--trusted-proxy 10.0.0.9".to_owned(),
        })
        .collect()
    }
}

const HEADERS: &[(&str, Written)] = &[("x-forwarded-for", Written::X), ("forwarded", Written::Rfc7239)];

fn base_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || text.ends_with('/') {
        return Err(format!("{text:?}: a path begins with / and does not end with it"));
    }
    let fits = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
            && !part.bytes().all(|byte| byte == b'.')
    };
    match text[1..].split('/').all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?}: its parts have letters, digits and -._~ only, and none is empty")),
    }
}

/// A key that says whether trusted proxies speak the PROXY protocol on a port.
macro_rules! protocol {
    ($port:literal, $name:literal, $help:literal) => {
        Key {
            name: $name,
            group: Group::Edge,
            takes: Takes::Nothing,
            help: $help,
            example: "true",
            read: |config, text| value::yes_or_no(text).map(|yes| config.proxy.protocol[$port] = yes),
            show: |config| vec![config.proxy.protocol[$port].to_string()],
        }
    };
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "trusted-proxy",
        group: Group::Edge,
        takes: Takes::Many("NETWORK"),
        help: "A proxy, or a network of them, that says whose requests to --listen it hands on; may be repeated",
        example: "10.0.0.9",
        read: |config, text| {
            let network: Network = text.parse()?;
            if network.is_everybody() {
                let advice = "name the proxies, or the networks that only proxies are in";
                return Err(format!("{text:?} is every address: anybody could say to be anybody; {advice}"));
            }
            config.proxy.trusted.push(network);
            Ok(())
        },
        show: |config| config.proxy.trusted.iter().map(ToString::to_string).collect(),
    },
    Key {
        name: "proxy-header",
        group: Group::Edge,
        takes: Takes::One("HEADER"),
        help: "What trusted proxies write: x-forwarded-for (with -host and -proto) or forwarded; the other is ignored",
        example: "x-forwarded-for",
        read: |config, text| {
            let found = HEADERS.iter().find(|(name, _)| *name == text).map(|(_, written)| *written);
            let wrong = || format!("{text:?} is not one of x-forwarded-for, forwarded");
            found.ok_or_else(wrong).map(|written| config.proxy.written = written)
        },
        show: |config| {
            let found = HEADERS.iter().find(|(_, written)| *written == config.proxy.written);
            found.iter().map(|(name, _)| (*name).to_owned()).collect()
        },
    },
    protocol!(
        0,
        "proxy-protocol",
        "Trusted proxies begin each connection to --listen with the PROXY protocol, 1 or 2; nobody else gets in"
    ),
    protocol!(1, "grpc-proxy-protocol", "The same for --grpc"),
    protocol!(2, "admin-proxy-protocol", "The same for --admin"),
    Key {
        name: "base-path",
        group: Group::Edge,
        takes: Takes::One("URLPATH"),
        help: "Everything on --listen is below this path: with /live it is /live/ws and /live/health",
        example: "/live",
        read: |config, text| base_path(text).map(|path| config.proxy.base_path = path),
        show: |config| Some(&config.proxy.base_path).filter(|path| !path.is_empty()).into_iter().cloned().collect(),
    },
];
