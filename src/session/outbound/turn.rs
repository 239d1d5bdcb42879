//! What a shard brings along when it asks a connection, and what it hears.

use std::sync::Arc;
use std::time::Instant;

use super::{Limits, Party, Replay};
use crate::ids::{ConnectionId, SessionId};
use crate::schema::Schema;
use crate::status::PeerCode;
use crate::wire::ControlPrinter;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Identity {
    /// This connection.
    pub connection: ConnectionId,
    /// Who is on it. Until `connection.init` that may be nobody.
    pub party: Arc<Party>,
    /// The bridge process.
    pub node: Arc<str>,
    /// What old events may be sent from.
    pub replay: Replay,
}

impl Identity {
    /// The session that the connection is bound to.
    pub fn session(&self) -> &SessionId {
        &self.party.session
    }
}

/// What every call of a shard brings along.
pub struct Env<'a, C> {
    /// The channels.
    pub channels: &'a mut C,
    /// The schema that is served.
    pub schema: &'a Schema,
    /// Prints Rialto's own frames.
    pub printer: &'a ControlPrinter,
    /// The bounds.
    pub limits: &'a Limits,
    /// Now.
    pub now: Instant,
}

/// What the shard does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// Write these bytes, and say how many went with [`super::Outbound::on_wrote`] or that none did with
    /// [`super::Outbound::on_blocked`].
    Write(&'a [u8]),
    /// Nothing, until a mark, a command or a sweep.
    Idle,
    /// Both sides have said what they had to: end the connection.
    Finished,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// All is well; there may be something to write.
    Live,
    /// The peer is gone or stuck: end the connection without waiting for the socket. The code is for logs and metrics.
    Drop(PeerCode),
}
