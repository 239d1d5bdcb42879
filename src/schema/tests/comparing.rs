//! One folder a change under `tests/vectors/breaking`, each with the exact text of what is said about it.

use std::collections::BTreeSet;

use super::*;
use crate::schema::compare::{Rule, Severity, breaking, compare};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(VECTORS).join("breaking");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn side(case: &Path, side: &str) -> Schema {
    // Files of an edition are given as `buf build --exclude-imports` made them of the folder.
    let set = case.join(format!("{side}.binpb"));
    let source = if set.exists() { Source::DescriptorSet(set) } else { Source::Folder(case.join(side)) };
    Schema::load(&[source]).unwrap_or_else(|error| panic!("{}: {error}", case.display()))
}

#[test]
fn every_change_of_a_schema_is_told_with_exactly_the_expected_text() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() > 110, "the vectors are gone: {cases:?}");
    for case in cases {
        let changes = compare(&side(&case, "old"), &side(&case, "new"));
        let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let said = match said.is_empty() {
            true => "nothing".to_owned(),
            false => said.join("\n").replace(&format!("{}/", case.display()), ""),
        };
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if format!("{said}\n") != expected {
            wrong.push(format!("== {}\n{said}\n-- expected\n{expected}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_schema_does_not_differ_from_itself() {
    for case in cases() {
        assert_eq!(compare(&side(&case, "old"), &side(&case, "old")), []);
    }
    assert_eq!(compare(&Schema::bundled(), &Schema::bundled()), []);
}

#[test]
fn every_kind_of_change_has_a_vector_and_a_name_of_its_own() {
    let mut told = String::new();
    for case in cases() {
        told.push_str(&fs::read_to_string(case.join("expected.txt")).unwrap_or_default());
    }
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    let silent: Vec<&&str> = names.iter().filter(|name| !told.contains(&format!("[{name}]"))).collect();
    assert!(silent.is_empty(), "no vector shows {silent:?}");
}

#[test]
fn only_what_breaks_somebody_is_breaking() {
    let case = Path::new(VECTORS).join("breaking/own_retention");
    let (old, new) = (side(&case, "old"), side(&case, "new"));
    assert_eq!(breaking(&old, &new), []);
    assert!(compare(&old, &new).iter().all(|change| change.severity == Severity::Note));
    assert_eq!(breaking(&old, &Schema::bundled()).first().map(|change| change.severity), Some(Severity::Breaking));
}
