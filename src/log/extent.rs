//! Both ends of what a log keeps.

use super::Position;

/// What a log keeps at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The newest position; sequence 0 before the first event.
    pub head: Position,
    /// The oldest event that is retained; head + 1 when none is.
    pub oldest: u64,
}

impl Extent {
    /// The position after which everything retained comes.
    pub fn start(&self) -> Position {
        Position { epoch: self.head.epoch, sequence: self.oldest - 1 }
    }
}
