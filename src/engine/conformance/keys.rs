//! Idempotency keys.

use super::*;

pub(crate) async fn a_retry_finds_the_first_position_and_id(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let events = [9, 8, 7].map(|number| Arc::new(bench.event(number, "the same")));
    let other = Arc::new(bench.event(1, "between"));
    assert_eq!(bench.append_one(to(&channel, &other)).await, appended(1, other.id, false));
    assert_eq!(bench.append_one(keyed(&channel, &events[0], "k")).await, appended(2, events[0].id, false));
    assert_eq!(bench.append_one(to(&channel, &other)).await, appended(3, other.id, false));
    for retry in &events {
        assert_eq!(bench.append_one(keyed(&channel, retry, "k")).await, appended(2, events[0].id, true));
    }
    assert_eq!(bench.append_one(keyed(&channel, &events[1], "k2")).await, appended(4, events[1].id, false));
    assert_eq!(bench.rings.payloads(&channel), ["between", "the same", "between", "the same"]);
}

pub(crate) async fn a_key_with_another_payload_or_type_is_refused(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let first = Arc::new(bench.event(1, "one"));
    let payload = Arc::new(bench.event(2, "two"));
    let of_other_type = Arc::new(EventRecord { event_type: Arc::clone(&bench.types[1]), ..bench.event(3, "one") });
    bench.append_one(keyed(&channel, &first, "k")).await.unwrap();
    for event in [&payload, &of_other_type] {
        let refused = bench.append_one(keyed(&channel, event, "k")).await.unwrap_err();
        assert_eq!((refused.code, refused.reason), (Code::AlreadyExists, "idempotency_key_reused"));
        assert!(refused.message.contains("project:1") && refused.message.contains("\"k\""), "{refused}");
    }
    assert_eq!(bench.append_one(keyed(&channel, &first, "k")).await, appended(1, first.id, true));
    assert_eq!(bench.rings.payloads(&channel), ["one"]);
}

pub(crate) async fn a_retry_with_other_metadata_is_the_same_event(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let first = Arc::new(bench.event(1, "one"));
    let retry = EventRecord { metadata: Bytes::from_static(b"{\"traceparent\":\"00-b\"}"), ..bench.event(2, "one") };
    bench.append_one(keyed(&channel, &first, "k")).await.unwrap();
    assert_eq!(bench.append_one(keyed(&channel, &Arc::new(retry), "k")).await, appended(1, first.id, true));
}

pub(crate) async fn a_key_means_nothing_to_another_tenant_or_channel(make: &Make) {
    let bench = Bench::new(make);
    for (number, log) in [key("", "project:1"), key("b", "project:1"), key("", "project:2")].iter().enumerate() {
        let event = Arc::new(bench.event(number as u64, &number.to_string()));
        assert_eq!(bench.append_one(keyed(log, &event, "k")).await, appended(1, event.id, false), "{log:?}");
    }
}

pub(crate) async fn a_key_means_nothing_to_another_publisher(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    for (number, publisher) in [None, Some("a"), Some("b")].into_iter().enumerate() {
        let event = Arc::new(bench.event(number as u64, &number.to_string()));
        let append = Append { publisher: publisher.map(Into::into), ..keyed(&channel, &event, "k") };
        for duplicate in [false, true] {
            let expected = appended(number as u64 + 1, event.id, duplicate);
            assert_eq!(bench.append_one(append.clone()).await, expected, "{publisher:?}");
        }
    }
}

pub(crate) async fn a_key_is_forgotten_after_the_window(make: &Make) {
    let bench = Bench::with(make, Idempotency { max_age: Duration::from_secs(300), ..Idempotency::default() });
    let channel = key("", "project:1");
    let events = [1, 2, 3].map(|number| Arc::new(bench.event(number, "the same")));
    bench.append_one(keyed(&channel, &events[0], "k")).await.unwrap();
    tokio::time::advance(Duration::from_millis(299_999)).await;
    assert_eq!(bench.append_one(keyed(&channel, &events[1], "k")).await, appended(1, events[0].id, true));
    tokio::time::advance(Duration::from_millis(2)).await;
    assert_eq!(bench.append_one(keyed(&channel, &events[2], "k")).await, appended(2, events[2].id, false));
}

