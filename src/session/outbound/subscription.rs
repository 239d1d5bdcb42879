//! One channel on one connection: a cursor in its log, and what the client knows of it.

use crate::ids::ChannelName;
use crate::log::{Position, Read};
use crate::proto::rialto::v1 as proto;
use crate::schema::{Retention, TypeFilter};
use crate::wire::json::ServerFrame;

/// The largest integer that JavaScript's numbers hold exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A subscription. Its cursor is the last event that was given to the socket.
#[derive(Debug)]
pub(super) struct Subscription<H> {
    pub(super) handle: H,
    pub(super) channel: ChannelName,
    /// What the client asked for, and what that means under the schema that is served.
    pub(super) types: Box<[String]>,
    pub(super) filter: TypeFilter,
    pub(super) cursor: Position,
    /// The newest sequence that the client knows to have been looked at.
    told: u64,
    /// The head when it was subscribed: events up to it are replay, and paced.
    pub(super) replay_until: u64,
    /// A filtered subscription is moved on when its cursor has passed this many events silently.
    quiet_limit: u64,
    /// The position that the client came with, of a log that is not this one: it is told before anything else.
    reset_from: Option<Box<proto::Position>>,
    /// Whether it is in the queue of those that may have something to read.
    pub(super) queued: bool,
}

/// What a read means for the connection.
pub(super) enum Pulled {
    /// Events to write.
    Events { first: u64, frames: bytes::Bytes, more: More },
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
    pub(super) fn new(
        handle: H,
        channel: ChannelName,
        (types, filter): (Box<[String]>, TypeFilter),
        cursor: Position,
        replay_until: u64,
        retention: Retention,
    ) -> Self {
        Subscription {
            handle,
            channel,
            types,
            filter,
            cursor,
            told: cursor.sequence,
            replay_until,
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

    /// Moves to `start` after a reset that is still to be told.
    pub(super) fn reset(&mut self, start: Position, previous: proto::Position) {
        self.seek(start);
        // A frame's numbers are JavaScript's; no log has ever been further.
        let sequence = previous.sequence.min(MAX_SAFE_INTEGER);
        self.reset_from = Some(Box::new(proto::Position { sequence, ..previous }));
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

    pub(super) fn is_replaying(&self) -> bool {
        self.cursor.sequence < self.replay_until
    }

    /// Moves the cursor over what was read. `start` gives the position before everything retained.
    pub(super) fn on_read(&mut self, read: Read, head: Position, start: impl FnOnce(&H) -> Position) -> Pulled {
        match read {
            Read::Batch { first, last, frames } => {
                self.cursor.sequence = last;
                self.told = last;
                let more = if last < head.sequence { More::Yes } else { More::No };
                Pulled::Events { first, frames, more }
            }
            Read::Skipped { sequence } => {
                self.cursor.sequence = sequence;
                if sequence - self.told < self.quiet_limit {
                    return if sequence < head.sequence { Pulled::Again } else { Pulled::UpToDate };
                }
                self.told = sequence;
                Pulled::Tell(ServerFrame::Position(proto::ChannelPosition {
                    channel: self.channel.to_string(),
                    position: Some(proto_position(self.cursor)),
                    conflated: 0,
                }))
            }
            Read::UpToDate => Pulled::UpToDate,
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
                self.reset(start(&self.handle), previous);
                Pulled::Again
            }
        }
    }

    /// Takes back events that the socket did not get: the last one that it did (at least in part) is `sequence`.
    pub(super) fn take_back(&mut self, sequence: u64) {
        self.cursor.sequence = sequence;
        self.told = sequence;
    }
}

fn quiet_limit(retention: Retention) -> u64 {
    u64::from(retention.events / 4).max(1)
}

/// A position as a frame says it.
pub(super) fn proto_position(position: Position) -> proto::Position {
    proto::Position { epoch: position.epoch.to_string(), sequence: position.sequence }
}
