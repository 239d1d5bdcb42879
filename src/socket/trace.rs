//! Which events went to whom, at the debug level: the ids that join a publisher's log, the bridge's and a browser's.
//!
//! The ids are read out of the finished frames, so nothing is kept for a log line that nobody asked for. Nothing of the
//! payload is looked at.

use std::collections::HashMap;

use prost::Message as _;
use serde::Deserialize;

use crate::ids::trace_id;
use crate::proto::rialto::v1::Frame;
use crate::session::outbound::Identity;
use crate::wire::websocket::{frame_len, payload};

/// The ids of an event.
#[derive(Deserialize)]
struct Ids {
    r#type: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// Whether anybody wants to know.
pub(super) fn is_on() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Says that the first `events` of these frames went into the socket of a connection.
pub(super) fn delivered(identity: &Identity, mut frames: &[u8], events: u64) {
    let (connection, session) = (&identity.connection, identity.session());
    let mut left = events;
    while left > 0
        && let Some(length) = frame_len(frames).filter(|length| *length <= frames.len())
    {
        let (frame, rest) = frames.split_at(length);
        frames = rest;
        left -= 1;
        let Some(Ids { r#type, id, channel, sequence, metadata }) = ids(frame) else { continue };
        let traceparent = metadata.get("traceparent").map(String::as_str);
        let trace = traceparent.and_then(trace_id);
        tracing::debug!(%connection, %session, event_id = id, event_type = r#type, channel, sequence, traceparent, trace_id = trace, "delivered");
    }
}

/// The ids in a finished frame, in either form.
fn ids(frame: &[u8]) -> Option<Ids> {
    let payload = payload(frame)?;
    if payload.first() == Some(&b'{') {
        return serde_json::from_slice(payload).ok();
    }
    let Frame { r#type, id, channel, sequence, metadata, .. } = Frame::decode(payload).ok()?;
    Some(Ids { r#type, id, channel, sequence, metadata })
}
