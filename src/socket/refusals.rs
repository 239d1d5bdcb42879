//! Tells the log who is not let in, and why.
//!
//! Browsers keep the answer to an upgrade from the page, so this is the only place where its developer finds the reason. A line
//! a second for each code at most, with how often it happened since: whoever shows wrong tokens as fast as they can fills no
//! disk. Never a token.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};

use crate::metrics::Paced;
use crate::status::{PEER_CODES, PeerCode};

/// Between two lines about one code.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// What is shown of an origin, in bytes: names of hosts have 253.
const MAX_SHOWN: usize = 300;

/// Refused upgrades, by code.
#[derive(Debug)]
pub(super) struct Refusals(Box<[Paced]>);

impl Default for Refusals {
    fn default() -> Self {
        Refusals(PEER_CODES.iter().map(|_| Paced::every(LOG_EVERY)).collect())
    }
}

impl Refusals {
    /// Tells of an upgrade that is refused, unless one with this code was told of a moment ago. `reason` is what the peer is told.
    pub(super) fn tell(
        &self,
        peer: Option<SocketAddr>,
        code: PeerCode,
        status: StatusCode,
        reason: &str,
        headers: &HeaderMap,
    ) {
        let place = PEER_CODES.iter().position(|row| row.code == code);
        let Some(times) = place.and_then(|place| self.0[place].happened()) else { return };
        let origin = headers.get(ORIGIN).map(|origin| shown(origin.as_bytes()));
        let peer = peer.map(tracing::field::display);
        let (code, status, origin) = (code.number(), status.as_u16(), origin.as_deref());
        tracing::info!(peer, code, status, reason, origin, times, "not let in");
    }
}

/// What somebody sent, with everything escaped that is not plain, and not without end.
fn shown(sent: &[u8]) -> String {
    let end = if sent.len() > MAX_SHOWN { "…" } else { "" };
    format!("{}{end}", sent[..sent.len().min(MAX_SHOWN)].escape_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::session::fixture::logged;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_with_its_reason_and_a_flood_of_one_kind_once_a_second() {
        let refusals = Refusals::default();
        let peer = Some(SocketAddr::from(([192, 0, 2, 7], 4_000)));
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_bytes(b"https://evil.example\xe2\x80\xae\"x").unwrap());
        let origin = |headers: &HeaderMap| {
            refusals.tell(peer, PeerCode::PermissionDenied, StatusCode::FORBIDDEN, "not from there", headers);
        };
        let token = || {
            for _ in 0..1_000 {
                refusals.tell(peer, PeerCode::InvalidToken, StatusCode::UNAUTHORIZED, "wrong", &HeaderMap::new());
            }
        };
        let lines = logged(|| (0..3).for_each(|_| token()));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["level"], &lines[0]["times"]), (&"INFO".into(), &1.into()));
        assert_eq!(lines[0].get("origin"), None);
        let lines = logged(|| origin(&headers));
        assert_eq!(lines.len(), 1, "another kind waits for none: {lines:?}");
        let expected: [(&str, serde_json::Value); 5] = [
            ("peer", "192.0.2.7:4000".into()),
            ("code", 4003.into()),
            ("status", 403.into()),
            ("reason", "not from there".into()),
            ("origin", r#"https://evil.example\xe2\x80\xae\"x"#.into()),
        ];
        for (field, value) in expected {
            assert_eq!(lines[0][field], value, "{field}");
        }
        tokio::time::advance(LOG_EVERY).await;
        let lines = logged(token);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["times"], 3_000);
        assert_eq!(shown(&[b'a'; 5_000]).len(), MAX_SHOWN + "…".len());
    }
}
