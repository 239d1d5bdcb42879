//! How much a client may ask for in a time, and what becomes of one that does not care.

use super::*;

#[test]
fn a_hundred_invalid_messages_in_a_row_end_the_connection() {
    let mut client = Client::new(Opening::Plain);
    for _ in 0..MAX_INVALID_IN_A_ROW - 1 {
        assert_eq!(refusal(client.says(INVALID)).0, 4005);
    }
    client.now += Duration::from_secs(10);
    assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })), "a good one starts the count anew");
    for _ in 0..MAX_INVALID_IN_A_ROW - 1 {
        assert_eq!(refusal(client.says(INVALID)).0, 4005);
    }
    assert_eq!(close_code_of(client.says(INVALID)), 4500);
    assert_eq!(client.says(HEARTBEAT), None, "nothing after the end");
}

#[test]
fn what_is_only_missing_here_is_no_nonsense() {
    let mut client = Client::new(Opening::Plain);
    let missing = [(r#"{"type":"message","content":"Hi"}"#, 4007), (r#"{"type":"channel.presence"}"#, 4005)];
    for (text, code) in missing {
        for round in 0..300 {
            client.now += Duration::from_millis(100);
            assert_eq!(refusal(client.says(text)).0, code, "{text}, round {round}");
        }
    }
}

#[test]
fn commands_over_the_rate_are_refused_with_the_wait_and_in_the_end_closed() {
    let mut client = Client::new(Opening::Plain);
    for _ in 0..200 {
        assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })));
    }
    match client.says(HEARTBEAT) {
        Some(Command::Refuse { reply_to, error }) => {
            assert_eq!((error.code, error.retry_after_ms, reply_to.as_deref()), (4004, 20, Some("h")));
        }
        other => panic!("{other:?}"),
    }
    client.now += Duration::from_millis(20);
    assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })), "who waits is served");
    let refused = (0..).take_while(|_| matches!(client.says(HEARTBEAT), Some(Command::Refuse { .. }))).count();
    assert_eq!(refused + 1, usize::from(MAX_REFUSED_COMMANDS));
    assert_eq!(client.says(HEARTBEAT), None, "closed");
}

#[test]
fn a_close_for_the_rate_says_so() {
    let mut client = Client::new(Opening::Plain);
    let last = (0..1_000).map_while(|_| client.says(INVALID_SUBSCRIBE_RATE)).last();
    assert_eq!((close_code_of(last), client.inbound.excess()), (4004, Some(Excess::Commands)));
}

/// Valid, and refused by nobody on this floor.
const INVALID_SUBSCRIBE_RATE: &str = r#"{"type":"channel.subscribe","channels":[{"name":"project:1"}]}"#;