pub(crate) async fn concurrent_publishers_of_one_key_append_once(make: &Make) {
    const PUBLISHERS: u64 = 8;
    const KEYS: u64 = 50;
    let bench = Arc::new(Bench::new(make));
    let channel = key("", "project:1");
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let (bench, channel) = (Arc::clone(&bench), channel.clone());
        std::thread::spawn(move || {
            let publish = async {
                let mut results = Vec::new();
                for number in 0..KEYS {
                    let event = Arc::new(bench.event(publisher * KEYS + number, &number.to_string()));
                    results.push(bench.append_one(keyed(&channel, &event, &format!("k{number}"))).await.unwrap());
                }
                results
            };
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(publish)
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let results: Vec<Vec<Appended>> = publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect();
    for number in 0..KEYS as usize {
        let of_key: Vec<_> = results.iter().map(|results| results[number]).collect();
        assert_eq!(of_key.iter().filter(|appended| !appended.duplicate).count(), 1, "key {number}");
        let place = |appended: &Appended| (appended.position, appended.event_id);
        assert!(of_key.iter().all(|appended| place(appended) == place(&of_key[0])), "key {number}");
    }
    assert_eq!(bench.rings.payloads(&channel).len() as u64, KEYS);
}

pub(crate) async fn a_retry_completes_what_is_missing_under_the_first_id(make: &Make) {
    let bench = Bench::new(make);
    let logs = [key("", "project:1"), key("", "project:2"), key("", "user:ü")];
    let everywhere = |event: &Arc<EventRecord>| logs.iter().map(|log| keyed(log, event, "k")).collect::<Vec<_>>();
    let [first, second, third] = [3, 2, 1].map(|number| Arc::new(bench.event(number, "one")));
    bench.rings.refuse(&logs[0], true);
    bench.rings.refuse(&logs[2], true);
    let results = bench.append(everywhere(&first)).await;
    assert_eq!(results, [Err(refusal()), appended(1, first.id, false), Err(refusal())]);

    bench.rings.refuse(&logs[2], false);
    let results = bench.append(everywhere(&second)).await;
    assert_eq!(results, [Err(refusal()), appended(1, first.id, true), appended(1, first.id, false)]);

    bench.rings.refuse(&logs[0], false);
    let results = bench.append(everywhere(&third)).await;
    assert_eq!(results, [appended(1, first.id, false), appended(1, first.id, true), appended(1, first.id, true)]);
    for log in &logs {
        assert_eq!(bench.rings.ids(log), [first.id], "{log:?}: every frame carries the first publish's id");
    }
}

pub(crate) async fn a_conflict_on_one_channel_keeps_the_event_out_of_all(make: &Make) {
    let bench = Bench::new(make);
    let logs = [key("", "project:1"), key("", "project:2")];
    let (one, two) = (Arc::new(bench.event(1, "one")), Arc::new(bench.event(2, "two")));
    bench.append_one(keyed(&logs[1], &one, "k")).await.unwrap();
    let results = bench.append(logs.iter().map(|log| keyed(log, &two, "k")).collect()).await;
    for result in results {
        assert_eq!(result.unwrap_err().code, Code::AlreadyExists);
    }
    assert_eq!(bench.rings.payloads(&logs[0]), Vec::<String>::new());
    assert_eq!(bench.rings.payloads(&logs[1]), ["one"]);
}

pub(crate) async fn a_failed_append_is_not_remembered(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let (one, two) = (Arc::new(bench.event(1, "one")), Arc::new(bench.event(2, "two")));
    bench.rings.refuse(&channel, true);
    assert_eq!(bench.append_one(keyed(&channel, &one, "k")).await, Err(refusal()));
    bench.rings.refuse(&channel, false);
    assert_eq!(bench.append_one(keyed(&channel, &two, "k")).await, appended(1, two.id, false));
}

pub(crate) async fn one_batch_may_hold_an_event_and_its_retry(make: &Make) {
    let bench = Bench::new(make);
    let logs = [key("", "project:1"), key("", "project:2")];
    let (first, retry) = (Arc::new(bench.event(2, "one")), Arc::new(bench.event(1, "one")));
    let batch = [&first, &retry].into_iter().flat_map(|event| logs.iter().map(|log| keyed(log, event, "k")));
    let results = bench.append(batch.collect()).await;
    let expected = [false, false, true, true].map(|duplicate| appended(1, first.id, duplicate));
    assert_eq!(results, expected);
}

pub(crate) async fn the_window_is_bounded_in_bytes(make: &Make) {
    const KEYS: usize = 5000;
    let idempotency = Idempotency { max_bytes: 256 * 1024, ..Idempotency::default() };
    let bench = Bench::with(make, idempotency);
    let channel = key("", "project:1");
    let event = Arc::new(bench.event(1, "the same"));
    // Each key alone takes 200 bytes: what is still a duplicate afterwards is what was remembered.
    let text = |number: usize| format!("{number:0>200}");
    let batch = (0..KEYS).map(|number| keyed(&channel, &event, &text(number)));
    let results = bench.append(batch.collect()).await;
    assert!(results.iter().all(|result| !result.as_ref().unwrap().duplicate));
    let mut remembered = 0;
    for number in (0..KEYS).rev() {
        let duplicate = bench.append_one(keyed(&channel, &event, &text(number))).await.unwrap().duplicate;
        // Appending what was forgotten pushes out more, so count from the newest to the first that is gone.
        if !duplicate {
            break;
        }
        remembered += 1;
    }
    assert!(remembered * 200 <= idempotency.max_bytes, "{remembered} keys are remembered");
    assert!(remembered > 50, "the newest keys are remembered, but only {remembered}");
}
