//! Counts by code. Which codes have a label is fixed here, so nothing that a peer sends becomes one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::counters::Counter;
use crate::status::{Code, PEER_CODES, Status};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The bridge closed it with this code.
    ByBridge(u16),
    /// The peer closed it with this code, or without one.
    ByPeer(Option<u16>),
    /// It broke without a close frame.
    Broken,
}

impl Close {
    /// By whom, and with which code; 1005 is a close frame without one, 1006 none at all.
    pub fn by(self) -> (&'static str, u16) {
        let (by, code) = self.places();
        (BY[by], code)
    }

    fn places(self) -> (usize, u16) {
        match self {
            Close::ByBridge(code) => (0, code),
            Close::ByPeer(code) => (1, code.unwrap_or(1005)),
            Close::Broken => (2, 1006),
        }
    }
}

/// RFC 6455's codes that have a label, beside Rialto's own. 1005 is a close frame without a code, 1006 none at all.
const RFC_CODES: [u16; 10] = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011];
const BY: [&str; 3] = ["bridge", "peer", "network"];

fn label_count() -> usize {
    RFC_CODES.len() + PEER_CODES.len() + 1
}

/// Where a code is counted; the last place is `other`.
fn place(code: u16) -> usize {
    let own = || PEER_CODES.iter().position(|row| row.code.number() == code).map(|place| place + RFC_CODES.len());
    RFC_CODES.iter().position(|known| *known == code).or_else(own).unwrap_or(label_count() - 1)
}

fn label(place: usize) -> String {
    let own = || PEER_CODES.get(place - RFC_CODES.len()).map(|row| row.code.number());
    RFC_CODES.get(place).copied().or_else(own).map_or_else(|| "other".to_owned(), |code| code.to_string())
}

/// Ended connections.
#[derive(Debug)]
pub struct Closes(Box<[Counter]>);

impl Default for Closes {
    fn default() -> Self {
        Closes((0..label_count() * BY.len()).map(|_| Counter::default()).collect())
    }
}

impl Closes {
    /// Counts one.
    pub fn add(&self, close: Close) {
        let (by, code) = close.places();
        self.0[by * label_count() + place(code)].increment();
    }

    /// Those that have happened: by whom, with which code, how often.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&'static str, String, u64)> {
        let counts = self.0.iter().map(Counter::get).enumerate().filter(|(_, count)| *count > 0);
        counts.map(|(index, count)| (BY[index / label_count()], label(index % label_count()), count))
    }
}

/// Errors that clients were told, by their code.
#[derive(Debug)]
pub struct Errors(Box<[Counter]>);

impl Default for Errors {
    fn default() -> Self {
        Errors((0..label_count()).map(|_| Counter::default()).collect())
    }
}

impl Errors {
    /// Counts one.
    pub fn add(&self, code: u32) {
        self.0[u16::try_from(code).map_or(label_count() - 1, place)].increment();
    }

    /// Those that have happened.
    pub(super) fn counted(&self) -> impl Iterator<Item = (String, u64)> {
        let counts = self.0.iter().map(Counter::get).enumerate().filter(|(_, count)| *count > 0);
        counts.map(|(place, count)| (label(place), count))
    }
}

/// Reasons of refusals that have a label of their own.
const MAX_REASONS: usize = 64;

/// Refusals by reason.
#[derive(Debug, Default)]
pub struct Reasons(
    /// Reasons are words of the program, never a peer's.
    Mutex<BTreeMap<&'static str, u64>>,
);

impl Reasons {
    /// Counts one.
    pub fn add(&self, reason: &'static str) {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reasons.contains_key(reason) || reasons.len() < MAX_REASONS;
        *reasons.entry(if known { reason } else { "other" }).or_default() += 1;
    }

    /// Those that have happened.
    pub(super) fn counted(&self) -> Vec<(&'static str, u64)> {
        let reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}

/// What publishers were answered, by canonical code, and why by reason.
#[derive(Debug)]
pub struct Acks {
    codes: [Counter; Code::ALL.len()],
    reasons: Reasons,
}

impl Default for Acks {
    fn default() -> Self {
        Acks { codes: std::array::from_fn(|_| Counter::default()), reasons: Reasons::default() }
    }
}

impl Acks {
    /// So many events were accepted.
    pub fn add_ok(&self, count: u64) {
        self.codes[Code::Ok as usize].add(count);
    }

    /// An event was refused.
    pub fn add_refused(&self, status: &Status) {
        self.codes[status.code as usize].increment();
        self.reasons.add(status.reason);
    }

    /// Every code, as an alert on a code that never came must find a zero.
    pub(super) fn by_code(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Code::ALL.iter().map(|code| (code.name(), self.codes[*code as usize].get()))
    }

    pub(super) fn by_reason(&self) -> Vec<(&'static str, u64)> {
        self.reasons.counted()
    }
}

/// Upgrades that were refused, by HTTP status.
#[derive(Debug, Default)]
pub struct Upgrades([Counter; Self::STATUSES.len() + 1]);

impl Upgrades {
    const STATUSES: [u16; 8] = [400, 401, 403, 405, 426, 429, 500, 503];

    /// Counts one.
    pub fn add_refused(&self, status: u16) {
        let place = Self::STATUSES.iter().position(|known| *known == status).unwrap_or(Self::STATUSES.len());
        self.0[place].increment();
    }

    pub(super) fn counted(&self) -> impl Iterator<Item = (String, u64)> {
        let label = |place: usize| Self::STATUSES.get(place).map_or_else(|| "other".to_owned(), u16::to_string);
        let counts = self.0.iter().map(Counter::get).enumerate().filter(|(_, count)| *count > 0);
        counts.map(move |(place, count)| (label(place), count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_only_a_peer_knows_is_other() {
        let closes = Closes::default();
        let all = [Close::ByBridge(4102), Close::ByPeer(Some(1000)), Close::ByPeer(None), Close::Broken];
        all.into_iter().chain((3000..3500).map(|code| Close::ByPeer(Some(code)))).for_each(|close| closes.add(close));
        let told: Vec<_> = closes.counted().collect();
        let expected = [
            ("bridge", "4102", 1),
            ("peer", "1000", 1),
            ("peer", "1005", 1),
            ("peer", "other", 500),
            ("network", "1006", 1),
        ];
        assert_eq!(told, expected.map(|(by, code, count)| (by, code.to_owned(), count)));
    }

    #[test]
    fn refusals_are_counted_by_code_and_reason() {
        let acks = Acks::default();
        acks.add_ok(7);
        acks.add_refused(&Status::new(Code::NotFound, "channel_not_found", ""));
        let codes: Vec<_> = acks.by_code().filter(|(_, count)| *count > 0).collect();
        assert_eq!(codes, [("OK", 7), ("NOT_FOUND", 1)]);
        assert_eq!(acks.by_code().count(), 17);
        assert_eq!(acks.by_reason(), [("channel_not_found", 1)]);
    }
}
