//! Whose request it is that a proxy hands on: `Forwarded` (RFC 7239) or `X-Forwarded-*`.
//!
//! One of the two counts, whichever the proxy is known to write: the other one may be anybody's that it lets through.
//! Anybody can write these headers, so they are read from the right, where the proxy that is connected has written, and
//! one hop further for each that is trusted: the first address that is not is the client's. Whatever is not an address on
//! the way there ends the walk, and the last trusted hop counts as the client. Nothing here fails, and nothing that stands
//! further left, a quote that is left open or bytes that are no text, changes what stands right of it.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};

use super::network::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// How many hops are walked: more is somebody's play.
const MAX_HOPS: usize = 32;

/// Which headers the proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// `X-Forwarded-For`, `-Host` and `-Proto`: nearly all.
    #[default]
    X,
    /// `Forwarded`.
    Rfc7239,
}

/// Whom a request was sent to, as the proxy that is trusted says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardedTo {
    /// The `Host` of the client's request.
    pub host: Option<Box<str>>,
    /// Its scheme, `https`.
    pub scheme: Option<Box<str>>,
}

/// What is known of a request that came over trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// The client, or the last hop that is known. Where its port is not said it is 0.
    pub client: SocketAddr,
    /// Whom it has asked.
    pub to: ForwardedTo,
}

/// One hop, as the proxy behind it has written it down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hop<'a> {
    /// `None`: not an address.
    from: Option<SocketAddr>,
    host: Option<&'a str>,
    scheme: Option<&'a str>,
}

/// Who has sent this request that a trusted peer hands on.
pub fn read(peer: SocketAddr, headers: &HeaderMap, written: Written, trusted: &[Network]) -> Forwarding {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let hops = match written {
        Written::Rfc7239 => hops(headers),
        Written::X => x_hops(headers),
    };
    let mut client = peer;
    let mut to = ForwardedTo::default();
    // From the right: each hop was written by the one that is `client` by then.
    for hop in hops.into_iter().rev() {
        let own = |text: Option<&str>| text.map(Box::from);
        to = ForwardedTo { host: own(hop.host).or(to.host), scheme: own(hop.scheme).or(to.scheme) };
        match hop.from {
            Some(from) => client = from,
            None => break,
        }
        if !is_trusted(client.ip()) {
            break;
        }
    }
    Forwarding { client, to }
}

/// The hops of `Forwarded`, from the client's on. What is before something that cannot be read is not there.
fn hops(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let values = headers.get_all(FORWARDED).iter();
    let elements = values.flat_map(|value| elements(value.as_bytes()));
    last(elements.map(|element| element.and_then(hop).unwrap_or_default()).collect())
}

/// The hop that an element describes. `None`: something is in it twice, "each parameter MUST NOT occur more than once per
/// field-value" (RFC 7239, section 4). A proxy that writes what a client has sent without quotes lets it bring its own.
fn hop(element: &str) -> Option<Hop<'_>> {
    let (mut hop, mut names) = (Hop::default(), HashSet::new());
    for pair in split(element, b';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        match name.as_str() {
            "for" => hop.from = value.and_then(node),
            "host" => hop.host = value.filter(|value| !value.contains('\\')),
            "proto" => hop.scheme = value.filter(|value| is_scheme(value)),
            _ => {}
        }
        if !names.insert(name) {
            return None;
        }
    }
    Some(hop)
}

/// The hops of `X-Forwarded-For`. Host and scheme belong to all of them: proxies overwrite them, or leave them.
fn x_hops(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let rightmost = |name: HeaderName| {
        let value = headers.get_all(name).iter().next_back()?.as_bytes();
        value.rsplit(|byte| *byte == b',').next().and_then(text).filter(|value| !value.is_empty())
    };
    let (host, scheme) = (rightmost(X_FORWARDED_HOST), rightmost(X_FORWARDED_PROTO).filter(|value| is_scheme(value)));
    let mut hops = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        let addresses = value.as_bytes().split(|byte| *byte == b',');
        hops.extend(addresses.map(|from| Hop { from: text(from).and_then(node), ..Hop::default() }));
    }
    let mut hops = last(hops);
    match hops.last_mut() {
        Some(last) => (last.host, last.scheme) = (host, scheme),
        None if host.is_some() || scheme.is_some() => hops.push(Hop { from: None, host, scheme }),
        None => {}
    }
    hops
}

fn last(mut hops: Vec<Hop<'_>>) -> Vec<Hop<'_>> {
    let first = hops.len().saturating_sub(MAX_HOPS);
    hops.drain(..first);
    hops
}

fn is_scheme(text: &str) -> bool {
    text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("https")
}

/// An address, with or without a port, IPv6 with or without brackets. Names of no address (`unknown`, `_hidden`) are none.
fn node(text: &str) -> Option<SocketAddr> {
    let ip = |text: &str| text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address = ip(address).filter(|_| address.contains(':'))?;
        return Some(SocketAddr::new(address, self::port(port.strip_prefix(':').or(port.is_empty().then_some("0"))?)));
    }
    if let Some(address) = ip(text) {
        return Some(SocketAddr::new(address, 0));
    }
    let (address, port) = text.split_once(':')?;
    Some(SocketAddr::new(ip(address)?, self::port(port)))
}

/// A port, or 0 where it is hidden (`_abc`).
fn port(text: &str) -> u16 {
    text.parse().unwrap_or(0)
}

/// A part of a header, without the white space around it. `None`: it is no text.
fn text(part: &[u8]) -> Option<&str> {
    std::str::from_utf8(part).ok().map(str::trim)
}

/// The elements of a list. Found from the right, so that whatever a client has written, the proxy's own words behind it are
/// an element. `None`: it is no text, or has a quote that is not closed.
fn elements(value: &[u8]) -> Vec<Option<&str>> {
    let (mut elements, mut end, mut quoted) = (Vec::new(), value.len(), false);
    for (at, byte) in value.iter().enumerate().rev() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                elements.push(text(&value[at + 1..end]));
                end = at;
            }
            _ => {}
        }
    }
    elements.push(text(&value[..end]).filter(|_| !quoted));
    elements.reverse();
    elements
}

/// Parts between these, except inside of quotes.
fn split(text: &str, between: u8) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match letter {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        !quoted && letter == char::from(between)
    })
    .map(str::trim)
}

/// A value without its quotes. Escapes in it are of no use to us, and are left.
fn unquoted(text: &str) -> Option<&str> {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => (!text.contains('"')).then_some(text),
    }
}

#[cfg(test)]
mod tests;
