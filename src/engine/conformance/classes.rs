//! Delivery classes.

use super::*;
use crate::log::{Form, Read, Take};
use crate::schema::{EventKey, TypeFilter};

fn of_class(bench: &Bench, number: u64, class: Class) -> Arc<EventRecord> {
    Arc::new(EventRecord { class, ..bench.event(number, &number.to_string()) })
}

pub(crate) async fn the_appender_hears_of_class_and_key(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:größe");
    let [a, b] = ["a", "b"].map(|key| Class::Latest(EventKey::new("t", [key])));
    for (number, class) in (1..).zip([a, b, Class::Reliable, a]) {
        let event = of_class(&bench, number, class);
        assert_eq!(bench.append_one(to(&channel, &event)).await, appended(number, event.id, false));
    }
    let mut channels = bench.rings.channels.lock().unwrap();
    let log = &mut channels.get_mut(&channel).unwrap().0;
    let mut newest = |sequence| {
        let (after, take) = (Position { sequence, ..log.head() }, Take::Newest { keyed_until: 0 });
        log.read(after, &TypeFilter::All, take, 1 << 20, Form::Json)
    };
    assert_eq!(newest(0), Read::Passed { sequence: 1, conflated: 1 }, "the second of a supersedes the first");
    assert!(matches!(newest(1), Read::Batch { first: 2, last: 4, .. }), "{:?}", newest(1));
}

pub(crate) async fn an_ephemeral_event_has_no_sequence_and_takes_none(make: &Make) {
    let bench = Bench::new(make);
    let channels = [key("", "project:1"), key("", "project:2")];
    let mut batch = Vec::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        let ephemeral = of_class(&bench, 100 + number, Class::Ephemeral);
        let reliable = of_class(&bench, number, Class::Reliable);
        for channel in &channels {
            batch.push(to(channel, &ephemeral));
            expected.push(appended(0, ephemeral.id, false));
        }
        for channel in &channels {
            batch.push(to(channel, &reliable));
            expected.push(appended(number + 1, reliable.id, false));
        }
    }
    assert_eq!(bench.append(batch).await, expected);
}

pub(crate) async fn a_retry_of_an_ephemeral_event_is_a_duplicate(make: &Make) {
    let bench = Bench::new(make);
    let channel = key("", "project:1");
    let event = of_class(&bench, 1, Class::Ephemeral);
    assert_eq!(bench.append_one(keyed(&channel, &event, "k")).await, appended(0, event.id, false));
    let retry = Arc::new(EventRecord { id: event_id(7), ..EventRecord::clone(&event) });
    assert_eq!(bench.append_one(keyed(&channel, &retry, "k")).await, appended(0, event.id, true));
}
