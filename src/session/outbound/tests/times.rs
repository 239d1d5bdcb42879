//! What the clock decides.

use super::*;

impl Bench {
    /// Lets time pass; the peer has last said something at `last_byte`.
    fn sweep(&mut self, last_byte: Instant) -> Sweep {
        let inbound = Inbound { last_byte, message_began: None };
        self.call(|outbound, env| outbound.on_sweep(inbound, env))
    }

    fn advance(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

#[test]
fn a_silent_peer_is_pinged_and_closed_when_it_does_not_answer() {
    let mut bench = Bench::open();
    let silent_since = bench.now;
    bench.advance(29);
    assert_eq!(bench.sweep(silent_since), Sweep::Live);
    bench.write(usize::MAX);
    assert_eq!(bench.take(), []);
    bench.advance(1);
    bench.sweep(silent_since);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["ping", "connection.heartbeat"]);
    bench.advance(4);
    bench.sweep(silent_since);
    bench.write(usize::MAX);
    assert_eq!(bench.take(), []);
    bench.advance(1);
    bench.sweep(silent_since);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["connection.error", "close 4101"]);
    bench.advance(5);
    assert_eq!(bench.sweep(silent_since), Sweep::Drop(PeerCode::HeartbeatMissed));
}

#[test]
fn any_byte_answers_a_ping() {
    let mut bench = Bench::open();
    let mut last_byte = bench.now;
    for _ in 0..5 {
        bench.advance(30);
        bench.sweep(last_byte);
        bench.write(usize::MAX);
        assert!(bench.kinds().contains(&"ping".to_owned()));
        bench.advance(4);
        last_byte = bench.now;
        assert_eq!(bench.sweep(last_byte), Sweep::Live);
    }
}

#[test]
fn the_clock_of_a_ping_starts_when_the_kernel_has_it() {
    let mut bench = Bench::open();
    let silent_since = bench.now;
    bench.subscribe(wanted("project:42"));
    bench.write(usize::MAX);
    bench.append("project:42", "process.progress", 1_000);
    bench.write(10);
    bench.take();
    bench.advance(30);
    // Progress keeps it alive although the ping waits behind the event.
    bench.write(10);
    bench.sweep(silent_since);
    bench.advance(4);
    bench.write(10);
    bench.advance(4);
    assert_eq!(bench.sweep(silent_since), Sweep::Live, "the ping has not left yet");
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["process.progress", "ping", "connection.heartbeat"]);
    bench.advance(4);
    assert_eq!(bench.sweep(silent_since), Sweep::Live);
    bench.advance(2);
    bench.sweep(silent_since);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["connection.error", "close 4101"]);
}

#[test]
fn a_full_socket_is_judged_by_its_writes_and_not_by_a_ping_behind_them() {
    let timings = Timings { write: Duration::from_secs(20), ..Timings::default() };
    let mut bench = Bench::with(Opening::Plain, Limits { timings, ..Limits::default() });
    bench.write(usize::MAX);
    bench.take();
    let silent_since = bench.now;
    bench.advance(30);
    bench.sweep(silent_since);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["ping", "connection.heartbeat"]);
    bench.subscribe(wanted("project:42"));
    bench.write(0);
    bench.advance(19);
    assert_eq!(bench.sweep(silent_since), Sweep::Live, "the ping may still be in the kernel");
    bench.advance(1);
    assert_eq!(bench.sweep(silent_since), Sweep::Drop(PeerCode::WriteTimeout));
}

#[test]
fn a_socket_that_takes_no_byte_is_dropped_and_one_that_takes_some_is_not() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.write(usize::MAX);
    bench.append("project:42", "process.progress", 1_000);
    bench.write(0);
    for _ in 0..10 {
        bench.advance(4);
        let now = bench.now;
        assert_eq!(bench.sweep(now), Sweep::Live);
        bench.write(1);
    }
    bench.advance(5);
    let now = bench.now;
    assert_eq!(bench.sweep(now), Sweep::Drop(PeerCode::WriteTimeout));
}

#[test]
fn a_client_that_never_says_init_is_closed_after_ten_seconds() {
    let mut bench = Bench::new(Opening::Subprotocol(Form::Json));
    bench.advance(9);
    let now = bench.now;
    bench.sweep(now);
    bench.write(usize::MAX);
    assert_eq!(bench.take(), []);
    bench.advance(1);
    let now = bench.now;
    bench.sweep(now);
    bench.write(usize::MAX);
    assert_eq!(bench.kinds(), ["close 4501"], "before the ack nothing else goes out");
}

#[test]
fn a_message_that_is_never_complete_ends_the_connection() {
    let mut bench = Bench::open();
    let began = bench.now;
    for second in 1..=30 {
        bench.advance(1);
        let inbound = Inbound { last_byte: bench.now, message_began: Some(began) };
        bench.call(|outbound, env| outbound.on_sweep(inbound, env));
        bench.write(usize::MAX);
        let closed = bench.kinds().iter().any(|kind| kind.starts_with("close"));
        assert_eq!(closed, second == 30, "after {second} s");
    }
}

#[test]
fn draining_asks_to_come_back_closes_and_is_finished_by_the_answer() {
    let mut bench = Bench::open();
    bench.subscribe(wanted("project:42"));
    bench.write(usize::MAX);
    bench.append("project:42", "process.progress", 300);
    bench.append("project:42", "process.progress", 300);
    bench.write(100);
    bench.take();
    bench.call(|outbound, env| outbound.drain(700, env));
    assert!(bench.write(usize::MAX), "the peer has not answered");
    let frames = bench.take();
    let kinds: Vec<_> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, ["process.progress", "connection.reconnect", "close 4100"]);
    assert_eq!(frames[1].json()["data"], serde_json::json!({"reason": "draining", "delayMs": 700}));
    bench.progress("project:42");
    bench.command(Command::Pong(vec![]));
    assert!(bench.write(usize::MAX));
    assert_eq!(bench.take(), [], "nothing follows a close frame");
    bench.command(Command::PeerClosed { code: Some(4100) });
    assert!(!bench.write(usize::MAX));
}

#[test]
fn a_peers_close_is_answered_with_its_code_and_finishes() {
    let mut bench = Bench::open();
    bench.command(Command::PeerClosed { code: Some(3_000) });
    assert!(!bench.write(usize::MAX));
    assert_eq!(bench.kinds(), ["close 3000"]);
}
