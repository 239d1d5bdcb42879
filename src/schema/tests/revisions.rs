//! One schema after another in one process.

use super::*;

fn events(names: &[&str]) -> String {
    let messages = names
        .iter()
        .enumerate()
        .map(|(number, name)| format!("message E{number} {{ option (rialto.v1.event) = {{ type: \"{name}\" }}; }}\n"));
    messages.collect()
}

fn next(schema: &Schema, names: &[&str]) -> Schema {
    let text = format!("syntax = \"proto3\"; package shop.v1; import \"rialto/v1/options.proto\";\n{}", events(names));
    let folder = folder(&[("shop.proto", &text)]);
    schema.load_next(&[Source::Folder(folder.path().to_owned())]).unwrap_or_else(|error| panic!("{error}"))
}

fn number(schema: &Schema, name: &str) -> TypeIndex {
    schema.event(name).unwrap_or_else(|| panic!("{name} is there")).index
}

fn allows(schema: &Schema, patterns: &[&str], number: TypeIndex) -> bool {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    schema.type_filter(&patterns).expect("known patterns").allows(number)
}

#[test]
fn a_type_keeps_its_number_and_nobody_else_ever_gets_it() {
    let first = shop(&events(&["file.moved", "file.uploaded", "order.placed"]));
    let second = next(&first, &["a.new", "file.uploaded", "order.placed"]);
    let third = next(&second, &["another.new", "file.moved", "file.uploaded"]);
    for (schema, name) in [(&second, "file.uploaded"), (&second, "order.placed"), (&third, "file.moved")] {
        assert_eq!(number(schema, name), number(&first, name), "{name}");
    }
    assert_eq!(number(&third, "connection.ack"), number(&first, "connection.ack"));
    let new = [number(&second, "a.new"), number(&third, "another.new")];
    assert_ne!(new[0], new[1]);
    assert!(new.iter().all(|new| first.type_name(*new).is_none()), "{new:?}");
    assert_eq!(
        third.type_name(new[0]).map(|name| &**name),
        Some("a.new"),
        "it is gone, and its events may be in a log"
    );
    assert!(third.event("a.new").is_none());
}

#[test]
fn names_and_messages_lead_to_their_events_whatever_their_numbers() {
    let first = shop(&events(&["x.one", "y.two"]));
    let second = next(&first, &["a.zero", "y.two"]);
    let names: Vec<&str> = second.events().iter().filter(|event| !event.own).map(|event| &*event.name).collect();
    assert_eq!(names, ["a.zero", "y.two"]);
    for event in second.events() {
        assert_eq!(second.event(&event.name).map(|found| found.index), Some(event.index));
        assert_eq!(second.event_by_message(&event.message_name).map(|found| found.index), Some(event.index));
    }
}

#[test]
fn wildcards_cover_what_is_gone_and_what_is_new_and_exact_types_only_what_is_there() {
    let first = shop(&events(&["file.moved", "file.uploaded", "order.placed"]));
    let gone = number(&first, "file.moved");
    let second = next(&first, &["file.added", "file.uploaded", "order.placed"]);
    let new = number(&second, "file.added");
    assert!(allows(&second, &["file.*"], gone) && allows(&second, &["file.*"], new));
    assert!(!allows(&second, &["file.uploaded"], gone) && !allows(&second, &["order.*"], new));
    let unknown = second.type_filter(&["file.moved".to_owned()]).expect_err("the type is gone");
    assert_eq!(unknown.pattern, "file.moved");
    let everything = ["file.*".to_owned(), "order.placed".to_owned()];
    assert_eq!(first.type_filter(&everything), Ok(TypeFilter::All));
    let wider = next(&second, &["file.uploaded", "note.taken", "order.placed"]);
    assert!(!wider.type_filter(&everything).unwrap().allows(number(&wider, "note.taken")));
}

#[test]
fn a_schema_with_mistakes_gives_no_numbers_away() {
    let first = shop(&events(&["x.one"]));
    let folder = folder(&[("a.proto", "syntax = \"proto3\"; message A { Nothing b = 1; }")]);
    assert!(first.load_next(&[Source::Folder(folder.path().to_owned())]).is_err());
    let second = next(&first, &["b.two", "x.one"]);
    assert_eq!(number(&second, "b.two").0 as usize, first.events().len());
}
