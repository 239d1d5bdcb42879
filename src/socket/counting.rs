//! What a shard counts, and what it says about each event at the debug level.
//!
//! Deliveries are cheap: the types of a batch were counted when it was read, once for all its readers, and readers of one
//! batch in a row are only multiplied. The clock is asked for the first delivery of a turn and every
//! [`SAMPLE_EVERY`]th after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ids::Tenant;
use crate::log::Contents;
use crate::metrics::{Close, Limit, Metrics, ShardCounters, Start, TenantPlace};
use crate::proto::rialto::v1::Position;
use crate::session::inbound::USER_RATE_LIMITED;
use crate::session::outbound::{Closed, Delivered, Identity, Pull};
use crate::status::PeerCode;
use crate::wire::ServerFrame;
use crate::wire::websocket::close_code;

use super::gate::WRONG_TOKENS;
use super::stream::now;
use super::trace;

/// Deliveries between two looks at the clock, within a turn.
const SAMPLE_EVERY: u64 = 16;

/// What one shard counts.
pub(super) struct Counting {
    metrics: Arc<Metrics>,
    shard: Arc<ShardCounters>,
    /// The batch that was delivered last, as a whole, and to how many readers in a row.
    last: Option<(Arc<Contents>, u64)>,
    /// Whose events are being delivered: neighbours in a turn are most often of one tenant.
    tenant: (Tenant, TenantPlace),
    /// Deliveries since the clock was asked for one. 0: the next one asks.
    since_sample: u64,
}

