//! The last reads of a shard, shared by its connections.
//!
//! Subscribers of one channel that are in step ask for the same, one after the other: those who get the same form and see the
//! same fields, with the same filter. Each such class has its last read here, so that two classes that take turns find theirs
//! again, and nobody takes the channel's lock for what is known. Bounded by number; forgotten at every turn of the shard, so
//! that a late one in a walk gets what has come since.

use std::sync::Arc;

use super::Channel;
use crate::log::{Contents, Heads, Position, Read, Take, View};
use crate::schema::TypeFilter;

/// The most reads that are remembered: each holds a batch, of 64 KiB or of one event.
pub const MAX_READS: usize = 16;

/// The last reads.
#[derive(Default)]
pub struct SharedReads {
    known: Vec<Known>,
    /// Which gives way to the next class where there are too many.
    next: usize,
    /// What was asked for last.
    last: Option<usize>,
}

/// What a class has read last.
struct Known {
    channel: u64,
    view: View,
    filter: TypeFilter,
    place: Place,
    max_bytes: usize,
    answer: (Read, Heads),
    /// What was read, if events were.
    contents: Option<Arc<Contents>>,
}

/// Which events were read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Log(Position, Take),
    Ephemeral(u64),
}

impl SharedReads {
    /// As [`Channel::read`].
    pub fn read(
        &mut self,
        channel: &Channel,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads) {
        let place = Place::Log(after, take);
        let read = || channel.read(after, filter, take, max_bytes, view);
        self.read_once(channel.id(), place, filter, (max_bytes, view), read)
    }

    /// As [`Channel::read_ephemeral`].
    pub fn read_ephemeral(
        &mut self,
        channel: &Channel,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads) {
        let place = Place::Ephemeral(after);
        let read = || channel.read_ephemeral(after, filter, max_bytes, view);
        self.read_once(channel.id(), place, filter, (max_bytes, view), read)
    }

    /// What the last answer holds, if events.
    pub fn contents(&self) -> Option<Arc<Contents>> {
        self.known.get(self.last?)?.contents.clone()
    }

    /// Forgets all of them, so that the next subscriber sees what has come since.
    pub fn forget(&mut self) {
        self.known.clear();
        (self.next, self.last) = (0, None);
    }

    fn read_once(
        &mut self,
        channel: u64,
        place: Place,
        filter: &TypeFilter,
        (max_bytes, view): (usize, View),
        read: impl FnOnce() -> (Read, Heads, Option<Contents>),
    ) -> (Read, Heads) {
        let of_class = |known: &Known| known.channel == channel && known.view == view && known.filter == *filter;
        // Nearly always it is the one that was asked for last.
        let last = self.last.filter(|last| self.known.get(*last).is_some_and(of_class));
        let at = last.or_else(|| self.known.iter().position(of_class));
        if let Some(at) = at
            && self.known[at].place == place
            && self.known[at].max_bytes == max_bytes
        {
            self.last = Some(at);
            return self.known[at].answer.clone();
        }
        let (read, heads, contents) = read();
        let answer = (read, heads);
        let (filter, contents) = (filter.clone(), contents.map(Arc::new));
        let known = Known { channel, view, filter, place, max_bytes, answer: answer.clone(), contents };
        let at = match at {
            Some(at) => at,
            None if self.known.len() < MAX_READS => {
                self.known.push(known);
                self.last = Some(self.known.len() - 1);
                return answer;
            }
            None => {
                self.next = (self.next + 1) % MAX_READS;
                self.next
            }
        };
        self.known[at] = known;
        self.last = Some(at);
        answer
    }
}

#[cfg(test)]
mod tests;
