//! The follower from outside: frames in, notices and the next connection's frames out.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Follower, Next, Notice, Wanted};

fn follower(channels: &[&str], types: &[&str]) -> Follower {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Follower::new(Wanted { channels: own(channels), types: own(types), history: Some(3) }, "me".to_owned())
}

fn subscribed(channel: &str, epoch: &str, start: u64, head: u64) -> String {
    json!({ "type": "channel.subscribed", "data": { "channel": channel,
        "start": { "epoch": epoch, "sequence": start }, "head": { "epoch": epoch, "sequence": head } } })
    .to_string()
}

fn event(channel: &str, sequence: u64) -> String {
    json!({ "type": "file.uploaded", "channel": channel, "sequence": sequence,
        "timestamp": "2026-11-20T10:30:45.123Z", "id": "x", "data": { "name": "é", "size": 1.0 } })
    .to_string()
}

/// The positions that a new connection would name: of `connection.init`, then of `channel.subscribe`.
fn opening(follower: &mut Follower) -> (Value, Value) {
    let frames = follower.open();
    let frame =
        |index: usize| -> Value { frames.get(index).map_or(Value::Null, |text| serde_json::from_str(text).unwrap()) };
    assert_eq!(frame(0)["type"], "connection.init");
    (frame(0)["data"]["resume"].clone(), frame(1)["data"]["channels"].clone())
}

#[test]
fn the_first_connection_asks_for_history_and_knows_no_position() {
    let (resume, channels) = opening(&mut follower(&["project:é"], &["file.*"]));
    assert_eq!(resume, json!([]));
    assert_eq!(channels, json!([{ "name": "project:é", "types": ["file.*"], "history": 3 }]));
    let (_, channels) = opening(&mut follower(&[], &[]));
    assert_eq!(channels, Value::Null);
}

#[test]
fn a_new_connection_goes_on_after_the_last_event_of_each_channel() {
    let mut named = follower(&["project:7"], &[]);
    named.on_frame(&subscribed("project:7", "k3", 10, 12));
    named.on_frame(&event("project:7", 11));
    let (resume, channels) = opening(&mut named);
    assert_eq!(resume, json!([]));
    assert_eq!(channels, json!([{ "name": "project:7", "after": { "epoch": "k3", "sequence": 11 } }]));
    let mut unnamed = follower(&[], &[]);
    unnamed.on_frame(&subscribed("operations", "k4", 0, 0));
    let (resume, channels) = opening(&mut unnamed);
    assert_eq!(resume, json!([{ "name": "operations", "after": { "epoch": "k4", "sequence": 0 } }]));
    assert_eq!(channels, Value::Null);
}

#[test]
fn who_names_channels_sees_only_these() {
    let mut follower = follower(&["project:7"], &[]);
    assert_eq!(follower.on_frame(&subscribed("operations", "k4", 0, 3)), Notice::Unasked);
    assert_eq!(follower.on_frame(&event("operations", 1)), Notice::Unasked);
    follower.on_frame(&subscribed("project:7", "k3", 0, 0));
    assert!(matches!(follower.on_frame(&event("project:7", 1)), Notice::Event(_)));
    let error = json!({ "type": "error", "data": { "code": 4006, "channel": "nowhere:1", "message": "no" } });
    assert!(matches!(follower.on_frame(&error.to_string()), Notice::Refused(_)));
}

#[test]
fn every_announcement_moves_the_position() {
    let table = [
        (json!({ "type": "channel.gap", "data": { "channel": "c:1", "epoch": "a", "first": 6, "last": 9 } }), "a", 9),
        (
            json!({ "type": "channel.reset", "data": { "channel": "c:1", "start": { "epoch": "b", "sequence": 2 } } }),
            "b",
            2,
        ),
        (
            json!({ "type": "channel.position",
                "data": { "channel": "c:1", "position": { "epoch": "a", "sequence": 40 }, "conflated": 0 } }),
            "a",
            40,
        ),
    ];
    for (frame, epoch, sequence) in table {
        let mut follower = follower(&["c:1"], &[]);
        follower.on_frame(&subscribed("c:1", "a", 5, 5));
        follower.on_frame(&frame.to_string());
        let (_, channels) = opening(&mut follower);
        assert_eq!(channels[0]["after"], json!({ "epoch": epoch, "sequence": sequence }), "{frame}");
    }
}

