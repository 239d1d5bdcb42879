//! Sequences, order, independence, refusals.

use super::*;

pub(crate) async fn sequences_of_a_channel_count_from_one_without_holes(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "projekt:größe");
    for number in 1..=50 {
        let event = Arc::new(bench.event(number + 100, &number.to_string()));
        let result = bench.append_one(to(&channel, &event)).await;
        assert_eq!(result, appended(number, event.id, false));
    }
    assert_eq!(bench.rings.payloads(&channel), (1..=50).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub(crate) async fn a_batch_keeps_its_order_and_answers_in_it(make: &Make) {
    let bench = Bench::new(make);
    let channels = [key("", "project:1"), key("", "project:2")];
    let mut expected = Vec::new();
    let mut batch = Vec::new();
    for number in 0..60 {
        let event = Arc::new(bench.event(number, &number.to_string()));
        batch.push(to(&channels[number as usize % 2], &event));
        expected.push(appended(number / 2 + 1, event.id, false));
    }
    assert_eq!(bench.append(batch).await, expected);
    for (remainder, channel) in channels.iter().enumerate() {
        let numbers = (0..60).filter(|number| number % 2 == remainder).map(|number| number.to_string());
        assert_eq!(bench.rings.payloads(channel), numbers.collect::<Vec<_>>());
    }
}

pub(crate) async fn channels_and_tenants_are_independent(make: &Make) {
    let bench = Bench::new(make);
    let event = Arc::new(bench.event(5, "one"));
    let logs = [key("a", "project:1"), key("b", "project:1"), key("a", "project:2"), key("", "project:1")];
    for (round, log) in [0, 0, 0, 1, 2, 3].into_iter().map(|at| &logs[at]).enumerate() {
        let sequence = if round < 3 { round as u64 + 1 } else { 1 };
        assert_eq!(bench.append_one(to(log, &event)).await, appended(sequence, event.id, false), "{log:?}");
    }
}

pub(crate) async fn concurrent_publishers_share_one_gapless_order(make: &Make) {
    const PUBLISHERS: u64 = 8;
    const EACH: u64 = 100;
    let bench = Arc::new(Bench::new(make));
    let channel = key("", "project:1");
    // Threads of their own: an engine that is ready at once would otherwise never meet itself.
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let (bench, channel) = (Arc::clone(&bench), channel.clone());
        std::thread::spawn(move || {
            let publish = async {
                let mut sequences = Vec::new();
                for number in 0..EACH {
                    let event = Arc::new(bench.event(publisher * EACH + number, &format!("{publisher}/{number}")));
                    sequences.push(bench.append_one(to(&channel, &event)).await.unwrap().position.sequence);
                }
                sequences
            };
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(publish)
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let mut all = Vec::new();
    for publisher in publishers {
        let sequences = publisher.join().unwrap();
        assert!(sequences.is_sorted(), "a publisher's own order is kept");
        all.extend(sequences);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=PUBLISHERS * EACH).collect::<Vec<_>>());
    let payloads = bench.rings.payloads(&channel);
    for publisher in 0..PUBLISHERS {
        let own = payloads.iter().filter_map(|payload| payload.strip_prefix(&format!("{publisher}/")));
        assert!(own.map(|number| number.parse::<u64>().unwrap()).eq(0..EACH), "publisher {publisher}");
    }
}

pub(crate) async fn a_refused_append_reaches_its_result_and_nothing_else(make: &Make) {
    let bench = Bench::new(make);
    let (open, full) = (key("", "project:1"), key("", "project:2"));
    let events = [1, 2, 3].map(|number| Arc::new(bench.event(number, &number.to_string())));
    bench.rings.refuse(&full, true);
    let results = bench.append(vec![to(&open, &events[0]), to(&full, &events[1]), to(&open, &events[2])]).await;
    let expected = [appended(1, events[0].id, false), Err(refusal()), appended(2, events[2].id, false)];
    assert_eq!(results, expected);
    assert_eq!(bench.rings.payloads(&full), Vec::<String>::new());

    bench.rings.refuse(&full, false);
    assert_eq!(bench.append_one(to(&full, &events[1])).await, appended(1, events[1].id, false), "no hole was left");
}

pub(crate) async fn an_empty_batch_answers_nothing(make: &Make) {
    assert_eq!(Bench::new(make).append(Vec::new()).await, []);
}

pub(crate) async fn a_future_that_is_never_polled_appends_nothing(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let event = Arc::new(bench.event(1, "never"));
    drop(bench.engine.append(vec![to(&channel, &event)]));
    let event = Arc::new(bench.event(2, "first"));
    assert_eq!(bench.append_one(to(&channel, &event)).await, appended(1, event.id, false));
}
