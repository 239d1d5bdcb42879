//! What a client asks for, in which order it is answered, and what is refused.

use serde_json::json;

use super::*;
use crate::session::fixture::logged;

#[test]
fn the_log_has_the_name_that_a_client_gives_itself_and_no_more_of_it_than_is_of_use() {
    let init = |client_id: &str| {
        let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
        let init = proto::ConnectionInit { client_id: client_id.to_owned(), ..Default::default() };
        logged(|| bench.command(Command::Init { id: None, init, party: None }))
    };
    let lines = init("tab-7");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["client"], &lines[0]["connection"]), (&json!("tab-7"), &json!("connection-1")));
    assert_eq!(lines[0]["level"], "DEBUG");
    assert_eq!(init(&"ä".repeat(60_000))[0]["client"], "ä".repeat(128));
    assert!(init("").is_empty(), "nothing is said of who has no name");
}

#[test]
fn nothing_of_a_channel_follows_its_unsubscribed() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.progress("project:42");
    bench.command(Command::Unsubscribe {
        channels_path: "data.channels",
        id: None,
        channels: vec!["project:42".into(), "project:7".into()],
    });
    bench.progress("project:42");
    bench.write(usize::MAX);
    let frames = bench.take();
    let kinds: Vec<_> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, ["channel.subscribed", "channel.unsubscribed", "error"]);
    assert_eq!(frames[1].data()["reason"], "requested");
    assert_eq!(frames[2].data()["path"], "data.channels[1]");
    bench.call(|outbound, env| outbound.end(env.channels));
    assert_eq!(bench.logs.open, 0);
}

#[test]
fn a_name_that_is_too_long_comes_back_cut_whatever_is_done_with_it() {
    let mut bench = Bench::open();
    let name = "\u{1}".repeat(60_000);
    let (channels, path) = (vec![name.clone()], "data.channels");
    bench.subscribe(wanted(&name));
    bench.command(Command::Unsubscribe { channels_path: path, id: None, channels });
    assert!(bench.outbound.control.rest().len() < 5_000, "{}", bench.outbound.control.rest().len());
    bench.write(usize::MAX);
    for frame in bench.take() {
        let error = frame.data();
        assert_eq!(error["code"], 4005);
        assert_eq!(error["channel"].as_str().unwrap().len(), 255);
        assert!(error["message"].as_str().unwrap().contains("60000 bytes exceeds the limit of 255"), "{error}");
    }
    // Never within a letter.
    bench.subscribe(wanted(&"ä".repeat(300)));
    bench.write(usize::MAX);
    assert_eq!(bench.take()[0].data()["channel"], "ä".repeat(127));
    // As many as a frame may name, of what takes the most room in an answer.
    let channels: Vec<String> = (100..228).map(|number| format!("{number}{}", "\u{1}".repeat(252))).collect();
    bench.command(Command::Unsubscribe { channels_path: path, id: None, channels });
    let answered = bench.outbound.control.rest().len();
    assert!((128 * 1_500..bench.limits.max_control_bytes).contains(&answered), "{answered}");
}

#[test]
fn what_cannot_be_subscribed_is_refused_with_its_place_and_harms_nothing() {
    let mut bench = Bench::open();
    let channels = vec![
        wanted("nowhere:1"),
        wanted("session:another"),
        proto::Subscription { types: vec!["no.such.type".into()], ..wanted("project:42") },
        wanted(&format!("project:{}", "x".repeat(300))),
        wanted("user:u7"),
        wanted("project:7"),
    ];
    bench.command(Command::Subscribe { channels_path: "channels", id: Some("s".into()), channels });
    bench.write(usize::MAX);
    let frames = bench.take();
    let errors: Vec<_> =
        frames[..5].iter().map(|frame| (frame.data()["code"].as_u64(), frame.data()["path"].clone())).collect();
    assert_eq!(
        errors,
        [
            (Some(4006), json!("channels[0].name")),
            (Some(4003), json!("channels[1].name")),
            (Some(4005), json!("channels[2].types")),
            (Some(4005), json!("channels[3].name")),
            (Some(4003), json!("channels[4].name")),
        ]
    );
    assert_eq!(frames[5].kind(), "channel.subscribed");
    assert!(frames.iter().all(|frame| frame.json()["replyTo"] == "s"));
}