#[test]
fn an_ephemeral_event_is_shown_and_moves_nothing() {
    let mut follower = follower(&["c:1"], &[]);
    follower.on_frame(&subscribed("c:1", "a", 5, 5));
    let frame = json!({ "type": "chat.typing", "channel": "c:1", "timestamp": "2026-11-20T10:30:45.123Z", "data": {} });
    for _ in 0..2 {
        let Notice::Event(shown) = follower.on_frame(&frame.to_string()) else { panic!("an event") };
        assert_eq!((shown.sequence, shown.missing_from), (0, None));
    }
    let (_, channels) = opening(&mut follower);
    assert_eq!(channels[0]["after"], json!({ "epoch": "a", "sequence": 5 }));
}

#[test]
fn what_was_skipped_as_superseded_is_a_note() {
    let mut follower = follower(&["c:1"], &[]);
    follower.on_frame(&subscribed("c:1", "a", 5, 5));
    let frame = json!({ "type": "channel.position",
        "data": { "channel": "c:1", "position": { "epoch": "a", "sequence": 9 }, "conflated": 4 } });
    let note = "c:1: 4 skipped, as newer ones replace them";
    assert_eq!(follower.on_frame(&frame.to_string()), Notice::Note(note.to_owned()));
}

#[test]
fn losses_are_warnings() {
    let mut follower = follower(&["c:1"], &[]);
    let frame = json!({ "type": "channel.gap", "data": { "channel": "c:1", "epoch": "a", "first": 6, "last": 9 } });
    assert_eq!(follower.on_frame(&frame.to_string()), Notice::Warning("c:1: events #6 to #9 are lost".to_owned()));
    let frame =
        json!({ "type": "channel.reset", "data": { "channel": "c:1", "start": { "epoch": "b", "sequence": 2 } } });
    assert_eq!(
        follower.on_frame(&frame.to_string()),
        Notice::Warning("c:1: its log began anew; going on from #3".to_owned())
    );
}

#[test]
fn a_hole_without_announcement_is_noticed_unless_types_were_chosen() {
    for (types, expected) in [(&[][..], Some(6)), (&["file.*"], None)] {
        let mut follower = follower(&["c:1"], types);
        follower.on_frame(&subscribed("c:1", "a", 5, 5));
        let Notice::Event(shown) = follower.on_frame(&event("c:1", 8)) else { panic!("not an event") };
        assert_eq!(shown.missing_from, expected);
        assert_eq!(shown.data, r#"{"name":"é","size":1.0}"#);
    }
}

#[test]
fn an_event_that_comes_again_is_not_shown() {
    let mut follower = follower(&["c:1"], &[]);
    follower.on_frame(&subscribed("c:1", "a", 5, 5));
    assert!(matches!(follower.on_frame(&event("c:1", 6)), Notice::Event(_)));
    assert_eq!(follower.on_frame(&event("c:1", 6)), Notice::Warning("c:1 #6 came again".to_owned()));
}

#[test]
fn close_codes_are_obeyed_known_or_not() {
    let table = [(1000, true), (1001, true), (1006, true), (1011, true), (4100, true), (4103, true), (4499, true)];
    let never =
        [(1002, false), (1003, false), (1007, false), (1009, false), (4003, false), (4500, false), (4999, false)];
    for (code, returns) in table.into_iter().chain(never) {
        let next = follower(&[], &[]).on_close(code, "");
        assert_eq!(matches!(next, Next::Return { .. }), returns, "{code}");
    }
}

#[test]
fn the_delay_that_the_bridge_asked_for_is_kept_once() {
    let mut follower = follower(&[], &[]);
    let frame = json!({ "type": "connection.reconnect", "data": { "reason": "draining", "delayMs": 700 } });
    follower.on_frame(&frame.to_string());
    let Next::Return { after, .. } = follower.on_close(4100, "draining") else { panic!("should come back") };
    assert_eq!(after, Some(Duration::from_millis(700)));
    let Next::Return { after, .. } = follower.on_close(4100, "draining") else { panic!("should come back") };
    assert_eq!(after, None);
}

#[test]
fn the_session_that_was_acked_is_kept() {
    let mut follower = follower(&[], &[]);
    assert_eq!(follower.session(), None);
    let ack = json!({ "type": "connection.ack", "data": { "connectionId": "c", "sessionId": "made-up" } });
    follower.on_frame(&ack.to_string());
    assert_eq!(follower.session(), Some("made-up"));
}
