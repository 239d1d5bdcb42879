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

/// How the types begin of what Rialto tells between a channel's events, such as a gap. A schema has none of that name.
const TOLD: &str = "channel.";

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
        let ids = ids(frame);
        if ids.as_ref().is_some_and(|ids| ids.r#type.starts_with(TOLD)) {
            continue;
        }
        left -= 1;
        let Some(Ids { r#type, id, channel, sequence, metadata }) = ids else { continue };
        let traceparent = metadata.get("traceparent").map(String::as_str);
        let trace = traceparent.and_then(trace_id);
        tracing::debug!(%connection, session = session.as_str(), event_id = id, event_type = r#type, channel, sequence, traceparent, trace_id = trace, "delivered");
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::ids::{ConnectionId, SessionId};
    use crate::session::fixture::logged;
    use crate::session::party::Party;
    use crate::session::principal::Principal;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// The log's lines about the first `events` of these frames.
    fn told(frames: &[u8], events: u64) -> Vec<Value> {
        let identity = Identity {
            connection: ConnectionId::new("conn-1".to_owned()),
            party: Arc::new(Party {
                principal: Arc::new(Principal::anonymous()),
                session: SessionId::new("s-1".to_owned()),
                ends: None,
            }),
            node: "n-1".into(),
            replay: Default::default(),
        };
        logged(|| delivered(&identity, frames, events))
    }

    fn framed(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        [&[0x80 | opcode, 126][..], &length.to_be_bytes(), payload].concat()
    }

    #[test]
    fn what_is_told_between_events_is_none_and_does_not_count() {
        let frame = |kind: &str, sequence: u64| {
            let json = json!({ "type": kind, "channel": "c:1", "sequence": sequence, "data": {} });
            let (r#type, channel) = (kind.to_owned(), "c:1".into());
            let binary = Frame { r#type, channel, sequence, ..Frame::default() };
            [framed(1, json.to_string().as_bytes()), framed(2, &binary.encode_to_vec())]
        };
        let joined = [("channel.gap", 0), ("a.b", 1), ("channel.position", 0), ("channel.gap", 0), ("a.b", 2)];
        for form in 0..2 {
            let frames: Vec<u8> =
                joined.iter().flat_map(|(kind, sequence)| frame(kind, *sequence)[form].clone()).collect();
            for (events, expected) in [(0, &[][..]), (1, &[1]), (2, &[1, 2]), (u64::MAX, &[1, 2])] {
                let lines = told(&frames, events);
                let sequences: Vec<u64> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
                assert_eq!(sequences, expected);
                assert!(lines.iter().all(|line| line["event_type"] == "a.b"), "{lines:?}");
            }
        }
    }

    #[test]
    fn each_event_that_went_out_has_a_line_with_its_ids_in_either_form() {
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let frames = |sequence: u64| {
            let id = format!("id-{sequence}");
            let json = json!({ "type": "a.b", "id": id, "channel": "c:1", "sequence": sequence,
                "metadata": { "traceparent": parent }, "data": {} });
            let metadata = HashMap::from([("traceparent".to_owned(), parent.clone())]);
            let (r#type, channel) = ("a.b".into(), "c:1".into());
            let frame = Frame { r#type, id, channel, sequence, metadata, ..Frame::default() };
            [framed(1, json.to_string().as_bytes()), framed(2, &frame.encode_to_vec())]
        };
        let ([json_1, binary_1], [json_2, binary_2]) = (frames(1), frames(2));
        for two in [[json_1, json_2].concat(), [binary_1, binary_2].concat()] {
            for (events, expected) in [(1, &[1][..]), (2, &[1, 2]), (u64::MAX, &[1, 2])] {
                let lines = told(&two, events);
                let sequences: Vec<u64> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
                assert_eq!(sequences, expected);
                for line in lines {
                    let id = format!("id-{}", line["sequence"]);
                    assert_eq!((&line["event_id"], &line["event_type"]), (&json!(id), &json!("a.b")));
                    assert_eq!((&line["channel"], &line["connection"]), (&json!("c:1"), &json!("conn-1")));
                    assert_eq!((&line["trace_id"], &line["traceparent"]), (&json!(TRACE), &json!(parent)));
                }
            }
        }
    }
}
