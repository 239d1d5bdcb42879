//! The well-known formats of strings, as Protovalidate defines them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use fluent_uri::{Uri, UriRef};
use regex::Regex;

/// A well-known format of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Email,
    Hostname,
    Ip(Version),
    Uri,
    UriRef,
    Address,
    Uuid,
    Tuuid,
    IpWithPrefixLength(Version),
    IpPrefix(Version),
    HostAndPort,
    Ulid,
    ProtobufName,
    ProtobufDotName,
    HeaderName { strict: bool },
    HeaderValue { strict: bool },
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Any,
    V4,
    V6,
}

impl Version {
    fn names(self, names: [&'static str; 3]) -> &'static str {
        match self {
            Version::Any => names[0],
            Version::V4 => names[1],
            Version::V6 => names[2],
        }
    }
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a test uses every pattern"));
    };
}

pattern!(
    EMAIL,
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
);
pattern!(UUID, r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$");
pattern!(TUUID, r"^[0-9a-fA-F]{32}$");
pattern!(ULID, r"^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$");
pattern!(PROTOBUF_NAME, r"^[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*$");
pattern!(HEADER_NAME, r"^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$");
pattern!(HEADER_VALUE, r"^[^\x00-\x08\x0A-\x1F\x7F]*$");
pattern!(LOOSE_HEADER, r"^[^\x00\x0A\x0D]*$");

impl Format {
    /// The rule's name and what the text must be, where it is not.
    pub(super) fn check(self, text: &str) -> Option<(&'static str, String)> {
        let (rule, what) = self.describe();
        if self.holds(text) {
            return None;
        }
        let said_alone = !matches!(self, Format::HeaderName { .. } | Format::HeaderValue { .. });
        match text.is_empty() && said_alone {
            true => Some((rule, format!("is empty, and must be {what}"))),
            false => Some((rule, format!("must be {what}"))),
        }
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Format::Email => ("email", "an email address"),
            Format::Hostname => ("hostname", "a hostname"),
            Format::Ip(version) => (
                version.names(["ip", "ipv4", "ipv6"]),
                version.names(["an IP address", "an IPv4 address", "an IPv6 address"]),
            ),
            Format::Uri => ("uri", "a URI"),
            Format::UriRef => ("uri_ref", "a URI or a reference relative to one"),
            Format::Address => ("address", "a hostname or an IP address"),
            Format::Uuid => ("uuid", "a UUID"),
            Format::Tuuid => ("tuuid", "a UUID without dashes"),
            Format::IpWithPrefixLength(version) => (
                version.names(["ip_with_prefixlen", "ipv4_with_prefixlen", "ipv6_with_prefixlen"]),
                version.names([
                    "an IP address with a prefix length",
                    "an IPv4 address with a prefix length",
                    "an IPv6 address with a prefix length",
                ]),
            ),
            Format::IpPrefix(version) => (
                version.names(["ip_prefix", "ipv4_prefix", "ipv6_prefix"]),
                version.names(["an IP prefix", "an IPv4 prefix", "an IPv6 prefix"]),
            ),
            Format::HostAndPort => ("host_and_port", "a host and a port"),
            Format::Ulid => ("ulid", "a ULID"),
            Format::ProtobufName => ("protobuf_fqn", "the full name of a protobuf element"),
            Format::ProtobufDotName => ("protobuf_dot_fqn", "the full name of a protobuf element after a dot"),
            Format::HeaderName { .. } => ("well_known_regex.header_name", "a name of an HTTP header"),
            Format::HeaderValue { .. } => ("well_known_regex.header_value", "a value of an HTTP header"),
        }
    }

    /// Whether the text has this format.
    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Format::Email => EMAIL.is_match(text),
            Format::Hostname => is_hostname(text),
            Format::Ip(version) => is_ip(text, version),
            Format::Uri => Uri::parse(text).is_ok(),
            Format::UriRef => UriRef::parse(text).is_ok(),
            Format::Address => is_hostname(text) || is_ip(text, Version::Any),
            Format::Uuid => UUID.is_match(text),
            Format::Tuuid => TUUID.is_match(text),
            Format::IpWithPrefixLength(version) => prefix(text, version).is_some(),
            Format::IpPrefix(version) => prefix(text, version).is_some_and(|strict| strict),
            Format::HostAndPort => is_host_and_port(text, true),
            Format::Ulid => ULID.is_match(text),
            Format::ProtobufName => PROTOBUF_NAME.is_match(text),
            Format::ProtobufDotName => text.strip_prefix('.').is_some_and(|name| PROTOBUF_NAME.is_match(name)),
            Format::HeaderName { strict: true } => HEADER_NAME.is_match(text),
            Format::HeaderValue { strict: true } => HEADER_VALUE.is_match(text),
            Format::HeaderName { strict: false } => !text.is_empty() && LOOSE_HEADER.is_match(text),
            Format::HeaderValue { strict: false } => LOOSE_HEADER.is_match(text),
        }
    }
}

/// RFC 1034's preferred syntax as RFC 1123 widens it; a last label of digits alone would be an address.
pub(super) fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An address; one of version 6 may have a zone.
pub(super) fn is_ip(text: &str, version: Version) -> bool {
    let is_v6 = || {
        let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
        zone != Some("") && address.parse::<Ipv6Addr>().is_ok()
    };
    (version != Version::V6 && text.parse::<Ipv4Addr>().is_ok()) || (version != Version::V4 && is_v6())
}

/// Whether the address of `address/length` has no bits behind its prefix. `None`: the text is nothing of that form.
pub(super) fn prefix(text: &str, version: Version) -> Option<bool> {
    let (address, length) = text.split_once('/')?;
    if length.is_empty()
        || !length.bytes().all(|byte| byte.is_ascii_digit())
        || (length.len() > 1 && length.starts_with('0'))
    {
        return None;
    }
    let length: u32 = length.parse().ok()?;
    let (bits, width) = match address.parse().ok()? {
        IpAddr::V4(address) if version != Version::V6 => (u128::from(address.to_bits()), 32_u32),
        IpAddr::V6(address) if version != Version::V4 => (address.to_bits(), 128),
        _ => return None,
    };
    let behind = width.checked_sub(length)?;
    Some(behind == 0 || bits & (u128::MAX >> (128 - behind)) == 0)
}

/// `host:port`, the host a name or an address, one of version 6 in brackets.
pub(super) fn is_host_and_port(text: &str, port_required: bool) -> bool {
    let is_port = |port: &str| {
        !port.is_empty()
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && (port.len() == 1 || !port.starts_with('0'))
            && port.parse::<u16>().is_ok()
    };
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, after)) = rest.rsplit_once(']') else { return false };
        let port_holds = match after.strip_prefix(':') {
            Some(port) => is_port(port),
            None => after.is_empty() && !port_required,
        };
        return port_holds && is_ip(address, Version::V6);
    }
    match text.split_once(':') {
        Some((host, port)) => is_port(port) && (is_hostname(host) || is_ip(host, Version::V4)),
        None => !port_required && (is_hostname(text) || is_ip(text, Version::V4)),
    }
}
