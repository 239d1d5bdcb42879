//! What a connection's read side asks of its shard.
//!
//! Plain data, already checked: the shard never parses. Commands of one connection are carried out in order, and each is
//! small: its bytes are bounded by the client's message limit.

use std::borrow::Cow;
use std::sync::Arc;

use super::party::Party;
use crate::proto::rialto::v1::{ConnectionError, ConnectionInit, Error, Subscription};

/// The client's id of a frame; the answer carries it in `replyTo`.
pub type FrameId = Arc<str>;

/// One thing for the shard to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The client's `connection.init`: answer with `connection.ack`, then subscribe what is subscribed on connect.
    Init {
        /// The frame's id.
        id: Option<FrameId>,
        /// What the client said. Its protocol version is known to be served.
        init: ConnectionInit,
        /// Who its token says is there. `None`: whom the upgrade said.
        party: Option<Arc<Party>>,
    },
    /// The client's `connection.refresh`: go on as this party, and end what it may not have.
    Refresh {
        /// The frame's id.
        id: Option<FrameId>,
        /// The new token, until somebody has looked at it.
        token: String,
        /// Who the new token says is there. `None`: whoever was.
        party: Option<Arc<Party>>,
    },
    /// Subscribe, in order, and answer each channel.
    Subscribe {
        /// The frame's id.
        id: Option<FrameId>,
        /// Where they stand in the frame, for errors.
        channels_path: &'static str,
        /// The channels: at least one, each with a name and without options that are not built.
        channels: Vec<Subscription>,
    },
    /// End subscriptions, in order, and answer each channel.
    Unsubscribe {
        /// The frame's id.
        id: Option<FrameId>,
        /// Where they stand in the frame, for errors.
        channels_path: &'static str,
        /// The channels' names: at least one.
        channels: Vec<String>,
    },
    /// Answer a client's heartbeat.
    Heartbeat {
        /// The frame's id.
        id: Option<FrameId>,
    },
    /// Tell the client that a frame was not carried out. The connection lives.
    Refuse {
        /// The id of that frame, where it could be read.
        reply_to: Option<FrameId>,
        /// Why.
        error: Error,
    },
    /// Answer a WebSocket ping with this payload.
    Pong(Vec<u8>),
    /// End the connection: the error first, where there is one, then a close frame.
    Close {
        /// The close code.
        code: u16,
        /// The close frame's reason.
        reason: Cow<'static, str>,
        /// The `connection.error` to send before it.
        error: Option<ConnectionError>,
    },
    /// The client has closed: answer its close frame, then go.
    PeerClosed {
        /// Its code; `None` when it gave none.
        code: Option<u16>,
    },
}

impl Command {
    /// Whether the connection ends with this command: the read side sends nothing after it.
    pub fn ends_the_connection(&self) -> bool {
        matches!(self, Command::Close { .. } | Command::PeerClosed { .. })
    }
}
