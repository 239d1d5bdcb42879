//! Subscribing, resuming, losing, and what the client is told.

use serde_json::json;

use super::*;

fn sequence(position: &Value) -> u64 {
    position["sequence"].as_u64().expect("a position has a number")
}

#[test]
fn a_plain_connection_is_acked_and_subscribed_to_its_session_at_once() {
    let mut bench = Bench::new(Opening::Plain);
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].kind(), "connection.ack");
    assert_eq!(frames[0].data()["sessionId"], "sess:ä");
    assert_eq!(frames[0].data()["limits"]["maxSubscriptions"], 128);
    let channels: Vec<_> =
        frames[1..].iter().map(|frame| frame.data()["channel"].as_str().unwrap().to_owned()).collect();
    assert!(frames[1..].iter().all(|frame| frame.kind() == "channel.subscribed"));
    assert!(channels.contains(&"session:sess%3Aä".to_owned()), "{channels:?}");
    assert!(channels.contains(&"system".to_owned()), "{channels:?}");
}

#[test]
fn with_a_subprotocol_nothing_goes_out_before_init() {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), Vec::<String>::new());
    bench.command(Command::Init { id: Some("i1".into()), init: proto::ConnectionInit::default() });
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].kind(), "connection.ack");
    assert_eq!(frames[0].json()["replyTo"], "i1");
}

#[test]
fn init_resumes_channels_that_are_subscribed_on_connect() {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    for _ in 0..3 {
        bench.append("session:sess%3Aä", "assistant", 5);
    }
    let resume = vec![after("session:sess%3Aä", &EPOCH.to_string(), 1)];
    bench.command(Command::Init { id: None, init: proto::ConnectionInit { resume, ..Default::default() } });
    bench.write(usize::MAX);
    let frames = bench.take();
    let subscribed = frames.iter().find(|frame| frame.data()["channel"] == "session:sess%3Aä").unwrap();
    assert_eq!(subscribed.data()["recovered"], true);
    let events: Vec<_> = frames.iter().filter_map(|frame| frame.json()["sequence"].as_u64()).collect();
    assert_eq!(events, [2, 3]);
}

#[test]
fn a_first_subscribe_gets_the_templates_history_and_then_live_events() {
    let mut bench = Bench::open();
    for _ in 0..5 {
        bench.progress("project:42");
    }
    let template = Arc::clone(bench.schema.channel("project:42").unwrap());
    let history = u64::from(template.history.min(5));
    bench.subscribe(wanted("project:42"));
    bench.progress("project:42");
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].kind(), "channel.subscribed");
    assert_eq!(frames[0].json()["replyTo"], "7");
    assert_eq!(sequence(&frames[0].data()["start"]), 5 - history);
    assert_eq!(sequence(&frames[0].data()["head"]), 5);
    assert_eq!(frames[0].data().get("recovered"), None);
    let events: Vec<_> = frames[1..].iter().map(|frame| frame.json()["sequence"].as_u64().unwrap()).collect();
    assert_eq!(events, (5 - history + 1..=6).collect::<Vec<_>>());
}

#[test]
fn fewer_history_may_be_asked_for() {
    let mut bench = Bench::open();
    for _ in 0..5 {
        bench.progress("project:42");
    }
    bench.subscribe(proto::Subscription { history: Some(0), ..wanted("project:42") });
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["channel.subscribed"]);
}

#[test]
fn a_resume_within_retention_is_exact() {
    for last_seen in [2, 3, 9, 10] {
        let mut bench = Bench::open();
        for _ in 0..10 {
            bench.progress("project:42");
        }
        let now = bench.now + RETENTION.age * 2;
        bench.logs.log("project:42").evict(now);
        assert_eq!(bench.logs.log("project:42").oldest(), 3);
        bench.subscribe(after("project:42", &EPOCH.to_string(), last_seen));
        bench.write(usize::MAX);
        let frames = bench.take();
        assert_eq!(frames[0].data()["recovered"], true, "after {last_seen}");
        assert_eq!(sequence(&frames[0].data()["start"]), last_seen);
        let events: Vec<_> = frames[1..].iter().filter_map(|frame| frame.json()["sequence"].as_u64()).collect();
        assert_eq!(events, (last_seen + 1..=10).collect::<Vec<_>>());
    }
}

