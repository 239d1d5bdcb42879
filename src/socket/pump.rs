//! What every connection does with its two halves: bytes that came → messages, and what waits to be said → bytes.
//!
//! No tasks and no state: the read task and the shard call these, and so does the echo server that RFC 6455's test suite
//! judges, so that what is judged is what runs.

use crate::session::outbound::{Channels, Env, Next, Outbound};
use crate::wire::websocket::{Incoming, Parser, Violation};

use super::link::{Link, Wrote};
use super::stream::is_temporary;

/// What one read takes from the socket; it lives on the stack for the moment of the read.
const READ_BYTES: usize = 4 << 10;

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It does.
    Yes,
    /// What still comes is thrown away.
    No,
}

/// What a read leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// The socket tells when there is more.
    Some,
    /// There may be more that the socket does not tell of: in TLS.
    More,
    /// The peer has ended, or the socket is broken.
    Ended,
}

/// Reads once, and hands over what came.
pub fn pull(link: &Link, take: impl FnOnce(&[u8])) -> Pulled {
    let mut buffer = [0; READ_BYTES];
    match link.try_read(&mut buffer) {
        Ok(0) => Pulled::Ended,
        Ok(count) => {
            take(&buffer[..count]);
            // The whole buffer of plaintext: the session may have the rest of a record.
            if link.is_tls() && count == READ_BYTES { Pulled::More } else { Pulled::Some }
        }
        Err(error) if is_temporary(&error) => Pulled::Some,
        Err(_) => Pulled::Ended,
    }
}

/// Hands what came to `judge`, message by message, until it says that the connection is over: then the rest is thrown
/// away.
pub fn understand(
    parser: &mut Parser,
    mut bytes: &[u8],
    mut judge: impl FnMut(Result<Incoming, Violation>) -> Open,
) -> Open {
    while !bytes.is_empty() {
        let open = match parser.push(bytes) {
            Ok((used, incoming)) => {
                bytes = &bytes[used..];
                let Some(incoming) = incoming else { continue };
                judge(Ok(incoming))
            }
            Err(violation) => judge(Err(violation)),
        };
        if open == Open::No {
            return Open::No;
        }
    }
    Open::Yes
}

/// Why no more was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// There is nothing to say.
    Idle,
    /// Everything has been said.
    Finished,
    /// It has had its share, and has more.
    Share,
    /// The socket takes no more for now.
    Full,
    /// The socket is broken.
    Broken,
}

/// Writes what there is to say, until something stops it or `share` bytes are written.
/// Says how many were.
pub fn write<C: Channels>(
    outbound: &mut Outbound<C>,
    env: &mut Env<'_, C>,
    share: usize,
    link: &Link,
) -> (usize, Stopped) {
    let mut written = 0;
    let stopped = loop {
        // When there is nothing more to say, the link may still hold what was said.
        let (wrote, then) = match outbound.next(env) {
            Next::Idle => (link.flush(), Some(Stopped::Idle)),
            Next::Finished => (link.flush(), Some(Stopped::Finished)),
            Next::Write(_) if written >= share => break Stopped::Share,
            Next::Write(bytes) => (link.try_write(bytes), None),
        };
        match (wrote, then) {
            (Ok(Wrote::Took(count)), None) => {
                written += count;
                outbound.on_wrote(count, env);
            }
            (Ok(Wrote::Took(_)), Some(stopped)) => {
                outbound.on_drained(env);
                break stopped;
            }
            (Ok(Wrote::Full { moved }), _) => {
                if moved {
                    outbound.on_drained(env);
                }
                outbound.on_blocked(env);
                break Stopped::Full;
            }
            (Err(_), _) => break Stopped::Broken,
        }
    };
    (written, stopped)
}
