//! Both ends of what a log keeps, and where readers begin in it.

use super::Position;

/// What a log keeps at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The newest position; sequence 0 before the first event.
    pub head: Position,
    /// The oldest event that the retention keeps; head + 1 when none is.
    pub oldest: u64,
    /// The first event that is kept at all: the newest of its key may be older than `oldest`.
    pub first: u64,
}

impl Extent {
    /// The position after which everything comes that is kept.
    pub fn start(&self) -> Position {
        Position { epoch: self.head.epoch, sequence: self.first - 1 }
    }
}

/// The newest events of a channel: a reader that has reached both need not ask again until the channel is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The newest position of the log.
    pub head: Position,
    /// The newest ephemeral event.
    pub ephemeral: u64,
}

/// Where a first read begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The position before the first event.
    pub start: Position,
    /// Up to here only the newest events of their keys are wanted. Not after `start`: there are none.
    pub keyed_until: u64,
}

/// What a reader finds that comes back with a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Everything since is there, or superseded by something that is.
    Whole,
    /// Something since is lost.
    Lost {
        /// Where delivery goes on: after what is lost where that comes first, else at the reader's position.
        start: Position,
    },
    /// The position is of another log, or past the newest event.
    Foreign,
}
