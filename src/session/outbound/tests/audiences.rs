//! What a connection may see of an event, before and after its token or the schema changes.

use serde_json::json;

use super::*;
use crate::log::Reducer;
use crate::session::grants::Grants;
use crate::session::principal::Known;
use crate::wire::FrameReducer;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" history: 100 }; string id = 1; }
message BookChannel {
  option (rialto.v1.channel) = { template: "book:{id}" history: 100 permissions: { history: "book:{id}:past" } };
  string id = 1;
}
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  string id = 1;
  string email = 2 [(rialto.v1.field).visible_to = "order:{id}:staff"];
  string note = 3;
  string filler = 4;
}
message Typing {
  option (rialto.v1.event) = { type: "order.typing", channels: ["OrderChannel"], delivery: DELIVERY_EPHEMERAL };
  string id = 1;
  string who = 2 [(rialto.v1.field).visible_to = "order:{id}:staff"];
}
"#;

fn party(grants: &[&str]) -> Arc<Party> {
    let grants = Grants::new(grants.iter().copied());
    let principal = Principal { known: Known::ByToken, user: "u7".into(), grants, ..Principal::anonymous() };
    Arc::new(Party { principal: Arc::new(principal), session: SessionId::from("u7:s"), ends: None })
}

/// A connection of somebody with these grants, subscribed to `order:1`.
fn open(grants: &[&str]) -> Bench {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    bench.schema = next(&SCHEMA, SHOP);
    bench.call(|outbound, env| outbound.on_schema(env));
    let init = proto::ConnectionInit::default();
    bench.command(Command::Init { id: None, init, party: Some(party(grants)) });
    bench.subscribe(wanted("order:1"));
    bench.write(usize::MAX);
    bench.take();
    bench
}

/// Appends an event as the bridge does, under the schema that is served.
fn append(bench: &mut Bench, class: Class, event_type: &str, data: &Value) {
    let event_type = Arc::clone(bench.schema.event(event_type).unwrap());
    let transcoder = Arc::new(Transcoder::of(&bench.schema, Options::default()));
    let payload = transcoder.from_json(event_type.message, data.to_string().as_bytes()).unwrap();
    let mut json = Vec::new();
    transcoder.to_json(event_type.message, &payload, &mut json).unwrap();
    let reducer = FrameReducer::of(&event_type, &transcoder).map(|reducer| Arc::new(reducer) as Arc<dyn Reducer>);
    let frame = EventFrame {
        event_type: &event_type.name,
        channel: "order:1",
        unix_ms: 1_763_000_000_123,
        id: EventId::new(5, [9; 10]),
        reply_to: None,
        metadata: b"",
        metadata_wire: b"",
        data: &json,
        payload: &payload,
    };
    let (data_bytes, payload) = (json.len() as u32, Bytes::from(payload.clone()));
    let record = Record { event_type: event_type.index, class, payload, revision: 1, data_bytes, reducer };
    let now = bench.now;
    bench.logs.log("order:1").append(record, now, |sequence, form, out| frame.write(sequence, form, out));
    for slot in 0..u16::try_from(bench.outbound.subscriptions.len()).unwrap() {
        bench.outbound.mark(Slot(slot));
    }
}

fn place(bench: &mut Bench, note: &str, filler: usize) {
    let data = json!({"id": "1", "email": "ann@example.com", "note": note, "filler": "x".repeat(filler)});
    append(bench, Class::Reliable, "order.placed", &data);
}

/// Of each event that came: its note, and the address where it was seen.
fn seen(bench: &mut Bench) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let frames = bench.take();
    let events = frames.iter().filter(|frame| frame.kind() == "order.placed");
    events.map(|frame| (text(&frame.data()["note"]).unwrap(), text(&frame.data()["email"]))).collect()
}

fn one(note: &str, email: bool) -> (String, Option<String>) {
    (note.to_owned(), email.then(|| "ann@example.com".to_owned()))
}

fn refresh(bench: &mut Bench, grants: &[&str]) {
    bench.command(Command::Refresh { id: None, token: String::new(), party: Some(party(grants)) });
}

#[test]
fn a_field_is_there_for_those_whose_token_grants_it_on_this_channel() {
    for (grants, sees) in [
        (&["order:1:staff"][..], true),
        (&["order:*:staff", "x"], true),
        (&["*"], true),
        (&[], false),
        (&["order:2:staff", "order:1:staffs", "order:1"], false),
    ] {
        let mut bench = open(grants);
        place(&mut bench, "a", 0);
        bench.write(usize::MAX);
        assert_eq!(seen(&mut bench), [one("a", sees)], "{grants:?}");
        let (who, now) = (json!({"id": "1", "who": "ann"}), bench.now);
        append(&mut bench, Class::Ephemeral, "order.typing", &who);
        bench.write(usize::MAX);
        assert_eq!(bench.take()[0].data().get("who").is_some(), sees, "{grants:?} {now:?}");
    }
}

#[test]
fn what_is_read_and_not_begun_is_read_again_for_what_a_new_token_grants() {
    for (before, after) in [(&["*"][..], &[][..]), (&[], &["*"])] {
        let mut bench = open(before);
        for note in ["a", "b", "c"] {
            place(&mut bench, note, 0);
        }
        // The socket has taken a part of the first event, and nothing went back to the log.
        let taken = bench.call(|outbound, env| match outbound.next(env) {
            Next::Write(bytes) => bytes[..40].to_vec(),
            other => panic!("{other:?}"),
        });
        bench.call(|outbound, env| outbound.on_wrote(40, env));
        bench.receive(&taken);
        refresh(&mut bench, after);
        bench.write(usize::MAX);
        let (old, new) = (!before.is_empty(), !after.is_empty());
        assert_eq!(seen(&mut bench), [one("a", old), one("b", new), one("c", new)], "{before:?} {after:?}");
        place(&mut bench, "d", 0);
        bench.write(usize::MAX);
        assert_eq!(seen(&mut bench), [one("d", new)]);
    }
}

