//! How a port refuses: told in HTTP while there is room for that, and counted.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::super::admission::{Called, Refusal};
use super::super::tls::Lapsed;
use super::Answer;
use crate::metrics::Metrics;

/// When who is refused for want of room may come back.
const RETRY_AFTER_SECONDS: u64 = 5;

/// How a port refuses.
#[derive(Clone)]
pub(super) struct Refusing {
    pub(super) slots: Arc<Semaphore>,
    pub(super) in_tls: bool,
    pub(super) called: Called,
}

impl Refusing {
    /// Counts it. `None`: the connection is closed without a word.
    pub(super) fn answer(&self, refusal: Refusal, peer: SocketAddr, metrics: &Metrics) -> Option<Answer> {
        tracing::debug!(%peer, %refusal, "connection refused");
        metrics.limits.hit(self.called.limit(refusal), peer.ip());
        // A handshake for each of those that are refused for their handshakes would be what they are after.
        if self.in_tls && matches!(refusal, Refusal::Fast { .. }) {
            return None;
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        Some(Answer::Refuse(refusal, slot))
    }
}

/// What is answered where the certificate of the connection counts no more.
pub(super) fn unauthenticated(lapsed: Lapsed) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONNECTION, "close")];
    let (kind, reason) = ("type.googleapis.com/google.rpc.ErrorInfo", lapsed.reason().to_ascii_uppercase());
    let details = serde_json::json!([{ "@type": kind, "reason": reason, "domain": "rialto" }]);
    let body = serde_json::json!({ "code": "UNAUTHENTICATED", "message": lapsed.to_string(), "details": details });
    (StatusCode::UNAUTHORIZED, headers, body.to_string()).into_response()
}

/// What is answered where there is no room.
pub(super) fn refused(refusal: Refusal) -> Response {
    let (status, wait) = match refusal {
        Refusal::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER_SECONDS),
        Refusal::Address { .. } => (StatusCode::TOO_MANY_REQUESTS, RETRY_AFTER_SECONDS),
        // Whole seconds, and never too early.
        Refusal::Fast { wait, .. } => (StatusCode::TOO_MANY_REQUESTS, wait.as_secs() + 1),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONNECTION, HeaderValue::from_static("close")),
        (header::RETRY_AFTER, HeaderValue::from(wait)),
    ];
    let body = serde_json::json!({ "code": "RESOURCE_EXHAUSTED", "message": refusal.to_string(), "details": [] });
    (status, headers, body.to_string()).into_response()
}