#[test]
fn one_frame_that_names_all_channels_is_one_command() {
    let names: Vec<String> = (0..1_000).map(|index| format!(r#"{{"name":"project:{index}"}}"#)).collect();
    let text = format!(r#"{{"type":"channel.subscribe","channels":[{}]}}"#, names.join(","));
    let mut client = Client::new(Opening::Plain);
    for _ in 0..200 {
        match client.says(&text) {
            Some(Command::Subscribe { channels, .. }) => assert_eq!(channels.len(), 1_000),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pings_over_the_rate_go_unanswered_and_in_the_end_close() {
    let mut client = Client::new(Opening::Plain);
    let answered = (0..100).filter(|_| client.sends(Incoming::Ping(vec![1])).is_some()).count();
    assert_eq!(answered, 100);
    for _ in 0..MAX_REFUSED_PINGS {
        assert_eq!(client.sends(Incoming::Ping(vec![1])), None);
    }
    assert_eq!(close_code_of(client.sends(Incoming::Pong(vec![]))), 4004);
    assert_eq!(client.inbound.excess(), Some(Excess::Pings));

    let mut client = Client::new(Opening::Plain);
    for _ in 0..10_000 {
        client.now += Duration::from_millis(50);
        assert!(client.sends(Incoming::Ping(vec![])).is_some(), "20 in a second are answered for ever");
    }
}

/// A rule that costs the square of its field's items.
const COSTLY: &str = r#"import "buf/validate/validate.proto";
    message Ask {
        option (rialto.v1.event) = { type: "ask" from: FROM_CLIENT route: ROUTE_HANDLER };
        repeated int32 items = 1 [(buf.validate.field).cel_expression = "this.all(a, this.all(b, a + b > 0))"];
    }"#;

#[test]
fn events_whose_rules_are_costly_count_as_more_commands() {
    let (schema, transcoder) = schema_of(COSTLY);
    let now = Instant::now();
    let frame = |count: usize| format!(r#"{{"type":"ask","data":{{"items":[{}]}}}}"#, vec!["1"; count].join(","));
    let allowed = |count: usize| {
        let mut inbound = Inbound::new(Opening::Plain, Some(anonymous()), Limits::default(), now);
        let is_allowed = |_: &usize| {
            let incoming = Incoming::Text(frame(count));
            let command = inbound.on_incoming(incoming, &schema, &transcoder, now, SystemTime::UNIX_EPOCH);
            // Rule and route are told as before.
            let code = refusal(command).0;
            assert!([4005, 4007, u32::from(PeerCode::RateLimited.number())].contains(&code), "{code}");
            code != u32::from(PeerCode::RateLimited.number())
        };
        (0..99).take_while(is_allowed).count()
    };
    assert_eq!(allowed(1), 99);
    let costly = allowed(1_000);
    assert!(costly <= 20, "{costly} frames at once");
}

/// What the rules of an event cost a user counts for it on all of its connections.
#[test]
fn costly_events_are_paid_for_by_their_user_too() {
    let (schema, transcoder) = schema_of(COSTLY);
    let now = Instant::now();
    let limits = Limits { commands_burst: 10_000, user_commands_burst: 99, ..Limits::default() };
    let refused = |count: usize| {
        let mut inbound = Inbound::new(Opening::Plain, Some(anonymous()), limits, now);
        inbound.share(Some(Arc::new(Allowance::new(limits, now))));
        let text = format!(r#"{{"type":"ask","data":{{"items":[{}]}}}}"#, vec!["1"; count].join(","));
        let reasons = (0..99).map(|_| {
            let incoming = Incoming::Text(text.clone());
            match inbound.on_incoming(incoming, &schema, &transcoder, now, SystemTime::UNIX_EPOCH) {
                Some(Command::Refuse { error, .. }) => error.reason,
                other => panic!("{other:?}"),
            }
        });
        reasons.filter(|reason| reason == USER_RATE_LIMITED).count()
    };
    assert_eq!(refused(1), 0);
    assert!(refused(1_000) > 50);
}

#[test]
fn the_wait_that_is_told_grows_while_nobody_heeds_it() {
    let mut client = Client::new(Opening::Plain);
    for _ in 0..200 {
        client.says(HEARTBEAT);
    }
    let waits: Vec<u32> = (0..100)
        .map(|_| match client.says(HEARTBEAT) {
            Some(Command::Refuse { error, .. }) => error.retry_after_ms,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(waits.is_sorted() && waits[0] == 20 && waits[99] >= 5 * waits[0], "{waits:?}");
}

#[test]
fn who_waits_as_long_as_its_user_must_is_not_refused_by_its_connection_then() {
    let now = Instant::now();
    let limits = Limits {
        commands_per_second: 1,
        commands_burst: 2,
        user_commands_per_second: 20,
        user_commands_burst: 1,
        ..Limits::default()
    };
    let mut client = Client { inbound: Inbound::new(Opening::Plain, Some(anonymous()), limits, now), now };
    client.inbound.share(Some(Arc::new(Allowance::new(limits, now))));
    assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })));
    let Some(Command::Refuse { error, .. }) = client.says(HEARTBEAT) else { panic!("over the user's rate") };
    assert_eq!((&error.reason[..], error.retry_after_ms), (USER_RATE_LIMITED, 50));
    client.now += Duration::from_millis(u64::from(error.retry_after_ms));
    assert!(matches!(client.says(HEARTBEAT), Some(Command::Heartbeat { .. })));
    assert!(matches!(client.says(HEARTBEAT), Some(Command::Refuse { .. })), "both are spent");
}
