//! Any order of appends, partial writes, evictions, cuts and resumes: a client sees every event once, or is told; and of
//! every key it has the newest one.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const CHANNEL: &str = "project:Ω";

#[derive(Clone, Debug)]
enum Step {
    /// So many events of this size.
    Append { events: u8, bytes: u16 },
    /// So many events of this key.
    Keyed { events: u8, key: u8 },
    /// So many ephemeral events.
    Ephemeral { events: u8 },
    /// The kernel takes so many bytes.
    Write { bytes: u16 },
    /// Time passes, and what is too old goes.
    Evict { seconds: u8 },
    /// The connection is cut; the client comes back with its position.
    Reconnect,
    /// The client subscribes again on the same connection.
    SubscribeAgain,
    /// Something else is to be said.
    Heartbeat,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u8, 0..400_u16).prop_map(|(events, bytes)| Step::Append { events, bytes }),
        4 => (1..12_u8, 0..3_u8).prop_map(|(events, key)| Step::Keyed { events, key }),
        2 => (1..6_u8).prop_map(|events| Step::Ephemeral { events }),
        4 => (0..900_u16).prop_map(|bytes| Step::Write { bytes }),
        1 => (0..45_u8).prop_map(|seconds| Step::Evict { seconds }),
        1 => Just(Step::Reconnect),
        1 => Just(Step::SubscribeAgain),
        1 => Just(Step::Heartbeat),
    ]
}

/// What a client knows.
#[derive(Default)]
struct Client {
    epoch: String,
    /// The newest sequence that it has seen or been told of. `None` before its first `channel.subscribed`.
    last: Option<u64>,
    seen: BTreeSet<u64>,
    lost: BTreeSet<u64>,
    /// What it was told that it was not sent.
    passed: BTreeSet<u64>,
    /// How many of them were superseded, as it was told.
    conflated: u64,
    ephemeral: u64,
}

impl Client {
    fn on_frame(&mut self, frame: &Frame) {
        let value = frame.json();
        let data = &value["data"];
        if let Some(sequence) = value["sequence"].as_u64() {
            if value["channel"] != CHANNEL {
                return;
            }
            assert_eq!(Some(sequence), self.last.map(|last| last + 1), "an event out of order");
            assert!(self.seen.insert(sequence), "{sequence} came twice");
            self.last = Some(sequence);
            return;
        }
        if value["channel"] == CHANNEL {
            self.ephemeral += 1;
            return;
        }
        if data["channel"] != CHANNEL {
            return;
        }
        match frame.kind().as_str() {
            "channel.subscribed" => {
                self.epoch = data["start"]["epoch"].as_str().unwrap().into();
                let start = data["start"]["sequence"].as_u64().unwrap();
                match (self.last, data["recovered"].as_bool()) {
                    (None, None) => self.last = Some(start),
                    // Subscribed again: at the cursor, which is never behind what the client has.
                    (Some(last), None) => assert!(start >= last),
                    (Some(last), Some(true)) => assert_eq!(start, last),
                    (Some(last), Some(false)) => assert!(start >= last, "a gap follows"),
                    (None, Some(_)) => panic!("it never gave a position"),
                }
            }
            "channel.gap" => {
                assert_eq!(data["first"].as_u64(), self.last.map(|last| last + 1));
                let (first, last) = (data["first"].as_u64().unwrap(), data["last"].as_u64().unwrap());
                assert!(first <= last);
                self.lost.extend(first..=last);
                self.last = Some(last);
            }
            "channel.position" => {
                let to = data["position"]["sequence"].as_u64().unwrap();
                let from = self.last.map(|last| last + 1).expect("it is subscribed");
                assert!(from <= to, "{value}");
                self.passed.extend(from..=to);
                self.conflated += data["conflated"].as_u64().unwrap();
                self.last = Some(to);
            }
            other => panic!("unexpected {other}: {value}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_delivered_once_or_told_lost(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::open();
        let mut client = Client::default();
        let mut appended = 0;
        let mut ephemeral = 0;
        let mut keys: Vec<Option<u8>> = Vec::new();
        bench.subscribe(wanted(CHANNEL));
        for step in steps {
            match step {
                Step::Append { events, bytes } => {
                    for _ in 0..events {
                        appended = bench.append(CHANNEL, "process.progress", usize::from(bytes));
                        keys.push(None);
                    }
                }
                Step::Keyed { events, key } => {
                    for _ in 0..events {
                        appended = bench.keyed(CHANNEL, &key.to_string());
                        keys.push(Some(key));
                    }
                }
                Step::Ephemeral { events } => {
                    for _ in 0..events {
                        bench.append_as(Class::Ephemeral, CHANNEL, "process.progress", 5);
                        ephemeral += 1;
                    }
                }
                Step::Write { bytes } => {
                    bench.write(usize::from(bytes));
                }
                Step::Evict { seconds } => {
                    bench.now += Duration::from_secs(u64::from(seconds));
                    let now = bench.now;
                    bench.logs.log(CHANNEL).evict(now);
                }
                Step::Reconnect => {
                    let logs = std::mem::take(&mut bench.logs.logs);
                    let now = bench.now;
                    bench = Bench::new(Opening::Plain);
                    bench.logs.logs = logs;
                    bench.now = now;
                    bench.subscribe(match client.last {
                        Some(last) => after(CHANNEL, &client.epoch, last),
                        None => wanted(CHANNEL),
                    });
                }
                Step::SubscribeAgain => bench.subscribe(wanted(CHANNEL)),
                Step::Heartbeat => bench.command(Command::Heartbeat { id: None }),
            }
            for frame in bench.take() {
                client.on_frame(&frame);
            }
        }
        bench.write(usize::MAX);
        for frame in bench.take() {
            client.on_frame(&frame);
        }
        prop_assert_eq!(client.last, Some(appended));
        let mut all: Vec<u64> = [&client.seen, &client.lost, &client.passed].into_iter().flatten().copied().collect();
        all.sort_unstable();
        let first = all.first().copied().unwrap_or(appended + 1);
        prop_assert_eq!(all, (first..=appended).collect::<Vec<_>>(), "each once");
        prop_assert!(client.ephemeral <= ephemeral);
        // Before its history a first subscribe gets the newest of each key; nothing of that time is missed.
        let superseded = |sequence: &u64| {
            let index = *sequence as usize - 1;
            keys[index].is_some() && keys[index + 1..].contains(&keys[index])
        };
        let conflated = client.passed.iter().filter(|sequence| superseded(sequence)).count() as u64;
        prop_assert!(client.conflated <= conflated, "{} of {}", client.conflated, conflated);
        prop_assert!(client.lost.iter().all(|sequence| keys[*sequence as usize - 1].is_none()), "no key is lost");
        for sequence in (1..=appended).filter(|sequence| keys[*sequence as usize - 1].is_some()) {
            prop_assert!(superseded(&sequence) || client.seen.contains(&sequence), "{} is the newest of its key", sequence);
        }
    }
}
