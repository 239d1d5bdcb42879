//! Interleavings of whoever publishes, subscribes, leaves and sweeps, chosen by a model checker at every lock and atomic.
//!
//! Only in a build with `--cfg rialto_model` (`make model`), in which the other tests of the hub cannot run. A scenario in which
//! nobody can go on any more is a deadlock, and fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

use super::*;

const SHARD: ShardIndex = ShardIndex(0);
const SCHEDULES: usize = 20_000;
/// Threads that may be overtaken in one schedule: most defects need two or three.
const DEPTH: usize = 3;

/// Runs a scenario under many schedules: half of them random ones, half with few changes of who runs.
fn explore(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    LazyLock::force(&SCHEMA);
    let config = || {
        let mut config = Config::new();
        config.stack_size = 1 << 20;
        config
    };
    Runner::new(RandomScheduler::new(SCHEDULES / 2), config()).run(scenario.clone());
    Runner::new(PctScheduler::new(DEPTH, SCHEDULES / 2), config()).run(scenario);
}

fn hub(limits: Limits) -> Arc<Hub> {
    Arc::new(Hub::new(1, 1, limits))
}

fn publishing(hub: &Arc<Hub>, channel: &'static str, events: usize) -> thread::JoinHandle<Vec<Position>> {
    let hub = Arc::clone(hub);
    thread::spawn(move || {
        let append = append_to(channel, 10);
        (0..events)
            .map(|_| {
                hub.make_room();
                hub.append(&append).unwrap()
            })
            .collect()
    })
}

/// Reads as a shard does until it has all events, however it is woken, and leaves.
fn follow(hub: &Hub, counts_itself_first: bool, events: u64) {
    let channel = hub.channel(&key("project:1"), RETENTION);
    if counts_itself_first {
        channel.subscribe(SHARD);
    }
    let mut cursor = channel.heads().head;
    if !counts_itself_first {
        channel.subscribe(SHARD);
    }
    let mut dirty = Vec::new();
    while cursor.sequence < events {
        block_on(hub.wakeups(SHARD).woken());
        hub.wakeups(SHARD).take(&mut dirty);
        for channel in dirty.drain(..) {
            channel.begin_read(SHARD);
            let (read, ..) = channel.read(cursor, &TypeFilter::All, Take::Everything, 1 << 20, Form::Json.into());
            if let Read::Batch { first, last, .. } = read {
                assert_eq!(first, cursor.sequence + 1, "in order, and none twice");
                cursor.sequence = last;
            }
        }
    }
    channel.unsubscribe(SHARD);
    hub.leave(channel);
}

fn publish_and_follow(counts_itself_first: bool) {
    let hub = hub(Limits::default());
    let publishers = [publishing(&hub, "project:1", 1), publishing(&hub, "project:1", 1)];
    follow(&hub, counts_itself_first, 2);
    for publisher in publishers {
        publisher.join().unwrap();
    }
}

#[test]
fn whoever_subscribes_while_others_publish_is_woken_for_everything_after() {
    explore(|| publish_and_follow(true));
    // The negative control: who reads first and counts itself then misses what came between, and waits for ever.
    let misses = catch_unwind(AssertUnwindSafe(|| explore(|| publish_and_follow(false))));
    assert!(misses.is_err(), "the checker finds no schedule in which that fails");
}

#[test]
fn a_channel_that_comes_and_goes_counts_on_and_leaves_nothing() {
    explore(|| {
        let hub = hub(Limits { idle: Duration::ZERO, ..Limits::default() });
        let later = now() + 2 * RETENTION.age;
        let publishers = [publishing(&hub, "project:1", 1), publishing(&hub, "project:1", 1)];
        let (sweeping, coming) = (Arc::clone(&hub), Arc::clone(&hub));
        let sweeper = thread::spawn(move || sweeping.sweep(later));
        let comer = thread::spawn(move || {
            let channel = coming.channel(&key("project:1"), RETENTION);
            channel.subscribe(SHARD);
            channel.unsubscribe(SHARD);
            coming.leave(channel);
        });
        let mut positions: Vec<Position> =
            publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect();
        sweeper.join().unwrap();
        comer.join().unwrap();
        positions.sort_by_key(|position| position.sequence);
        // Whether it went between or not: one epoch, and no sequence twice.
        assert_eq!(positions[0].epoch, positions[1].epoch);
        assert_eq!(positions.iter().map(|position| position.sequence).collect::<Vec<_>>(), [1, 2]);
        // What a shard has not looked at yet holds its channel.
        hub.wakeups(SHARD).take(&mut Vec::new());
        hub.sweep(later + RETENTION.age);
        assert_eq!((hub.channel_count(), hub.log_bytes()), (0, 0), "nothing is left, nor counted");
    });
}

#[test]
fn what_is_counted_is_what_is_there_whoever_makes_room() {
    explore(|| {
        let hub = hub(Limits { total_bytes: 12 << 10, ..Limits::default() });
        for publisher in ["project:1", "project:2"].map(|channel| publishing(&hub, channel, 6)) {
            publisher.join().unwrap();
        }
        let channels = ["project:1", "project:2"].map(|channel| hub.channel(&key(channel), RETENTION).bytes());
        assert_eq!(hub.log_bytes(), channels.iter().sum::<usize>());
    });
}
