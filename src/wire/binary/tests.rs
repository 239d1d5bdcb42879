//! Binary frames against prost's decoder and against the JSON form of the same frame.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::ids::EventId;
use crate::log::Form;
use crate::proto::rialto::v1::Frame;
use crate::wire::EventFrame;
use crate::wire::fixture::{SCHEMA, TRANSCODER};
use crate::wire::websocket::frame_len;

/// The message inside a WebSocket frame, which must be whole and of this kind.
fn message(frame: &[u8], first: u8) -> &[u8] {
    assert_eq!((frame[0], frame_len(frame)), (first, Some(frame.len())));
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    &frame[header..]
}

/// The frame as the log hands it out.
fn binary(sequence: u64, event: &EventFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    event.write(sequence, Form::Binary, &mut out);
    out.extend_from_slice(event.payload);
    message(&out, 0x82).to_vec()
}

/// What a binary frame says, in the words of the JSON form.
fn as_json(frame: Frame) -> Value {
    let mut json = json!({"type": frame.r#type});
    let texts = [("id", frame.id), ("replyTo", frame.reply_to), ("channel", frame.channel)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        json[name] = text.into();
    }
    if frame.sequence > 0 {
        json["sequence"] = frame.sequence.into();
    }
    if let Some(timestamp) = frame.timestamp {
        assert_eq!(timestamp.nanos % 1_000_000, 0, "milliseconds");
        let mut text = serde_json::to_value(timestamp).unwrap().as_str().unwrap().trim_end_matches('Z').to_owned();
        let digits = text.split_once('.').map_or("", |(_, digits)| digits).to_owned();
        text.truncate("2026-11-20T10:30:45".len());
        json["timestamp"] = format!("{text}.{:0<3.3}Z", digits).into();
    }
    if !frame.metadata.is_empty() {
        json["metadata"] = serde_json::to_value(frame.metadata).unwrap();
    }
    let event = SCHEMA.event(json["type"].as_str().unwrap()).expect("a type of the schema");
    let mut data = Vec::new();
    TRANSCODER.to_json(event.message, &frame.data, &mut data).expect("it was printed before");
    json["data"] = serde_json::from_slice(&data).unwrap();
    json
}

#[test]
fn the_fields_are_numbered_as_the_schema_declares_them() {
    let frame = SCHEMA.pool().message_by_name("rialto.v1.Frame").expect("it is in every schema");
    let named = |name: &str| frame.fields().iter().find(|field| field.name() == name).expect(name).number();
    let table = [
        ("type", number::TYPE),
        ("id", number::ID),
        ("reply_to", number::REPLY_TO),
        ("channel", number::CHANNEL),
        ("sequence", number::SEQUENCE),
        ("timestamp", number::TIMESTAMP),
        ("metadata", number::METADATA),
        ("data", number::DATA),
    ];
    for (name, number) in table {
        assert_eq!(named(name), u32::from(number), "{name}");
    }
}

#[test]
fn an_event_without_a_sequence_or_a_payload_leaves_them_out() {
    let event = EventFrame {
        event_type: "system.heartbeat",
        channel: "system",
        unix_ms: 1_000,
        id: EventId::new(5, [9; 10]),
        reply_to: None,
        metadata: b"",
        metadata_wire: b"",
        data: b"{}",
        payload: b"",
    };
    let bytes = binary(0, &event);
    let frame = Frame::decode(&bytes[..]).unwrap();
    assert_eq!((frame.sequence, &frame.data[..]), (0, &b""[..]));
    assert_eq!(frame.encode_to_vec(), bytes, "as protobuf's own encoders write it");
}

/// A payload of `process.progress` that has a JSON form.
fn progress() -> impl Strategy<Value = Vec<u8>> {
    (any::<[String; 3]>(), -1e9..1e9_f64).prop_map(|([project_id, process_id, message], progress)| {
        crate::proto::project::v1::ProcessProgress { project_id, process_id, message, progress }.encode_to_vec()
    })
}

proptest! {
    #[test]
    fn both_forms_of_an_event_say_the_same(
        sequence in prop_oneof![1 => Just(0), 9 => 0..1_u64 << 53],
        unix_ms in prop_oneof![0..300_000_000_000_000_u64, any::<u64>(), Just(1_000)],
        channel in "\\PC{0,20}",
        reply_to in prop::option::of("[\\x00-\\x7Fé]{1,20}"),
        metadata in prop::collection::btree_map("\\PC{1,8}", "[\\x00-\\x7F]{0,200}", 0..4),
        payload in progress(),
    ) {
        let mut wire = Vec::new();
        metadata.iter().for_each(|(key, value)| put_metadata(&mut wire, key, value));
        let (mut data, mut text) = (Vec::new(), Vec::new());
        let event = SCHEMA.event("process.progress").unwrap();
        TRANSCODER.to_json(event.message, &payload, &mut data).unwrap();
        let json_metadata = serde_json::to_vec(&metadata).unwrap();
        let event = EventFrame {
            event_type: &event.name,
            channel: &channel,
            unix_ms,
            id: EventId::new(unix_ms & 0xFFFF_FFFF_FFFF, [1; 10]),
            reply_to: reply_to.as_deref(),
            metadata: &json_metadata,
            metadata_wire: &wire,
            data: &data,
            payload: &payload,
        };
        event.write(sequence, Form::Json, &mut text);
        let mut expected: Value = serde_json::from_slice(message(&text, 0x81)).unwrap();
        if channel.is_empty() {
            expected.as_object_mut().unwrap().remove("channel");
        }
        let bytes = binary(sequence, &event);
        let frame = Frame::decode(&bytes[..]).unwrap();
        prop_assert_eq!(frame.metadata.iter().collect::<BTreeMap<_, _>>(), metadata.iter().collect());
        prop_assert_eq!(as_json(frame), expected);
        prop_assert!(bytes.ends_with(&payload), "the payload is the frame's end");
    }
}
