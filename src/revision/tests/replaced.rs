//! What was hidden stays so when its message is replaced by another one, or by something that is none.

use super::*;

const CONTACT: &str = "message Contact { string name = 1; string email = 2; }";

/// Without the `Any`: an event that has one asks for everything by itself.
fn plain(text: &str) -> String {
    text.replace("  google.protobuf.Any any = 4;\n", "")
}

fn first(text: &str) -> Revision {
    super::first(&plain(text))
}

fn after(before: &Revision, text: &str) -> Revision {
    super::after(before, &plain(text))
}

/// With another message in place of the contacts.
fn replacing(message: &str) -> String {
    hiding(&[(CONTACT, message)]).replace("Contact ", "Person ").replace("Contact>", "Person>")
}

/// Of a publisher that has the first schema, where nothing else tells an address.
fn bytes_of_the_first(first: &Revision) -> Vec<u8> {
    let contact = json!({"name": "Ann", "email": ADDRESS});
    bytes_under(first, "order.placed", &json!({"id": "1", "buyer": contact, "others": {"a": contact}}))
}

/// Serves these one after the other; in the end nobody sees an address without permission: neither of an event in the log since
/// before it was hidden, nor of what a publisher with the first schema sends now.
fn expect_hidden(later: &[&str], context: &str) -> (Revision, Logged) {
    let open = first(SHOP);
    let bytes = bytes_of_the_first(&open);
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let mut revision = open;
    for text in later {
        revision = after(&revision, text);
        kept.revise(&revision);
    }
    for _ in 0..2 {
        assert_eq!(kept.tells(Audience::NONE), [false, false], "{context}: kept");
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert_eq!(live.tells(Audience::NONE), [false, false], "{context}: live");
        for event in [&live, &kept] {
            let asks = event.reducer.as_ref().unwrap().asks();
            assert!(event.tells(asks)[1], "{context}: who may see it does");
        }
        // Another reload that changes nothing.
        revision = after(&revision, later.last().unwrap());
        kept.revise(&revision);
    }
    (revision, kept)
}

#[test]
fn a_field_stays_hidden_where_its_message_is_replaced_by_one_that_lacks_it() {
    let hidden = hiding_email();
    let lacking = replacing("message Person { string name = 1; }");
    let without = hidden.replace("  Contact buyer = 2;\n", "").replace("  map<string, Contact> others = 5;\n", "");
    let ways: [(&str, &[&str]); 4] = [
        ("at once", &[&hidden, &lacking]),
        ("after nothing", &[&hidden, &without, &lacking]),
        ("after its own", &[&hidden, &hidden.replace("Contact", "Human"), &lacking]),
        ("and again by nothing", &[&hidden, &lacking, &lacking.replace("  Person buyer = 2;\n", "")]),
    ];
    for (way, later) in ways {
        let (mut revision, mut kept) = expect_hidden(later, way);
        // A schema that has the field and says nothing of it opens it.
        revision = after(&revision, &replacing("message Person { string name = 1; string mail = 2; }"));
        kept.revise(&revision);
        assert_eq!(kept.seen(Audience::NONE)["buyer"]["email"], ADDRESS, "{way}");
        let live = Logged::of_bytes(&revision, "order.placed", &bytes_of_the_first(&first(SHOP)));
        assert_eq!(live.tells(Audience::NONE), [true, true], "{way}");
    }
}

