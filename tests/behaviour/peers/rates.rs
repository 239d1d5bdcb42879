//! How fast a publisher may be: what is over it is refused by itself, and nobody else notices.

use serde_json::json;
use tonic::Code;

use super::*;

/// So slow that nothing comes back while a test runs.
const SLOW: &str = "types = [\"*\"]\nchannels = [\"*\"]\nevents-per-second = 1\nburst = 3";

fn refused(reasons: &[Option<String>], reason: &str) -> usize {
    reasons.iter().filter(|told| told.as_deref() == Some(reason)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_over_its_rate_is_told_when_to_come_back_and_others_go_on() {
    let list = entry("flood", BILLING, SLOW) + &entry("quiet", OTHER, EVERYTHING);
    let listed = Listed::with(&list, |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let (mut flood, mut quiet) =
        (Stream::open(&mut publisher, BILLING).await, Stream::open(&mut publisher, OTHER).await);
    let reasons = flood.reasons((0..300).map(|number| progress("42", &format!("{number}"))).collect()).await;
    assert_eq!(reasons[..3], [None, None, None], "the burst");
    assert!(refused(&reasons, "PUBLISHER_RATE") > 200, "{reasons:?}");
    let all = quiet.reasons((0..300).map(|number| progress("42", &format!("{number}"))).collect()).await;
    assert!(all.iter().all(Option::is_none), "another publisher is not concerned");

    // Sent until one is refused, as the bucket fills while this runs.
    let mut waits = Vec::new();
    while waits.len() < 3 {
        flood.send(vec![beat()]).await;
        if let Err(over) = flood.ack().await.expect("the stream lives") {
            assert_eq!(over.code, Code::ResourceExhausted as i32);
            assert!(over.message.contains("this publisher may publish 1 events a second"), "{}", over.message);
            waits.push(over.retry_ms.expect("RetryInfo"));
        }
    }
    assert!(waits.iter().all(|wait| *wait > 0), "{waits:?}");
    // A unary call is the same publisher, and so is HTTP.
    let over = loop {
        if let Err(status) = publish_as(&mut publisher, BILLING, beat()).await {
            break status;
        }
    };
    assert_eq!(over.code(), Code::ResourceExhausted);
    assert!(Refused::of_call(&over).retry_ms.is_some());
    let bearer = format!("Bearer {BILLING}");
    let answer = loop {
        let answer = listed.post(&[("authorization", &bearer)], &heartbeat()).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((answer.status, answer.reason().as_str()), (429, "PUBLISHER_RATE"));
    let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    let wait_ms = answer.json()["retryAfterMs"].as_u64().expect("retryAfterMs");
    assert!(seconds >= 1 && wait_ms > 0 && wait_ms <= seconds * 1_000, "{seconds} s, {wait_ms} ms");

    let metrics = call(listed.bridge.addresses.admin, "GET", "/metrics", &[], "").await.text;
    let count = |start: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {metrics}"));
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    };
    assert!(count("rialto_limit_hits_total{limit=\"events-per-second-per-publisher\"}") > 200.0);
    assert!(count("rialto_publisher_events_total{publisher=\"flood\",result=\"refused\"}") > 200.0);
    assert!(count("rialto_publisher_events_total{publisher=\"quiet\",result=\"accepted\"}") >= 300.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_over_its_rate_leaves_the_others_of_its_batch_alone() {
    let rate = "types = [\"*\"]\nchannels = [\"*\"]\nevents-per-second-per-type = 1\nburst-per-type = 2";
    let listed = Listed::with(&entry("billing", BILLING, rate), |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let mut stream = Stream::open(&mut publisher, BILLING).await;
    let mut batch: Vec<Event> = (0..200).map(|number| progress("42", &format!("{number}"))).collect();
    batch.push(beat());
    let reasons = stream.reasons(batch).await;
    assert_eq!(reasons[..2], [None, None]);
    assert!(refused(&reasons, "TYPE_RATE") > 100, "{reasons:?}");
    assert_eq!(reasons[200], None, "another type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_the_rate_of_its_type_takes_nothing_from_the_other_types() {
    let of_all = "events-per-second = 1\nburst = 10\nevents-per-second-per-type = 1\nburst-per-type = 2";
    let rate = format!("types = [\"*\"]\nchannels = [\"*\"]\n{of_all}");
    let listed = Listed::with(&entry("billing", BILLING, &rate), |_| ()).await;
    let mut publisher = listed.bridge.publisher().await;
    let mut stream = Stream::open(&mut publisher, BILLING).await;
    let mut batch: Vec<Event> = (0..200).map(|number| progress("42", &format!("{number}"))).collect();
    batch.extend([beat(), beat()]);
    let reasons = stream.reasons(batch).await;
    assert_eq!(refused(&reasons, "PUBLISHER_RATE"), 0, "{reasons:?}");
    assert_eq!(reasons[200..], [None, None], "another type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_of_one_rate_have_it_each_for_themselves() {
    let by_type = "types = [\"*\"]\nchannels = [\"*\"]\nevents-per-second-per-type = 1\nburst-per-type = 3";
    for (rate, reason) in [(SLOW, "PUBLISHER_RATE"), (by_type, "TYPE_RATE")] {
        let listed = Listed::with(&(entry("one", BILLING, rate) + &entry("other", OTHER, rate)), |_| ()).await;
        let mut publisher = listed.bridge.publisher().await;
        for token in [BILLING, OTHER] {
            let mut stream = Stream::open(&mut publisher, token).await;
            let reasons = stream.reasons((0..200).map(|number| progress("42", &format!("{number}"))).collect()).await;
            assert_eq!(reasons[..3], [None, None, None], "the burst is there, whatever the other one has spent");
            assert!(refused(&reasons, reason) > 100, "{reasons:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_list_the_address_has_the_rate_of_the_configuration() {
    let bridge = Bridge::with(|config| {
        config.limits.events_per_second_per_publisher = Some(2);
        config.limits.events_burst = std::time::Duration::from_secs(5);
    })
    .await;
    let answer = post(&bridge, &[], &json!(vec![heartbeat(); 200])).await.json();
    let told: Vec<bool> =
        answer.as_array().expect("one each").iter().map(|one| one.get("accepted").is_some()).collect();
    assert!(told[..10].iter().all(|accepted| *accepted), "five seconds' worth at once: {told:?}");
    assert!(told.iter().filter(|accepted| !**accepted).count() > 100, "{told:?}");
    assert_eq!(answer[199]["error"]["code"], "RESOURCE_EXHAUSTED");
    assert!(answer[199]["error"]["retryAfterMs"].as_u64().is_some());
}
