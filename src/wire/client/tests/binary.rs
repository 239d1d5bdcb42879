//! The same in binary: what both forms share, and the mistakes that only bytes can have.

use prost::Message as _;

use super::*;
use crate::proto::rialto::v1::Frame;

fn read(bytes: &[u8]) -> Result<ClientFrame, FrameError> {
    parse_client_frame(
        ClientMessage::Binary(bytes),
        &SCHEMA,
        &TRANSCODER,
        SystemTime::UNIX_EPOCH,
        &mut Spending::of_client(),
    )
}

fn frame(frame_type: &str, data: &impl prost::Message) -> Frame {
    Frame { r#type: frame_type.into(), id: "7".into(), data: data.encode_to_vec().into(), ..Frame::default() }
}

/// A frame in JSON as a client's binary one: the data by the transcoder, which both forms share.
fn in_binary(text: &str) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let name = value["type"].as_str().expect("a type").to_owned();
    let event = SCHEMA.event(&name).expect("a type of the schema");
    let data = TRANSCODER.from_json(event.message, value["data"].take().to_string().as_bytes()).expect("good data");
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let metadata = value["metadata"].as_object().into_iter().flatten();
    let metadata = metadata.map(|(key, value)| (key.clone(), value.as_str().expect("a string").to_owned()));
    Frame {
        r#type: name,
        id: text("id"),
        channel: text("channel"),
        metadata: metadata.collect(),
        data: data.into(),
        ..Frame::default()
    }
    .encode_to_vec()
}

#[test]
fn both_forms_of_a_frame_ask_for_the_same() {
    let texts = [
        r#"{"type":"connection.init","id":"i","data":{"protocol":1,"clientId":"c","resume":[{"name":"a"}]}}"#,
        r#"{"type":"connection.heartbeat","data":{}}"#,
        r#"{"type":"channel.subscribe","id":"7","data":{"channels":[{"name":"project:42","types":["file.*"],
            "after":{"epoch":"k3","sequence":16}},{"name":"é","history":0}]}}"#,
        r#"{"type":"channel.unsubscribe","id":"é","data":{"channels":["a","b"]}}"#,
        r#"{"type":"message","id":"m","channel":"session:t1","metadata":{"a":"1","é":""},
            "data":{"content":"Hi","sessionId":"t1"}}"#,
    ];
    for text in texts {
        let (json, binary) = (good(text), read(&in_binary(text)).expect(text));
        assert_eq!(format!("{json:?}"), format!("{binary:?}"), "{text}");
        assert_eq!(client_frame_id(ClientMessage::Binary(&in_binary(text))), json.id, "{text}");
    }
}

