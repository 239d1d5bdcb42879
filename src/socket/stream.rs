//! What both sides of a connection do to its socket, and the time that they go by.

use std::io::{self, ErrorKind};
use std::sync::Weak;
use std::time::{Duration, Instant};

use super::link::Link;

/// Ends a connection whose last bytes are written: the peer may still be sending, and closing under it would throw away
/// what it has not read. The read task goes on until the peer's end; this bounds it.
pub async fn linger(link: Weak<Link>, most: Duration) {
    tokio::time::sleep(most).await;
    if let Some(link) = link.upgrade() {
        link.hang_up(std::net::Shutdown::Both);
    }
}

pub(super) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

pub(super) fn now() -> Instant {
    // tokio's clock, so that a test may own it.
    tokio::time::Instant::now().into_std()
}