#[test]
fn the_last_part_of_a_replay_that_is_not_begun_stays_behind_when_a_new_token_has_no_past() {
    for (after, events, last) in [(&["book:1:past"][..], 5, "order.placed"), (&[], 1, "channel.unsubscribed")] {
        let mut bench = open(&["*"]);
        for _ in 0..5 {
            bench.append("book:1", "order.placed", 20);
        }
        bench.subscribe(wanted("book:1"));
        // The answer, and then a part of the first event: the whole replay was read with it.
        for part in [usize::MAX, 40] {
            let taken = bench.call(|outbound, env| match outbound.next(env) {
                Next::Write(bytes) => bytes[..part.min(bytes.len())].to_vec(),
                other => panic!("{other:?}"),
            });
            bench.call(|outbound, env| outbound.on_wrote(taken.len(), env));
            bench.receive(&taken);
        }
        refresh(&mut bench, after);
        bench.write(usize::MAX);
        let kinds: Vec<String> = bench.kinds().into_iter().filter(|kind| kind != "connection.refreshed").collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "order.placed").count(), events, "{after:?}: {kinds:?}");
        assert_eq!(kinds.last().unwrap(), last, "{after:?}: {kinds:?}");
    }
}

#[test]
fn a_replay_and_joined_runs_are_of_the_class_too() {
    for sees in [true, false] {
        let mut bench = open(if sees { &["*"] } else { &[] });
        for note in 0..40 {
            place(&mut bench, &note.to_string(), if note % 3 == 0 { 3_000 } else { 10 });
        }
        // A socket that takes little at a time makes it lag, and what is short is joined.
        while bench.outbound.current.is_some() || bench.outbound.subscriptions[0].as_ref().unwrap().queued {
            bench.write(2_500);
        }
        let expected: Vec<_> = (0..40).map(|note| one(&note.to_string(), sees)).collect();
        assert_eq!(seen(&mut bench), expected);
    }
}

#[test]
fn another_schema_may_hide_or_show_and_old_events_stay_as_they_were_published() {
    let open_field =
        SHOP.replace(" [(rialto.v1.field).visible_to = \"order:{id}:staff\"];\n  string note", ";\n  string note");
    assert_ne!(open_field, SHOP);
    let mut bench = open(&[]);
    let adopt = |bench: &mut Bench, text: &str| {
        bench.schema = next(&bench.schema, text);
        bench.call(|outbound, env| outbound.on_schema(env));
    };
    place(&mut bench, "hidden", 0);
    adopt(&mut bench, &open_field);
    place(&mut bench, "open", 0);
    adopt(&mut bench, SHOP);
    place(&mut bench, "hidden again", 0);
    let expected = [one("hidden", false), one("open", true), one("hidden again", false)];
    bench.write(usize::MAX);
    assert_eq!(seen(&mut bench), expected);
    // Whoever has the permission finds all in the log, also of a schema that asks nobody any more.
    adopt(&mut bench, &open_field);
    refresh(&mut bench, &["order:1:staff"]);
    bench.subscribe(after("order:1", &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    assert_eq!(seen(&mut bench), [one("hidden", true), one("open", true), one("hidden again", true)]);
    refresh(&mut bench, &[]);
    bench.subscribe(after("order:1", &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    assert_eq!(seen(&mut bench), expected);
}

#[test]
fn what_is_read_and_not_begun_is_read_again_when_a_log_hides_more() {
    let open_field =
        SHOP.replace(" [(rialto.v1.field).visible_to = \"order:{id}:staff\"];\n  string note", ";\n  string note");
    let mut bench = open(&[]);
    let hiding = Arc::clone(&bench.schema);
    bench.schema = next(&hiding, &open_field);
    bench.call(|outbound, env| outbound.on_schema(env));
    for note in ["a", "b", "c"] {
        place(&mut bench, note, 0);
    }
    // Connections hear of the schema before the logs do, and once more after them. What they may see is the same.
    let event = Arc::clone(hiding.event("order.placed").unwrap());
    let transcoder = Arc::new(Transcoder::of(&hiding, Options::default()));
    let reducer: Arc<dyn Reducer> = Arc::new(FrameReducer::of(&event, &transcoder).unwrap());
    bench.schema = hiding;
    bench.call(|outbound, env| outbound.on_schema(env));
    // The socket has taken a part of the first event, and nothing went back to the log.
    let taken = bench.call(|outbound, env| match outbound.next(env) {
        Next::Write(bytes) => bytes[..40].to_vec(),
        other => panic!("{other:?}"),
    });
    bench.call(|outbound, env| outbound.on_wrote(40, env));
    bench.receive(&taken);
    bench.logs.log("order:1").protect_anew(&|_, _, _| Some(Arc::clone(&reducer)));
    bench.call(|outbound, env| outbound.on_schema(env));
    bench.write(usize::MAX);
    assert_eq!(seen(&mut bench), [one("a", true), one("b", false), one("c", false)]);
}