#[test]
fn a_mistake_in_a_binary_frame_is_told_with_its_path_and_its_reason() {
    let subscribe = |subscription: proto::Subscription| {
        frame("channel.subscribe", &proto::ChannelSubscribe { channels: vec![subscription] })
    };
    let named = || proto::Subscription { name: "a".into(), ..Default::default() };
    let after = |epoch: &str, sequence| proto::Position { epoch: epoch.into(), sequence };
    let raw = |frame_type: &str, data: &'static [u8]| Frame { data: data.into(), ..frame(frame_type, &()) };
    let heartbeat = || frame("connection.heartbeat", &());
    let cases = [
        (Frame::default(), "type", "invalid_frame"),
        (Frame { r#type: String::new(), ..heartbeat() }, "type", "invalid_frame"),
        (Frame { id: "x".repeat(129), ..heartbeat() }, "id", "invalid_frame"),
        (Frame { reply_to: "1".into(), ..heartbeat() }, "replyTo", "invalid_frame"),
        (Frame { sequence: 1, ..heartbeat() }, "sequence", "invalid_frame"),
        (Frame { timestamp: Some(Default::default()), ..heartbeat() }, "timestamp", "invalid_frame"),
        (Frame { channel: "a".into(), ..heartbeat() }, "channel", "invalid_frame"),
        (frame("nope", &()), "type", "unknown_event_type"),
        (frame("channel.gap", &()), "type", "not_sendable"),
        (frame("process.progress", &()), "type", "not_sendable"),
        (frame("channel.presence", &()), "type", "not_built"),
        (frame("channel.subscribe", &()), "data.channels", "invalid_data"),
        (frame("channel.unsubscribe", &()), "data.channels", "invalid_data"),
        (subscribe(Default::default()), "data.channels[0].name", "invalid_data"),
        (subscribe(proto::Subscription { filter: "a".into(), ..named() }), "data.channels[0].filter", "not_built"),
        (
            subscribe(proto::Subscription { after: Some(after("", 3)), ..named() }),
            "data.channels[0].after.epoch",
            "invalid_data",
        ),
        (
            subscribe(proto::Subscription { after: Some(after("e", 1 << 53)), ..named() }),
            "data.channels[0].after.sequence",
            "invalid_data",
        ),
        // Bytes that are not the message: cut short, a string that is not UTF-8, of another kind.
        (raw("message", b"\x0a\x05t1"), "data.sessionId", "invalid_data"),
        (raw("message", b"\x12\x01\xff"), "data.content", "invalid_data"),
        (raw("message", b"\x12"), "data.content", "invalid_data"),
        (raw("message", b"\x00"), "data", "invalid_data"),
        (raw("channel.subscribe", b"\x0a\x03\x0a\x01\xff"), "data.channels[0].name", "invalid_data"),
    ];
    for (frame, path, reason) in cases {
        let error = read(&frame.encode_to_vec()).expect_err(path);
        let problem = &error.problem;
        assert_eq!((problem.path(), problem.reason()), (path, reason), "{frame:?}: {problem}");
        let id = (path != "id" && !frame.id.is_empty()).then_some("7");
        assert_eq!(error.reply_to.as_deref(), id, "{frame:?}");
    }
}

#[test]
fn bytes_that_are_no_frame_are_told_with_the_field_that_is_broken() {
    let cases: [(&[u8], &str); 7] = [
        (b"\x0a\x05abc", "type"),
        (b"\x0a\x02\xff\xfe", "type"),
        (b"\x42\x7f", "data"),
        (b"\x3a\x04\x0a\x02\xff\xff", "metadata[0]"),
        (b"{\"type\":\"connection.heartbeat\"}", ""),
        (b"\x08", ""),
        (b"\xff", ""),
    ];
    for (bytes, path) in cases {
        let error = read(bytes).expect_err("no frame");
        assert!(error.problem.path().starts_with(path), "{bytes:?}: {:?}", error.problem);
        assert_eq!(error.problem.reason(), "invalid_protobuf", "{bytes:?}");
        assert_eq!(error.problem.code(), Code::InvalidArgument);
        assert!(error.problem.to_string().starts_with("not a rialto.v1.Frame: "), "{}", error.problem);
    }
}

#[test]
fn what_protobuf_lets_through_is_let_through() {
    let heartbeat = frame("connection.heartbeat", &()).encode_to_vec();
    let cases: [(&str, &[u8]); 4] = [
        ("the same field twice: the last counts", b"\x12\x018"),
        ("a field of a later version", b"\x82\x01\x02hi"),
        ("a number of a later version", b"\x48\x01"),
        ("nothing", b""),
    ];
    for (case, more) in cases {
        let frame = read(&[&heartbeat[..], more].concat()).expect(case);
        assert_eq!(frame.id.as_deref(), Some(if more == b"\x12\x018" { "8" } else { "7" }), "{case}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = read(&bytes);
        let _ = client_frame_id(ClientMessage::Binary(&bytes));
    }

    #[test]
    fn no_damage_to_a_good_frame_makes_the_reader_panic(
        which in 0..3_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = [
            r#"{"type":"channel.subscribe","id":"7","data":{"channels":[{"name":"a","after":{"epoch":"k","sequence":1}}]}}"#,
            r#"{"type":"connection.init","id":"i","data":{"protocol":1,"resume":[{"name":"a","history":3}]}}"#,
            r#"{"type":"message","metadata":{"a":"1"},"data":{"sessionId":"t1","content":"Hi"}}"#,
        ][which];
        let mut bytes = in_binary(text);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Err(error) = read(&bytes[..=cut.index(bytes.len())]) {
            prop_assert!(error.problem.path().len() < 300 && error.problem.to_string().len() < 600);
        }
    }
}
