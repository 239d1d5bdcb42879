//! Accepting connections, for ever.
//!
//! An [`Acceptor`] never gives up: when the process is out of file descriptors or memory it waits a little and tries
//! again, and a connection that died in the queue is skipped. It lets only so many in per second, so that a stampede of
//! reconnecting peers waits in the kernel's queue instead of starving those that are connected. Who is turned away at once
//! has cost next to nothing and takes next to nothing of that pace: one address that knocks without end keeps nobody out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::metrics::{Limit, Metrics};

/// Handshakes per second over all peers of a port; what is beyond waits in the kernel's queue.
pub const ACCEPTS_PER_SECOND: u32 = 1_000;
/// What may come at once after a quiet second, as a share of a second's handshakes: a tenth.
const BURST_SHARE: u32 = 10;
/// How many that are turned away weigh as much as one that is let in.
const TURNED_AWAY_FOR_ONE: u32 = 10;
const BACK_OFF_FIRST: Duration = Duration::from_millis(10);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(1);

/// Where connections come from: a listener, or a test's script.
pub trait Listen: Send {
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Listen for TcpListener {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        TcpListener::accept(self)
    }
}

/// The accepting end of one port.
pub struct Acceptor<L = TcpListener> {
    listener: L,
    pace: Pace,
    back_off: Option<Duration>,
    not_before: Option<Instant>,
    metrics: Arc<Metrics>,
}

impl<L: Listen> Acceptor<L> {
    /// Accepts from this listener, at most so many per second.
    pub fn new(listener: L, per_second: u32) -> Self {
        Acceptor { listener, pace: Pace::new(per_second), back_off: None, not_before: None, metrics: Arc::default() }
    }

    /// Counts in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The one that was accepted last has been turned away, and nothing was done for it.
    pub fn turned_away(&mut self) {
        self.not_before = self.pace.forgive();
    }

    /// The next connection, with Nagle's algorithm off.
    ///
    /// # Cancel safety
    /// Nothing is lost: waiting comes before accepting, and what is accepted is returned at once.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(not_before) = self.not_before {
                sleep_until(not_before).await;
                self.not_before = None;
            }
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.back_off = None;
                    self.not_before = self.pace.next(Instant::now());
                    if self.not_before.is_some() {
                        self.metrics.limits.hit(Limit::HandshakesPerSecond, peer);
                    }
                    // Fails only when the peer is gone already; reading will say so.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer);
                }
                Err(error) if died_in_the_queue(&error) => {}
                Err(error) => {
                    let wait = self.back_off.map_or(BACK_OFF_FIRST, |wait| (wait * 2).min(BACK_OFF_LONGEST));
                    if is_out_of_descriptors(&error) {
                        self.metrics.limits.hit(Limit::FileDescriptors, "all peers");
                    }
                    tracing::warn!(%error, wait_ms = wait.as_millis(), "cannot accept connections");
                    self.back_off = Some(wait);
                    self.not_before = Some(Instant::now() + wait);
                }
            }
        }
    }
}

/// Whether the error is about the connection that would have been accepted, not about us (`accept(2)`, Notes).
fn died_in_the_queue(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | ConnectionRefused | HostUnreachable | NetworkUnreachable
    )
}

/// Whether the process or the system has no file descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|code| error.raw_os_error() == Some(code.raw_os_error()))
}

/// A token bucket that holds one instant: when the next would be due if all came evenly.
struct Pace {
    interval: Duration,
    tolerance: Duration,
    due: Option<Instant>,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        let interval = Duration::from_secs(1) / per_second;
        Pace { interval, tolerance: interval * (per_second / BURST_SHARE), due: None }
    }

    /// Counts one now; says when the next may come, if not at once.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due.map_or(now, |due| due.max(now)) + self.interval;
        self.due = Some(due);
        self.not_before().filter(|not_before| *not_before > now)
    }

    /// The last one weighs a part of what others do. Says when the next may come.
    fn forgive(&mut self) -> Option<Instant> {
        let weight = self.interval / TURNED_AWAY_FOR_ONE;
        self.due = self.due.and_then(|due| due.checked_sub(self.interval - weight));
        self.not_before()
    }

    fn not_before(&self) -> Option<Instant> {
        self.due?.checked_sub(self.tolerance)
    }
}

#[cfg(test)]
mod tests;