#[test]
fn a_resume_from_before_the_tail_is_told_its_gap_before_any_event() {
    let mut bench = Bench::open();
    for _ in 0..10 {
        bench.progress("project:42");
    }
    let now = bench.now + RETENTION.age * 2;
    bench.logs.log("project:42").evict(now);
    bench.subscribe(after("project:42", &EPOCH.to_string(), 1));
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].data()["recovered"], false);
    assert_eq!(sequence(&frames[0].data()["start"]), 2);
    assert_eq!(frames[1].data(), &json!({"channel": "project:42", "epoch": EPOCH.to_string(), "first": 2, "last": 2}));
    assert_eq!(frames[2].json()["sequence"], 3);
    assert_eq!(frames.len(), 2 + 8);
}

#[test]
fn a_position_that_is_not_of_this_log_is_a_reset_to_everything_retained() {
    let elsewhere = Epoch { boot: 5, life: 1 }.to_string();
    for (epoch, sequence) in [
        (elsewhere.as_str(), 2),
        ("", 3),
        ("not-an-epoch", 0),
        (EPOCH.to_string().as_str(), 11),
        (EPOCH.to_string().as_str(), u64::MAX),
    ] {
        let mut bench = Bench::open();
        for _ in 0..10 {
            bench.progress("project:42");
        }
        let now = bench.now + RETENTION.age * 2;
        bench.logs.log("project:42").evict(now);
        bench.subscribe(after("project:42", epoch, sequence));
        bench.write(usize::MAX);
        let frames = bench.take();
        assert_eq!(frames[0].data()["recovered"], false, "{epoch:?} {sequence}");
        assert_eq!(frames[1].kind(), "channel.reset", "{epoch:?} {sequence}");
        assert_eq!(frames[1].data()["start"], json!({"epoch": EPOCH.to_string(), "sequence": 2}));
        assert_eq!(frames[1].data()["previous"]["epoch"], epoch);
        let events: Vec<_> = frames[2..].iter().map(|frame| frame.json()["sequence"].as_u64().unwrap()).collect();
        assert_eq!(events, (3..=10).collect::<Vec<_>>());
    }
}

#[test]
fn a_reset_that_was_promised_is_told_though_the_subscription_is_replaced() {
    let mut bench = Bench::open();
    for _ in 0..3 {
        bench.progress("project:42");
    }
    let foreign = Epoch { boot: 5, life: 1 }.to_string();
    let again = proto::Subscription { types: vec!["process.*".into()], ..wanted("project:42") };
    let channels = vec![after("project:42", &foreign, 2), again];
    bench.command(Command::Subscribe { channels_path: "data.channels", id: None, channels });
    bench.write(usize::MAX);
    let frames = bench.take();
    let kinds: Vec<_> = frames[..3].iter().map(Frame::kind).collect();
    assert_eq!(kinds, ["channel.subscribed", "channel.subscribed", "channel.reset"]);
    assert_eq!(frames[2].data()["previous"], json!({"epoch": foreign, "sequence": 2}));
    assert_eq!(frames[3].json()["sequence"], 1);
}

#[test]
fn a_slow_reader_gets_the_rest_of_its_frame_then_its_gap_then_what_is_retained() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.write(usize::MAX);
    bench.take();
    bench.append("project:42", "process.progress", 500);
    bench.append("project:42", "process.progress", 500);
    bench.write(100);
    let later = RETENTION.age * 2;
    for _ in 0..20 {
        bench.now += later;
        bench.progress("project:42");
    }
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames[0].json()["sequence"], 1, "the half-written frame is whole");
    assert_eq!(frames[1].kind(), "channel.gap");
    let oldest = bench.logs.log("project:42").oldest();
    assert_eq!((frames[1].data()["first"].as_u64(), frames[1].data()["last"].as_u64()), (Some(2), Some(oldest - 1)));
    let events: Vec<_> = frames[2..].iter().map(|frame| frame.json()["sequence"].as_u64().unwrap()).collect();
    assert_eq!(events, (oldest..=22).collect::<Vec<_>>());
}

