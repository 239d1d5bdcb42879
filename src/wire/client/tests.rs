//! What clients may write, and what is said about each mistake.

use proptest::prelude::*;

use super::*;
use crate::status::Code;
use crate::wire::fixture::{SCHEMA, TRANSCODER, schema_of};

mod binary;

fn parse(text: &str) -> Result<ClientFrame, FrameError> {
    parse_client_frame(
        ClientMessage::Text(text),
        &SCHEMA,
        &TRANSCODER,
        SystemTime::UNIX_EPOCH,
        &mut Spending::of_client(),
    )
}

fn good(text: &str) -> ClientFrame {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn subscriptions(text: &str) -> Vec<proto::Subscription> {
    match good(text).request {
        Request::Subscribe(subscribe) => subscribe.channels,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_subscribe_is_read_with_everything_that_it_may_say() {
    let frame = good(
        r#"{"type":"channel.subscribe","id":"7","data":{"channels":[{"name":"project:42","types":["file.*"],
            "after":{"epoch":"k3","sequence":16}},{"name":"é","history":0}]}}"#,
    );
    assert_eq!(frame.id.as_deref(), Some("7"));
    let Request::Subscribe(subscribe) = frame.request else { panic!("{:?}", frame.request) };
    let expected = [
        proto::Subscription {
            name: "project:42".into(),
            types: vec!["file.*".into()],
            after: Some(proto::Position { epoch: "k3".into(), sequence: 16 }),
            ..Default::default()
        },
        proto::Subscription { name: "é".into(), history: Some(0), ..Default::default() },
    ];
    assert_eq!(subscribe.channels, expected);
}

