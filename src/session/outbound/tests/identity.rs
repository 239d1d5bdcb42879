//! Who is there decides what goes out, and until when.

use super::*;
use crate::session::grants::Grants;
use crate::session::party::Ends;
use crate::session::principal::Known;

fn party(bench: &Bench, grants: &[&str], lasts: Duration) -> Party {
    let principal = Principal {
        known: Known::ByToken,
        user: "u:7".into(),
        grants: Grants::new(grants.iter().copied()),
        ..Principal::anonymous()
    };
    let wall = std::time::SystemTime::UNIX_EPOCH + lasts;
    let ends = Ends { token: bench.now, connection: bench.now + lasts, wall };
    Party { principal: Arc::new(principal), session: SessionId::from("u:7:s"), ends: Some(ends) }
}

/// A connection of a subprotocol whose first frame says who is there.
fn opened(grants: &[&str], lasts: Duration) -> Bench {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    let party = Some(Arc::new(party(&bench, grants, lasts)));
    bench.command(Command::Init { id: None, init: proto::ConnectionInit::default(), party });
    bench.write(usize::MAX);
    bench
}

#[test]
fn the_ack_says_who_is_there_and_their_channels_follow() {
    let mut bench = opened(&["project:*:read", "b"], Duration::from_secs(60));
    let frames = bench.take();
    let ack = &frames[0].json()["data"];
    assert_eq!((&ack["userId"], &ack["sessionId"]), (&Value::from("u:7"), &Value::from("u:7:s")));
    assert_eq!(ack["permissions"], serde_json::json!(["project:*:read", "b"]));
    let mut channels: Vec<&str> =
        frames[1..].iter().map(|frame| frame.json()["data"]["channel"].as_str().unwrap()).collect();
    channels.sort_unstable();
    assert_eq!(channels, ["session:u%3A7%3As", "system", "user:u%3A7"]);
}

#[test]
fn what_is_read_and_not_begun_stays_behind_at_the_end_of_a_token() {
    let mut bench = opened(&["*"], Duration::from_secs(60));
    bench.subscribe(wanted("project:1"));
    bench.write(usize::MAX);
    bench.take();
    for _ in 0..5 {
        bench.progress("project:1");
    }
    // A part of the first frame is in the socket, which takes more by itself: nothing was given back to the log.
    let taken = bench.call(|outbound, env| match outbound.next(env) {
        Next::Write(bytes) => bytes[..40].to_vec(),
        other => panic!("{other:?}"),
    });
    bench.call(|outbound, env| outbound.on_wrote(40, env));
    bench.receive(&taken);
    bench.now += Duration::from_secs(60);
    assert!(bench.write(usize::MAX));
    assert_eq!(bench.kinds(), ["process.progress", "connection.error", "close 4002"]);
    bench.progress("project:1");
    bench.write(usize::MAX);
    assert!(bench.take().is_empty());
}

#[test]
fn an_idle_connection_ends_with_its_token_too() {
    let mut bench = opened(&["*"], Duration::from_secs(5));
    bench.take();
    for (seconds, expected) in [(4, vec![]), (1, vec!["connection.error", "close 4002"])] {
        bench.now += Duration::from_secs(seconds);
        let now = bench.now;
        let inbound = Inbound { last_byte: now, message_began: None };
        assert_eq!(bench.call(|outbound, env| outbound.on_sweep(inbound, env)), Sweep::Live);
        bench.write(usize::MAX);
        assert_eq!(bench.kinds(), expected);
    }
}

#[test]
fn a_wall_clock_that_is_ahead_ends_a_connection_too() {
    let mut bench = opened(&["*"], Duration::from_secs(60));
    bench.take();
    for (seconds, expected) in [(59, vec![]), (60, vec!["connection.error", "close 4002"]), (61, vec![])] {
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        bench.call(|outbound, env| outbound.on_wall_clock(time, env));
        bench.write(usize::MAX);
        assert_eq!(bench.kinds(), expected, "{seconds}");
    }
}

#[test]
fn a_token_that_ends_before_the_first_frame_ends_the_connection() {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    let ends = party(&bench, &["*"], Duration::from_secs(5)).ends;
    let party = Arc::new(Party { ends, ..party(&bench, &["*"], Duration::ZERO) });
    bench.outbound.identity.party = Arc::clone(&party);
    bench.now += Duration::from_secs(4);
    let inbound = Inbound { last_byte: bench.now, message_began: None };
    assert_eq!(bench.call(|outbound, env| outbound.on_sweep(inbound, env)), Sweep::Live);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), [""; 0]);
    bench.now += Duration::from_secs(1);
    bench.command(Command::Init { id: None, init: proto::ConnectionInit::default(), party: None });
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["close 4002"], "no ack, and nothing of a channel");

    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    bench.outbound.identity.party = Arc::clone(&party);
    let wall = party.ends.unwrap().wall;
    for (time, expected) in [(wall - Duration::from_secs(1), vec![]), (wall, vec!["close 4002"])] {
        bench.call(|outbound, env| outbound.on_wall_clock(time, env));
        bench.write(usize::MAX);
        assert_eq!(bench.kinds(), expected, "by the other clock");
    }

    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    bench.outbound.identity.party = party;
    bench.now += Duration::from_secs(5);
    let inbound = Inbound { last_byte: bench.now, message_began: None };
    assert_eq!(bench.call(|outbound, env| outbound.on_sweep(inbound, env)), Sweep::Live);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["close 4002"], "and without a frame, too");
}

#[test]
fn whoever_has_not_said_who_it_is_may_do_nothing() {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    let party = Party { principal: Arc::new(Principal::nobody()), ..party(&bench, &[], Duration::MAX / 4) };
    let party = Some(Arc::new(Party { ends: None, ..party }));
    bench.command(Command::Init { id: None, init: proto::ConnectionInit::default(), party });
    bench.subscribe(wanted("system"));
    bench.subscribe(wanted("project:1"));
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["connection.ack", "error", "error"]);
}
