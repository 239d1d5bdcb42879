//! A deadline on the opening of an HTTP/2 connection.
//!
//! HTTP/2 servers wait for ever for a peer that says nothing, half a preface, or a preface and then nothing. A
//! [`PrefaceDeadline`] fails the read at its deadline unless the peer has sent its preface, its SETTINGS and at least one
//! byte after them; a living peer acknowledges our SETTINGS at once. Then it steps aside: keep-alive takes over.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::metrics::{Limit, Metrics};

use super::admission::Permit;
use super::entry::Entered;
use super::pass::pass_writes;
use super::tls::Stream;

/// The connection preface, and the header of the SETTINGS frame behind it (RFC 9113, sections 3.4 and 4.1).
const OPENING_BYTES: usize = 24 + 9;
/// Where the length of the SETTINGS frame is: the first 24 bits of its header.
const LENGTH_AT: usize = 24;

/// A connection whose peer has to open HTTP/2 in time.
pub struct PrefaceDeadline {
    stream: Stream,
    peer: SocketAddr,
    opening: Option<Box<Opening>>,
    _permit: Option<Permit>,
    metrics: Arc<Metrics>,
}

struct Opening {
    deadline: Pin<Box<Sleep>>,
    seen: [u8; OPENING_BYTES],
    read_bytes: usize,
}

impl Opening {
    /// Whether, with these bytes, the peer has said more than its preface and SETTINGS.
    fn on_bytes(&mut self, bytes: &[u8]) -> bool {
        let room = &mut self.seen[self.read_bytes.min(OPENING_BYTES)..];
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.read_bytes += bytes.len();
        let length = &self.seen[LENGTH_AT..LENGTH_AT + 3];
        let settings_bytes = u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize;
        self.read_bytes > OPENING_BYTES + settings_bytes
    }
}

impl PrefaceDeadline {
    /// Gives the peer so long to open HTTP/2.
    pub fn new(entered: Entered, within: Duration) -> Self {
        let Entered { stream, caller, certificate: _ } = entered;
        let opening = Opening { deadline: Box::pin(sleep(within)), seen: [0; OPENING_BYTES], read_bytes: 0 };
        PrefaceDeadline {
            stream,
            peer: caller.address(),
            opening: Some(Box::new(opening)),
            _permit: None,
            metrics: Arc::default(),
        }
    }

    /// Counts in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Counts as admitted for as long as it lives.
    #[must_use]
    pub fn with_permit(mut self, permit: Permit) -> Self {
        self._permit = Some(permit);
        self
    }
}

impl AsyncRead for PrefaceDeadline {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(opening) = &mut this.opening else { return read };
        if let Poll::Ready(Ok(())) = &read {
            let bytes = &buffer.filled()[before..];
            if bytes.is_empty() || opening.on_bytes(bytes) {
                this.opening = None;
                return read;
            }
        }
        // Asked on every read, so that a byte now and then does not put the deadline off.
        if opening.deadline.as_mut().poll(context).is_ready() {
            this.metrics.limits.hit(Limit::HandshakeTimeout, this.peer.ip());
            tracing::debug!(peer = %this.peer, read_bytes = opening.read_bytes, "no HTTP/2 opening in time");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no HTTP/2 opening in time")));
        }
        ready!(read)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PrefaceDeadline {
    pass_writes!(stream);

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::entry::Caller;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS_OF_6_BYTES: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    const SETTINGS_ACK: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];

    /// Time enough to read what is there already, on a machine that has much else to do.
    const DEADLINE: Duration = Duration::from_secs(1);

    /// What the reader gets when the peer sends these pieces and then stays silent.
    async fn outcome(pieces: &[&[u8]]) -> io::ErrorKind {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        for piece in pieces {
            client.write_all(piece).await.unwrap();
        }
        let entered = Entered { stream: Stream::Plain(stream), caller: Caller::Client(peer), certificate: None };
        let mut stream = PrefaceDeadline::new(entered, DEADLINE);
        let read = async {
            loop {
                if let Err(error) = stream.read_u8().await {
                    return error.kind();
                }
            }
        };
        // Longer than the deadline: what still reads then has passed it.
        tokio::time::timeout(2 * DEADLINE, read).await.unwrap_or(io::ErrorKind::WouldBlock)
    }

    #[tokio::test]
    async fn a_peer_that_never_finishes_its_opening_is_cut_at_the_deadline() {
        let silent: [&[&[u8]]; 4] =
            [&[], &[&PREFACE[..10]], &[PREFACE, &SETTINGS_OF_6_BYTES[..12]], &[PREFACE, SETTINGS_OF_6_BYTES]];
        for pieces in silent {
            assert_eq!(outcome(pieces).await, io::ErrorKind::TimedOut, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_acknowledges_our_settings_may_stay_silent_after_that() {
        assert_eq!(outcome(&[PREFACE, SETTINGS_OF_6_BYTES, SETTINGS_ACK]).await, io::ErrorKind::WouldBlock);
    }
}
