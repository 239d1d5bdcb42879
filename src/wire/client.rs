//! A client's frame, read.
//!
//! In JSON `{"type":…,"id":…,"channel":…,"metadata":{…},"data":{…}}`, or flat: without `data` the other members are the data.
//! In binary a `rialto.v1.Frame` with the same members. Own frames come out as their messages; any other type must be a client event of the schema and comes out with its payload
//! validated. A mistake in a frame's form refuses all of it, with the path of the mistake as the client wrote it.

mod envelope;
mod problem;
mod subscriptions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use prost::Message;

use super::{binary, frame_type, json};
use crate::proto::rialto::v1 as proto;
use crate::schema::{EventType, From, Schema, Spending};
use crate::transcode::Transcoder;

pub use envelope::MAX_FRAME_ID_BYTES;
pub(super) use envelope::{Data, Envelope, ID_PROBLEM, Metadata, check_id, shorten};
pub use problem::{FrameError, FrameProblem};

/// One frame of a client.
#[derive(Clone, Debug)]
pub struct ClientFrame {
    /// The client's id of it, for `replyTo`.
    pub id: Option<Arc<str>>,
    /// The path of the channels that it names, as the client wrote it: `data.channels`, or `channels` of a flat frame.
    pub channels_path: &'static str,
    /// What it wants.
    pub request: Request,
}

/// What a client's frame wants.
#[derive(Clone, Debug)]
pub enum Request {
    /// `connection.init`
    Init(proto::ConnectionInit),
    /// `channel.subscribe`: at least one channel, each with a name and, where it has an `after`, an epoch.
    Subscribe(proto::ChannelSubscribe),
    /// `channel.unsubscribe`: at least one channel.
    Unsubscribe(proto::ChannelUnsubscribe),
    /// `connection.refresh`, with the new token.
    Refresh(String),
    /// `connection.heartbeat`
    Heartbeat,
    /// A client event of the schema.
    Event {
        /// Its type.
        event: Arc<EventType>,
        /// The channel that it names.
        channel: Option<String>,
        /// What it sends along.
        metadata: BTreeMap<String, String>,
        /// Its payload's wire bytes, valid for its message.
        payload: Vec<u8>,
    },
}

/// One message of a client, in the form of its subprotocol.
#[derive(Clone, Copy, Debug)]
pub enum ClientMessage<'a> {
    /// A text message: JSON.
    Text(&'a str),
    /// A binary message: a `rialto.v1.Frame`.
    Binary(&'a [u8]),
}

/// Broken rules that one error lists.
const MAX_TOLD_VIOLATIONS: usize = 8;

/// Reads one message. `time` is what rules about time compare with, and what they cost is added to what was spent.
///
/// # Errors
/// The first mistake, with its path, and the frame's id where that could be read.
pub fn parse_client_frame(
    message: ClientMessage<'_>,
    schema: &Schema,
    transcoder: &Transcoder,
    time: SystemTime,
    spending: &mut Spending,
) -> Result<ClientFrame, FrameError> {
    let envelope = match message {
        ClientMessage::Text(text) => json::read_envelope(text)?,
        ClientMessage::Binary(bytes) => binary::read_envelope(bytes, schema, transcoder)?,
    };
    match request(&envelope, schema, transcoder, time, spending) {
        Ok(request) => Ok(ClientFrame { channels_path: envelope.channels_path(), id: envelope.id, request }),
        Err(problem) => Err(FrameError { reply_to: envelope.id, problem }),
    }
}

/// The id of a frame that is not looked at further, where it has one.
pub fn client_frame_id(message: ClientMessage<'_>) -> Option<Arc<str>> {
    match message {
        ClientMessage::Text(text) => json::frame_id(text),
        ClientMessage::Binary(bytes) => binary::frame_id(bytes),
    }
}

fn request(
    envelope: &Envelope<'_>,
    schema: &Schema,
    transcoder: &Transcoder,
    time: SystemTime,
    spending: &mut Spending,
) -> Result<Request, FrameProblem> {
    let name: &str = &envelope.frame_type;
    let Some(event) = schema.event(name) else {
        return Err(match frame_type::NOT_BUILT.contains(&name) {
            true => FrameProblem::not_built("type", format!("{name} is not built yet")),
            false => FrameProblem::UnknownType { name: shorten(name) },
        });
    };
    // A heartbeat goes both ways, which its option cannot say.
    if event.from != From::Client && name != frame_type::CONNECTION_HEARTBEAT {
        return Err(FrameProblem::NotSendable { name: shorten(name) });
    }
    let payload = envelope.payload(event.message, transcoder)?;
    schema.validate(event, &payload, time, spending).map_err(|violations| {
        let first = violations.first();
        let path = first.map(|violation| violation.path.as_str()).unwrap_or_default();
        let told: Vec<String> = violations.iter().take(MAX_TOLD_VIOLATIONS).map(ToString::to_string).collect();
        let alone = first.filter(|_| violations.len() == 1).map(|violation| violation.message.clone());
        FrameProblem::data(&envelope.path(path), alone.unwrap_or_else(|| told.join("; ")))
    })?;
    if !event.own {
        let channel = envelope.channel.as_deref().map(str::to_owned);
        return Ok(Request::Event { event: Arc::clone(event), channel, metadata: envelope.metadata()?, payload });
    }
    if envelope.channel.is_some() {
        return Err(FrameProblem::Envelope {
            path: "channel".into(),
            problem: "this frame names its channels in data",
        });
    }
    own(name, &payload, envelope)
}

fn own(name: &str, payload: &[u8], envelope: &Envelope<'_>) -> Result<Request, FrameProblem> {
    match name {
        frame_type::CONNECTION_INIT => {
            let init: proto::ConnectionInit = decode(payload, envelope)?;
            subscriptions::check(&init.resume, "resume", envelope)?;
            Ok(Request::Init(init))
        }
        frame_type::CHANNEL_SUBSCRIBE => {
            let subscribe: proto::ChannelSubscribe = decode(payload, envelope)?;
            subscriptions::check_some(subscribe.channels.len(), envelope)?;
            subscriptions::check(&subscribe.channels, "channels", envelope)?;
            Ok(Request::Subscribe(subscribe))
        }
        frame_type::CHANNEL_UNSUBSCRIBE => {
            let unsubscribe: proto::ChannelUnsubscribe = decode(payload, envelope)?;
            subscriptions::check_some(unsubscribe.channels.len(), envelope)?;
            Ok(Request::Unsubscribe(unsubscribe))
        }
        frame_type::CONNECTION_REFRESH => {
            let refresh: proto::ConnectionRefresh = decode(payload, envelope)?;
            Ok(Request::Refresh(refresh.token))
        }
        frame_type::CONNECTION_HEARTBEAT => Ok(Request::Heartbeat),
        _ => Err(FrameProblem::NotSendable { name: shorten(name) }),
    }
}

/// The transcoder has validated these bytes: both read the same descriptors.
fn decode<M: Message + Default>(payload: &[u8], envelope: &Envelope<'_>) -> Result<M, FrameProblem> {
    M::decode(payload).map_err(|error| FrameProblem::data(&envelope.path(""), error.to_string()))
}

#[cfg(test)]
mod tests;
