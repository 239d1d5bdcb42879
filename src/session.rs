//! The protocol of one connection, without I/O and without a clock: `(state, input, now)` → effects.
//!
//! Its two halves have two owners. [`inbound`] belongs to the task that reads the socket: it judges what the client sends
//! and turns it into [`command::Command`]s. [`outbound`], cursors and everything about writing, belongs to the shard that
//! carries them out. [`refusal`] makes the errors of both. [`party`] is
//! who is at the other end and in which session, [`principal`] what its token says, [`access`] what it may do;
//! [`meter`] measures the rates of what is refused when it comes too fast; what is only held back, old events and new
//! connections, has a pace of its own where it is held.

pub mod access;
pub mod command;
#[cfg(test)]
pub(crate) mod fixture;
pub mod grants;
pub mod inbound;
pub mod meter;
pub mod outbound;
pub mod party;
pub mod principal;
pub mod refusal;