impl Counting {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let shard = metrics.shard();
        let tenant = (Tenant::default_tenant(), TenantPlace::default());
        Counting { metrics, shard, last: None, tenant, since_sample: 0 }
    }

    /// A turn is over: what was multiplied is told, and the next delivery is measured.
    pub(super) fn settle(&mut self) {
        if let Some((contents, readers)) = self.last.take() {
            self.count(&contents, u64::MAX, readers);
        }
        self.since_sample = 0;
    }

    /// Counts the first so many events of a batch for so many readers, all of the tenant that was served last.
    fn count(&self, contents: &Contents, events: u64, readers: u64) {
        let mut all = 0;
        for (index, count) in contents.types(events) {
            self.shard.on_delivered(index, count * readers);
            all += count * readers;
        }
        self.shard.on_delivered_to(self.tenant.1, all);
    }

    /// Events went into the socket of this connection.
    pub(super) fn on_delivered(&mut self, identity: &Identity, delivered: Delivered) {
        let Delivered { contents, events, pull, told } = delivered;
        for frame in told {
            self.on_told(identity, &frame);
        }
        let Some(contents) = contents else { return };
        let tenant = &identity.party.principal.tenant;
        if self.tenant.0 != *tenant {
            let since_sample = self.since_sample;
            self.settle();
            self.since_sample = since_sample;
            self.tenant = (tenant.clone(), self.metrics.tenants.place(tenant));
        }
        if pull == Pull::Replay {
            self.shard.on_replayed(contents.types(events).iter().map(|(_, count)| count).sum());
        }
        if self.since_sample == 0
            && pull == Pull::Live
            && let Some(first_at) = contents.first_at
        {
            self.shard.on_latency(now().saturating_duration_since(first_at));
        }
        self.since_sample = (self.since_sample + 1) % SAMPLE_EVERY;
        if trace::is_on() {
            trace::delivered(identity, &contents.frames, events);
        }
        if events < u64::MAX {
            return self.count(&contents, events, 1);
        }
        match &mut self.last {
            Some((last, readers)) if Arc::ptr_eq(last, &contents) => *readers += 1,
            _ => {
                let since_sample = self.since_sample;
                self.settle();
                self.since_sample = since_sample;
                self.last = Some((contents, 1));
            }
        }
    }

    pub(super) fn on_lag(&self, behind: u64) {
        self.shard.on_lag(behind);
    }

    pub(super) fn on_sent(&self, bytes: usize) {
        self.shard.on_sent(bytes);
    }

    pub(super) fn on_blocked(&self) {
        self.shard.on_blocked();
    }

    pub(super) fn on_unblocked(&self) {
        self.shard.on_unblocked();
    }

    pub(super) fn on_opened(&self) {
        self.metrics.front.opened.increment();
    }

    /// The connection has gone.
    pub(super) fn on_closed(&self, identity: &Identity, closed: Option<Closed>, ending: &Ending) {
        let close = match (closed, ending.dropped) {
            (Some(Closed::ByBridge(code)), _) => Close::ByBridge(code),
            (Some(Closed::ByPeer(code)), _) => Close::ByPeer(code),
            (None, Some(code)) => Close::ByBridge(code.number()),
            (None, None) => Close::Broken,
        };
        self.metrics.front.closed.add(close);
        let (connection, session) = (&identity.connection, identity.session());
        let dropped = ending.dropped.map(|code| code.row().reason);
        let (by, code) = close.by();
        tracing::debug!(%connection, session = session.as_str(), close = code, by, dropped, "connection ended");
        let cause = match close {
            Close::ByBridge(code) => limit_of(code, ending),
            Close::ByPeer(_) | Close::Broken => None,
        };
        // Cut after a close frame: the peer has not answered it.
        let unanswered = (closed.is_some() && ending.dropped.is_some()).then_some(Limit::CloseTimeout);
        for limit in cause.into_iter().chain(unanswered) {
            self.metrics.limits.hit(limit, connection);
        }
    }

    /// More commands come than answers leave.
    pub(super) fn on_held_back(&self, identity: &Identity) {
        self.metrics.limits.hit(Limit::MaxControlFrames, &identity.connection);
    }

    pub(super) fn on_paced(&self, identity: &Identity) {
        self.metrics.limits.hit(Limit::ReplayBytesPerSecond, &identity.connection);
    }

    /// Counts what a client is told about its subscriptions, and says so in the log.
    pub(super) fn on_told(&self, identity: &Identity, frame: &ServerFrame) {
        let (connection, session) = (&identity.connection, identity.session());
        match frame {
            ServerFrame::Subscribed(subscribed) => {
                let start = match subscribed.recovered {
                    None => Start::Fresh,
                    Some(true) => Start::Resumed,
                    Some(false) => Start::Lost,
                };
                let sequence = |position: &Option<Position>| position.as_ref().map_or(0, |at| at.sequence);
                let behind = sequence(&subscribed.head).saturating_sub(sequence(&subscribed.start));
                self.shard.on_subscribed(start);
                tracing::debug!(%connection, session = session.as_str(), channel = subscribed.channel, start = start.name(), behind, "subscribed");
            }
            ServerFrame::Gap(gap) => {
                let lost_events = (gap.last + 1).saturating_sub(gap.first);
                self.shard.on_gap(lost_events);
                tracing::debug!(%connection, session = session.as_str(), channel = gap.channel, lost_events, "told of a gap");
            }
            ServerFrame::Reset(reset) => {
                self.shard.on_reset();
                tracing::debug!(%connection, session = session.as_str(), channel = reset.channel, "told of a reset");
            }
            ServerFrame::Position(position) => self.shard.on_conflated(position.conflated),
            ServerFrame::Error(error) => {
                self.metrics.front.errors.add(error.code);
                let limit = [
                    (PeerCode::RateLimited, Limit::CommandsPerSecond),
                    (PeerCode::LimitReached, Limit::MaxSubscriptions),
                ];
                if error.reason == USER_RATE_LIMITED {
                    self.metrics.limits.hit(Limit::UserCommandsPerSecond, connection);
                } else if error.reason != WRONG_TOKENS
                    && let Some((_, limit)) = limit.iter().find(|(code, _)| u32::from(code.number()) == error.code)
                {
                    self.metrics.limits.hit(*limit, connection);
                }
                // Its message may repeat what the client sent.
                tracing::debug!(%connection, session = session.as_str(), code = error.code, reason = error.reason, "told of an error");
            }
            _ => {}
        }
    }
}

/// What is known of a connection at its end.
pub(super) struct Ending {
    /// It was cut with this code.
    pub(super) dropped: Option<PeerCode>,
    /// Whether it has had the time for its `connection.init`.
    pub(super) init_is_over: bool,
    /// When the message began that the client has not finished.
    pub(super) message_since: Option<Instant>,
    /// How long that may take.
    pub(super) message_timeout: Duration,
}

/// The limit that a connection hit which the bridge closed with this code. Rates are counted where they are known: who reads
/// knows which of them was not heeded, and the gate counts wrong tokens.
fn limit_of(code: u16, ending: &Ending) -> Option<Limit> {
    let unfinished =
        ending.message_since.is_some_and(|since| now().saturating_duration_since(since) >= ending.message_timeout);
    if code == PeerCode::NoCredentials.number() {
        // Otherwise the first frame came, and had no token.
        return Some(Limit::InitTimeout).filter(|_| ending.init_is_over);
    }
    let limits = [
        (close_code::TOO_BIG, Limit::MaxMessageBytes),
        (PeerCode::HeartbeatMissed.number(), if unfinished { Limit::MessageTimeout } else { Limit::PongTimeout }),
        (PeerCode::WriteTimeout.number(), Limit::WriteTimeout),
    ];
    limits.iter().find(|(known, _)| *known == code).map(|(_, limit)| *limit)
}