#[test]
fn a_field_stays_hidden_where_something_that_is_no_message_takes_the_place_of_its_own() {
    let hidden = hiding_email();
    let imports = "import \"google/protobuf/timestamp.proto\";\nimport \"google/protobuf/empty.proto\";\nimport \"google/protobuf/any.proto\";";
    let kinds =
        ["string", "bytes", "google.protobuf.Empty", "google.protobuf.Timestamp", "google.protobuf.StringValue"];
    for kind in kinds {
        let imports = imports.replace("empty", if kind.ends_with("StringValue") { "wrappers" } else { "empty" });
        let text = SHOP
            .replace(CONTACT, "")
            .replace("Contact buyer", &format!("{kind} buyer"))
            .replace("map<string, Contact>", &format!("map<string, {kind}>"))
            .replace("import \"google/protobuf/any.proto\";", &imports);
        let open = first(SHOP);
        let mut kept = Logged::of_bytes(&open, "order.placed", &bytes_of_the_first(&open));
        // What is no text is refused where one stands, so only the address is left.
        let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "buyer": {"email": ADDRESS}}));
        let mut revision = after(&open, &hidden);
        for _ in 0..2 {
            revision = after(&revision, &text);
            kept.revise(&revision);
            assert_eq!(kept.tells(Audience::NONE), [false, false], "{kind}: kept");
            let seen = kept.seen(Audience::NONE);
            assert_eq!(
                (&seen["buyer"], &seen["id"]),
                (&json!({"name": "Ann"}), &json!("1")),
                "{kind}: no more than that"
            );
            let live = Logged::of_bytes(&revision, "order.placed", &bytes);
            assert_eq!(live.tells(Audience::NONE), [false, false], "{kind}: live");
            let asks = live.reducer.as_ref().unwrap().asks();
            assert!(live.tells(asks)[1], "{kind}: who may see it does");
        }
        revision = after(&revision, SHOP);
        kept.revise(&revision);
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([true; 2], [true; 2]), "{kind}: opened");
    }
}

#[test]
fn entries_that_are_written_out_in_place_of_a_map_show_nothing_either() {
    let entries = replacing("message Person { string name = 1; } message Pair { string key = 1; Person value = 2; }")
        .replace("map<string, Person>", "repeated Pair");
    expect_hidden(&[&hiding_email(), &entries], "a map's entries");
    let back =
        SHOP.replace("map<string, Contact>", "repeated Entry") + "message Entry { string key = 1; Contact value = 2; }";
    let hidden = back.replace("string email = 2;", EMAIL);
    let open = first(&back);
    let contact = json!({"name": "Ann", "email": ADDRESS});
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "others": [{"key": "a", "value": contact}]}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let revision = after(&after(&open, &hidden), &replacing("message Person { string name = 1; }"));
    kept.revise(&revision);
    let live = Logged::of_bytes(&revision, "order.placed", &bytes);
    assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]));
}

#[test]
fn a_message_that_is_hidden_after_an_event_has_lost_it_is_hidden_in_what_is_still_sent_of_it() {
    let without =
        hiding_email().replace("  Contact buyer = 2;\n", "").replace("  map<string, Contact> others = 5;\n", "");
    expect_hidden(&[&without], "at once");
    let open = SHOP.replace("  Contact buyer = 2;\n", "").replace("  map<string, Contact> others = 5;\n", "");
    expect_hidden(&[&open, &open, &without], "later");
    // The message between them is gone by then, too.
    let deep = SHOP.replace("Contact buyer", "Deep buyer").replace("  map<string, Contact> others = 5;\n", "");
    let deep = deep + "message Deep { Contact buyer = 1; }";
    let first = first(&deep);
    let data = json!({"id": "1", "buyer": {"buyer": {"email": ADDRESS}}});
    let bytes = bytes_under(&first, "order.placed", &data);
    let revision = after(&after(&after(&first, &open), &open), &without);
    assert_eq!(Logged::of_bytes(&revision, "order.placed", &bytes).tells(Audience::NONE), [false, false]);
}

#[test]
fn of_two_answers_the_one_that_hides_counts() {
    // One of the two places gets a message without the field; the other goes on, and its field is opened.
    let both = SHOP.replace("Contact buyer = 2;", "Person buyer = 2;") + "message Person { string name = 1; }";
    let open = first(SHOP);
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "buyer": {"name": "Ann", "email": ADDRESS}}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let revision = after(&after(&open, &hiding_email()), &both);
    kept.revise(&revision);
    let live = Logged::of_bytes(&revision, "order.placed", &bytes);
    assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]));
    // What stands at the other place is as that schema says.
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "others": {"a": {"email": ADDRESS}}}));
    assert_eq!(Logged::of_bytes(&revision, "order.placed", &bytes).tells(Audience::NONE), [true, true]);
}

