//! Everything about a connection that time decides, checked by one sweep.

use std::time::{Duration, Instant};

use crate::status::PeerCode;

/// The times that a connection must keep.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// From the upgrade to `connection.init`, where a subprotocol asks for it. Default 10 s.
    pub init: Duration,
    /// Silence after which the peer is pinged. Default 30 s.
    pub ping_after: Duration,
    /// From the moment when the kernel has the ping until some byte comes back. Default 5 s.
    pub pong: Duration,
    /// How long the kernel may refuse every byte. Default 5 s.
    pub write: Duration,
    /// Between visible heartbeats. Default 30 s.
    pub heartbeat: Duration,
    /// From a message's first byte to its last. Default 30 s.
    pub message: Duration,
    /// From our close frame to the peer's. Default 5 s.
    pub close: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Timings {
            init: Duration::from_secs(10),
            ping_after: Duration::from_secs(30),
            pong: Duration::from_secs(5),
            write: Duration::from_secs(5),
            heartbeat: Duration::from_secs(30),
            message: Duration::from_secs(30),
            close: Duration::from_secs(5),
        }
    }
}

impl Timings {
    /// How often deadlines are looked at: a tenth of the shortest, within 10 ms and 500 ms.
    pub fn sweep_every(&self) -> Duration {
        let shortest = [self.init, self.ping_after, self.pong, self.write, self.heartbeat, self.message, self.close];
        let shortest = shortest.into_iter().min().unwrap_or(Duration::MAX);
        (shortest / 10).clamp(Duration::from_millis(10), Duration::from_millis(500))
    }
}

/// What the read side has seen, as of this sweep.
#[derive(Clone, Copy, Debug)]
pub struct Inbound {
    /// When the last byte came.
    pub last_byte: Instant,
    /// When the message began that is not complete yet.
    pub message_began: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    None,
    Queued,
    /// The kernel has had it since then.
    Sent(Instant),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Heartbeat,
    /// Close with this code.
    Close(PeerCode),
    /// The peer takes or says nothing any more: end without a word.
    Drop(PeerCode),
}

/// The clocks of one connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    opened: Instant,
    heartbeat: Instant,
    blocked: Option<Instant>,
    /// When a full socket last took bytes again: the peer is reading, however slowly.
    drained: Option<Instant>,
    closing: Option<(Instant, PeerCode)>,
    ping: Ping,
}

impl Deadlines {
    pub(super) fn new(now: Instant) -> Self {
        Deadlines { opened: now, heartbeat: now, blocked: None, drained: None, closing: None, ping: Ping::None }
    }

    /// The kernel refused every byte.
    pub(super) fn on_blocked(&mut self, now: Instant) {
        self.blocked.get_or_insert(now);
    }

    /// Whether the kernel refused the last byte that it was offered.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// The kernel took some bytes.
    pub(super) fn on_progress(&mut self, now: Instant) {
        if self.blocked.take().is_some() {
            self.drained = Some(now);
        }
    }

    /// The kernel has our ping.
    pub(super) fn on_ping_sent(&mut self, now: Instant) {
        self.ping = Ping::Sent(now);
    }

    /// Our close frame is queued.
    pub(super) fn on_closing(&mut self, now: Instant, code: PeerCode) {
        self.closing.get_or_insert((now, code));
    }

    /// What is due now. Asked again until it says nothing.
    pub(super) fn due(&mut self, now: Instant, awaiting_init: bool, inbound: Inbound, timings: &Timings) -> Due {
        let passed = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        if let Some((since, code)) = self.closing {
            return if passed(since, timings.close) { Due::Drop(code) } else { Due::Nothing };
        }
        if self.blocked.is_some_and(|since| passed(since, timings.write)) {
            return Due::Drop(PeerCode::WriteTimeout);
        }
        if awaiting_init && passed(self.opened, timings.init) {
            return Due::Close(PeerCode::NoCredentials);
        }
        if inbound.message_began.is_some_and(|since| passed(since, timings.message)) {
            return Due::Close(PeerCode::HeartbeatMissed);
        }
        match self.ping {
            Ping::Sent(at) if inbound.last_byte > at => self.ping = Ping::None,
            // Behind a full socket the ping waits its turn in the kernel, and the write deadline decides.
            Ping::Sent(_) if self.blocked.is_some() => {}
            Ping::Sent(at) if passed(self.drained.map_or(at, |drained| drained.max(at)), timings.pong) => {
                return Due::Close(PeerCode::HeartbeatMissed);
            }
            _ => {}
        }
        if self.ping == Ping::None && passed(inbound.last_byte, timings.ping_after) {
            self.ping = Ping::Queued;
            return Due::Ping;
        }
        if !awaiting_init && passed(self.heartbeat, timings.heartbeat) {
            self.heartbeat = now;
            return Due::Heartbeat;
        }
        Due::Nothing
    }
}
