//! What a reload hides, in events of every class and of publishers that come late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::engine::{Append, Appender, EventRecord};
use crate::hub::{Limits, ShardIndex};
use crate::ids::{ChannelKey, EventId, Tenant};
use crate::log::{Form, Position, Read, Take, View};
use crate::schema::fixture::one_file;
use crate::schema::{Audience, EventKey, TypeFilter};
use crate::transcode::Options;

const SHOP: &str = r#"syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" retention: { events: 1 age: { nanos: 1 } } }; string id = 1; }
message Placed { option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] }; string id = 1; string email = 2; }
"#;

const SECRET: &str = "ann@secret.example";

fn schema(before: Option<&Schema>, text: &str) -> Schema {
    let sources = one_file(text);
    before.map_or_else(|| Schema::load(&sources), |before| before.load_next(&sources)).unwrap()
}

fn append(hub: &Hub, revision: &Revision, class: Class) -> Position {
    append_of(hub, revision, class, "order.placed", &json!({"id": "1", "email": SECRET}))
}

fn append_of(hub: &Hub, revision: &Revision, class: Class, event_type: &str, data: &Value) -> Position {
    let event_type = Arc::clone(revision.schema.event(event_type).unwrap());
    let text = data.to_string();
    let payload = revision.transcoder.from_json(event_type.message, text.as_bytes()).unwrap();
    let event = EventRecord {
        id: EventId::new(5, [9; 10]),
        timestamp_ms: 1_000,
        metadata: Default::default(),
        metadata_wire: Default::default(),
        reply_to: None,
        data: text.into(),
        payload: payload.into(),
        revision: revision.number,
        class,
        reducer: revision.reducer(&event_type).cloned(),
        event_type,
    };
    let retention = revision.schema.channel("order:1").unwrap().retention;
    let append = Append { key: key(), retention, event: Arc::new(event), idempotency_key: None, publisher: None };
    hub.append(&append).unwrap()
}

fn key() -> ChannelKey {
    ChannelKey { tenant: Tenant::default_tenant(), channel: "order:1".into() }
}

/// Which of the kept events show the secret to somebody without permissions, in either form; the last one is ephemeral.
fn shown(hub: &Hub, begin: Position) -> Vec<bool> {
    let channel = hub.channel(&key(), Retention::DEFAULT);
    let has = |read: &Read| match read {
        Read::Batch { frames, .. } => frames.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()),
        other => panic!("{other:?}"),
    };
    let in_form = |form: Form| {
        let view = View { form, audience: Audience::NONE };
        let mut after = Position { sequence: 0, ..begin };
        let mut shown = Vec::new();
        loop {
            let (read, ..) = channel.read(after, &TypeFilter::All, Take::Newest { keyed_until: 0 }, 1, view);
            match read {
                Read::Batch { last, .. } => {
                    shown.push(has(&read));
                    after.sequence = last;
                }
                // Gone, or superseded.
                Read::Lagged { oldest, .. } => after.sequence = oldest - 1,
                Read::Passed { sequence, .. } => after.sequence = sequence,
                Read::UpToDate => break,
                other => panic!("{other:?}"),
            }
        }
        let (read, ..) = channel.read_ephemeral(0, &TypeFilter::All, 1, view);
        shown.push(has(&read));
        shown
    };
    let [json, binary] = Form::ALL.map(in_form);
    assert_eq!(json, binary);
    json
}

