//! What each message of a client becomes, and what a client may not do.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::wire::fixture::{SCHEMA, TRANSCODER, schema_of};

mod rates;

struct Client {
    inbound: Inbound,
    now: Instant,
}

impl Client {
    fn new(opening: Opening) -> Self {
        let now = Instant::now();
        Client { inbound: Inbound::new(opening, Some(anonymous()), Limits::default(), now), now }
    }

    /// A connection with a subprotocol, behind its init.
    fn initialised() -> Self {
        let mut client = Client::new(Opening::Subprotocol(Form::Json));
        assert!(matches!(client.says(INIT), Some(Command::Init { .. })));
        client
    }

    fn sends(&mut self, incoming: Incoming) -> Option<Command> {
        self.inbound.on_incoming(incoming, &SCHEMA, &TRANSCODER, self.now, SystemTime::UNIX_EPOCH)
    }

    fn says(&mut self, text: &str) -> Option<Command> {
        self.sends(Incoming::Text(text.into()))
    }
}

fn anonymous() -> Arc<Party> {
    let principal = std::sync::Arc::new(crate::session::principal::Principal::anonymous());
    Arc::new(Party { principal, session: crate::ids::SessionId::from("t1"), ends: None })
}

const INIT: &str = r#"{"type":"connection.init","id":"i","data":{"protocol":1}}"#;
const HEARTBEAT: &str = r#"{"type":"connection.heartbeat","id":"h"}"#;
const INVALID: &str = r#"{"type":"nope","id":"n"}"#;

/// A binary frame without data.
fn frame(frame_type: &str, id: &str) -> Vec<u8> {
    frame_with(frame_type, id, b"")
}

