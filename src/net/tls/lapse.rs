//! The end of a connection whose certificate counts no more, for a protocol that would keep it open.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, Sleep, sleep};

use super::client::{ClientCertificate, LOOK_EVERY};

/// From when it is seen to the end: time for the calls of the connection to be told why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Looks at a connection's certificate now and then.
pub(in crate::net) struct Lapse {
    certificate: ClientCertificate,
    next: Pin<Box<Sleep>>,
    is_seen: bool,
}

impl Lapse {
    pub(in crate::net) fn new(certificate: ClientCertificate) -> Self {
        Lapse { certificate, next: Box::pin(sleep(LOOK_EVERY)), is_seen: false }
    }

    /// Ready when the connection is to end.
    pub(in crate::net) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next.as_mut().poll(context));
            if self.is_seen {
                return Poll::Ready(());
            }
            self.is_seen = self.certificate.standing(SystemTime::now()).is_err();
            let wait = if self.is_seen { LAST_WORDS } else { LOOK_EVERY };
            self.next.as_mut().reset(Instant::now() + wait);
        }
    }
}
