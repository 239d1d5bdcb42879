//! What a client gets, and is told, of events with a key and of ephemeral ones.

use serde_json::json;

use super::*;

const CHANNEL: &str = "project:42";

/// A connection that is subscribed to the channel and has read everything.
fn subscribed() -> Bench {
    let mut bench = Bench::open();
    bench.subscribe(wanted(CHANNEL));
    bench.write(usize::MAX);
    bench.take();
    bench
}

/// Frames in short: an event's sequence, or what it is.
fn short(bench: &mut Bench) -> Vec<String> {
    let short = |frame: &Frame| {
        let value = frame.json();
        let data = &value["data"];
        let event = value["channel"] == CHANNEL;
        match frame.kind().as_str() {
            _ if event && value.get("sequence").is_none() => "ephemeral".to_owned(),
            _ if event => value["sequence"].to_string(),
            "channel.gap" => format!("lost {}-{}", data["first"], data["last"]),
            "channel.position" => format!("at {}, {} conflated", data["position"]["sequence"], data["conflated"]),
            "channel.subscribed" => format!("start {}, recovered {}", data["start"]["sequence"], data["recovered"]),
            other => other.to_owned(),
        }
    };
    bench.take().iter().map(short).collect()
}

#[test]
fn a_reader_that_keeps_pace_gets_every_event_of_a_key() {
    let mut bench = subscribed();
    for _ in 0..3 {
        for _ in 0..300 {
            bench.keyed(CHANNEL, "a");
        }
        bench.write(usize::MAX);
    }
    assert_eq!(short(&mut bench), (1..=900).map(|sequence| sequence.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_full_socket_makes_every_channel_lag_that_has_something_new_meanwhile() {
    let mut bench = subscribed();
    bench.subscribe(wanted("project:7"));
    bench.write(usize::MAX);
    bench.take();
    bench.progress("project:7");
    bench.write(100);
    for _ in 0..900 {
        bench.keyed(CHANNEL, "a");
    }
    bench.write(usize::MAX);
    let got = short(&mut bench);
    assert_eq!(got[got.len() - 2..], ["at 899, 899 conflated", "900"], "{got:?}");
    assert_eq!(got.len(), 3);
}

#[test]
fn a_subscription_without_anything_behind_it_keeps_pace_from_its_first_event_on() {
    let mut bench = Bench::open();
    bench.subscribe(wanted(CHANNEL));
    for _ in 0..3 {
        bench.keyed(CHANNEL, "a");
    }
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["start 0, recovered null", "1", "2", "3"]);
}

#[test]
fn a_reader_that_lagged_keeps_pace_again_once_it_has_the_newest_event() {
    let mut bench = subscribed();
    bench.keyed(CHANNEL, "a");
    bench.write(100);
    bench.keyed(CHANNEL, "b");
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["1", "2"]);
    for _ in 0..2 {
        bench.keyed(CHANNEL, "c");
    }
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["3", "4"]);
}

#[test]
fn a_reader_whose_socket_was_full_is_told_what_it_skips_before_the_next_event() {
    let mut bench = subscribed();
    for key in ["a", "b", "a"] {
        bench.keyed(CHANNEL, key);
    }
    bench.write(100);
    for key in ["a", "c", "b", "c"] {
        bench.keyed(CHANNEL, key);
    }
    bench.write(usize::MAX);
    // The first was half written; 2 and 3 were superseded meanwhile, and 5.
    assert_eq!(short(&mut bench), ["1", "at 3, 2 conflated", "4", "at 5, 1 conflated", "6", "7"]);
    for _ in 0..2 {
        bench.keyed(CHANNEL, "a");
    }
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["8", "9"], "at the head again, it gets everything");
}

#[test]
fn a_reader_that_falls_far_behind_skips_though_its_socket_is_never_full() {
    let mut bench = subscribed();
    for _ in 0..5_000 {
        bench.keyed(CHANNEL, "a");
    }
    bench.write(usize::MAX);
    let frames = short(&mut bench);
    let told = frames.iter().position(|frame| frame.starts_with("at ")).expect("it skips");
    assert!(frames.len() < 1_000, "{}", frames.len());
    assert_eq!(frames[told..], [format!("at 4999, {} conflated", 4_999 - told), "5000".into()]);
}

