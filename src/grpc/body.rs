//! The messages of a call while they come.
//!
//! [`Metered`] hands a request's body on as it is, copies nothing, and reads along where messages begin and end (gRPC over
//! HTTP/2, `Length-Prefixed-Message`). It promises that what a call's messages take in memory is in the port's budget
//! ([`crate::net::receiving`]), and that a message which has begun is whole in time: the peer may be waited for so long, however it
//! spreads that. While nobody asks, because the call is held back, no time goes by for it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::noop_waker_ref;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::convert::tonic_status;
use crate::metrics::{Limit, Metrics};
use crate::net::receiving::{Full, Share};
use crate::status::{Code, Status};

/// Compression flag and length.
const PREFIX_BYTES: usize = 5;
/// When a call that had no room may come back.
const FULL_RETRY: Duration = Duration::from_secs(1);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A request's body.
pub(super) struct Metered<B> {
    inner: B,
    share: Arc<Share>,
    messages: Messages,
    waiting: Waiting,
    is_over: bool,
    peer: SocketAddr,
    metrics: Arc<Metrics>,
}

impl<B> Metered<B> {
    /// The body of a call of this peer, each of whose messages may be waited for so long.
    pub(super) fn new(
        inner: B,
        share: Arc<Share>,
        patience: Duration,
        peer: SocketAddr,
        metrics: Arc<Metrics>,
    ) -> Self {
        let waiting = Waiting { patience, waited: Duration::ZERO, since: None, timer: None };
        Metered { inner, share, messages: Messages::default(), waiting, is_over: false, peer, metrics }
    }

    fn end(&mut self, limit: Limit, status: Status) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.is_over = true;
        self.metrics.limits.hit(limit, self.peer.ip());
        Poll::Ready(Some(Err(tonic_status(status).into())))
    }

    fn no_room(&mut self) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let message =
            "requests that are being received have all the memory that there is for them; send what has no ack again";
        let status = Status::new(Code::ResourceExhausted, "receiving_full", message).with_retry_after(FULL_RETRY);
        self.end(Limit::MaxReceivingBytes, status)
    }

    fn too_slow(&mut self) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let patience = self.waiting.patience.as_millis();
        let message = format!("a message was begun and not complete after {patience} ms of waiting for it");
        self.end(Limit::MessageTimeout, Status::new(Code::DeadlineExceeded, "message_timeout", message))
    }
}

impl<B: Body<Data = Bytes, Error: Into<Error>> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        this.share.tell(cx.waker());
        if this.share.is_ending() {
            return this.no_room();
        }
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            if this.messages.is_amid() {
                ready!(this.waiting.poll(cx));
                return this.too_slow();
            }
            return Poll::Pending;
        };
        this.waiting.pause();
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame.map(|frame| frame.map_err(Into::into))) };
        if let Some(data) = frame.data_ref() {
            let taken = this.messages.take(data);
            if taken.has_completed {
                this.waiting.waited = Duration::ZERO;
                this.share.on_message();
            }
            if this.share.reach(taken.longest_bytes) == Err(Full) {
                return this.no_room();
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Metered<B> {
    fn drop(&mut self) {
        self.share.on_received();
    }
}

/// How long a message has been waited for.
struct Waiting {
    patience: Duration,
    waited: Duration,
    /// It is being waited for.
    since: Option<Instant>,
    /// Made once, and looked after when it is over.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Waiting {
    /// Ready when it has been too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if cx.waker().will_wake(noop_waker_ref()) {
            // Who only looks whether something is there does not wait.
            return Poll::Pending;
        }
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let mut left = self.patience.saturating_sub(self.waited + (now - since));
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
        while !left.is_zero() {
            ready!(timer.as_mut().poll(cx));
            left = self.patience.saturating_sub(self.waited + (Instant::now() - since));
            if !left.is_zero() {
                timer.as_mut().reset(Instant::now() + left);
            }
        }
        Poll::Ready(())
    }

    fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }
}

/// Where in a message the bytes are.
#[derive(Default)]
struct Messages {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the message that have come.
    come_bytes: usize,
    /// Those of its payload that have not, once the prefix is there.
    left_bytes: usize,
}

/// What some bytes have brought.
struct Taken {
    /// Of the message that has become the longest.
    longest_bytes: usize,
    has_completed: bool,
}

impl Messages {
    fn is_amid(&self) -> bool {
        self.come_bytes > 0
    }

    fn take(&mut self, mut data: &[u8]) -> Taken {
        let mut taken = Taken { longest_bytes: 0, has_completed: false };
        while !data.is_empty() {
            let missing = PREFIX_BYTES.saturating_sub(self.come_bytes);
            let now = if missing > 0 { missing } else { self.left_bytes }.min(data.len());
            let (bytes, rest) = data.split_at(now);
            data = rest;
            if missing > 0 {
                self.prefix[self.come_bytes..self.come_bytes + now].copy_from_slice(bytes);
                let [_, length @ ..] = self.prefix;
                self.left_bytes = u32::from_be_bytes(length) as usize;
            } else {
                self.left_bytes -= now;
            }
            self.come_bytes += now;
            taken.longest_bytes = taken.longest_bytes.max(self.come_bytes);
            if self.come_bytes >= PREFIX_BYTES && self.left_bytes == 0 {
                (self.come_bytes, taken.has_completed) = (0, true);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