#[test]
fn the_limit_of_subscriptions_holds() {
    let mut bench = Bench::open();
    let have = bench.outbound.subscription_count();
    bench.limits.max_subscriptions = u16::try_from(have + 2).unwrap();
    for project in 1..=3 {
        bench.subscribe(wanted(&format!("project:{project}")));
    }
    bench.command(Command::Unsubscribe {
        channels_path: "data.channels",
        id: None,
        channels: vec!["project:1".into()],
    });
    bench.subscribe(wanted("project:4"));
    bench.write(usize::MAX);
    let frames = bench.take();
    let kinds: Vec<_> = frames.iter().map(Frame::kind).collect();
    assert_eq!(
        kinds,
        ["channel.subscribed", "channel.subscribed", "error", "channel.unsubscribed", "channel.subscribed"]
    );
    assert_eq!(frames[2].data()["code"], 4008);
}

#[test]
fn where_there_is_no_room_for_a_channel_a_subscribe_is_told_when_to_come_back() {
    let mut bench = Bench::open();
    let have = bench.outbound.subscription_count();
    bench.limits.max_subscriptions = u16::try_from(have + 1).unwrap();
    bench.logs.is_full = true;
    bench.subscribe(wanted("project:1"));
    bench.logs.is_full = false;
    bench.subscribe(wanted("project:2"));
    bench.write(usize::MAX);
    let frames = bench.take();
    let error = frames[0].data();
    assert_eq!((&error["code"], &error["reason"]), (&json!(4103), &json!("overloaded")), "{error}");
    assert_eq!((&error["retryAfterMs"], &error["channel"]), (&json!(3_000), &json!("project:1")), "{error}");
    assert_eq!(error["path"], "data.channels[0].name", "{error}");
    assert_eq!(frames[1].kind(), "channel.subscribed", "what was refused takes no place");
    assert_eq!(bench.outbound.subscription_count(), have + 1);
}

#[test]
fn commands_wait_while_the_answers_to_earlier_ones_have_not_left() {
    let mut bench = Bench::open();
    for number in 0..1_000 {
        bench.command(Command::Heartbeat { id: Some(format!("h{number}").into()) });
    }
    let waiting = bench.outbound.waiting();
    assert!(waiting >= 1_000 - bench.limits.max_control_frames, "{waiting} wait");
    bench.write(usize::MAX);
    assert_eq!(bench.outbound.waiting(), 0);
    let frames = bench.take();
    let answers: Vec<_> = frames.iter().map(|frame| frame.json()["replyTo"].as_str().unwrap().to_owned()).collect();
    assert_eq!(answers, (0..1_000).map(|number| format!("h{number}")).collect::<Vec<_>>());
}

#[test]
fn a_frame_with_more_channels_than_a_connection_may_have_is_refused_once() {
    let mut bench = Bench::open();
    let before = bench.outbound.subscription_count();
    let names: Vec<String> = (0..10_000).map(|number| format!("project:{number}")).collect();
    bench.command(Command::Unsubscribe {
        channels_path: "data.channels",
        id: Some("u".into()),
        channels: names.clone(),
    });
    bench.command(Command::Subscribe {
        channels_path: "data.channels",
        id: Some("s".into()),
        channels: names.iter().map(|name| wanted(name)).collect(),
    });
    bench.write(usize::MAX);
    let frames = bench.take();
    let codes: Vec<_> =
        frames.iter().map(|frame| (frame.data()["code"].clone(), frame.data()["path"].clone())).collect();
    assert_eq!(codes, [(json!(4008), json!("data.channels")), (json!(4008), json!("data.channels"))]);
    assert_eq!(bench.outbound.subscription_count(), before);
}
