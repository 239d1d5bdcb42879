//! One channel on one connection: a cursor in its log, and what the client knows of it.

use crate::ids::ChannelName;
use crate::log::{Heads, Position, Read, Snapshot, Take};
use crate::proto::rialto::v1 as proto;
use crate::schema::{Audience, Retention, TypeFilter};
use crate::wire::ServerFrame;

/// The largest integer that JavaScript's numbers hold exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
/// A subscription that is further behind after a turn lags. A request of a publisher has as many events, so whoever takes
/// what is sent gets all of them.
const KEEPS_PACE_EVENTS: u64 = 1_000;

/// A subscription. Its cursor is the last event that was given to the socket.
#[derive(Debug)]
pub(super) struct Subscription<H> {
    pub(super) handle: H,
    pub(super) channel: ChannelName,
    /// What the client asked for, and what that means under the schema that is served.
    pub(super) types: Box<[String]>,
    pub(super) filter: TypeFilter,
    /// What of its events it may see.
    pub(super) audience: Audience,
    pub(super) cursor: Position,
    /// The last ephemeral event that was looked at.
    pub(super) ephemeral: u64,
    /// Up to this sequence it gets only the newest events of their keys.
    pub(super) keyed_until: u64,
    /// Whether it passes over superseded events: from when it begins behind the head, has a full socket or falls far behind,
    /// until it is at the head again.
    pub(super) lags: bool,
    /// The newest sequence that the client knows to have been looked at.
    told: u64,
    /// The head when it was subscribed: events up to it are replay, and paced.
    pub(super) replay_until: u64,
    /// Whether its replay waits for its pace.
    pub(super) paced: bool,
    /// A filtered subscription is moved on when its cursor has passed this many events silently.
    quiet_limit: u64,
    /// The position that the client came with, of a log that is not this one: it is told before anything else.
    pub(super) reset_from: Option<Box<proto::Position>>,
    /// Whether it is in the queue of those that may have something to read.
    pub(super) queued: bool,
}

/// What a read means for the connection.
pub(super) enum Pulled {
    /// Events to write.
    Events { first: u64, frames: bytes::Bytes, more: More },
    /// Ephemeral events to write.
    Ephemeral { frames: bytes::Bytes, more: More },
    /// Something to tell; then read on.
    Tell(ServerFrame),
    /// Nothing for the client; read on.
    Again,
    /// Nothing until the channel is marked.
    UpToDate,
}

/// Whether a subscription has more to read right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

impl<H> Subscription<H> {
    /// A subscription that begins after `begin.start`; `heads` are the newest events now.
    pub(super) fn new(
        handle: H,
        channel: ChannelName,
        (types, filter, audience): (Box<[String]>, TypeFilter, Audience),
        begin: Snapshot,
        heads: Heads,
        retention: Retention,
    ) -> Self {
        Subscription {
            handle,
            channel,
            types,
            filter,
            audience,
            cursor: begin.start,
            ephemeral: heads.ephemeral,
            keyed_until: begin.keyed_until,
            lags: begin.start != heads.head,
            told: begin.start.sequence,
            replay_until: heads.head.sequence,
            paced: false,
            quiet_limit: quiet_limit(retention),
            reset_from: None,
            queued: false,
        }
    }

    /// Goes on at the same cursor under another revision of the schema.
    pub(super) fn revise(&mut self, filter: TypeFilter, retention: Retention) {
        self.filter = filter;
        self.quiet_limit = quiet_limit(retention);
    }

    /// Moves to another position, which the client knows.
    pub(super) fn seek(&mut self, cursor: Position) {
        self.cursor = cursor;
        self.told = cursor.sequence;
    }

    /// Moves to `begin` after a reset that is still to be told.
    pub(super) fn reset(&mut self, begin: Snapshot, previous: proto::Position) {
        self.seek(begin.start);
        self.keyed_until = begin.keyed_until;
        self.lags = true;
        // A frame's numbers are JavaScript's; no log has ever been further.
        let sequence = previous.sequence.min(MAX_SAFE_INTEGER);
        self.reset_from = Some(Box::new(proto::Position { sequence, ..previous }));
    }

