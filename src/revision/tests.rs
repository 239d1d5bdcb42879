//! What is hidden in events that were published under earlier revisions.

mod replaced;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::ids::EventId;
use crate::log::{Form, Whole};
use crate::schema::fixture::one_file;
use crate::wire::EventFrame;
use crate::wire::fixture::both_forms;
use crate::wire::websocket::payload;

const SHOP: &str = r#"syntax = "proto3";
package shop.v1;
import "google/protobuf/any.proto";
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; string id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  string id = 1;
  Contact buyer = 2;
  string note = 3;
  google.protobuf.Any any = 4;
  map<string, Contact> others = 5;
}
message Contact { string name = 1; string email = 2; }
message Gone { option (rialto.v1.event) = { type: "order.gone", channels: ["OrderChannel"] }; string id = 1; string secret = 2; }
"#;

/// What nobody is to see whom a schema does not let.
const ADDRESS: &str = "ann@secret.example";

const EMAIL: &str = "string email = 2 [(rialto.v1.field).visible_to = \"staff\"];";
const NOTE: &str = "string note = 3 [(rialto.v1.field).visible_to = \"money\"];";

fn load(text: &str, before: Option<&Revision>) -> Schema {
    let sources = one_file(text);
    let loaded = before.map_or_else(|| Schema::load(&sources), |before| before.schema.load_next(&sources));
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

fn first(text: &str) -> Revision {
    Revision::first(load(text, None), Options::default())
}

/// The revision after this one, while logs hold events of all before it.
fn after(before: &Revision, text: &str) -> Revision {
    before.next(load(text, Some(before)), Options::default(), |_| true)
}

fn hiding(rules: &[(&str, &str)]) -> String {
    rules.iter().fold(SHOP.to_owned(), |text, (plain, ruled)| {
        assert!(text.contains(plain), "{plain}");
        text.replace(plain, ruled)
    })
}

fn hiding_email() -> String {
    hiding(&[("string email = 2;", EMAIL)])
}

fn bytes_under(revision: &Revision, name: &str, data: &Value) -> Vec<u8> {
    let event = revision.schema.event(name).unwrap();
    revision.transcoder.from_json(event.message, data.to_string().as_bytes()).unwrap()
}

/// An event as the log has it that was published under a revision.
struct Logged {
    event_type: TypeIndex,
    revision: u32,
    json: Vec<u8>,
    binary: Vec<u8>,
    data_bytes: usize,
    reducer: Option<Arc<dyn Reducer>>,
}

impl Logged {
    fn under(revision: &Revision, name: &str, data: &Value) -> Logged {
        Logged::of_bytes(revision, name, &bytes_under(revision, name, data))
    }

    /// Of a publisher whose schema is another one.
    fn of_bytes(revision: &Revision, name: &str, payload: &[u8]) -> Logged {
        let event = revision.schema.event(name).unwrap();
        let mut text = Vec::new();
        revision.transcoder.to_json(event.message, payload, &mut text).unwrap();
        let frame = EventFrame {
            event_type: name,
            channel: "order:1",
            unix_ms: 1_000,
            id: EventId::new(5, [9; 10]),
            reply_to: None,
            metadata: b"",
            metadata_wire: b"",
            data: &text,
            payload,
        };
        let [json, binary] = both_forms(&frame);
        let reducer = revision.reducer(event).cloned();
        Logged { event_type: event.index, revision: revision.number, json, binary, data_bytes: text.len(), reducer }
    }

    fn placed(revision: &Revision) -> Logged {
        let contact = json!({"name": "Ann", "email": "ann@secret.example"});
        let mut held = contact.clone();
        held["@type"] = "t/shop.v1.Contact".into();
        let data = json!({"id": "1", "buyer": contact, "note": "secret-note", "any": held, "others": {"a": contact}});
        Logged::under(revision, "order.placed", &data)
    }

    /// Goes by another revision, as a log does after a reload.
    fn revise(&mut self, revision: &Revision) {
        self.reducer = revision.reducer_of(self.event_type, self.revision, self.reducer.as_ref());
    }

    /// The data for an audience, which the two forms agree about.
    fn seen(&self, audience: Audience) -> Value {
        let data = |frame: &[u8]| serde_json::from_slice::<Value>(payload(frame).unwrap()).unwrap()["data"].clone();
        let Some(reducer) = self.reducer.as_ref().filter(|reducer| !reducer.asks().without(audience).is_none()) else {
            return data(&self.json);
        };
        let made = [(Form::Json, &self.json), (Form::Binary, &self.binary)].map(|(form, frame)| {
            let mut out = Vec::new();
            let whole = Whole { frame, form, data_bytes: self.data_bytes, binary: &self.binary };
            reducer.reduce(&whole, audience, &mut out);
            out
        });
        let seen = data(&made[0]);
        for secret in ["ann@secret.example", "secret-note"] {
            let has = |frame: &[u8]| frame.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert_eq!(has(&made[0]), has(&made[1]), "{secret} in both forms or in none");
        }
        seen
    }

    /// Whether there is an address in either form as an audience gets it.
    fn tells(&self, audience: Audience) -> [bool; 2] {
        let reducer = self.reducer.as_ref().filter(|reducer| !reducer.asks().without(audience).is_none());
        [(Form::Json, &self.json), (Form::Binary, &self.binary)].map(|(form, frame)| {
            let mut out = Vec::new();
            let whole = Whole { frame, form, data_bytes: self.data_bytes, binary: &self.binary };
            match reducer {
                Some(reducer) => reducer.reduce(&whole, audience, &mut out),
                None => out.clone_from(frame),
            }
            out.windows(ADDRESS.len()).any(|window| window == ADDRESS.as_bytes())
        })
    }

    /// Whether who may see all of it finds an address in the binary form.
    fn is_for_somebody(&self) -> bool {
        self.reducer.as_ref().is_some_and(|reducer| self.tells(reducer.asks())[1])
    }

    /// Whether somebody without permissions sees the address, and the note.
    fn shows(&self) -> (bool, bool) {
        let seen = self.seen(Audience::NONE).to_string();
        (seen.contains("ann@secret.example"), seen.contains("secret-note"))
    }
}

#[test]
fn what_a_later_revision_hides_is_hidden_in_what_is_there_and_what_it_opens_is_not() {
    let open = first(SHOP);
    let mut event = Logged::placed(&open);
    assert_eq!(event.shows(), (true, true));
    let staff = after(&open, &hiding_email());
    assert!(staff.hides_anew() && staff.hides());
    event.revise(&staff);
    assert_eq!(event.shows(), (false, true));
    let seen = event.seen(Audience::NONE);
    assert_eq!(seen["buyer"], json!({"name": "Ann"}));
    assert_eq!((&seen["any"]["name"], &seen["others"]["a"]), (&json!("Ann"), &json!({"name": "Ann"})));
    let asks = event.reducer.as_ref().unwrap().asks();
    assert_eq!(event.seen(asks)["buyer"]["email"], "ann@secret.example", "who has the permission sees it");
    // Published while it was hidden, it stays so, and one that the next revision hides as well comes to it.
    let mut hidden = Logged::placed(&staff);
    let money = after(&staff, &hiding(&[("string note = 3;", NOTE)]));
    assert!(money.hides_anew());
    for event in [&mut event, &mut hidden] {
        event.revise(&money);
    }
    assert_eq!((event.shows(), hidden.shows()), ((true, false), (false, false)));
    let both = after(&money, &hiding(&[("string email = 2;", EMAIL), ("string note = 3;", NOTE)]));
    for event in [&mut event, &mut hidden] {
        event.revise(&both);
        assert_eq!(event.shows(), (false, false));
    }
}

#[test]
fn a_field_is_recognised_by_its_place_in_the_event_when_its_message_has_another_name() {
    let open = first(SHOP);
    let mut event = Logged::placed(&open);
    let renamed =
        hiding_email().replace("Contact", "Person").replace("Placed", "OrderPlaced").replace("email", "address");
    let next = after(&open, &renamed);
    event.revise(&next);
    // What an Any holds has only its message's name.
    let seen = event.seen(Audience::NONE);
    assert_eq!((&seen["buyer"], &seen["others"]["a"]), (&json!({"name": "Ann"}), &json!({"name": "Ann"})));
}

#[test]
fn an_event_whose_type_is_gone_goes_by_its_own_rules_and_those_on_its_messages() {
    let open = first(&SHOP.replace("string secret = 2;", "Contact secret = 2;"));
    let data = json!({"id": "1", "secret": {"name": "Ann", "email": "ann@secret.example"}});
    let mut event = Logged::under(&open, "order.gone", &data);
    let without = hiding_email();
    let without = &without[..without.find("message Gone").unwrap()];
    let next = after(&open, without);
    event.revise(&next);
    assert_eq!(event.seen(Audience::NONE), json!({"id": "1", "secret": {"name": "Ann"}}));
    // The channel asks its subscribers for it, though none of its events does any more.
    let channel = next.schema.channel("order:1").unwrap();
    let asks = channel.field_permissions.iter().fold(Audience::NONE, |all, (one, _)| all.with(*one));
    assert_eq!(event.seen(asks)["secret"]["email"], "ann@secret.example");
}

#[test]
fn what_was_hidden_stays_so_when_its_message_or_its_event_goes_and_until_it_is_opened_again() {
    let (open, hidden) = (first(SHOP), hiding_email());
    let rest = |text: &str| text[..text.find("message Placed").unwrap()].to_owned();
    let renamed = SHOP.replace("Contact", "Person").replace("Placed", "Bought").replace("order.placed", "order.bought");
    let gone = format!(
        "{}message Other {{ option (rialto.v1.event) = {{ type: \"other\", channels: [\"OrderChannel\"] }}; string id = 1; }}",
        rest(SHOP)
    );
    let without = SHOP.replace("Contact buyer", "string buyer").replace("map<string, Contact>", "map<string, string>");
    let without = format!(
        "{}{}",
        &without[..without.find("message Contact").unwrap()],
        &SHOP[SHOP.find("message Gone").unwrap()..]
    );
    for (what, later) in [("renamed", &renamed), ("gone", &gone), ("without its message", &without)] {
        let mut event = Logged::placed(&open);
        let mut revision = after(&open, &hidden);
        for _ in 0..2 {
            revision = after(&revision, later);
            event.revise(&revision);
            assert!(!event.shows().0, "{what}");
            let asks = event.reducer.as_ref().unwrap().asks();
            assert!(event.seen(asks).to_string().contains("ann@secret.example"), "{what}: who may see it does");
        }
        event.revise(&after(&revision, SHOP));
        assert_eq!(event.shows(), (true, true), "{what}: it is opened again");
        for _ in 0..2 * MAX_EARLIER {
            revision = after(&revision, later);
            event.revise(&revision);
            assert!(!event.shows().0, "{what}: also when revisions are joined");
        }
    }
}

#[test]
fn a_message_that_leaves_an_event_is_asked_for_in_its_channels_all_the_same() {
    let open = first(SHOP);
    let mut event = Logged::placed(&open);
    let placed = "  Contact buyer = 2;\n  string note = 3;\n  google.protobuf.Any any = 4;\n  map<string, Contact> others = 5;\n";
    let next = after(&open, &hiding_email().replace(placed, ""));
    event.revise(&next);
    assert_eq!(event.shows(), (false, true));
    let channel = next.schema.channel("order:1").unwrap();
    assert_eq!(channel.field_permissions.iter().map(|(_, text)| &**text).collect::<Vec<_>>(), ["staff"]);
    // And after another reload, too.
    let later = after(&next, &hiding_email().replace(placed, "  string more = 9;\n"));
    event.revise(&later);
    assert_eq!(event.shows(), (false, true));
    assert_eq!(later.schema.channel("order:1").unwrap().field_permissions.len(), 1);
}

#[test]
fn a_reload_that_changes_no_rule_makes_no_plans_and_revisions_without_events_are_forgotten() {
    let before = first(&hiding_email());
    let event = before.schema.event("order.placed").unwrap();
    let reducer = before.reducer(event).unwrap();
    let next = after(&before, &format!("{}\nmessage More {{ string id = 1; }}", hiding_email()));
    assert!(!next.hides_anew());
    let same = next.reducer_of(event.index, 1, Some(reducer)).unwrap();
    assert!(Arc::ptr_eq(&same, reducer));
    assert_eq!(next.earlier_count(), 1);
    let later = next.next(load(SHOP, Some(&next)), Options::default(), |_| false);
    assert_eq!(later.earlier_count(), 1, "only the one that publishers have now");
    // Who publishes under one that is forgotten shows nothing to who may miss something.
    let mut late = Logged::placed(&before);
    late.revise(&later);
    assert_eq!(late.seen(Audience::NONE), json!({}));
    let mut open = Logged::placed(&first(SHOP));
    open.revise(&later);
    assert_eq!(open.shows(), (true, true), "where there is nothing to hide nothing is");
}

#[test]
fn earlier_revisions_are_bounded_and_the_oldest_hide_what_they_hid() {
    let mut revision = first(&hiding_email());
    let mut events = vec![Logged::placed(&revision)];
    let data = json!({"id": "1", "secret": "secret-note"});
    let mut gone = Logged::under(&revision, "order.gone", &data);
    for number in 0..2 * MAX_EARLIER {
        // Every second one hides the note and not the address; the type of the other event is there in the first one only.
        let rules: &[(&str, &str)] = if number % 2 == 0 { &[("string note = 3;", NOTE)] } else { &[] };
        let text = hiding(rules)
            .replace("order.gone", "order.other")
            .replace("message Gone", &format!("message Gone{number}"));
        revision = after(&revision, &text);
        assert_eq!(revision.earlier_count(), MAX_EARLIER.min(number + 1));
        for event in &mut events {
            event.revise(&revision);
        }
        gone.revise(&revision);
        let hides_note = number % 2 == 0;
        assert!(!events[0].shows().0, "the first was published with the address hidden");
        assert!(!hides_note || events.iter().all(|event| !event.shows().1), "after {number}");
        assert!(events.iter().filter(|event| event.revision % 2 == 0).all(|event| !event.shows().1), "after {number}");
        events.push(Logged::placed(&revision));
    }
    assert!(events.last().unwrap().shows().0, "the newest are as they were published");
    assert_eq!(gone.seen(Audience::NONE)["secret"], "secret-note", "nothing of it was ever hidden");
}

#[test]
fn an_event_of_a_type_that_nobody_remembers_goes_out_empty() {
    let secret = "string secret = 2 [(rialto.v1.field).visible_to = \"staff\"];";
    let mut revision = first(&hiding(&[("string secret = 2;", secret)]));
    let mut event = Logged::under(&revision, "order.gone", &json!({"id": "1", "secret": "secret-note"}));
    for number in 0..=MAX_EARLIER {
        assert_eq!(event.seen(Audience::NONE), json!({"id": "1"}), "{number}");
        let text = SHOP.replace("order.gone", "order.other").replace("message Gone", &format!("message Gone{number}"));
        revision = after(&revision, &text);
        event.revise(&revision);
    }
    assert_eq!(event.seen(Audience::NONE), json!({}));
    let asks = event.reducer.as_ref().unwrap().asks();
    assert_eq!(event.seen(asks), json!({"id": "1", "secret": "secret-note"}));
}
