//! One call of a publisher: who makes it, from where, in which trace.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Shown;
use super::metadata::is_traceparent;
use crate::status::Status;

/// Who publishes, in which call and in which trace.
#[derive(Clone, Debug)]
pub struct PublishContext {
    pub(super) shown: Shown,
    pub(super) traceparent: Option<Arc<str>>,
    pub(super) peer: Option<SocketAddr>,
    /// Tells the calls of this process apart in its log.
    pub(super) call: u64,
}

impl Default for PublishContext {
    fn default() -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        PublishContext { shown: Shown::default(), traceparent: None, peer: None, call }
    }
}

impl PublishContext {
    /// A publisher who shows this.
    #[must_use]
    pub fn with_shown(mut self, shown: Shown) -> Self {
        self.shown = shown;
        self
    }

    /// Waits until the certificate of the call's connection does not count any more; without one for ever. Says what the call is
    /// told then.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn lapsed(&self) -> Status {
        self.shown.lapsed().await
    }

    /// What is told of a certificate that does not count any more.
    pub fn lapse(&self) -> Option<Status> {
        self.shown.lapse()
    }

    /// From this address, for logs.
    #[must_use]
    pub fn with_peer(mut self, peer: Option<SocketAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// Events that have no `traceparent` of their own get this one. What is not one by W3C's Trace Context is left out, as
    /// that specification asks.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<&str>) -> Self {
        self.traceparent = traceparent.filter(|text| is_traceparent(text)).map(Arc::from);
        self
    }
}

impl fmt::Display for PublishContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "{peer}, call {}", self.call),
            None => write!(f, "call {}", self.call),
        }
    }
}
