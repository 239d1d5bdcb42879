//! What every connection does with its two halves: bytes that came → messages, and what waits to be said → bytes.
//!
//! No tasks and no state: the read task and the shard call these, and so does the echo server that RFC 6455's test suite
//! judges, so that what is judged is what runs.

use std::io;

use crate::session::outbound::{Channels, Env, Next, Outbound};
use crate::wire::websocket::{Incoming, Parser, Violation};

use super::stream::is_temporary;

/// What one read takes from the socket; it lives on the stack for the moment of the read.
const READ_BYTES: usize = 4 << 10;

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It may.
    Yes,
    /// The peer has ended, or the socket is broken.
    No,
}

/// Reads once, with `try_read` of the socket, and hands over what came.
pub fn pull(try_read: impl FnOnce(&mut [u8]) -> io::Result<usize>, take: impl FnOnce(&[u8])) -> Open {
    let mut buffer = [0; READ_BYTES];
    match try_read(&mut buffer) {
        Ok(0) => Open::No,
        Ok(count) => {
            take(&buffer[..count]);
            Open::Yes
        }
        Err(error) if is_temporary(&error) => Open::Yes,
        Err(_) => Open::No,
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

/// Writes with `try_write` of the socket what there is to say, until something stops it or `share` bytes are written.
/// Says how many were.
pub fn write<C: Channels>(
    outbound: &mut Outbound<C>,
    env: &mut Env<'_, C>,
    share: usize,
    mut try_write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> (usize, Stopped) {
    let mut written = 0;
    let stopped = loop {
        match outbound.next(env) {
            Next::Idle => break Stopped::Idle,
            Next::Finished => break Stopped::Finished,
            Next::Write(_) if written >= share => break Stopped::Share,
            Next::Write(bytes) => match try_write(bytes) {
                Ok(count) => {
                    written += count;
                    outbound.on_wrote(count, env);
                }
                Err(error) if is_temporary(&error) => {
                    outbound.on_blocked(env);
                    break Stopped::Full;
                }
                Err(_) => break Stopped::Broken,
            },
        }
    };
    (written, stopped)
}
