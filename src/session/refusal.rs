//! The bodies of `error` and `connection.error`, made from the table of codes.

use std::time::Duration;

use crate::proto::rialto::v1::{ConnectionError, Error};
use crate::status::PeerCode;
use crate::wire::FrameProblem;

/// The body of an `error` frame: what is wrong with one frame, and where in it. An empty path is the frame as a whole.
pub fn peer_error(code: PeerCode, message: impl Into<String>, path: impl Into<String>) -> Error {
    let row = code.row();
    Error {
        code: code.number().into(),
        status: row.status.name().into(),
        reason: row.reason.into(),
        message: message.into(),
        path: path.into(),
        ..Error::default()
    }
}

/// The body of a `connection.error` frame; a close with the same code follows it. Without a message it says the code's name.
pub fn connection_error(code: PeerCode, message: impl Into<String>) -> ConnectionError {
    let row = code.row();
    let message: String = message.into();
    ConnectionError {
        code: code.number().into(),
        status: row.status.name().into(),
        reason: row.reason.into(),
        message: if message.is_empty() { row.reason.replace('_', " ") } else { message },
        retry_after_ms: 0,
    }
}

/// A wait for a peer, in whole milliseconds: never shorter than meant, and never the 0 that means "see the code".
pub fn retry_after_ms(wait: Duration) -> u32 {
    let ms = wait.as_nanos().div_ceil(1_000_000).max(1);
    u32::try_from(ms).unwrap_or(u32::MAX)
}

/// The error that answers a frame that cannot be read. Its status and reason say more than the code's own.
pub(super) fn frame_error(problem: &FrameProblem) -> Error {
    Error {
        status: problem.code().name().into(),
        reason: problem.reason().into(),
        ..peer_error(PeerCode::InvalidMessage, problem.to_string(), problem.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_the_table_says() {
        let error = peer_error(PeerCode::ChannelNotFound, "no template", "data.channels[0].name");
        assert_eq!((error.code, &error.status[..], &error.reason[..]), (4006, "NOT_FOUND", "channel_not_found"));
        assert_eq!((&error.message[..], &error.path[..]), ("no template", "data.channels[0].name"));
        let error = connection_error(PeerCode::HeartbeatMissed, "");
        assert_eq!((error.code, &error.status[..]), (4101, "DEADLINE_EXCEEDED"));
        assert_eq!(error.message, "heartbeat missed");
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        let cases = [(0, 1), (1, 1), (1_000_000, 1), (1_000_001, 2), (20_000_000, 20), (u64::MAX, u32::MAX)];
        for (nanos, ms) in cases {
            assert_eq!(retry_after_ms(Duration::from_nanos(nanos)), ms, "{nanos} ns");
        }
    }
}
