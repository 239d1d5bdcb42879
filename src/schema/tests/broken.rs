//! One folder a mistake under `tests/vectors/schema`, each with the exact text of what is said about it.

use super::*;

#[test]
fn every_broken_schema_is_refused_with_exactly_the_expected_text() {
    let mut wrong = Vec::new();
    let root = Path::new(VECTORS).join("schema");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "the vectors are gone: {cases:?}");
    for case in cases {
        let said = match Schema::load(&[Source::Folder(case.clone())]) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(error) => error
                .to_string()
                .replace(&format!("{}/", case.display()), "")
                .replace(&format!("{}", case.display()), "."),
        };
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if format!("{said}\n") != expected {
            wrong.push(format!("== {}\n{said}\n-- expected\n{expected}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