    /// Which events it wants now.
    pub(super) fn take(&self) -> Take {
        match self.lags || self.cursor.sequence < self.keyed_until {
            true => Take::Newest { keyed_until: self.keyed_until },
            false => Take::Everything,
        }
    }

    /// The reset to tell, once.
    pub(super) fn take_reset(&mut self) -> Option<ServerFrame> {
        let previous = self.reset_from.take()?;
        Some(ServerFrame::Reset(proto::ChannelReset {
            channel: self.channel.to_string(),
            start: Some(proto_position(self.cursor)),
            previous: Some(*previous),
        }))
    }

    /// How many events it has not looked at.
    pub(super) fn behind(&self, heads: Heads) -> u64 {
        heads.head.sequence.saturating_sub(self.cursor.sequence)
    }

    pub(super) fn is_replaying(&self) -> bool {
        self.cursor.sequence < self.replay_until
    }

    /// Moves the cursor over what was read. `everything` gives where all that the channel keeps begins.
    pub(super) fn on_read(&mut self, read: Read, heads: Heads, everything: impl FnOnce(&H) -> Snapshot) -> Pulled {
        let head = heads.head;
        match read {
            Read::Batch { first, last, frames } => {
                self.seek(Position { sequence: last, ..self.cursor });
                if last >= head.sequence {
                    self.lags = false;
                } else if head.sequence - last > KEEPS_PACE_EVENTS {
                    self.lags = true;
                }
                Pulled::Events { first, frames, more: self.more(heads) }
            }
            Read::Skipped { sequence } => {
                self.cursor.sequence = sequence;
                self.lags &= sequence < head.sequence;
                if sequence - self.told < self.quiet_limit {
                    return if self.more(heads) == More::Yes { Pulled::Again } else { Pulled::UpToDate };
                }
                self.told = sequence;
                Pulled::Tell(self.position(0))
            }
            Read::Passed { sequence, conflated } => {
                self.seek(Position { sequence, ..self.cursor });
                Pulled::Tell(self.position(conflated))
            }
            Read::UpToDate => {
                self.lags = false;
                Pulled::UpToDate
            }
            Read::Lagged { oldest, .. } => {
                let first = self.cursor.sequence + 1;
                self.seek(Position { sequence: oldest - 1, ..self.cursor });
                Pulled::Tell(ServerFrame::Gap(proto::ChannelGap {
                    channel: self.channel.to_string(),
                    epoch: self.cursor.epoch.to_string(),
                    first,
                    last: oldest - 1,
                }))
            }
            Read::EpochChanged { .. } | Read::AheadOfHead { .. } => {
                let previous = proto_position(self.cursor);
                self.reset(everything(&self.handle), previous);
                // What the other log has kept is the past.
                self.replay_until = head.sequence;
                Pulled::Again
            }
        }
    }

    /// Moves over the ephemeral events that were read. What is lost of them is nobody's business.
    pub(super) fn on_read_ephemeral(&mut self, read: Read, heads: Heads) -> Pulled {
        match read {
            Read::Batch { last, frames, .. } => {
                self.ephemeral = last;
                Pulled::Ephemeral { frames, more: self.more(heads) }
            }
            _ => {
                self.ephemeral = heads.ephemeral;
                Pulled::UpToDate
            }
        }
    }

    /// Whether there is more than it has.
    fn more(&self, heads: Heads) -> More {
        match self.cursor.sequence < heads.head.sequence || self.ephemeral < heads.ephemeral {
            true => More::Yes,
            false => More::No,
        }
    }

    fn position(&self, conflated: u64) -> ServerFrame {
        ServerFrame::Position(proto::ChannelPosition {
            channel: self.channel.to_string(),
            position: Some(proto_position(self.cursor)),
            conflated,
        })
    }

    /// Takes back what the socket did not get: the last that it did (at least in part) leads to `sequence`.
    pub(super) fn take_back(&mut self, sequence: u64) {
        self.seek(Position { sequence, ..self.cursor });
    }
}

fn quiet_limit(retention: Retention) -> u64 {
    u64::from(retention.events / 4).max(1)
}

/// A position as a frame says it.
pub(super) fn proto_position(position: Position) -> proto::Position {
    proto::Position { epoch: position.epoch.to_string(), sequence: position.sequence }
}