#[test]
fn a_frame_may_be_flat() {
    let channels = subscriptions(r#"{"channels":[{"name":"a"}],"type":"channel.subscribe","data":null}"#);
    assert_eq!(channels.len(), 1);
    let frame = good(r#"{"type":"message","id":"m1","session_id":"t1","content":"Hi \u00e9"}"#);
    let Request::Event { event, channel: None, payload, .. } = frame.request else { panic!("{:?}", frame.request) };
    assert_eq!(&*event.name, "message");
    assert_eq!(payload, b"\x0a\x02t1\x12\x05Hi \xc3\xa9");
}

#[test]
fn proto_names_and_json_names_and_the_order_of_members_are_all_the_same() {
    let texts = [
        r#"{"type":"message","data":{"sessionId":"t1","content":"x"}}"#,
        r#"{"data":{"content":"x","session_id":"t1"},"type":"message"}"#,
        r#"{"sessionId":"t1","content":"x","type":"message"}"#,
        " {\n\"type\"\t: \"mess\\u0061ge\", \"session_id\":\"t1\",\"content\":\"x\"}\r\n",
    ];
    for text in texts {
        let Request::Event { event, payload, .. } = good(text).request else { panic!("{text}: no event") };
        let mut printed = Vec::new();
        TRANSCODER.to_json(event.message, &payload, &mut printed).expect("a message");
        let printed: serde_json::Value = serde_json::from_slice(&printed).expect("JSON");
        assert_eq!(printed, serde_json::json!({ "sessionId": "t1", "content": "x" }), "{text}");
    }
}

#[test]
fn an_event_carries_its_channel_and_metadata() {
    let frame =
        good(r#"{"type":"message","channel":"session:t1","metadata":{"a":"b","c":"\n"},"data":{"content":"x"}}"#);
    let Request::Event { channel, metadata, .. } = frame.request else { panic!("{:?}", frame.request) };
    assert_eq!(channel.as_deref(), Some("session:t1"));
    assert_eq!(metadata, BTreeMap::from([("a".into(), "b".into()), ("c".into(), "\n".into())]));
}

#[test]
fn in_a_flat_frame_the_envelopes_names_win() {
    let (schema, transcoder) = schema_of(
        r#"message Note {
            option (rialto.v1.event) = {
                type: "note" channels: ["SessionChannel"] from: FROM_CLIENT route: ROUTE_HANDLER
            };
            string session_id = 1;
            string id = 2;
            string channel = 3;
            string data = 4;
        }"#,
    );
    let flat = r#"{"type":"note","id":"7","channel":"session:a","session_id":"s"}"#;
    let nested = r#"{"type":"note","id":"7","data":{"session_id":"s","id":"x","channel":"y","data":"z"}}"#;
    for (text, expected) in [(flat, &b"\x0a\x01s"[..]), (nested, b"\x0a\x01s\x12\x01x\x1a\x01y\x22\x01z")] {
        let frame = parse_client_frame(
            ClientMessage::Text(text),
            &schema,
            &transcoder,
            SystemTime::UNIX_EPOCH,
            &mut Spending::of_client(),
        )
        .expect("a note");
        assert_eq!(frame.id.as_deref(), Some("7"));
        assert!(matches!(frame.request, Request::Event { payload, .. } if payload == expected), "{text}");
    }
}

#[test]
fn the_other_own_frames_are_read() {
    assert!(matches!(good(r#"{"type":"connection.heartbeat"}"#).request, Request::Heartbeat));
    assert!(matches!(good(r#"{"type":"connection.heartbeat","data":{}}"#).request, Request::Heartbeat));
    match good(r#"{"type":"channel.unsubscribe","data":{"channels":["a","b"]}}"#).request {
        Request::Unsubscribe(unsubscribe) => assert_eq!(unsubscribe.channels, ["a", "b"]),
        other => panic!("{other:?}"),
    }
    let text = r#"{"type":"connection.init","data":{"protocol":1,"clientId":"x","token":"","capabilities":["q"],
        "fingerprint":"ff","resume":[{"name":"session:t1","after":{"epoch":"e","sequence":3}}]}}"#;
    match good(text).request {
        Request::Init(init) => {
            assert_eq!((init.protocol, &init.client_id[..], init.resume.len()), (1, "x", 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_position_may_be_of_any_log_and_as_far_as_a_number_goes() {
    for (sequence, expected) in [("0", 0), ("\"16\"", 16), ("9007199254740991", 9_007_199_254_740_991), ("3.0", 3)] {
        let text = format!(
            r#"{{"type":"channel.subscribe","data":{{"channels":[{{"name":"a","after":{{"epoch":"?","sequence":{sequence}}}}}]}}}}"#
        );
        let after = subscriptions(&text).remove(0).after.expect("a position");
        assert_eq!((&after.epoch[..], after.sequence), ("?", expected));
    }
}

/// A subscribe frame with this as its only subscription.
fn subscribe(subscription: &str) -> String {
    format!(r#"{{"type":"channel.subscribe","id":"9","data":{{"channels":[{subscription}]}}}}"#)
}

#[test]
fn every_mistake_says_where_it_is() {
    let long = "x".repeat(100_000);
    let cases = [
        // Not JSON, not an object.
        ("".into(), "", "invalid_json"),
        ("hello".into(), "", "invalid_json"),
        ("null".into(), "", "invalid_json"),
        ("[]".into(), "", "invalid_json"),
        ("{\"type\":\"message\"} x".into(), "", "invalid_json"),
        ("\u{FEFF}{\"type\":\"message\"}".into(), "", "invalid_json"),
        (r#"{"type":"message","type":"message"}"#.into(), "type", "invalid_json"),
        (r#"{"type":"message","data":{"a":{"b":1,"b":1}}}"#.into(), "data.a.b", "invalid_json"),
        (r#"{"type":"message","data":{"content":"\ud800"}}"#.into(), "data.content", "invalid_json"),
        // The envelope.
        ("{}".into(), "type", "invalid_frame"),
        (r#"{"type":7}"#.into(), "type", "invalid_frame"),
        (r#"{"type":""}"#.into(), "type", "invalid_frame"),
        (r#"{"type":"message","id":7}"#.into(), "id", "invalid_frame"),
        (format!(r#"{{"type":"message","id":"{}"}}"#, "i".repeat(129)), "id", "invalid_frame"),
        (r#"{"type":"message","channel":["a"]}"#.into(), "channel", "invalid_frame"),
        (r#"{"type":"message","metadata":"a"}"#.into(), "metadata", "invalid_frame"),
        (r#"{"type":"message","content":"x","metadata":{"a":1}}"#.into(), "metadata.a", "invalid_frame"),
        (r#"{"type":"message","data":[]}"#.into(), "data", "invalid_frame"),
        (r#"{"type":"message","data":"{}"}"#.into(), "data", "invalid_frame"),
        (r#"{"type":"message","data":{},"content":"x"}"#.into(), "content", "invalid_frame"),
        (r#"{"type":"channel.subscribe","channel":"a"}"#.into(), "channel", "invalid_frame"),
        // The type.
        (r#"{"type":"nothing.of_the_kind"}"#.into(), "type", "unknown_event_type"),
        (format!(r#"{{"type":"{long}"}}"#), "type", "unknown_event_type"),
        (r#"{"type":"assistant"}"#.into(), "type", "not_sendable"),
        (r#"{"type":"connection.ack"}"#.into(), "type", "not_sendable"),
        (r#"{"type":"channel.gap","data":{}}"#.into(), "type", "not_sendable"),
        (r#"{"type":"error"}"#.into(), "type", "not_sendable"),
        (r#"{"type":"channel.presence","data":{"channel":"x"}}"#.into(), "type", "not_built"),
        (r#"{"type":"connection.refreshed"}"#.into(), "type", "not_sendable"),
        (r#"{"type":"connection.refresh","token":7}"#.into(), "token", "invalid_data"),
        // The data, nested and flat.
        (r#"{"type":"message","data":{"content":7}}"#.into(), "data.content", "invalid_data"),
        (r#"{"type":"message","content":7}"#.into(), "content", "invalid_data"),
        (r#"{"type":"message","data":{"contents":""}}"#.into(), "data.contents", "invalid_data"),
        (r#"{"type":"message","data":{"sessionId":"t1"}}"#.into(), "data.content", "invalid_data"),
        (r#"{"type":"connection.heartbeat","x":1}"#.into(), "x", "invalid_data"),
        (r#"{"type":"connection.init","data":{"protocol":"one"}}"#.into(), "data.protocol", "invalid_data"),
        // Subscriptions.
        (r#"{"type":"channel.subscribe"}"#.into(), "channels", "invalid_data"),
        (r#"{"type":"channel.subscribe","data":{"channels":[]}}"#.into(), "data.channels", "invalid_data"),
        (r#"{"type":"channel.unsubscribe","data":{}}"#.into(), "data.channels", "invalid_data"),
        (r#"{"type":"channel.unsubscribe","channels":[7]}"#.into(), "channels[0]", "invalid_data"),
        (subscribe("{}"), "data.channels[0].name", "invalid_data"),
        (subscribe(r#"{"name":"a"},{"name":""}"#), "data.channels[1].name", "invalid_data"),
        (subscribe(r#"{"name":7}"#), "data.channels[0].name", "invalid_data"),
        (subscribe(r#"{"name":"a","after":{}}"#), "data.channels[0].after.epoch", "invalid_data"),
        (subscribe(r#"{"name":"a","after":{"sequence":3}}"#), "data.channels[0].after.epoch", "invalid_data"),
        (
            subscribe(r#"{"name":"a","after":{"epoch":"","sequence":3}}"#),
            "data.channels[0].after.epoch",
            "invalid_data",
        ),
        (
            subscribe(r#"{"name":"a","after":{"epoch":"e","sequence":-1}}"#),
            "data.channels[0].after.sequence",
            "invalid_data",
        ),
        (
            subscribe(r#"{"name":"a","after":{"epoch":"e","sequence":1.5}}"#),
            "data.channels[0].after.sequence",
            "invalid_data",
        ),
        (
            subscribe(r#"{"name":"a","after":{"epoch":"e","sequence":"x"}}"#),
            "data.channels[0].after.sequence",
            "invalid_data",
        ),
        (
            subscribe(r#"{"name":"a","after":{"epoch":"e","sequence":1e30}}"#),
            "data.channels[0].after.sequence",
            "invalid_data",
        ),
        (subscribe(r#"{"name":"a","after":"e:3"}"#), "data.channels[0].after", "invalid_data"),
        (subscribe(r#"{"name":"a","history":-1}"#), "data.channels[0].history", "invalid_data"),
        (subscribe(r#"{"name":"a","filter":"level >= 3"}"#), "data.channels[0].filter", "not_built"),
        (
            r#"{"type":"connection.init","data":{"resume":[{"name":"a","after":{"sequence":1}}]}}"#.into(),
            "data.resume[0].after.epoch",
            "invalid_data",
        ),
    ];
    for (text, path, reason) in cases {
        let text: String = text;
        let shown: String = text.chars().take(120).collect();
        let problem = parse(&text).expect_err(&shown).problem;
        assert_eq!((problem.path(), problem.reason()), (path, reason), "{shown}: {problem}");
        assert!(problem.to_string().len() < 600, "{shown}: an error is short");
        let expected = if reason == "not_built" { Code::Unimplemented } else { Code::InvalidArgument };
        assert_eq!(problem.code(), expected, "{shown}");
    }
}

#[test]
fn an_error_answers_its_frame_wherever_the_id_stands() {
    let cases = [
        (r#"{"id":"a","type":"nope"}"#, Some("a")),
        (r#"{"type":"message","data":{"content":7},"id":"b"}"#, Some("b")),
        (r#"{"type":7,"id":"c"}"#, Some("c")),
        (r#"{"type":"nope","id":null}"#, None),
        (r#"{"type":"nope","id":""}"#, None),
        (r#"{"type":"nope"}"#, None),
        (r#"{"id":"d""#, None),
    ];
    for (text, id) in cases {
        assert_eq!(parse(text).expect_err(text).reply_to.as_deref(), id, "{text}");
    }
}

#[test]
fn a_long_path_is_cut() {
    let text = format!(r#"{{"type":"message","data":{{"{}":1}}}}"#, "é".repeat(5_000));
    let problem = parse(&text).expect_err("an unknown field").problem;
    assert!(problem.path().len() < 300, "{} bytes", problem.path().len());
}

#[test]
fn the_id_of_a_frame_is_found_without_reading_the_rest() {
    let cases = [
        (r#"{"type":7,"id":"a","data":[]}"#, Some("a")),
        (r#"{"id":"a","id":"b"}"#, None),
        (r#"{"id":7}"#, None),
        ("", None),
    ];
    for (text, id) in cases {
        assert_eq!(client_frame_id(ClientMessage::Text(text)).as_deref(), id, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in prop_oneof![
            "\\PC{0,60}",
            "[{}\\[\\]\",:\\\\0-9e.\\- a-f]{0,60}",
            r#"\{"type":"(channel\.subscribe|connection\.init|message)","data":\{"(channels|resume|content)":[\[\]{}"0-9,a-e:-]{0,30}\}\}"#,
        ],
    ) {
        let _ = parse(&text);
        let _ = client_frame_id(ClientMessage::Text(&text));
    }
}
