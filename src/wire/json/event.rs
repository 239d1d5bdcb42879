//! An event's frame in JSON.

use super::text::{TIMESTAMP_BYTES, digits, escaped_len, put_escaped, put_number, put_timestamp};
use crate::wire::EventFrame;
use crate::wire::websocket::{Opcode, header_len, put_header};

const ID_BYTES: usize = 36;

// The members in the order in which they are written.
const TYPE: &[u8] = b"{\"type\":\"";
const CHANNEL: &[u8] = b"\",\"channel\":\"";
const SEQUENCE: &[u8] = b",\"sequence\":";
const TIMESTAMP: &[u8] = b",\"timestamp\":\"";
const ID: &[u8] = b"\",\"id\":\"";
const REPLY_TO: &[u8] = b"\",\"replyTo\":\"";
const METADATA: &[u8] = b"\",\"metadata\":";
const DATA: &[u8] = b"\"data\":";

fn json_len(sequence: u64, event: &EventFrame<'_>) -> usize {
    let reply_to = event.reply_to.map_or(0, |reply_to| REPLY_TO.len() + escaped_len(reply_to));
    // With metadata the id's quote is in `METADATA` and a comma follows; without it both stand before `data`.
    let metadata = if has_metadata(event) { METADATA.len() + event.metadata.len() + 1 } else { 2 };
    TYPE.len()
        + escaped_len(event.event_type)
        + CHANNEL.len()
        + escaped_len(event.channel)
        + 1
        + if sequence > 0 { SEQUENCE.len() + digits(sequence) } else { 0 }
        + TIMESTAMP.len()
        + TIMESTAMP_BYTES
        + ID.len()
        + ID_BYTES
        + reply_to
        + metadata
        + DATA.len()
        + event.data.len()
        + 1
}

