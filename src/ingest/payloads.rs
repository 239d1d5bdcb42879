//! Payloads in the log, for people who look for what a publisher sends and have asked for them (`--log-payloads`).
//!
//! A log is an audience that has no permission: fields that the schema masks, and those that not everybody may see, are
//! `"***"`. Promises that a line is bounded, and that there are so many lines a second and no more; the next one says how many were
//! left out. What was refused is never shown.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::EventRecord;
use crate::revision::Revision;

/// What opens it: off unless somebody asks for this target by its name.
pub const PAYLOADS_TARGET: &str = "rialto::payloads";
/// The most of one payload that is shown, in bytes.
const MAX_SHOWN_BYTES: usize = 1_024;
/// The most lines in one [`PERIOD`].
const MAX_LINES: u32 = 100;
const PERIOD: Duration = Duration::from_secs(1);

/// Whether anybody has asked for payloads.
pub(super) fn is_logged() -> bool {
    tracing::enabled!(target: PAYLOADS_TARGET, tracing::Level::TRACE)
}

/// A payload as a log may show it.
pub(super) fn shown(revision: &Revision, record: &EventRecord) -> Box<str> {
    let mut masked = Vec::new();
    let json = if !record.event_type.masks() {
        &record.data[..]
    } else if revision.transcoder.to_log(record.event_type.message, &record.payload, &mut masked).is_ok() {
        &masked[..]
    } else {
        // What cannot be masked is not shown.
        b"***"
    };
    let text = String::from_utf8_lossy(json);
    if text.len() <= MAX_SHOWN_BYTES {
        return text.into();
    }
    let mut end = MAX_SHOWN_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… of {} bytes", &text[..end], text.len()).into()
}

/// Bounds the lines.
#[derive(Debug, Default)]
pub(super) struct Pace {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Pace {
    /// Whether there may be a line now: with how many were left out since the last.
    pub(super) fn take(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.is_none_or(|began| now.saturating_duration_since(began) >= PERIOD) {
            (window.began, window.lines) = (Some(now), 0);
        }
        if window.lines == MAX_LINES {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests;