#[test]
fn a_resume_over_superseded_events_is_whole() {
    let mut bench = Bench::open();
    for key in ["a", "b", "a", "a"] {
        bench.keyed(CHANNEL, key);
    }
    bench.subscribe(after(CHANNEL, &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["start 0, recovered true", "at 1, 1 conflated", "2", "at 3, 1 conflated", "4"]);
}

#[test]
fn a_resume_from_beyond_the_retention_gets_what_is_kept_and_is_told_the_rest() {
    let mut bench = Bench::open();
    // Keys at 1 to 3, then more than the retention keeps, whose oldest are lost.
    for key in ["a", "b", "a"] {
        bench.keyed(CHANNEL, key);
    }
    for _ in 0..10 {
        bench.progress(CHANNEL);
    }
    let now = bench.now + RETENTION.age * 2;
    bench.logs.log(CHANNEL).evict(now);
    assert_eq!(bench.logs.log(CHANNEL).oldest(), 6);
    bench.subscribe(after(CHANNEL, &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    let mut expected = vec!["start 0, recovered false", "at 1, 1 conflated", "2", "3", "lost 4-5"];
    expected.extend(["6", "7", "8", "9", "10", "11", "12", "13"]);
    assert_eq!(short(&mut bench), expected);
}

#[test]
fn a_first_subscribe_gets_the_newest_of_every_key_and_its_history() {
    let mut bench = Bench::open();
    bench.keyed(CHANNEL, "a");
    for _ in 0..3 {
        bench.progress(CHANNEL);
    }
    bench.keyed(CHANNEL, "b");
    bench.progress(CHANNEL);
    bench.keyed(CHANNEL, "b");
    bench.progress(CHANNEL);
    bench.subscribe(proto::Subscription { history: Some(1), ..wanted(CHANNEL) });
    bench.keyed(CHANNEL, "a");
    bench.write(usize::MAX);
    let expected = ["start 0, recovered null", "at 6, 2 conflated", "7", "8", "9"];
    assert_eq!(short(&mut bench), expected, "1 was superseded before it was written");
}

#[test]
fn after_a_reset_everything_that_is_kept_comes() {
    let mut bench = Bench::open();
    bench.keyed(CHANNEL, "a");
    for _ in 0..10 {
        bench.progress(CHANNEL);
    }
    let now = bench.now + RETENTION.age * 2;
    bench.logs.log(CHANNEL).evict(now);
    let elsewhere = Epoch { boot: 5, life: 1 }.to_string();
    bench.subscribe(after(CHANNEL, &elsewhere, 99));
    bench.write(usize::MAX);
    let mut expected = vec!["start 0, recovered false", "channel.reset", "1", "at 3, 0 conflated"];
    expected.extend(["4", "5", "6", "7", "8", "9", "10", "11"]);
    assert_eq!(short(&mut bench), expected);
}

#[test]
fn ephemeral_events_have_no_sequence_and_come_after_what_is_reliable() {
    let mut bench = subscribed();
    bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
    bench.progress(CHANNEL);
    bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["1", "ephemeral", "ephemeral"]);
    bench.subscribe(wanted(CHANNEL));
    bench.subscribe(after(CHANNEL, &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["start 1, recovered null", "start 0, recovered true", "1"], "never replayed");
}

#[test]
fn ephemeral_events_are_never_history() {
    let mut bench = Bench::open();
    bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
    bench.subscribe(wanted(CHANNEL));
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["start 0, recovered null"]);
}

#[test]
fn a_type_filter_holds_for_ephemeral_events() {
    let mut bench = Bench::open();
    bench.subscribe(proto::Subscription { types: vec!["project.*".into()], ..wanted(CHANNEL) });
    bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
    bench.append_as(Class::Ephemeral, CHANNEL, "project.updated", 5);
    bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
    bench.write(usize::MAX);
    let frames = bench.take();
    let kinds: Vec<_> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, ["channel.subscribed", "project.updated"]);
    assert_eq!(frames[1].json().get("sequence"), None);
}

#[test]
fn a_full_socket_gets_the_rest_of_its_ephemeral_frame_and_no_more_of_them() {
    let mut bench = subscribed();
    for _ in 0..5 {
        bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 50);
    }
    bench.write(10);
    bench.progress(CHANNEL);
    bench.write(usize::MAX);
    assert_eq!(short(&mut bench), ["ephemeral", "1"]);
}

#[test]
fn wherever_the_socket_stops_in_joined_frames_the_client_is_told_the_same() {
    let build = || {
        let mut bench = Bench::open();
        for round in 0..20 {
            for key in ["a", "b", "c", "d"].iter().skip(round % 3) {
                bench.keyed(CHANNEL, key);
            }
            bench.progress(CHANNEL);
        }
        bench.subscribe(after(CHANNEL, &EPOCH.to_string(), 0));
        bench
    };
    let mut whole = build();
    whole.write(usize::MAX);
    let expected = short(&mut whole);
    assert!(expected.len() > 40, "{expected:?}");
    for first in (0..3_000).step_by(7) {
        let mut bench = build();
        bench.write(first);
        bench.write(first / 2);
        bench.write(usize::MAX);
        assert_eq!(short(&mut bench), expected, "stopped after {first} bytes");
    }
}

#[test]
fn a_client_that_unsubscribes_elsewhere_still_keeps_pace() {
    let mut bench = subscribed();
    bench.subscribe(wanted("project:7"));
    bench.write(usize::MAX);
    bench.take();
    for _ in 0..3 {
        bench.keyed(CHANNEL, "a");
    }
    bench.call(|outbound, env| matches!(outbound.next(env), Next::Write(_)));
    bench.command(Command::Unsubscribe {
        channels_path: "data.channels",
        id: None,
        channels: vec!["project:7".into()],
    });
    bench.write(usize::MAX);
    let frames = short(&mut bench);
    assert_eq!(frames, ["channel.unsubscribed", "1", "2", "3"]);
}

#[test]
fn the_wire_form_of_what_is_conflated() {
    let mut bench = Bench::open();
    for _ in 0..3 {
        bench.keyed(CHANNEL, "a");
    }
    bench.subscribe(after(CHANNEL, &EPOCH.to_string(), 0));
    bench.write(usize::MAX);
    let frames = bench.take();
    let position = json!({"channel": CHANNEL, "position": {"epoch": EPOCH.to_string(), "sequence": 2}, "conflated": 2});
    assert_eq!(frames[1].json(), &json!({"type": "channel.position", "data": position}));
}
