//! Subscriptions over a new revision of the schema.

use super::*;

const HEAD: &str = r#"
syntax = "proto3";
package project.v1;
import "rialto/v1/options.proto";
message ProjectChannel {
  option (rialto.v1.channel) = { template: "project:{project_id}" };
  string project_id = 1;
}
message ProcessProgress {
  option (rialto.v1.event) = { type: "process.progress", channels: ["ProjectChannel"] };
  string project_id = 1;
}
"#;
const ROOM: &str = r#"
message RoomChannel {
  option (rialto.v1.channel) = { template: "room:{room_id}" };
  string room_id = 1;
}
"#;
const ADDED: &str = r#"
message Added {
  option (rialto.v1.event) = { type: "added.now", channels: ["ProjectChannel"] };
  string project_id = 1;
}
"#;

/// An open connection under a schema of projects and rooms.
fn open() -> Bench {
    let mut bench = Bench::open();
    bench.schema = next(&SCHEMA, &format!("{HEAD}{ROOM}"));
    // The catalogue has channels that it subscribes on connect.
    bench.call(|outbound, env| outbound.on_schema(env));
    bench.write(usize::MAX);
    bench.take();
    bench
}

/// Takes the connection to a schema without rooms that has one more event type. Returns how many subscriptions ended.
fn adopt(bench: &mut Bench) -> usize {
    bench.schema = next(&bench.schema, &format!("{HEAD}{ADDED}"));
    bench.call(|outbound, env| outbound.on_schema(env))
}

fn typed(channel: &str, types: &[&str]) -> proto::Subscription {
    proto::Subscription { types: types.iter().map(ToString::to_string).collect(), ..wanted(channel) }
}

#[test]
fn a_subscription_that_is_still_allowed_goes_on_where_it_was() {
    let mut bench = open();
    bench.subscribe(wanted("project:ä"));
    bench.progress("project:ä");
    bench.write(usize::MAX);
    bench.take();
    bench.progress("project:ä");
    assert_eq!(adopt(&mut bench), 0);
    bench.progress("project:ä");
    bench.write(usize::MAX);
    let sequences: Vec<Value> = bench.take().iter().map(|frame| frame.json()["sequence"].clone()).collect();
    assert_eq!(sequences, [2, 3]);
}

#[test]
fn patterns_mean_what_they_say_under_the_new_schema() {
    let mut bench = open();
    bench.subscribe(typed("project:1", &["added.*"]));
    bench.subscribe(typed("project:2", &["process.*"]));
    bench.write(usize::MAX);
    bench.take();
    assert_eq!(adopt(&mut bench), 0);
    for channel in ["project:1", "project:2"] {
        bench.append(channel, "process.progress", 9);
        bench.append(channel, "added.now", 9);
    }
    bench.write(usize::MAX);
    let mut heard: Vec<(String, Value)> =
        bench.take().iter().map(|frame| (frame.kind(), frame.json()["channel"].clone())).collect();
    heard.sort_by(|left, right| left.0.cmp(&right.0));
    let expected = [("added.now", "project:1"), ("process.progress", "project:2")];
    assert_eq!(heard, expected.map(|(kind, channel)| (kind.to_owned(), Value::from(channel))));
}

#[test]
fn what_the_schema_no_longer_has_ends_with_a_word_behind_the_frame_that_is_half_out() {
    let mut bench = open();
    let gone = "room:é";
    bench.subscribe(wanted("project:1"));
    bench.subscribe(wanted(gone));
    bench.write(usize::MAX);
    bench.take();
    bench.append(gone, "process.progress", 500);
    bench.append(gone, "process.progress", 500);
    bench.write(100);
    let open = bench.logs.open;
    assert_eq!(adopt(&mut bench), 1);
    assert_eq!(bench.logs.open, open - 1, "its channel is given back");
    bench.progress("project:1");
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].json()["sequence"], 1, "the frame of which the socket had a part");
    let ended = serde_json::json!({ "channel": gone, "reason": "schema_changed" });
    assert_eq!((frames[1].kind().as_str(), &frames[1].json()["data"]), ("channel.unsubscribed", &ended));
    assert_eq!((frames[2].kind().as_str(), frames.len()), ("process.progress", 3));
    assert_eq!(adopt(&mut bench), 0, "it is told once");
}

#[test]
fn a_closing_connection_says_nothing_more() {
    let mut bench = open();
    bench.subscribe(typed("room:1", &["process.progress"]));
    bench.write(usize::MAX);
    bench.call(|outbound, env| outbound.drain(5, env));
    assert_eq!(adopt(&mut bench), 0);
    bench.write(usize::MAX);
    assert!(matches!(bench.take().last(), Some(Frame::Close(4100))));
}
