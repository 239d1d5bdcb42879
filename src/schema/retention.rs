//! Checks what a template wants its logs to keep.

use std::time::Duration;

use super::Retention;
use super::check::Checker;
use super::declarations::Declaration;
use super::places::Near;
use crate::proto::rialto::v1::ChannelOptions;

/// The longest age that a template may ask for. Logs are for coming back and catching up, not archives.
const MAX_RETENTION_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most events that a template may ask for.
const MAX_RETENTION_EVENTS: u32 = 1_000_000;
/// Reads a template's retention and checks its history against it.
pub(super) fn check(checker: &mut Checker<'_>, declaration: &Declaration<ChannelOptions>) -> Option<Retention> {
    let site = &declaration.option;
    let before = checker.mistakes.len();
    let stated = declaration.options.retention.unwrap_or_default();
    let events = if stated.events == 0 { Retention::DEFAULT.events } else { stated.events };
    let mut age = Retention::DEFAULT.age;
    if events > MAX_RETENTION_EVENTS {
        checker.report(
            site,
            Near::Key("events"),
            format!("a retention of {events} events is more than the {MAX_RETENTION_EVENTS} that a channel may keep"),
            "keep what a reader needs to catch up; what must last belongs in a database",
        );
    }
    if let Some(stated) = stated.age {
        let read = u64::try_from(stated.seconds).ok().zip(u32::try_from(stated.nanos).ok());
        match read.filter(|(_, nanos)| *nanos < 1_000_000_000).map(|(seconds, nanos)| Duration::new(seconds, nanos)) {
            Some(stated) if stated <= MAX_RETENTION_AGE => age = stated,
            Some(stated) => checker.report(
                site,
                Near::Key("age"),
                format!(
                    "a retention of {} s is longer than the {} s that a channel may keep",
                    stated.as_secs(),
                    MAX_RETENTION_AGE.as_secs()
                ),
                "keep what a reader needs to catch up; what must last belongs in a database",
            ),
            None => checker.report(
                site,
                Near::Key("age"),
                "the age of a retention cannot be negative, nor its nanos outside 0 to 999,999,999",
                "write `age: { seconds: 30 }`",
            ),
        }
    }
    if declaration.options.history > events {
        checker.report(
            site,
            Near::Key("history"),
            format!(
                "a history of {} events is more than the {events} that the channel keeps",
                declaration.options.history
            ),
            format!("lower history, or raise it with `retention: {{ events: {} }}`", declaration.options.history),
        );
    }
    (checker.mistakes.len() == before).then_some(Retention { events, age })
}
