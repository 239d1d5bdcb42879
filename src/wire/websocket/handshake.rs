//! Whether an HTTP request may become a WebSocket (RFC 6455 section 4.2), and with which subprotocol.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, Version};
use sha1::{Digest as _, Sha1};

use crate::log::Form;

/// The subprotocols that Rialto's clients may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// `rialto.v1.json`: one JSON object a text message.
    Json,
    /// `rialto.v1.proto`: one `rialto.v1.Frame` a binary message.
    Proto,
}

impl Subprotocol {
    /// All that are served.
    const ALL: [Subprotocol; 2] = [Subprotocol::Json, Subprotocol::Proto];

    /// Its name in `Sec-WebSocket-Protocol`.
    pub fn name(self) -> &'static str {
        match self {
            Subprotocol::Json => "rialto.v1.json",
            Subprotocol::Proto => "rialto.v1.proto",
        }
    }

    /// The form of its frames.
    pub fn form(self) -> Form {
        match self {
            Subprotocol::Json => Form::Json,
            Subprotocol::Proto => Form::Binary,
        }
    }
}

/// The request is good: answer 101 with these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The value of `Sec-WebSocket-Protocol`. `None`: the client named none, and the header stays out.
    pub subprotocol: Option<Subprotocol>,
}

/// The request is refused: answer with this status, the message, and these headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Refusal {
    /// The HTTP status: 400, 405 or 426.
    pub status: u16,
    /// What is wrong and what to do.
    pub message: Cow<'static, str>,
    /// Headers that the status asks for.
    pub headers: &'static [(HeaderName, &'static str)],
}

const ALLOW_GET: &[(HeaderName, &str)] = &[(http::header::ALLOW, "GET")];
const UPGRADE_WEBSOCKET: &[(HeaderName, &str)] = &[(UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")];

/// Judges an upgrade request.
///
/// Headers may be repeated and hold lists; names and the tokens of `Connection` and `Upgrade` know no case. A client
/// that names subprotocols gets the first of them that is served, and must name one: a connection in a form that neither
/// side meant is worse than none. `Origin` and credentials are not this function's.
///
/// # Errors
/// A [`Refusal`] to answer with.
pub fn upgrade(method: &Method, version: Version, headers: &HeaderMap) -> Result<Upgrade, Refusal> {
    let refuse = |status, message: &'static str, headers| Err(Refusal { status, message: message.into(), headers });
    if method != Method::GET {
        return refuse(405, "a WebSocket is opened with GET", ALLOW_GET);
    }
    if version != Version::HTTP_11 {
        return refuse(400, "a WebSocket is opened over HTTP/1.1", &[]);
    }
    if !has_token(headers, &UPGRADE, "websocket") {
        return refuse(426, "this address speaks WebSocket: connect with a WebSocket client", UPGRADE_WEBSOCKET);
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return refuse(400, "the Connection header does not name upgrade: a proxy on the way may have dropped it", &[]);
    }
    // Whether such bytes came before or after the answer would decide if they are a body or frames (RFC 9110, section 7.8).
    if headers.contains_key(TRANSFER_ENCODING) || headers.get_all(CONTENT_LENGTH).iter().any(|bytes| bytes != "0") {
        return refuse(
            400,
            "a request for a WebSocket has no body: leave Content-Length and Transfer-Encoding out",
            &[],
        );
    }
    let mut versions = headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    if versions.next().is_none_or(|version| version.as_bytes() != b"13") || versions.next().is_some() {
        return refuse(426, "Sec-WebSocket-Version must be 13", UPGRADE_WEBSOCKET);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return refuse(400, "exactly one Sec-WebSocket-Key is needed", &[]);
    };
    if !STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        return refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64", &[]);
    }
    Ok(Upgrade { accept: accept_key(key.as_bytes()), subprotocol: choose(headers)? })
}

/// The proof that the server understood the handshake, for `Sec-WebSocket-Accept`.
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

fn choose(headers: &HeaderMap) -> Result<Option<Subprotocol>, Refusal> {
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    // Names are compared as they are: RFC 6455 section 4.1 gives them no other equality. They come in the order in which the
    // client prefers them.
    let served = |token| Subprotocol::ALL.into_iter().find(|subprotocol| subprotocol.name() == token);
    match tokens(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(served) {
        Some(subprotocol) => Ok(Some(subprotocol)),
        None => {
            let message = "no subprotocol in common: offer rialto.v1.json or rialto.v1.proto, or no subprotocol";
            Err(Refusal { status: 400, message: message.into(), headers: &[] })
        }
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