#[test]
fn a_reload_hides_in_what_is_kept_and_in_what_comes_late() {
    let first = Revision::first(schema(None, SHOP), Options::default());
    let hub = Hub::new(1, 1, Limits::default());
    hub.channel(&key(), Retention::DEFAULT).subscribe(ShardIndex(0));
    let begin = append(&hub, &first, Class::Latest(EventKey::new("t", ["a"])));
    append(&hub, &first, Class::Latest(EventKey::new("t", ["b"])));
    append(&hub, &first, Class::Ephemeral);
    hub.sweep(Instant::now() + Duration::from_millis(1));
    append(&hub, &first, Class::Reliable);
    assert_eq!(
        hub.channel(&key(), Retention::DEFAULT).extent().oldest,
        3,
        "the newest of their keys have outlived the retention"
    );
    assert_eq!(shown(&hub, begin), [true; 4]);
    assert_eq!(hub.kept_revisions().into_iter().collect::<Vec<_>>(), [1]);

    let hiding = SHOP.replace("string email = 2;", "string email = 2 [(rialto.v1.field).visible_to = \"staff\"];");
    let next = Arc::new(first.next(schema(Some(&first.schema), &hiding), Options::default(), |_| true));
    hub.revise(&first.schema, &next);
    assert_eq!(shown(&hub, begin), [false; 4]);
    // One of the old revision's publishers comes when the reload is through.
    append(&hub, &first, Class::Latest(EventKey::new("t", ["c"])));
    append(&hub, &first, Class::Ephemeral);
    assert!(shown(&hub, begin).iter().all(|shown| !shown));
    assert!(hub.channel(&key(), Retention::DEFAULT).bytes() == hub.log_bytes(), "what was made is counted");

    // And shown again: it was published when everybody saw it.
    let last = Arc::new(next.next(schema(Some(&next.schema), SHOP), Options::default(), |_| true));
    hub.revise(&next.schema, &last);
    assert!(shown(&hub, begin).iter().all(|shown| *shown));
    append(&hub, &next, Class::Latest(EventKey::new("t", ["a"])));
    assert_eq!(
        shown(&hub, begin).iter().filter(|shown| !**shown).count(),
        1,
        "but not what was hidden when it was published"
    );
}

#[test]
fn what_is_opened_again_is_shown_also_when_nothing_is_hidden_any_more() {
    let hub = Hub::new(7, 1, Limits::default());
    let revision = |before: Option<&Revision>, text: &str| {
        let schema = schema(before.map(|before| &*before.schema), text);
        // Only the first event is there.
        let next = |before: &Revision, schema| before.next(schema, Options::default(), |kept| kept.contains(&1));
        Arc::new(match before {
            Some(before) => next(before, schema),
            None => Revision::first(schema, Options::default()),
        })
    };
    let first = revision(None, SHOP);
    hub.channel(&key(), Retention::DEFAULT).subscribe(ShardIndex(0));
    let begin = append(&hub, &first, Class::Reliable);
    append(&hub, &first, Class::Ephemeral);
    assert_eq!(shown(&hub, begin), [true; 2]);
    let hiding = SHOP.replace("email = 2;", "email = 2 [(rialto.v1.field).visible_to = \"staff\"];");
    let gone = SHOP.replace("Placed", "Other").replace("order.placed", "order.other").replace("email", "note");
    let mut before = first;
    for (text, expected) in [(hiding.as_str(), false), (&gone, false), (SHOP, true)] {
        let next = revision(Some(&before), text);
        hub.revise(&before.schema, &next);
        assert_eq!(shown(&hub, begin), [expected; 2], "{text}");
        before = next;
    }
    assert!(!before.hides());
}

#[test]
fn what_is_made_of_an_event_that_has_outlived_the_retention_is_counted() {
    let text = format!(
        "{SHOP}message Seen {{ option (rialto.v1.event) = {{ type: \"order.seen\", channels: [\"OrderChannel\"] }}; string id = 1; }}"
    );
    let first = Revision::first(schema(None, &text), Options::default());
    let hub = Hub::new(1, 1, Limits::default());
    hub.channel(&key(), Retention::DEFAULT).subscribe(ShardIndex(0));
    let begin = append(&hub, &first, Class::Latest(EventKey::new("t", ["a"])));
    hub.sweep(Instant::now() + Duration::from_millis(1));
    for class in [Class::Reliable, Class::Ephemeral] {
        append_of(&hub, &first, class, "order.seen", &json!({"id": "1"}));
    }
    let bytes = || hub.channel(&key(), Retention::DEFAULT).bytes();
    assert_eq!(bytes(), hub.log_bytes());

    let hiding = text.replace("string email = 2;", "string email = 2 [(rialto.v1.field).visible_to = \"staff\"];");
    let next = Arc::new(first.next(schema(Some(&first.schema), &hiding), Options::default(), |_| true));
    hub.revise(&first.schema, &next);
    assert_eq!(bytes(), hub.log_bytes());
    assert_eq!(shown(&hub, begin), [false; 3]);
    assert_eq!(bytes(), hub.log_bytes(), "what reading has made");
}
