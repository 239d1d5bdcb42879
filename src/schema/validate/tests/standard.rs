//! Every kind of standard rule: a value that it accepts, and what is said about one that it does not.

use buffa_descriptor::generated::descriptor::{Edition, FileDescriptorSet};

use super::table;
use super::*;

#[test]
fn every_kind_of_standard_rule_accepts_and_refuses() {
    let mut wrong = Vec::new();
    for (field, accepted, refused) in table::rows() {
        let sizes = "enum Size { SIZE_UNSPECIFIED = 0; SIZE_SMALL = 1; SIZE_LARGE = 2; }";
        let fixture = Fixture::event(&format!("{field} {sizes}"));
        for value in *accepted {
            let said = fixture.said(&format!("{{\"v\":{value}}}"));
            if !said.is_empty() {
                wrong.push(format!("{field} {value} is refused: {said:?}"));
            }
        }
        for (value, expected) in *refused {
            let said = fixture.said(&format!("{{\"v\":{value}}}"));
            if said != [*expected] {
                wrong.push(format!("{field} {value}: {said:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_inside_of_messages_lists_and_maps_are_told_with_their_paths() {
    let fixture = Fixture::new(
        "message E { option (rialto.v1.event) = { type: \"e\" };
           Item one_item = 1; repeated Item items = 2; map<string, Item> by_name = 3; Item skipped = 4 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
         message Item { string name = 1 [(buf.validate.field).string.min_len = 2]; Item inside = 2; }",
    );
    let said = fixture.said(
        r#"{"oneItem":{"name":"ab","inside":{"name":"x"}},"items":[{"name":"ab"},{"name":""}],"byName":{"secret":{"name":"y"}},"skipped":{"name":""}}"#,
    );
    let rule = "must have at least 2 characters [string.min_len]";
    assert_eq!(
        said,
        [format!("oneItem.inside.name: {rule}"), format!("items[1].name: {rule}"), format!("byName[0].name: {rule}")]
    );
    assert_eq!(fixture.said("{}"), [""; 0]);
    assert_eq!(fixture.said(&format!("{{\"items\":[{}]}}", vec!["{}"; 100].join(","))).len(), 32);
}

#[test]
fn values_are_checked_as_protobuf_merges_them() {
    let fixture = Fixture::event(
        "int32 v = 1 [(buf.validate.field).int32.lt = 5]; oneof o { string a = 2 [(buf.validate.field).string.min_len = 3]; int32 b = 3; }
         repeated int32 list = 4 [(buf.validate.field).repeated.items.int32.lt = 5];",
    );
    let rule = "must be less than 5 [int32.lt]";
    let cases: [(&[u8], &[String]); 6] = [
        (&[8, 9, 8, 1], &[]),
        (&[8, 1, 8, 9], &[format!("v: {rule}")]),
        (&[18, 1, b'x', 24, 1], &[]),
        (&[24, 1, 18, 1, b'x'], &["a: must have at least 3 characters [string.min_len]".to_owned()]),
        (&[32, 1, 34, 2, 2, 9, 32, 8], &[format!("list[2]: {rule}"), format!("list[3]: {rule}")]),
        // Another wire type is an unknown field.
        (&[13, 9, 0, 0, 0], &[]),
    ];
    for (payload, expected) in cases {
        assert_eq!(fixture.said_of_bytes(payload), expected, "{payload:?}");
    }
}

#[test]
fn a_list_is_set_when_it_has_an_item() {
    let fixture = Fixture::event(
        "repeated int32 tags = 2 [(buf.validate.field).required = true]; repeated int32 other = 3 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE repeated: { min_items: 2 } }];
         option (buf.validate.message).cel = { id: \"rule\" message: \"has no other\" expression: \"!has(this.other)\" };",
    );
    let cases: [(&[u8], &[&str]); 5] = [
        (&[], &["tags: is required"]),
        (&[18, 0], &["tags: is required"]),
        (&[18, 0, 18, 1, 7], &[]),
        (&[18, 1, 7, 26, 0], &[]),
        (&[18, 1, 7, 26, 1, 7], &["other: must have at least 2 items [repeated.min_items]", ": has no other [rule]"]),
    ];
    for (payload, expected) in cases {
        assert_eq!(fixture.said_of_bytes(payload), expected, "{payload:?}");
    }
}

#[test]
fn only_the_member_of_a_set_that_is_set_is_held_to_its_rules() {
    let fixture = Fixture::event(
        "option (buf.validate.message).oneof = { fields: [\"a\", \"b\"] required: true };
         string a = 1 [(buf.validate.field).string.min_len = 3]; string b = 2 [(buf.validate.field).string.min_len = 3];",
    );
    assert_eq!(fixture.said(r#"{"a":"abc"}"#), [""; 0]);
    assert_eq!(fixture.said(r#"{"b":"ab"}"#), ["b: must have at least 3 characters [string.min_len]"]);
    assert_eq!(fixture.said("{}"), [": one of a, b must be set [message.oneof]"]);
    // Who says when a rule is left aside is believed.
    let fixture = Fixture::event(
        "option (buf.validate.message).oneof = { fields: [\"a\", \"b\"] }; string a = 1;
         string b = 2 [(buf.validate.field) = { ignore: IGNORE_UNSPECIFIED string: { min_len: 3 } }];",
    );
    assert_eq!(fixture.said(r#"{"a":"abc"}"#), ["b: must have at least 3 characters [string.min_len]"]);
}

#[test]
fn a_oneof_and_a_closed_enum_are_read_as_protobuf_merges_them_and_counted() {
    let members: String = (1..=100).map(|number| format!("int32 m{number} = {number};")).collect();
    let rule = "option (buf.validate.message).cel = { id: \"rule\" expression: \"has(this.m2) ? '' : 'has no m2'\" };";
    let fixture = Fixture::event(&format!("{rule} oneof o {{ {members} }}"));
    assert_eq!(fixture.said_of_bytes(&[8, 1, 16, 1, 8, 1]), [": has no m2 [rule]"]);
    assert_eq!(fixture.said_of_bytes(&[16, 1, 8, 1, 16, 1]), [""; 0]);
    let fixture = Fixture::new(
        "message E { option (rialto.v1.event) = { type: \"e\" }; optional int32 proto2 = 1;
           repeated Size sizes = 2 [(buf.validate.field).repeated.min_items = 2]; repeated Size packed = 3 [packed = true, (buf.validate.field).repeated.min_items = 2]; }
         enum Size { SMALL = 1; LARGE = 7; }",
    );
    let too_few = |field: &str| format!("{field}: must have at least 2 items [repeated.min_items]");
    // 2 is no size.
    assert_eq!(fixture.said_of_bytes(&[16, 1, 16, 2, 26, 3, 1, 2, 2]), [too_few("sizes"), too_few("packed")]);
    assert_eq!(fixture.said_of_bytes(&[16, 1, 16, 7, 26, 3, 1, 2, 7]), [""; 0]);
    let mut spending = Spending::of_publisher();
    let event = fixture.schema.event("e").unwrap();
    fixture.schema.validate(event, &[16, 1].repeat(20_000), now(), &mut spending).unwrap_err();
    assert!(spending.spent_units() >= 5_000, "{spending:?}");
}

#[test]
fn proto2_has_rules_and_required_fields() {
    let fixture = Fixture::new(
        "message E { option (rialto.v1.event) = { type: \"e\" }; optional int32 proto2 = 1 [(buf.validate.field).int32.gt = 1];
           required string name = 2 [(buf.validate.field).string.min_len = 1]; }",
    );
    assert_eq!(fixture.said(r#"{"name":"a"}"#), [""; 0]);
    assert_eq!(
        fixture.said(r#"{"name":"","proto2":0}"#),
        ["proto2: must be greater than 1 [int32.gt]", "name: must have at least 1 character [string.min_len]"]
    );
    assert_eq!(fixture.said_of_bytes(&[]), ["name: is required"]);
}

#[test]
fn files_of_an_edition_have_rules_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = "syntax = \"proto3\"; import \"buf/validate/validate.proto\"; import \"rialto/v1/options.proto\";
        message E { option (rialto.v1.event) = { type: \"e\" }; string v = 1 [(buf.validate.field).string.min_len = 2]; }";
    std::fs::write(folder.path().join("t.proto"), text).unwrap();
    let includes = [folder.path(), std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proto"))];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(false).open_file("t.proto").unwrap();
    let set = compiler.encode_file_descriptor_set();
    let mut set: FileDescriptorSet = buffa::Message::decode_from_slice(&set).unwrap();
    set.file[0].syntax = Some("editions".to_owned());
    set.file[0].edition = Some(Edition::EDITION_2023);
    let path = folder.path().join("set.binpb");
    std::fs::write(&path, buffa::Message::encode_to_vec(&set)).unwrap();
    let schema = Schema::load(&[Source::DescriptorSet(path)]).unwrap_or_else(|error| panic!("{error}"));
    let said = |payload: &[u8]| {
        schema.validate(schema.event("e").unwrap(), payload, now(), &mut Spending::of_publisher()).is_err()
    };
    // Presence is explicit in edition 2023: what is not set is not held to the rule.
    assert_eq!([said(&[]), said(&[10, 1, b'x']), said(&[10, 2, b'x', b'y'])], [false, true, false]);
}

#[test]
fn event_types_without_rules_are_not_looked_at() {
    let fixture = Fixture::new(
        "message E { option (rialto.v1.event) = { type: \"e\" }; string a = 1; }
         message F { option (rialto.v1.event) = { type: \"f\" }; Inner inner = 1; }
         message Inner { string a = 1 [(buf.validate.field).string.min_len = 1]; }",
    );
    let validated = |name: &str| fixture.schema.event(name).unwrap().is_validated;
    assert_eq!((validated("e"), validated("f")), (false, true));
}

#[test]
fn a_folder_may_bring_its_own_copy_of_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("buf/validate")).unwrap();
    let copy = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/buf/validate/validate.proto"));
    std::fs::write(folder.path().join("buf/validate/validate.proto"), format!("// Another comment.\n{copy}")).unwrap();
    let text = "syntax = \"proto3\"; import \"buf/validate/validate.proto\"; import \"rialto/v1/options.proto\";
        message E { option (rialto.v1.event) = { type: \"e\" }; string v = 1 [(buf.validate.field).string.min_len = 1]; }";
    std::fs::write(folder.path().join("t.proto"), text).unwrap();
    let schema = Schema::load(&[Source::Folder(folder.path().to_owned())]).unwrap_or_else(|error| panic!("{error}"));
    assert!(schema.validate(schema.event("e").unwrap(), &[], now(), &mut Spending::of_publisher()).is_err());
}

/// What is said about a text under these rules, and what that has cost.
fn searched(rules: &str, text: &str) -> (Vec<String>, u64) {
    let fixture = Fixture::event(&format!("string a = 1 [{rules}];"));
    let mut spending = Spending::of_publisher();
    let event = fixture.schema.event("e").unwrap();
    let payload = fixture.transcoder.from_json(event.message, format!("{{\"a\":{text:?}}}").as_bytes()).unwrap();
    let said = fixture.schema.validate(event, &payload, now(), &mut spending).err().unwrap_or_default();
    (said.into_iter().map(|violation| violation.message).collect(), spending.spent_units())
}

#[test]
fn a_pattern_costs_what_its_search_may_take() {
    let long = "ab".repeat(500_000);
    for rules in [
        "(buf.validate.field).string.pattern = \"a[ab]{1000}[cd]{2}\"",
        "(buf.validate.field).cel_expression = \"this.matches('a[ab]{1000}[cd]{2}')\"",
        "(buf.validate.field).cel_expression = \"this.matches(this)\"",
    ] {
        let (said, units) = searched(rules, &long);
        assert!(said.len() == 1 && (said[0].contains("is too large") || rules.contains("(this)")), "{rules}: {said:?}");
        assert!(units < 101_000, "{rules}: {units}");
    }
    // A small automaton takes one step for each byte.
    let (said, units) = searched("(buf.validate.field).string.pattern = \"^[ab]*$\"", &long);
    assert!(said.is_empty() && units < 90_000, "{said:?} {units}");
    for (pattern, text) in [
        (r"^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$", "grace.höpper+shop@mail.example.com"),
        (r"^https?://[\\w.-]+(:\\d+)?(/[^\\s?#]*)?(\\?[^\\s#]*)?(#\\S*)?$", "https://www.example.com:8080/a/b?c=d#e"),
        (r"^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$", "2026-11-20T10:30:45Z"),
        (r"^[a-zA-Z0-9_-]{1,1000}$", &"x".repeat(1_000)),
        (r"^\\p{L}[\\p{L}\\p{N} '-]*$", "Grace Höpper"),
        (r"^.{1,200}$", "anything"),
    ] {
        let (said, units) = searched(&format!("(buf.validate.field).string.pattern = \"{pattern}\""), text);
        assert!(said.is_empty() && units < 10_000, "{pattern}: {said:?} {units}");
    }
}

#[test]
fn a_part_of_bytes_is_searched_for_as_far_as_that_can_be_paid_for() {
    let fixture = Fixture::event("bytes a = 1 [(buf.validate.field).bytes.contains = \"0123456789\"];");
    let said = |triples: usize| fixture.said(&format!("{{\"a\":\"{}\"}}", "AAAA".repeat(triples)));
    assert_eq!(said(10), ["a: must contain 30313233343536373839 in hex [bytes.contains]"]);
    assert_eq!(said(300_000), ["a: is too large to be searched [bytes.contains]"]);
}

#[test]
fn what_is_too_long_is_not_searched() {
    let rules = "(buf.validate.field).string = { max_len: 5 pattern: \"^[ab]{2,}$\" }";
    let (said, units) = searched(rules, &"ab".repeat(10_000));
    assert!(said == ["must have at most 5 characters"] && units < 100, "{said:?} {units}");
    assert_eq!(searched(rules, "x").0, ["must match the pattern \"^[ab]{2,}$\""]);
}

#[test]
fn a_pattern_of_the_payload_is_compiled_and_paid_for_each_time() {
    let sent = "string a = 1; option (buf.validate.message).cel_expression = \"'x'.matches(this.a)\";";
    let own = "string a = 1; option (buf.validate.message).cel_expression = \"this.a.matches('^x+$')\";";
    let units_of = |fields: &str, text: &str| {
        let fixture = Fixture::event(fields);
        let event = fixture.schema.event("e").unwrap();
        let payload = fixture.transcoder.from_json(event.message, format!("{{\"a\":{text:?}}}").as_bytes()).unwrap();
        [(); 2].map(|()| {
            let mut spending = Spending::of_publisher();
            let _ = fixture.schema.validate(event, &payload, now(), &mut spending);
            spending.spent_units()
        })
    };
    assert!(units_of(own, "x")[0] < 1_000);
    let [first, second] = units_of(sent, "x");
    assert!(first == second && first > 2_000, "{first} {second}");
    let [large, _] = units_of(sent, &"(?i)\\w".repeat(20));
    assert!(large > 10_000, "{large}");
    // It may be so long, and no longer.
    let (longest, sent) = ("x?".repeat(128), Fixture::event(sent));
    assert!(sent.said(&format!("{{\"a\":{longest:?}}}")).is_empty());
    assert!(!sent.said(&format!("{{\"a\":\"{longest}x\"}}")).is_empty());
}

#[test]
fn patterns_that_are_too_large_are_refused_at_load() {
    for rules in [
        "(buf.validate.field).string.pattern = \"(a{1000}){1000}\"",
        "(buf.validate.field).cel_expression = \"this.matches('(a{1000}){1000}')\"",
    ] {
        let message = format!("message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; string a = 1 [{rules}]; }}");
        let said = Fixture::try_new(&message).err().unwrap_or_default();
        assert!(said.contains("too large") && said.contains("t.proto:"), "{said}");
    }
}
