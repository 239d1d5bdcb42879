//! What is asked of the head of every request, whatever its path.

use axum::http::uri::Authority;
use axum::http::{Request, Version, header};

use crate::net::refused::Refused;
use crate::status::PeerCode;

/// Whether it says once, and rightly, whom it is addressed to (RFC 9112, section 3.2): what two servers on its way could
/// understand differently means nothing here.
///
/// # Errors
/// What the request is answered with.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refused> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let message = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => "the request has more than one Host header; send one",
        (None, _) if request.version() == Version::HTTP_11 => "the request has no Host header; HTTP/1.1 asks for one",
        (Some(host), None) if !is_host(host.as_bytes()) => {
            "the Host header is not a name or an address, with a port or without"
        }
        _ => return Ok(()),
    };
    Err(Refused::by_table(PeerCode::ProtocolViolation, message).closing())
}

fn is_host(text: &[u8]) -> bool {
    !text.contains(&b'@') && Authority::try_from(text).is_ok()
}
