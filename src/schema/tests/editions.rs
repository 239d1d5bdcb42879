//! Descriptor sets with files of an edition, and what is said about those that are wrong.

use std::time::SystemTime;

use super::*;

/// Files of editions 2023 and 2024, of proto2 and of proto3 that use each other; made by `buf build` from what is beside it.
const SET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/editions/set.binpb");

/// One file of a set: its name, what it imports, its edition if it has one, and more of its fields.
fn file(name: &str, imports: &[&str], edition: Option<u64>, more: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = vec![wire::bytes(1, name), wire::bytes(2, "shop.v1")];
    fields.extend(imports.iter().map(|import| wire::bytes(3, import)));
    match edition {
        Some(edition) => fields.extend([wire::bytes(12, "editions"), wire::varint(14, edition)]),
        None => fields.push(wire::bytes(12, "proto3")),
    }
    fields.extend_from_slice(more);
    wire::bytes(1, fields.concat())
}

/// A message with a field of another message's type.
fn message(name: &str, field_of: Option<&str>) -> Vec<u8> {
    let field = field_of.map(|inner| {
        let field = [
            wire::bytes(1, "inner"),
            wire::varint(3, 1),
            wire::varint(4, 1),
            wire::varint(5, 11),
            wire::bytes(6, format!(".shop.v1.{inner}")),
        ];
        wire::bytes(2, field.concat())
    });
    wire::bytes(4, [wire::bytes(1, name), field.unwrap_or_default()].concat())
}

fn load_set(files: &[Vec<u8>], beside: &[(&str, &str)]) -> Result<Schema, LoadError> {
    let folder = folder(beside);
    let set = tempfile::NamedTempFile::new().unwrap();
    fs::write(set.path(), files.concat()).unwrap();
    let mut sources = vec![Source::DescriptorSet(set.path().into())];
    if !beside.is_empty() {
        sources.push(Source::Folder(folder.path().into()));
    }
    Schema::load(&sources).map_err(|mut error| {
        for mistake in &mut error.mistakes {
            mistake.file = mistake.file.rsplit([' ', '/']).next().unwrap().to_owned();
        }
        error
    })
}

#[test]
fn a_set_with_editions_is_a_schema() {
    let schema = Schema::load(&[Source::DescriptorSet(SET.into())]).unwrap();
    let names: Vec<&str> = schema.events().iter().filter(|event| !event.own).map(|event| &*event.name).collect();
    assert_eq!(names, ["order.placed", "order.returned", "shop.opened"]);
    let template = schema.channel("order:c-1:TIER_GOLD").unwrap();
    assert_eq!(template.history, 5);
    assert!(schema.channel("order:c-1:TIER_LOST").is_none() && schema.channel("order:c-1:7").is_none());
}

#[test]
fn a_delimited_message_and_a_closed_enum_name_the_channel() {
    let schema = Schema::load(&[Source::DescriptorSet(SET.into())]).unwrap();
    let placed = schema.event("order.placed").unwrap();
    let customer = wire::bytes(1, "c-1");
    let route = |parts: &[Vec<u8>]| {
        let channels = schema.route(placed, &parts.concat());
        channels.map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" "))
    };
    let (group, gold) = (wire::group(1, &customer), wire::varint(2, 2));
    assert_eq!(route(&[group.clone(), gold.clone()]).unwrap(), "order:c-1:TIER_GOLD");
    // What is no value of the closed enum is as if it were not there.
    assert_eq!(route(&[group.clone(), gold.clone(), wire::varint(2, 9)]).unwrap(), "order:c-1:TIER_GOLD");
    assert!(
        matches!(route(&[group, wire::varint(2, 9)]), Err(RouteError::EmptyParameter { field, .. }) if field == "tier")
    );
    // Behind a length it is an unknown field, there as in the JSON.
    let prefixed = wire::bytes(1, &customer);
    assert!(
        matches!(route(&[prefixed, gold]), Err(RouteError::EmptyParameter { field, .. }) if field == "customer.id")
    );
}

#[test]
fn required_by_feature_is_required() {
    let schema = Schema::load(&[Source::DescriptorSet(SET.into())]).unwrap();
    let placed = schema.event("order.placed").unwrap();
    let line = |sku: &[u8]| wire::group(3, sku);
    assert!(
        schema
            .validate(
                placed,
                &line(&wire::bytes(1, "s")),
                SystemTime::UNIX_EPOCH,
                &mut crate::schema::Spending::of_publisher()
            )
            .is_ok()
    );
    let violations = schema
        .validate(
            placed,
            &line(&wire::varint(2, 1)),
            SystemTime::UNIX_EPOCH,
            &mut crate::schema::Spending::of_publisher(),
        )
        .unwrap_err();
    assert_eq!(violations[0].path, "lines[0].sku");
}

