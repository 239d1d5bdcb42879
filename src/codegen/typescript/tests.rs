//! What is generated: golden files over hostile schemas, and what is refused.
//!
//! The golden files are made by the program itself, `rialto generate typescript --schema CASE/schema --runtime npm --out
//! CASE/expected`, and looked at; the end-to-end tests compile them with the oldest and the newest TypeScript.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::schema::Source;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/typescript");

fn generated(source: Source, aliases: &[&str]) -> Result<Vec<File>, Error> {
    let schema = Schema::load(&[source]).unwrap();
    let mut options = Options { runtime: Runtime::Npm, ..Options::default() };
    for alias in aliases {
        options.add_alias(alias)?;
    }
    generate(&schema, &options)
}

fn folder(case: &str) -> Source {
    Source::Folder(Path::new(VECTORS).join(case).join("schema"))
}

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap().text
}

#[test]
fn every_hostile_schema_gives_exactly_the_expected_files() {
    let cases: Vec<PathBuf> = fs::read_dir(VECTORS).unwrap().map(|entry| entry.unwrap().path()).collect();
    let cases: Vec<&PathBuf> = cases.iter().filter(|case| case.join("expected").is_dir()).collect();
    assert!(cases.len() >= 4, "the vectors are gone: {cases:?}");
    for case in cases {
        let files = generated(Source::Folder(case.join("schema")), &[]).unwrap();
        for file in &files {
            let path = case.join("expected").join(&file.path);
            let expected = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(file.text, expected, "{} is another", path.display());
        }
        let there: BTreeSet<String> = fs::read_dir(case.join("expected"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(files.into_iter().map(|file| file.path).collect::<BTreeSet<_>>(), there, "{}", case.display());
    }
}

#[test]
fn two_events_of_one_name_are_refused_and_an_alias_helps() {
    let error = generated(folder("clash"), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Opened would be exported twice: by door.v1.Opened and by shop.v1.Opened\n  give one of them another name: \
         --alias shop.v1.Opened=…"
    );
    let files = generated(folder("clash"), &["shop.v1.Opened=ShopOpened"]).unwrap();
    let index = text(&files, "index.ts");
    assert!(index.contains("export { Opened } from \"./door.v1.js\""), "{index}");
    assert!(index.contains("export { ShopOpened, shop } from \"./shop.v1.js\""), "{index}");
    assert_eq!(files, generated(folder("clash"), &[".shop.v1.Opened=ShopOpened"]).unwrap(), "as protoc writes names");
    let shop = text(&files, "shop.v1.ts");
    assert!(shop.contains("$.Event<\"shop.opened\", ShopOpened>"), "{shop}");
}

#[test]
fn an_alias_must_name_what_is_there_and_be_a_free_name() {
    let refused = |alias: &str| generated(folder("clash"), &["shop.v1.Opened=ShopOpened", alias]).unwrap_err();
    assert_eq!(refused("shop.v1.Nothing=A"), Error::UnknownAlias("shop.v1.Nothing".into()));
    for bad in ["door.v1.Opened=a-b", "door.v1.Opened=class", "door.v1.Opened=keyof", "door.v1.Opened="] {
        assert!(matches!(refused(bad), Error::BadAlias(_)), "{bad}");
    }
    for ours in ["connect", "schema", "ClientEvents", "Position", "RialtoError"] {
        assert_eq!(refused(&format!("door.v1.Opened={ours}")), Error::TakenAlias(ours.into()));
    }
    for bad in ["door.v1.Opened", "Other", "=Other", ".=Other", ""] {
        let error = refused(bad);
        assert_eq!(error, Error::AliasOfNothing(bad.into()));
        assert!(error.to_string().contains("MESSAGE=NAME"), "{error}");
    }
    let taken = generated(folder("clash"), &["shop.v1.Opened=A", "shop.v1.Closed=A"]).unwrap_err();
    assert!(matches!(&taken, Error::Clash { name, .. } if name == "A"), "{taken:?}");
}

#[test]
fn the_runtime_comes_along_unless_it_is_imported() {
    let schema = Schema::bundled();
    let embedded = generate(&schema, &Options::default()).unwrap();
    assert!(text(&embedded, "schema.ts").contains("from \"./runtime/index.js\""));
    assert!(embedded.iter().all(|file| file.text.starts_with(MARK)));
    let npm = generate(&schema, &Options { runtime: Runtime::Npm, ..Options::default() }).unwrap();
    assert!(text(&npm, "schema.ts").contains("from \"@rialto/client\""));
    assert_eq!(embedded.iter().filter(|file| !file.path.starts_with(RUNTIME_FOLDER)).count(), npm.len());
}

#[test]
fn the_same_schema_gives_the_same_bytes() {
    let once = generate(&Schema::bundled(), &Options::default()).unwrap();
    assert_eq!(once, generate(&Schema::bundled(), &Options::default()).unwrap());
}