#[test]
fn a_control_frame_goes_between_events_never_inside_one() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.write(usize::MAX);
    bench.take();
    for _ in 0..3 {
        bench.append("project:42", "process.progress", 300);
    }
    bench.write(10);
    bench.command(Command::Pong(vec![1, 2]));
    bench.write(usize::MAX);
    let kinds = bench.kinds();
    assert_eq!(kinds, ["process.progress", "pong", "process.progress", "process.progress"]);
}

#[test]
fn subscribing_again_goes_on_at_the_cursor_with_the_new_filter() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.progress("project:42");
    bench.write(usize::MAX);
    bench.take();
    bench.progress("project:42");
    bench.append("project:42", "project.updated", 5);
    bench.subscribe(proto::Subscription { types: vec!["project.*".into()], ..wanted("project:42") });
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(sequence(&frames[0].data()["start"]), 1);
    assert_eq!(frames[1..].iter().map(Frame::kind).collect::<Vec<_>>(), ["project.updated"]);
    assert_eq!(bench.logs.open, bench.outbound.subscription_count(), "the channel is open once");
}

#[test]
fn a_filtered_reader_is_moved_on_after_a_quarter_of_the_retention() {
    let mut bench = Bench::open();
    bench.subscribe(proto::Subscription { types: vec!["project.*".into()], ..wanted("project:42") });
    bench.write(usize::MAX);
    bench.take();
    let quarter = u64::from(bench.schema.channel("project:42").unwrap().retention.events / 4);
    for _ in 0..quarter - 1 {
        bench.progress("project:42");
        bench.write(usize::MAX);
    }
    assert_eq!(bench.kinds(), Vec::<String>::new());
    bench.progress("project:42");
    bench.write(usize::MAX);
    let frames = bench.take();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].kind(), "channel.position");
    assert_eq!(sequence(&frames[0].data()["position"]), quarter);
}

#[test]
fn a_replay_is_paced_and_a_live_channel_is_not_held_up_by_it() {
    let replay = ReplayRate { bytes_per_second: 1_000, burst_bytes: 1_000 };
    let limits = Limits { replay, ..Limits::default() };
    let mut bench = Bench::with(Opening::Plain, limits);
    bench.write(usize::MAX);
    bench.take();
    for _ in 0..8 {
        bench.append("project:42", "process.progress", 400);
    }
    bench.subscribe(after("project:42", &EPOCH.to_string(), 0));
    bench.subscribe(wanted("project:7"));
    bench.progress("project:7");
    bench.write(usize::MAX);
    let frames = bench.take();
    let of = |channel: &str| frames.iter().filter(|frame| frame.json()["channel"] == channel).count();
    assert_eq!(of("project:7"), 1);
    assert!((1..4).contains(&of("project:42")), "{}", of("project:42"));
    for _ in 0..10 {
        bench.progress("project:7");
        bench.write(usize::MAX);
    }
    assert_eq!(bench.logs.paced, 1, "it waits once, however often the connection is visited");
    let mut events = of("project:42");
    for _ in 0..20 {
        bench.now += Duration::from_secs(1);
        let inbound = Inbound { last_byte: bench.now, message_began: None };
        bench.call(|outbound, env| outbound.on_sweep(inbound, env));
        bench.write(usize::MAX);
        let sequences = bench
            .take()
            .into_iter()
            .filter(|frame| matches!(frame, Frame::Json(value) if value["channel"] == "project:42"))
            .count();
        assert!(sequences <= 4);
        events += sequences;
    }
    assert_eq!(events, 8, "it arrives in the end");
}

#[test]
fn an_event_that_is_delivered_tells_the_position_too() {
    let mut bench = Bench::open();
    bench.subscribe(proto::Subscription { types: vec!["project.*".into()], ..wanted("project:42") });
    bench.write(usize::MAX);
    bench.take();
    let quarter = bench.schema.channel("project:42").unwrap().retention.events / 4;
    for _ in 0..4 {
        for _ in 0..quarter - 2 {
            bench.progress("project:42");
        }
        bench.write(usize::MAX);
        bench.append("project:42", "project.updated", 5);
        bench.write(usize::MAX);
        assert_eq!(bench.kinds(), ["project.updated"], "no position: the event said where the client is");
    }
}
