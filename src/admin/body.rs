//! Reading a request's body: so many bytes, within so much time.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use http_body_util::LengthLimitError;

use super::Result;
use super::answer::Refused;
use crate::ingest::Ingest;
use crate::metrics::Limit;
use crate::net::Peer;
use crate::status::{Code, Status};

/// The body of the request with this head. `advice` is for whoever sends more than `max_bytes`.
pub(super) async fn read(head: &Parts, body: Body, max_bytes: usize, advice: &str, ingest: &Ingest) -> Result<Bytes> {
    let hit = |limit| {
        let peer = head.extensions.get::<Peer>().map(|Peer(address)| address.ip().to_string());
        ingest.metrics().limits.hit(limit, peer.unwrap_or_default());
    };
    let most = ingest.limits().body_timeout;
    let too_large = || {
        hit(Limit::MaxBodyBytes);
        let message = format!("the body exceeds {max_bytes} bytes; {advice}");
        Refused::new(Status::new(Code::InvalidArgument, "body_too_large", message))
            .with_http_status(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let length = head.headers.get(header::CONTENT_LENGTH);
    let announced = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > max_bytes as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(most, to_bytes(body, max_bytes)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if std::error::Error::source(&error).is_some_and(|error| error.is::<LengthLimitError>()) => {
            Err(too_large())
        }
        Ok(Err(_)) => Err(Refused::new(Status::new(Code::Cancelled, "body_cut", "the body ended before its end"))
            .with_http_status(StatusCode::BAD_REQUEST)),
        Err(_) => {
            hit(Limit::BodyTimeout);
            let message = format!("the body took longer than {} ms", most.as_millis());
            Err(Refused::new(Status::new(Code::DeadlineExceeded, "body_timeout", message))
                .with_http_status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}