#[test]
fn it_needs_neither_imports_nor_order() {
    let set = fs::read(SET).unwrap();
    let mut files: Vec<Vec<u8>> = super::super::scan::Fields::new(&set)
        .map(|field| match field.unwrap().1 {
            super::super::scan::Wire::Bytes(file) => wire::bytes(1, file),
            other => panic!("{other:?}"),
        })
        .collect();
    let fingerprint = Schema::load(&[Source::DescriptorSet(SET.into())]).unwrap().fingerprint().to_owned();
    files.reverse();
    assert_eq!(load_set(&files, &[]).unwrap().fingerprint(), fingerprint);
    files.extend_from_within(..);
    assert_eq!(load_set(&files, &[]).unwrap().fingerprint(), fingerprint, "each file twice");
}

#[test]
fn what_is_wrong_in_an_edition_is_told_once_and_with_its_file() {
    let base = || file("base.proto", &[], Some(1_000), &[message("Base", None)]);
    let cases: [(&str, Vec<Vec<u8>>, &str); 7] = [
        (
            "an edition of the future, told once for those that import it",
            vec![
                file("far.proto", &[], Some(9_999), &[]),
                file("near.proto", &["far.proto"], Some(1_000), &[]),
                file("plain.proto", &["near.proto"], None, &[]),
            ],
            "far.proto: this edition is not known\n    write `edition = \"2023\";` or \"2024\"",
        ),
        (
            "an import that is not there",
            vec![file("a.proto", &["gone.proto"], Some(1_000), &[]), file("b.proto", &["a.proto"], None, &[])],
            "a.proto: import \"gone.proto\" not found\n    make the set with its imports: `buf build`, or `protoc --include_imports`",
        ),
        (
            "a name that is not there",
            vec![
                base(),
                file("a.proto", &["base.proto"], Some(1_001), &[message("A", Some("Gone"))]),
                file("b.proto", &["a.proto"], None, &[message("B", Some("A"))]),
            ],
            "a.proto: unresolved type name \".shop.v1.Gone\" on field shop.v1.A.inner\n    correct it where the name stands, or make the descriptors anew",
        ),
        (
            "two of one name",
            vec![base(), file("a.proto", &[], Some(1_000), &[message("Base", None)])],
            "base.proto: duplicate symbol name \"shop.v1.Base\"\n    correct it where the name stands, or make the descriptors anew",
        ),
        (
            "a circle of imports with a mistake",
            vec![
                file("a.proto", &["b.proto"], Some(1_000), &[message("A", Some("B"))]),
                file("b.proto", &["a.proto"], Some(1_000), &[message("B", Some("Gone"))]),
            ],
            "a.proto: unresolved type name \".shop.v1.B\" on field shop.v1.A.inner\n    correct it where the name stands, or make the descriptors anew",
        ),
        (
            "an unknown option",
            vec![file(
                "a.proto",
                &[],
                Some(1_000),
                &[wire::bytes(
                    4,
                    [wire::bytes(1, "A"), wire::bytes(7, wire::bytes(51_820, wire::varint(99, 1)))].concat(),
                )],
            )],
            "a.proto: this option has a member 99 that this version of Rialto does not know\n    remove it, or use a newer Rialto",
        ),
        (
            "a syntax of the future",
            vec![wire::bytes(1, [wire::bytes(1, "a.proto"), wire::bytes(12, "proto4")].concat())],
            "a.proto: the syntax \"proto4\" is not known\n    write `syntax = \"proto3\";` or `edition = \"2023\";`",
        ),
    ];
    for (case, files, expected) in cases {
        let error = load_set(&files, &[]).expect_err(case).to_string();
        assert_eq!(error, expected, "{case}");
    }
    let circle = [
        file("a.proto", &["b.proto"], Some(1_000), &[message("A", Some("B"))]),
        file("b.proto", &["a.proto"], Some(1_000), &[message("B", Some("A"))]),
    ];
    assert!(load_set(&circle, &[]).is_ok(), "a circle by itself harms nobody");
}

#[test]
fn a_folder_beside_the_set_cannot_import_from_it() {
    let base = [file("base.proto", &[], Some(1_000), &[message("Base", None)])];
    let imports = "syntax = \"proto3\"; package a.v1; import \"base.proto\"; message A { shop.v1.Base base = 1; }";
    let second = "syntax = \"proto3\"; package a.v1; import \"a.proto\"; message B { A a = 1; }";
    let error = load_set(&base, &[("a.proto", imports), ("b.proto", second)]).unwrap_err().to_string();
    let expected = "a.proto: a file in a folder cannot import \"base.proto\", which is written in an edition\n    \
                    give the whole schema as one descriptor set: `buf build -o schema.binpb`";
    assert_eq!(error, expected);
    let alone = "syntax = \"proto3\"; package a.v1; message A { string text = 1; }";
    assert!(load_set(&base, &[("a.proto", alone)]).is_ok(), "but stand beside it");
}
