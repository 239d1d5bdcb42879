//! Rialto's own frames, printed.

use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, MessageIndex};
use prost::Message;

use super::{binary, frame_type, json};
use crate::log::Form;
use crate::proto::rialto::v1 as proto;
use crate::transcode::Transcoder;

/// A frame that the bridge sends about a connection or a subscription.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerFrame {
    /// `connection.ack`
    Ack(proto::ConnectionAck),
    /// `connection.refreshed`
    Refreshed(proto::ConnectionRefreshed),
    /// `connection.heartbeat`
    Heartbeat(proto::ConnectionHeartbeat),
    /// `connection.reconnect`
    Reconnect(proto::ConnectionReconnect),
    /// `connection.error`
    ConnectionError(proto::ConnectionError),
    /// `channel.subscribed`
    Subscribed(proto::ChannelSubscribed),
    /// `channel.unsubscribed`
    Unsubscribed(proto::ChannelUnsubscribed),
    /// `channel.gap`
    Gap(proto::ChannelGap),
    /// `channel.reset`
    Reset(proto::ChannelReset),
    /// `channel.position`
    Position(proto::ChannelPosition),
    /// `error`
    Error(proto::Error),
}

/// Prints Rialto's own frames by the same transcoder that prints events: browsers see one form of numbers and defaults.
pub struct ControlPrinter {
    transcoder: Arc<Transcoder>,
    messages: Messages,
}

/// Where each frame's message is in the pool.
#[derive(Clone, Copy)]
struct Messages {
    ack: MessageIndex,
    refreshed: MessageIndex,
    heartbeat: MessageIndex,
    reconnect: MessageIndex,
    connection_error: MessageIndex,
    subscribed: MessageIndex,
    unsubscribed: MessageIndex,
    gap: MessageIndex,
    reset: MessageIndex,
    position: MessageIndex,
    error: MessageIndex,
}

/// The pool lacks one of Rialto's own messages: it was not made by [`crate::schema`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no message {name} among the descriptors: rialto/v1/socket.proto is missing or another one")]
pub struct MissingMessage {
    /// Its full name.
    pub name: &'static str,
}

impl ControlPrinter {
    /// A printer for the pool that the transcoder was made from.
    ///
    /// # Errors
    /// When the pool lacks `rialto/v1/socket.proto`. A schema's pool never does.
    pub fn new(transcoder: Arc<Transcoder>, pool: &DescriptorPool) -> Result<Self, MissingMessage> {
        let index = |name: &'static str| pool.message_index(name).ok_or(MissingMessage { name });
        let messages = Messages {
            ack: index("rialto.v1.ConnectionAck")?,
            refreshed: index("rialto.v1.ConnectionRefreshed")?,
            heartbeat: index("rialto.v1.ConnectionHeartbeat")?,
            reconnect: index("rialto.v1.ConnectionReconnect")?,
            connection_error: index("rialto.v1.ConnectionError")?,
            subscribed: index("rialto.v1.ChannelSubscribed")?,
            unsubscribed: index("rialto.v1.ChannelUnsubscribed")?,
            gap: index("rialto.v1.ChannelGap")?,
            reset: index("rialto.v1.ChannelReset")?,
            position: index("rialto.v1.ChannelPosition")?,
            error: index("rialto.v1.Error")?,
        };
        Ok(ControlPrinter { transcoder, messages })
    }

    /// Appends the frame as a message of this form.
    pub fn print(&self, out: &mut Vec<u8>, form: Form, frame: &ServerFrame, reply_to: Option<&str>) {
        let (frame_type, message, wire) = self.encode(frame);
        if form == Form::Binary {
            return binary::put_frame(out, frame_type, reply_to, &wire);
        }
        let mut data = Vec::new();
        if let Err(error) = self.transcoder.to_json(message, &wire, &mut data) {
            // Own frames hold no Any, no number that JSON lacks, and nothing that is large. Should one ever not print, its
            // type alone still reaches the client, and a shard with its connections goes on.
            debug_assert!(false, "{frame_type} cannot be printed: {error}");
            data = b"{}".to_vec();
        }
        json::put_frame(out, frame_type, reply_to, &data);
    }

    fn encode(&self, frame: &ServerFrame) -> (&'static str, MessageIndex, Vec<u8>) {
        let messages = &self.messages;
        match frame {
            ServerFrame::Ack(ack) => (frame_type::CONNECTION_ACK, messages.ack, ack.encode_to_vec()),
            ServerFrame::Refreshed(refreshed) => {
                (frame_type::CONNECTION_REFRESHED, messages.refreshed, refreshed.encode_to_vec())
            }
            ServerFrame::Heartbeat(heartbeat) => {
                (frame_type::CONNECTION_HEARTBEAT, messages.heartbeat, heartbeat.encode_to_vec())
            }
            ServerFrame::Reconnect(reconnect) => {
                (frame_type::CONNECTION_RECONNECT, messages.reconnect, reconnect.encode_to_vec())
            }
            ServerFrame::ConnectionError(error) => {
                (frame_type::CONNECTION_ERROR, messages.connection_error, error.encode_to_vec())
            }
            ServerFrame::Subscribed(subscribed) => {
                (frame_type::CHANNEL_SUBSCRIBED, messages.subscribed, subscribed.encode_to_vec())
            }
            ServerFrame::Unsubscribed(unsubscribed) => {
                (frame_type::CHANNEL_UNSUBSCRIBED, messages.unsubscribed, unsubscribed.encode_to_vec())
            }
            ServerFrame::Gap(gap) => (frame_type::CHANNEL_GAP, messages.gap, gap.encode_to_vec()),
            ServerFrame::Reset(reset) => (frame_type::CHANNEL_RESET, messages.reset, reset.encode_to_vec()),
            ServerFrame::Position(position) => {
                (frame_type::CHANNEL_POSITION, messages.position, position.encode_to_vec())
            }
            ServerFrame::Error(error) => (frame_type::ERROR, messages.error, error.encode_to_vec()),
        }
    }
}

impl std::fmt::Debug for ControlPrinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlPrinter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
