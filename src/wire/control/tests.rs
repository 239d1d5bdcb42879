//! Every frame of Rialto's own, as it is printed.

use super::*;
use crate::wire::fixture::{SCHEMA, TRANSCODER};
use crate::wire::websocket::frame_len;

fn printer() -> ControlPrinter {
    ControlPrinter::new(Arc::clone(&TRANSCODER), SCHEMA.pool()).expect("own messages are in every schema")
}

fn print(frame: &ServerFrame, reply_to: Option<&str>) -> String {
    let mut out = b"before".to_vec();
    printer().print(&mut out, Form::Json, frame, reply_to);
    let frame = &out[6..];
    assert_eq!(frame_len(frame), Some(frame.len()));
    assert_eq!(frame[0], 0x81, "a whole text message");
    let header = if frame[1] == 126 { 4 } else { 2 };
    String::from_utf8(frame[header..].to_vec()).expect("UTF-8")
}

/// The frame as it is in binary, read with protobuf's decoder and said in JSON.
fn from_binary(frame: &ServerFrame, reply_to: Option<&str>) -> serde_json::Value {
    let mut out = Vec::new();
    printer().print(&mut out, Form::Binary, frame, reply_to);
    assert_eq!((out[0], frame_len(&out)), (0x82, Some(out.len())), "a whole binary message");
    let header = if out[1] == 126 { 4 } else { 2 };
    let frame = proto::Frame::decode(&out[header..]).expect("a frame");
    assert_eq!(frame.encode_to_vec(), &out[header..], "as protobuf's own encoders write it");
    let event = SCHEMA.event(&frame.r#type).expect("one of Rialto's own");
    let mut data = Vec::new();
    TRANSCODER.to_json(event.message, &frame.data, &mut data).expect("the data is the type's message");
    let data: serde_json::Value = serde_json::from_slice(&data).expect("JSON");
    let mut value = serde_json::json!({"type": frame.r#type, "data": data});
    if !frame.reply_to.is_empty() {
        value["replyTo"] = frame.reply_to.into();
    }
    value
}

fn position(epoch: &str, sequence: u64) -> Option<proto::Position> {
    Some(proto::Position { epoch: epoch.into(), sequence })
}

#[test]
fn every_frame_is_printed_with_its_defaults_and_its_numbers_as_numbers() {
    let ack = proto::ConnectionAck {
        connection_id: "c1".into(),
        session_id: "t1".into(),
        limits: Some(proto::Limits {
            max_message_bytes: 65_536,
            max_subscriptions: 128,
            commands_per_second: 50,
            commands_burst: 200,
        }),
        heartbeat_ms: 30_000,
        fingerprint: "ab".into(),
        schema_policy: proto::SchemaPolicy::Serve.into(),
        node: "n1".into(),
        ..Default::default()
    };
    let subscribed = proto::ChannelSubscribed {
        channel: "project:42".into(),
        start: position("k3", 0),
        head: position("k3", 9_007_199_254_740_991),
        ..Default::default()
    };
    let cases = [
        (
            ServerFrame::Ack(ack),
            concat!(
                r#"{"type":"connection.ack","data":{"connectionId":"c1","sessionId":"t1","userId":"","permissions":[],"#,
                r#""limits":{"maxMessageBytes":65536,"maxSubscriptions":128,"commandsPerSecond":50,"commandsBurst":200},"#,
                r#""heartbeatMs":30000,"capabilities":[],"fingerprint":"ab","schemaPolicy":"SCHEMA_POLICY_SERVE","#,
                r#""node":"n1","expiresInMs":0}}"#
            ),
        ),
        (
            ServerFrame::Refreshed(proto::ConnectionRefreshed {
                permissions: vec!["a:*".into()],
                expires_in_ms: 9_000,
            }),
            r#"{"type":"connection.refreshed","data":{"permissions":["a:*"],"expiresInMs":9000}}"#,
        ),
        (ServerFrame::Heartbeat(proto::ConnectionHeartbeat {}), r#"{"type":"connection.heartbeat","data":{}}"#),
        (
            ServerFrame::Reconnect(proto::ConnectionReconnect { reason: "draining".into(), delay_ms: 250 }),
            r#"{"type":"connection.reconnect","data":{"reason":"draining","delayMs":250}}"#,
        ),
        (
            ServerFrame::ConnectionError(proto::ConnectionError {
                code: 4104,
                status: "INTERNAL".into(),
                reason: "internal".into(),
                ..Default::default()
            }),
            concat!(
                r#"{"type":"connection.error","data":{"code":4104,"status":"INTERNAL","reason":"internal","#,
                r#""message":"","retryAfterMs":0}}"#
            ),
        ),
        (
            ServerFrame::Subscribed(subscribed.clone()),
            concat!(
                r#"{"type":"channel.subscribed","data":{"channel":"project:42","start":{"epoch":"k3","sequence":0},"#,
                r#""head":{"epoch":"k3","sequence":9007199254740991}}}"#
            ),
        ),
        (
            ServerFrame::Subscribed(proto::ChannelSubscribed { recovered: Some(false), ..subscribed }),
            concat!(
                r#"{"type":"channel.subscribed","data":{"channel":"project:42","start":{"epoch":"k3","sequence":0},"#,
                r#""head":{"epoch":"k3","sequence":9007199254740991},"recovered":false}}"#
            ),
        ),
        (
            ServerFrame::Unsubscribed(proto::ChannelUnsubscribed { channel: "a".into(), reason: "requested".into() }),
            r#"{"type":"channel.unsubscribed","data":{"channel":"a","reason":"requested"}}"#,
        ),
        (
            ServerFrame::Gap(proto::ChannelGap { channel: "a".into(), epoch: "k3".into(), first: 5, last: 70 }),
            r#"{"type":"channel.gap","data":{"channel":"a","epoch":"k3","first":5,"last":70}}"#,
        ),
        (
            ServerFrame::Reset(proto::ChannelReset {
                channel: "a".into(),
                start: position("k4", 2),
                previous: position("k3", 16),
            }),
            concat!(
                r#"{"type":"channel.reset","data":{"channel":"a","start":{"epoch":"k4","sequence":2},"#,
                r#""previous":{"epoch":"k3","sequence":16}}}"#
            ),
        ),
        (
            ServerFrame::Position(proto::ChannelPosition {
                channel: "a".into(),
                position: position("k3", 8),
                conflated: 3,
            }),
            r#"{"type":"channel.position","data":{"channel":"a","position":{"epoch":"k3","sequence":8},"conflated":3}}"#,
        ),
        (
            ServerFrame::Error(proto::Error {
                code: 4006,
                status: "NOT_FOUND".into(),
                path: "data.channels[0].name".into(),
                ..Default::default()
            }),
            concat!(
                r#"{"type":"error","data":{"code":4006,"status":"NOT_FOUND","reason":"","message":"","#,
                r#""retryAfterMs":0,"path":"data.channels[0].name","channel":""}}"#
            ),
        ),
    ];
    for (frame, expected) in cases {
        let printed = print(&frame, None);
        // As values: where in its object a default stands is the transcoder's choice. What stands around `data` is ours.
        let (expected_envelope, _) = expected.split_once(r#","data":{"#).expect("a type before the data");
        assert!(printed.starts_with(&format!(r#"{expected_envelope},"data":{{"#)), "{printed}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&printed), value(expected));
        assert_eq!(from_binary(&frame, Some("7é")), value(&print(&frame, Some("7é"))), "both forms say the same");
        assert_eq!(from_binary(&frame, None), value(expected));
    }
}

#[test]
fn an_answer_names_the_frame_that_it_answers() {
    let frame = ServerFrame::Heartbeat(proto::ConnectionHeartbeat {});
    assert_eq!(print(&frame, Some("7\"é\n")), r#"{"type":"connection.heartbeat","replyTo":"7\"é\n","data":{}}"#);
}

#[test]
fn a_long_frame_has_its_long_header() {
    let frame = ServerFrame::Error(proto::Error { message: "m".repeat(300), ..Default::default() });
    let value: serde_json::Value = serde_json::from_str(&print(&frame, None)).expect("JSON");
    assert_eq!(value["data"]["message"].as_str().map(str::len), Some(300));
}

#[test]
fn a_pool_without_own_messages_is_refused() {
    let error = ControlPrinter::new(Arc::clone(&TRANSCODER), &DescriptorPool::default()).expect_err("an empty pool");
    assert!(error.to_string().contains("rialto.v1.ConnectionAck"), "{error}");
}
