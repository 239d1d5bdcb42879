//! What stands before the port of browsers: whose word counts there, and which path the port is below.

use super::key::{Group, Key, Takes};
use super::{Mistake, value};
use crate::net::entry::Proxies;
use crate::net::forwarded::Written;

/// Everything about proxies. Without one nobody's word about others counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyConfig {
    /// Who is trusted, and how they speak.
    pub proxies: Proxies,
    /// Everything on the port is below this, `/live`. Empty: it is not below anything.
    pub base_path: String,
}

impl ProxyConfig {
    /// What is wrong although each value is right.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let Proxies { trusted, written, protocol } = &self.proxies;
        let said = [("--proxy-protocol", *protocol), ("--proxy-header", *written != Written::default())];
        let said = said.into_iter().filter(|(_, said)| *said && trusted.is_empty());
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

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "trusted-proxy",
        group: Group::Edge,
        takes: Takes::Many("NETWORK"),
        help: "A proxy before --listen, or a network of them, that says whose requests it hands on; may be repeated",
        example: "10.0.0.9",
        read: |config, text| text.parse().map(|network| config.proxy.proxies.trusted.push(network)),
        show: |config| config.proxy.proxies.trusted.iter().map(ToString::to_string).collect(),
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
            found.ok_or_else(wrong).map(|written| config.proxy.proxies.written = written)
        },
        show: |config| {
            let found = HEADERS.iter().find(|(_, written)| *written == config.proxy.proxies.written);
            found.iter().map(|(name, _)| (*name).to_owned()).collect()
        },
    },
    Key {
        name: "proxy-protocol",
        group: Group::Edge,
        takes: Takes::Nothing,
        help: "Trusted proxies begin each connection to --listen with the PROXY protocol, 1 or 2; nobody else gets in",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.proxy.proxies.protocol = yes),
        show: |config| vec![config.proxy.proxies.protocol.to_string()],
    },
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