/// Appends the event's frame, WebSocket header first, in one contiguous piece. Sequence 0 is none, and left out.
///
/// Reserves its exact size before it writes and allocates nothing else.
pub(crate) fn write_event(out: &mut Vec<u8>, sequence: u64, event: &EventFrame<'_>) {
    let json = json_len(sequence, event);
    let start = out.len();
    out.reserve(header_len(json) + json);
    put_header(out, Opcode::Text, json);
    out.extend_from_slice(TYPE);
    put_escaped(out, event.event_type);
    out.extend_from_slice(CHANNEL);
    put_escaped(out, event.channel);
    out.push(b'"');
    if sequence > 0 {
        out.extend_from_slice(SEQUENCE);
        put_number(out, sequence);
    }
    out.extend_from_slice(TIMESTAMP);
    put_timestamp(out, event.unix_ms);
    out.extend_from_slice(ID);
    out.extend_from_slice(event.id.encode(&mut [0; ID_BYTES]).as_bytes());
    if let Some(reply_to) = event.reply_to {
        out.extend_from_slice(REPLY_TO);
        put_escaped(out, reply_to);
    }
    if has_metadata(event) {
        out.extend_from_slice(METADATA);
        out.extend_from_slice(event.metadata);
        out.push(b',');
    } else {
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(DATA);
    out.extend_from_slice(event.data);
    out.push(b'}');
    debug_assert_eq!(out.len() - start, header_len(json) + json, "the size was computed up front");
}

fn has_metadata(event: &EventFrame<'_>) -> bool {
    !event.metadata.is_empty() && event.metadata != b"{}"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::EventId;
    use crate::wire::websocket::frame_len;

    fn event_frame_len(sequence: u64, event: &EventFrame<'_>) -> usize {
        let json = json_len(sequence, event);
        header_len(json) + json
    }

    fn event() -> EventFrame<'static> {
        EventFrame {
            event_type: "file.uploaded",
            channel: "project:42",
            unix_ms: 1_795_170_645_123,
            id: EventId::new(1_795_170_645_000, [7; 10]),
            reply_to: None,
            metadata: b"",
            metadata_wire: b"",
            data: br#"{"projectId":"42"}"#,
            payload: b"",
        }
    }

    fn json(sequence: u64, event: &EventFrame<'_>) -> String {
        let mut out = b"earlier".to_vec();
        write_event(&mut out, sequence, event);
        let frame = &out[7..];
        assert_eq!(frame.len(), event_frame_len(sequence, event));
        assert_eq!(frame_len(frame), Some(frame.len()));
        assert_eq!(frame[0], 0x81, "a whole text message");
        let json = frame.len() - (0..=10).rev().find(|len| header_len(frame.len() - len) == *len).expect("a header");
        String::from_utf8(frame[frame.len() - json..].to_vec()).expect("UTF-8")
    }

    #[test]
    fn the_members_come_in_the_documented_order() {
        let event = EventFrame { reply_to: Some("7"), metadata: br#"{"traceparent":"00-1"}"#, ..event() };
        assert_eq!(
            json(17, &event),
            concat!(
                r#"{"type":"file.uploaded","channel":"project:42","sequence":17,"timestamp":"2026-11-20T10:30:45.123Z","#,
                r#""id":"01a1f882-3408-7707-8707-070707070707","replyTo":"7","metadata":{"traceparent":"00-1"},"#,
                r#""data":{"projectId":"42"}}"#
            )
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        for metadata in [&b""[..], b"{}"] {
            let event = EventFrame { metadata, ..event() };
            let json = json(1, &event);
            assert!(json.ends_with(r#"-070707070707","data":{"projectId":"42"}}"#), "{json}");
            assert!(!json.contains("metadata") && !json.contains("replyTo"), "{json}");
        }
    }

    #[test]
    fn an_event_without_a_sequence_has_no_such_member() {
        let json = json(0, &event());
        assert!(json.starts_with(r#"{"type":"file.uploaded","channel":"project:42","timestamp":"2026"#), "{json}");
    }

    #[test]
    fn names_cannot_become_structure() {
        let event = EventFrame {
            event_type: "a\"b",
            channel: "chat:é\\\u{0}\n\"}",
            reply_to: Some("\",\"sequence\":1,\"x\":\""),
            ..event()
        };
        let value: serde_json::Value = serde_json::from_str(&json(9, &event)).expect("valid JSON");
        assert_eq!(value["type"], "a\"b");
        assert_eq!(value["channel"], "chat:é\\\u{0}\n\"}");
        assert_eq!(value["replyTo"], "\",\"sequence\":1,\"x\":\"");
        assert_eq!(value["sequence"], 9);
    }

    #[test]
    fn a_frame_is_written_without_growing_a_buffer_that_has_its_room() {
        let event = event();
        let mut out = Vec::with_capacity(event_frame_len(u64::MAX, &event));
        let (place, room) = (out.as_ptr(), out.capacity());
        write_event(&mut out, u64::MAX, &event);
        assert_eq!((out.as_ptr(), out.capacity(), out.len()), (place, room, room));
    }

    proptest! {
        #[test]
        fn any_frame_has_its_computed_length_and_is_json(
            sequence in prop_oneof![9 => any::<u64>(), 1 => Just(0)],
            unix_ms in any::<u64>(),
            event_type in "\\PC{0,20}",
            channel in "[\\x00-\\x7Fäß\u{1F600}]{0,20}",
            reply_to in prop::option::of("[\\x00-\\x7F]{0,20}"),
            metadata in prop::sample::select(vec!["", "{}", "{\"a\":\"b\"}"]),
            size in prop::sample::select(vec![0_usize, 10, 60_000, 70_000]),
        ) {
            let data = format!("\"{}\"", "d".repeat(size));
            let id = EventId::new(unix_ms & 0xFFFF_FFFF_FFFF, [1; 10]);
            let reply_to = reply_to.as_deref();
            let (metadata, data) = (metadata.as_bytes(), data.as_bytes());
            let event =
                EventFrame { event_type: &event_type, channel: &channel, unix_ms, id, reply_to, metadata, data, ..event() };
            let value: serde_json::Value = serde_json::from_str(&json(sequence, &event)).expect("valid JSON");
            prop_assert_eq!(value["sequence"].as_u64(), Some(sequence).filter(|sequence| *sequence > 0));
            prop_assert_eq!(value["channel"].as_str(), Some(&channel[..]));
        }
    }
}
