//! Walks over the subscribers of channels that have something new, in turns that let others run between them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::hub::Channel;

use super::{ConnectionKey, Shard, Subscriber, Writing};

/// Subscribers that one turn visits, of however many channels: with a write of some microseconds each, under a millisecond.
const TURN_SUBSCRIBERS: usize = 128;

/// A walk over a dirty channel's subscribers, from the last to the first: one that comes meanwhile has read for itself,
/// and one that takes a leaver's number is visited at most once too often.
struct Sweep {
    channel: u64,
    next: usize,
}

/// The walks that are under way, in the order of their turns: at most one a channel, however often it becomes dirty.
#[derive(Default)]
pub(super) struct Sweeps {
    waiting: VecDeque<Sweep>,
    /// The channels of the walks, and whether one became dirty since its walk began: then it is walked again.
    again: HashMap<u64, bool>,
}

impl Sweeps {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A channel with so many subscribers is dirty.
    fn begin(&mut self, channel: u64, subscribers: usize) {
        match self.again.get_mut(&channel) {
            Some(again) => *again = true,
            None => {
                self.again.insert(channel, false);
                self.waiting.push_back(Sweep { channel, next: subscribers });
            }
        }
    }

    fn pop(&mut self) -> Option<Sweep> {
        self.waiting.pop_front()
    }

    /// Takes a walk back that had its turn, behind the others, unless it is through and its channel was dirty only once.
    fn put_back(&mut self, mut sweep: Sweep, subscribers: usize) {
        if sweep.next == 0 {
            match self.again.get_mut(&sweep.channel) {
                Some(again) if *again => {
                    *again = false;
                    sweep.next = subscribers;
                }
                _ => {
                    self.again.remove(&sweep.channel);
                    return;
                }
            }
        }
        self.waiting.push_back(sweep);
    }
}

impl Shard {
    pub(super) fn on_dirty(&mut self, channel: Arc<Channel>) {
        channel.begin_read(self.index);
        let subscribers = self.places(channel.id());
        if subscribers > 0 {
            self.sweeps.begin(channel.id(), subscribers);
        }
    }

    /// One bounded piece of work: a part of an adoption, a part of the sweeps, and one busy connection.
    pub(super) fn turn(&mut self) {
        // First: what an earlier turn has read may be from before a reload, and an adoption visits, too.
        self.readers.refresh();
        self.adopt();
        let mut left = TURN_SUBSCRIBERS;
        while left > 0
            && let Some(mut sweep) = self.sweeps.pop()
        {
            // A walk that finds nobody has its cost too.
            left -= 1;
            while sweep.next > 0 && left > 0 {
                sweep.next -= 1;
                let subscriber = self.readers.of(sweep.channel).and_then(|all| all.get(sweep.next)).copied();
                if let Some(Subscriber { connection, slot }) = subscriber {
                    left -= 1;
                    let Some(entry) = self.connections.get_mut(connection as usize) else { continue };
                    entry.outbound.mark(slot);
                    let key = ConnectionKey { index: connection as usize, serial: entry.serial };
                    self.visit(key);
                }
            }
            let subscribers = self.places(sweep.channel);
            self.sweeps.put_back(sweep, subscribers);
        }
        if let Some(key) = self.busy.pop_front()
            && let Some(connection) = self.connection(key)
        {
            connection.writing = Writing::Free;
            self.visit(key);
        }
    }

    /// One past the last place that a subscriber of the channel may have.
    fn places(&self, channel: u64) -> usize {
        self.readers.of(channel).map_or(0, slab::Slab::capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the sweep that is next a turn of so many subscribers, and says of which channel it was.
    fn turn(sweeps: &mut Sweeps, visits: usize, subscribers: usize) -> Option<u64> {
        let mut sweep = sweeps.pop()?;
        let channel = sweep.channel;
        sweep.next = sweep.next.saturating_sub(visits);
        sweeps.put_back(sweep, subscribers);
        Some(channel)
    }

    #[test]
    fn a_channel_that_is_dirty_in_every_turn_has_one_walk_and_comes_to_everybody() {
        let mut sweeps = Sweeps::default();
        let mut visited = vec![0_u32; 1_000];
        for _ in 0..80 {
            sweeps.begin(7, visited.len());
            let mut sweep = sweeps.pop().expect("it is dirty");
            let from = sweep.next;
            sweep.next = from.saturating_sub(128);
            visited[sweep.next..from].iter_mut().for_each(|visits| *visits += 1);
            sweeps.put_back(sweep, visited.len());
            assert!(sweeps.waiting.len() <= 1 && sweeps.again.len() <= 1);
        }
        assert!(visited.iter().all(|visits| *visits == 10), "{visited:?}");
    }

    #[test]
    fn what_becomes_dirty_during_its_walk_is_walked_once_more() {
        let mut sweeps = Sweeps::default();
        sweeps.begin(7, 200);
        assert_eq!(turn(&mut sweeps, 128, 200), Some(7));
        sweeps.begin(7, 200);
        sweeps.begin(7, 200);
        let turns = std::iter::from_fn(|| turn(&mut sweeps, 128, 300)).count();
        assert_eq!(turns, 1 + 3, "the rest of it, and all three parts of the next with who has come");
        assert!(sweeps.again.is_empty());
    }

    #[test]
    fn channels_take_turns() {
        let mut sweeps = Sweeps::default();
        sweeps.begin(1, 300);
        sweeps.begin(2, 1);
        let order: Vec<_> = std::iter::from_fn(|| turn(&mut sweeps, 128, 0)).collect();
        assert_eq!(order, [1, 2, 1, 1]);
    }
}
