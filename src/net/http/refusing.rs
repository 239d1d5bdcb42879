//! How a port refuses: told in HTTP while there is room for that, and counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use super::super::admission::{Called, Refusal};
use super::super::refused::Refused;
use super::super::tls::Lapsed;
use super::answer::Answer;
use super::probe::Probe;
use crate::metrics::Metrics;
use crate::status::{Code, PeerCode, Status};

/// When who is refused for want of room may come back.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How a port refuses.
#[derive(Clone)]
pub(super) struct Refusing {
    pub(super) slots: Arc<Semaphore>,
    pub(super) in_tls: bool,
    pub(super) called: Called,
    /// What is answered all the same.
    pub(super) probe: Option<Probe>,
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
        Some(Answer::Refuse(refusal, slot, self.probe.clone()))
    }
}

/// What is answered where the certificate of the connection counts no more.
pub(super) fn unauthenticated(lapsed: Lapsed) -> Refused {
    Refused::new(Status::new(Code::Unauthenticated, lapsed.reason(), lapsed.to_string())).closing()
}

/// What is answered where there is no room.
pub(super) fn refused(refusal: Refusal) -> Refused {
    let (http_status, wait) = match refusal {
        Refusal::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER),
        Refusal::Address { .. } => (StatusCode::TOO_MANY_REQUESTS, RETRY_AFTER),
        Refusal::Fast { wait, .. } => (StatusCode::TOO_MANY_REQUESTS, wait),
    };
    let row = PeerCode::Overloaded.row();
    let status = Status::new(row.status, row.reason, refusal.to_string()).with_retry_after(wait);
    Refused::by(PeerCode::Overloaded, status).with_http_status(http_status).closing()
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn who_comes_too_fast_is_told_when_to_come_back_where_that_costs_nothing() {
        let fast = Refusal::Fast { per_second: 1, wait: Duration::from_millis(1_500) };
        let full = Refusal::Full { max_connections: 1 };
        let is_told = |in_tls, refusal| {
            let slots = Arc::new(Semaphore::new(1));
            let refusing = Refusing { slots, in_tls, called: Called::BROWSERS, probe: None };
            refusing.answer(refusal, SocketAddr::from(([192, 0, 2, 1], 80)), &Metrics::default()).is_some()
        };
        assert_eq!([is_told(false, fast), is_told(true, fast), is_told(true, full)], [true, false, true]);
        let response = refused(fast).into_response();
        let wait = response.headers()["retry-after"].to_str().unwrap();
        assert_eq!((response.status(), wait), (StatusCode::TOO_MANY_REQUESTS, "2"));
    }
}
