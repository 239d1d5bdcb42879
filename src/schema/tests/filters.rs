//! Type patterns.

use super::*;

fn schema() -> Schema {
    let events = ["file", "file.uploaded", "file.image.resized", "file_moved", "filed.away", "order.placed"];
    let messages = events
        .iter()
        .enumerate()
        .map(|(number, name)| format!("message E{number} {{ option (rialto.v1.event) = {{ type: \"{name}\" }}; }}\n"));
    shop(&messages.collect::<String>())
}

fn filter(schema: &Schema, patterns: &[&str]) -> Result<TypeFilter, UnknownType> {
    schema.type_filter(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>())
}

#[test]
fn patterns_let_exactly_these_types_through() {
    let schema = schema();
    let everything = ["file", "file.image.resized", "file.uploaded", "file_moved", "filed.away", "order.placed"];
    let cases: [(&[&str], &[&str]); 9] = [
        (&[], &everything),
        (&["*"], &everything),
        (&["file"], &["file"]),
        (&["file.*"], &["file.image.resized", "file.uploaded"]),
        (&["file.image.*"], &["file.image.resized"]),
        (&["file_moved", "order.*"], &["file_moved", "order.placed"]),
        (&["nothing.*"], &[]),
        (&["connection.*"], &[]),
        (&["connection.*", "*"], &everything),
    ];
    for (patterns, expected) in cases {
        let filter = filter(&schema, patterns).unwrap();
        let allowed: Vec<&str> = schema
            .events()
            .iter()
            .filter(|event| !event.own && filter.allows(event.index))
            .map(|event| &*event.name)
            .collect();
        assert_eq!(allowed, expected, "{patterns:?}");
    }
}

#[test]
fn filters_that_let_the_same_through_are_equal() {
    let schema = schema();
    let same = |left: &[&str], right: &[&str]| {
        assert_eq!(filter(&schema, left), filter(&schema, right), "{left:?} {right:?}");
    };
    same(&["file.uploaded", "file"], &["file", "file.uploaded", "file"]);
    same(&["file.*"], &["file.image.*", "file.uploaded"]);
    same(&["*", "file"], &[]);
    same(&["file", "file.*", "file_moved", "filed.*", "order.*"], &[]);
    same(&["nothing.*"], &["neither.*"]);
    assert_eq!(filter(&schema, &["*"]), Ok(TypeFilter::All));
    assert_ne!(filter(&schema, &["file"]), filter(&schema, &["file_moved"]));
}

#[test]
fn what_is_neither_a_type_nor_a_wildcard_is_refused() {
    let schema = schema();
    for pattern in [
        "",
        "nothing",
        "file.",
        ".*",
        "*.uploaded",
        "file*",
        "file.*.resized",
        "fi le.*",
        "File.*",
        "**",
        "connection.ack",
        "error",
        "file.upload",
    ] {
        let error = filter(&schema, &["file", pattern]).unwrap_err();
        assert_eq!(error.pattern, pattern);
    }
    let long = "ä".repeat(100_000);
    assert_eq!(filter(&schema, &[&long]).unwrap_err().pattern, "ä".repeat(128), "its beginning is enough");
}