#[test]
fn what_is_opened_at_one_place_is_not_where_another_one_is_lacked() {
    let open = first(SHOP);
    let opened = replacing("message Person { string name = 1; string mail = 2; }").replace("  Person buyer = 2;\n", "");
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "buyer": {"name": "Ann", "email": ADDRESS}}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let mut revision = after(&open, &hiding_email());
    for _ in 0..3 {
        revision = after(&revision, &opened);
        kept.revise(&revision);
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]));
    }
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "others": {"a": {"email": ADDRESS}}}));
    assert_eq!(Logged::of_bytes(&revision, "order.placed", &bytes).tells(Audience::NONE), [true, true]);
}

#[test]
fn what_is_opened_elsewhere_stays_hidden_where_text_has_taken_its_place() {
    let open = first(SHOP);
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "buyer": {"email": ADDRESS}}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let text = hiding_email().replace("Contact buyer", "string buyer");
    let mut revision = after(&open, &hiding_email());
    // The message goes on to be elsewhere, and is opened there: what has one is open, and what has text in its place is not.
    let opened = SHOP.replace("Contact buyer", "string buyer");
    for (later, is_open) in [(&text, false), (&opened, true)] {
        revision = after(&revision, later);
        kept.revise(&revision);
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert!(live.is_for_somebody(), "who may see it does");
        assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([is_open; 2], [false; 2]));
    }
}

#[test]
fn what_has_held_anything_stays_hidden_where_something_else_has_taken_its_place() {
    let open = super::first(SHOP);
    let contact = json!({"@type": "type.googleapis.com/shop.v1.Contact", "email": ADDRESS});
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "any": contact}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let mut revision = super::after(&open, &hiding_email());
    for other in ["", "  bytes any = 4;\n"] {
        revision = super::after(&revision, &hiding_email().replace("  google.protobuf.Any any = 4;\n", other));
        kept.revise(&revision);
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert!(live.is_for_somebody(), "who may see it does");
        assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]), "{other:?}");
    }
}

#[test]
fn an_entry_is_not_taken_for_what_was_a_maps_value() {
    let contact = "message Contact { string name = 1; string email = 3; }";
    let before = SHOP.replace(CONTACT, contact);
    let hidden = before.replace("string email = 3;", "string email = 3 [(rialto.v1.field).visible_to = \"staff\"];");
    let entries = before
        .replace(
            contact,
            "message Person { string name = 1; string mail = 3; } message Pair { string key = 1; Person value = 2; }",
        )
        .replace("  Contact buyer = 2;\n", "")
        .replace("map<string, Contact>", "repeated Pair");
    let open = first(&before);
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "others": {"a": {"email": ADDRESS}}}));
    let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
    let revision = after(&after(&open, &hidden), &entries);
    kept.revise(&revision);
    let live = Logged::of_bytes(&revision, "order.placed", &bytes);
    assert!(live.is_for_somebody(), "who may see it does");
    assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]));
}

const EXTENDED: &str = r#"syntax = "proto2";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; optional string id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  optional string id = 1;
  extensions 100 to 199;
}
message Contact { optional string name = 1; optional string email = 2; }
extend Placed { optional Contact buyer = 100; repeated Contact others = 101; }
"#;

#[test]
fn a_message_in_an_extension_is_recognised_by_its_place_like_any_other() {
    let rule = "optional string email = 2 [(rialto.v1.field).visible_to = \"staff\"];";
    let renamed = EXTENDED.replace("Contact", "Person");
    let hidden = renamed.replace("optional string email = 2;", rule);
    let lacking = renamed.replace("optional string email = 2;", "");
    let text = hidden.replace("optional Person buyer", "optional string buyer");
    let open = first(EXTENDED);
    let bytes = bytes_under(&open, "order.placed", &json!({"id": "1", "[shop.v1.buyer]": {"email": ADDRESS}}));
    for (what, later) in [("hidden", &hidden), ("lacking", &lacking), ("no message", &text)] {
        let mut kept = Logged::of_bytes(&open, "order.placed", &bytes);
        let revision = after(&after(&open, &hidden), later);
        kept.revise(&revision);
        let live = Logged::of_bytes(&revision, "order.placed", &bytes);
        assert_eq!((kept.tells(Audience::NONE), live.tells(Audience::NONE)), ([false; 2], [false; 2]), "{what}");
    }
}
