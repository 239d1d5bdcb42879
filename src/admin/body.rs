//! Reading a request's body: so many bytes, within so much time.
//!
//! It is collected in one buffer, so that no way to cut a body into pieces costs more than its bytes.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;

use super::Result;
use crate::ingest::Ingest;
use crate::metrics::Limit;
use crate::net::Peer;
use crate::net::refused::Refused;
use crate::status::{Code, Status};

/// What a body may be.
pub(super) struct Bounds {
    pub(super) max_bytes: usize,
    /// For whoever sends more.
    pub(super) advice: &'static str,
}

/// Why a body is not read to its end.
enum Unread {
    TooLarge,
    Cut,
    Refused(Refused),
}

/// The body of the request with this head. Asks `grow` before its buffer takes so many bytes in all.
pub(super) async fn read(
    head: &Parts,
    body: Body,
    bounds: &Bounds,
    ingest: &Ingest,
    grow: impl Fn(usize) -> Result<()>,
) -> Result<Bytes> {
    let Bounds { max_bytes, advice } = *bounds;
    let most = ingest.limits().body_timeout;
    let too_large = || {
        hit(ingest, head, Limit::MaxBodyBytes);
        let message = format!("the body exceeds {max_bytes} bytes; {advice}");
        Refused::new(Status::new(Code::InvalidArgument, "body_too_large", message))
            .with_http_status(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let length = head.headers.get(header::CONTENT_LENGTH);
    let announced = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    let expected = announced.map_or(Some(max_bytes), |bytes| usize::try_from(bytes).ok());
    let Some(expected) = expected.filter(|bytes| *bytes <= max_bytes) else { return Err(too_large()) };
    match tokio::time::timeout(most, collect(body, expected, max_bytes, grow)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(Unread::TooLarge)) => Err(too_large()),
        Ok(Err(Unread::Refused(refused))) => Err(refused),
        Ok(Err(Unread::Cut)) => {
            Err(Refused::new(Status::new(Code::Cancelled, "body_cut", "the body ended before its end"))
                .with_http_status(StatusCode::BAD_REQUEST))
        }
        Err(_) => {
            hit(ingest, head, Limit::BodyTimeout);
            let message = format!("the body took longer than {} ms", most.as_millis());
            Err(Refused::new(Status::new(Code::DeadlineExceeded, "body_timeout", message))
                .with_http_status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// Counts that who sends the request with this head has reached a limit.
pub(super) fn hit(ingest: &Ingest, head: &Parts, limit: Limit) {
    let peer = head.extensions.get::<Peer>().map(|Peer(address)| address.ip().to_string());
    ingest.metrics().limits.hit(limit, peer.unwrap_or_default());
}

/// The bytes of a body that has `expected` of them, if it does as it says. The buffer doubles up to that: what is announced and does
/// not come takes nothing.
async fn collect(
    mut body: Body,
    expected: usize,
    max_bytes: usize,
    grow: impl Fn(usize) -> Result<()>,
) -> std::result::Result<Bytes, Unread> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        // What is no data are trailers, which nobody asks for.
        let Ok(data) = frame.map_err(|_| Unread::Cut)?.into_data() else { continue };
        let needed = bytes.len() + data.len();
        if needed > max_bytes {
            return Err(Unread::TooLarge);
        }
        if needed > bytes.capacity() {
            let capacity = needed.max((2 * bytes.capacity()).min(expected));
            grow(capacity).map_err(Unread::Refused)?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    async fn collected(pieces: &[usize], expected: usize) -> (Option<usize>, Vec<usize>) {
        let asked = RefCell::new(Vec::new());
        let pieces: Vec<_> = pieces.iter().map(|bytes| Ok::<_, Infallible>(vec![b'x'; *bytes])).collect();
        let body = Body::from_stream(stream::iter(pieces));
        let collected = collect(body, expected, 100, |bytes| {
            asked.borrow_mut().push(bytes);
            Ok(())
        });
        let read = collected.await.ok().map(|bytes| bytes.len());
        (read, asked.into_inner())
    }

    #[tokio::test]
    async fn a_buffer_grows_with_what_comes_and_not_beyond_what_is_announced() {
        assert_eq!(collected(&[7], 7).await, (Some(7), vec![7]));
        assert_eq!(collected(&[1; 60], 60).await, (Some(60), vec![1, 2, 4, 8, 16, 32, 60]));
        assert_eq!(collected(&[30, 50, 20], 100).await, (Some(100), vec![30, 80, 100]));
        assert_eq!(collected(&[60, 1, 40], 100).await, (None, vec![60, 100]), "no longer than it may be");
        assert_eq!(collected(&[], 100).await, (Some(0), vec![]));
    }
}