fn frame_with(frame_type: &str, id: &str, data: &'static [u8]) -> Vec<u8> {
    use prost::Message as _;
    let (r#type, id, data) = (frame_type.to_owned(), id.to_owned(), data.into());
    crate::proto::rialto::v1::Frame { r#type, id, data, ..Default::default() }.encode_to_vec()
}

/// The error's code and status, and the id that it answers.
fn refusal(command: Option<Command>) -> (u32, String, Option<String>) {
    match command {
        Some(Command::Refuse { reply_to, error }) => (error.code, error.status, reply_to.map(|id| id.to_string())),
        other => panic!("expected a refusal, not {other:?}"),
    }
}

fn close_code_of(command: Option<Command>) -> u16 {
    match command {
        Some(Command::Close { code, error, .. }) => {
            assert!(error.is_none_or(|error| error.code == u32::from(code)), "the error has the close's code");
            code
        }
        other => panic!("expected a close, not {other:?}"),
    }
}

#[test]
fn good_frames_become_commands() {
    let mut client = Client::new(Opening::Plain);
    let id: Option<std::sync::Arc<str>> = Some("7".into());
    assert_eq!(client.says(HEARTBEAT), Some(Command::Heartbeat { id: Some("h".into()) }));
    assert_eq!(
        client.says(r#"{"type":"channel.unsubscribe","id":"7","data":{"channels":["a","b"]}}"#),
        Some(Command::Unsubscribe {
            id: id.clone(),
            channels_path: "data.channels",
            channels: vec!["a".into(), "b".into()]
        })
    );
    match client.says(r#"{"type":"channel.subscribe","id":"7","data":{"channels":[{"name":"a"},{"name":"b"}]}}"#) {
        Some(Command::Subscribe { id: Some(id), channels_path: "data.channels", channels }) => {
            assert_eq!((&*id, &channels[1].name[..], channels.len()), ("7", "b", 2));
        }
        other => panic!("{other:?}"),
    }
    let flat = client.says(r#"{"type":"channel.unsubscribe","channels":["a"]}"#);
    assert_eq!(flat, Some(Command::Unsubscribe { id: None, channels_path: "channels", channels: vec!["a".into()] }));
    let refresh = client.says(r#"{"type":"connection.refresh","id":"r","token":"x.y.z"}"#);
    assert_eq!(refresh, Some(Command::Refresh { id: Some("r".into()), token: "x.y.z".into(), party: None }));
    assert_eq!(client.sends(Incoming::Ping(b"p".to_vec())), Some(Command::Pong(b"p".to_vec())));
    assert_eq!(client.sends(Incoming::Pong(b"p".to_vec())), None);
}

#[test]
fn with_a_subprotocol_nothing_passes_before_init() {
    let long = format!(r#"{{"type":"connection.init","data":{{"{}":1}}}}"#, "é".repeat(200));
    let cases = [
        (HEARTBEAT, 4500),
        (r#"{"type":"channel.subscribe","data":{"channels":[{"name":"a"}]}}"#, 4500),
        (r#"{"type":"connection.init","data":{"protocol":"x"}}"#, 4500),
        (r#"{"type":"connection.init","data":{"protocol":2}}"#, 4502),
        (r#"{"type":"message","content":"x"}"#, 4500),
        (&long, 4500),
        ("", 4500),
        ("hello", 4500),
    ];
    for (text, code) in cases {
        let mut client = Client::new(Opening::Subprotocol(Form::Json));
        assert_eq!(client.sends(Incoming::Ping(vec![])), Some(Command::Pong(vec![])), "control frames may come first");
        match client.says(text) {
            Some(Command::Close { code: closed, error: None, .. }) => assert_eq!(closed, code, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_message_of_the_other_kind_closes_whether_the_connection_is_open_or_not() {
    let init = |form| match form {
        Form::Json => Incoming::Text(INIT.into()),
        Form::Binary => Incoming::Binary(frame("connection.init", "i")),
    };
    let other = |form| match form {
        Form::Json => Incoming::Binary(frame("connection.heartbeat", "h")),
        Form::Binary => Incoming::Text(HEARTBEAT.into()),
    };
    for form in Form::ALL {
        for opened in [false, true] {
            let mut client = Client::new(Opening::Subprotocol(form));
            if opened {
                assert!(matches!(client.sends(init(form)), Some(Command::Init { .. })), "{form:?}");
            }
            assert_eq!(close_code_of(client.sends(other(form))), 1003, "{form:?} {opened}");
            assert_eq!(client.sends(init(form)), None, "nothing comes after a close");
        }
    }
    let mut client = Client::new(Opening::Plain);
    assert_eq!(close_code_of(client.sends(other(Form::Json))), 1003);
}

#[test]
fn binary_frames_become_the_same_commands() {
    let mut client = Client::new(Opening::Subprotocol(Form::Binary));
    assert_eq!(close_code_of(client.sends(Incoming::Binary(frame("connection.heartbeat", "h")))), 4500);
    let mut client = Client::new(Opening::Subprotocol(Form::Binary));
    assert!(matches!(client.sends(Incoming::Binary(frame("connection.init", "i"))), Some(Command::Init { .. })));
    let heartbeat = Some(Command::Heartbeat { id: Some("h".into()) });
    assert_eq!(client.sends(Incoming::Binary(frame("connection.heartbeat", "h"))), heartbeat);
    let refused = refusal(client.sends(Incoming::Binary(frame("channel.subscribe", "s"))));
    assert_eq!(refused, (4005, "INVALID_ARGUMENT".into(), Some("s".into())));
    assert_eq!(refusal(client.sends(Incoming::Binary(vec![0xff]))), (4005, "INVALID_ARGUMENT".into(), None));
    assert_eq!(refusal(client.sends(Incoming::Binary(frame("message", "m")))).0, 4005, "it must say something");
    assert_eq!(refusal(client.sends(Incoming::Binary(frame_with("message", "m", b"\x12\x02Hi")))).0, 4007);
    let mut limited = None;
    for _ in 0..=Limits::default().commands_burst {
        limited = client.sends(Incoming::Binary(frame("connection.heartbeat", "late")));
    }
    assert_eq!(refusal(limited), (4004, "RESOURCE_EXHAUSTED".into(), Some("late".into())));
}

#[test]
fn init_opens_a_subprotocol_once() {
    for protocol in ["", r#""protocol":0"#, r#""protocol":1"#] {
        let mut client = Client::new(Opening::Subprotocol(Form::Json));
        let text = format!(r#"{{"type":"connection.init","data":{{{protocol}}}}}"#);
        assert!(matches!(client.says(&text), Some(Command::Init { id: None, .. })), "{text}");
        assert_eq!(client.says(HEARTBEAT), Some(Command::Heartbeat { id: Some("h".into()) }));
    }
    let mut client = Client::initialised();
    assert_eq!(refusal(client.says(INIT)), (4005, "INVALID_ARGUMENT".into(), Some("i".into())));
}

#[test]
fn init_has_no_place_in_a_plain_connection() {
    let mut client = Client::new(Opening::Plain);
    assert_eq!(refusal(client.says(INIT)), (4005, "INVALID_ARGUMENT".into(), Some("i".into())));
    assert!(client.says(HEARTBEAT).is_some(), "the connection lives");
}

#[test]
fn what_cannot_be_carried_out_is_refused_and_the_connection_lives() {
    let cases = [
        ("", 4005, "INVALID_ARGUMENT"),
        ("not json", 4005, "INVALID_ARGUMENT"),
        ("null", 4005, "INVALID_ARGUMENT"),
        ("[]", 4005, "INVALID_ARGUMENT"),
        (INVALID, 4005, "INVALID_ARGUMENT"),
        (r#"{"type":"assistant","content":"x"}"#, 4005, "INVALID_ARGUMENT"),
        (r#"{"type":"message","content":7}"#, 4005, "INVALID_ARGUMENT"),
        (r#"{"type":"message","session_id":"t1","content":"Hi"}"#, 4007, "UNAVAILABLE"),
        (r#"{"type":"message","session_id":"t2","content":"Hi"}"#, 4003, "PERMISSION_DENIED"),
        (r#"{"type":"message","channel":"nowhere:1","content":"Hi"}"#, 4006, "NOT_FOUND"),
        (r#"{"type":"channel.presence"}"#, 4005, "UNIMPLEMENTED"),
        (r#"{"type":"channel.subscribe","channels":[{"name":"a","filter":"x"}]}"#, 4005, "UNIMPLEMENTED"),
        (
            r#"{"type":"channel.subscribe","channels":[{"name":"a","after":{"epoch":"e","sequence":-1}}]}"#,
            4005,
            "INVALID_ARGUMENT",
        ),
    ];
    for opened in [Client::new as fn(Opening) -> Client, |_| Client::initialised()] {
        let mut client = opened(Opening::Plain);
        for (text, code, status) in cases {
            let (refused, name, _) = refusal(client.says(text));
            assert_eq!((refused, &name[..]), (code, status), "{text}");
        }
        assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })));
    }
}

#[test]
fn an_event_for_a_channel_is_refused_as_not_built() {
    let (schema, transcoder) = schema_of(
        r#"message Typing {
            option (rialto.v1.event) = {
                type: "chat.typing" channels: ["SessionChannel"] from: FROM_CLIENT route: ROUTE_CHANNEL
            };
            string session_id = 1;
        }"#,
    );
    let now = Instant::now();
    let mut inbound = Inbound::new(Opening::Plain, Some(anonymous()), Limits::default(), now);
    for (text, status, path) in [
        (r#"{"type":"chat.typing","id":"t","session_id":"t1"}"#, "UNIMPLEMENTED", "type"),
        (r#"{"type":"chat.typing","id":"t","session_id":7}"#, "INVALID_ARGUMENT", "sessionId"),
    ] {
        let command =
            inbound.on_incoming(Incoming::Text(text.into()), &schema, &transcoder, now, SystemTime::UNIX_EPOCH);
        match command {
            Some(Command::Refuse { reply_to: Some(id), error }) => {
                assert_eq!((&*id, error.code, &error.status[..], &error.path[..]), ("t", 4005, status, path));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn binary_violations_and_closes_end_the_connection() {
    let mut client = Client::new(Opening::Plain);
    assert_eq!(close_code_of(client.sends(Incoming::Binary(b"{}".to_vec()))), 1003);
    assert_eq!(client.says(HEARTBEAT), None);

    let mut client = Client::new(Opening::Plain);
    let violation = Violation { close_code: 1007, reason: "text is not valid UTF-8" };
    assert_eq!(close_code_of(Some(client.inbound.on_violation(violation))), 1007);
    assert_eq!(client.says(HEARTBEAT), None);

    let mut client = Client::new(Opening::Subprotocol(Form::Json));
    let incoming = Incoming::Close { code: Some(3999), reason: "bye".into() };
    assert_eq!(client.sends(incoming), Some(Command::PeerClosed { code: Some(3999) }));
    assert_eq!(client.sends(Incoming::Ping(vec![])), None);
}

#[test]
fn the_read_side_of_an_idle_connection_is_small() {
    assert!(size_of::<Inbound>() <= 128, "{} bytes", size_of::<Inbound>());
}

proptest! {
    #[test]
    fn whatever_comes_there_is_at_most_one_end_and_nothing_after_it(
        plain in any::<bool>(),
        messages in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(vec![INIT, HEARTBEAT, INVALID, "", "{"]).prop_map(|text| Incoming::Text(text.into())),
            1 => "\\PC{0,30}".prop_map(Incoming::Text),
            1 => Just(Incoming::Ping(vec![])),
            1 => Just(Incoming::Pong(vec![9])),
            1 => prop::bool::weighted(0.1).prop_map(|binary| if binary { Incoming::Binary(vec![]) } else { Incoming::Ping(vec![]) }),
        ], 0..40),
    ) {
        let mut client = Client::new(if plain { Opening::Plain } else { Opening::Subprotocol(Form::Json) });
        let mut ended = false;
        for message in messages {
            let is_text = matches!(message, Incoming::Text(_));
            let command = client.sends(message);
            prop_assert!(!(ended && command.is_some()));
            prop_assert!(ended || !is_text || command.is_some(), "every text is answered");
            ended |= command.is_some_and(|command| command.ends_the_connection());
        }
    }
}
