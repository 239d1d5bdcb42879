//! What fuzzing has found and what it begins with, replayed by every test run, without a nightly compiler.

#![allow(clippy::unwrap_used)] // a helper of a test is a test

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // there it is a library
mod fuzz;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Seeds are few and small: what a fuzzer grows from them stays below `target/`.
const MAX_CASES: usize = 200;
const MAX_CASE_BYTES: usize = 64 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The committed cases of a target: what it begins with, and what was found.
fn cases(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut cases = Vec::new();
    for kind in ["corpus", "found"] {
        let Ok(entries) = std::fs::read_dir(folder().join(kind).join(name)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            cases.push((path, bytes));
        }
    }
    cases.sort();
    cases
}

#[test]
fn no_committed_case_breaks_a_promise() {
    for (name, run) in fuzz::ALL {
        let cases = cases(name);
        assert!(!cases.is_empty(), "{name} has no corpus: nothing was replayed");
        assert!(cases.len() <= MAX_CASES, "{name} has {} cases; {MAX_CASES} are enough", cases.len());
        for (path, bytes) in cases {
            assert!(bytes.len() <= MAX_CASE_BYTES, "{} has {} bytes", path.display(), bytes.len());
            let kept = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
            assert!(kept.is_ok(), "{} breaks a promise of {name}", path.display());
        }
    }
}

#[test]
fn every_target_is_a_program_and_every_folder_a_target() {
    let targets: BTreeSet<String> = fuzz::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |folder: PathBuf| -> BTreeSet<String> {
        let entries = std::fs::read_dir(&folder).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()
        };
        entries.map(name).collect()
    };
    assert_eq!(names(folder().join("fuzz_targets")), targets);
    assert_eq!(names(folder().join("corpus")), targets);
}

/// The library's dependencies that the fuzzed crate's lock file does not know yet would be resolved by whoever fuzzes next.
#[test]
fn the_lock_file_knows_every_dependency() {
    let manifest = std::fs::read_to_string(folder().join("../Cargo.toml")).unwrap();
    let lock = std::fs::read_to_string(folder().join("Cargo.lock")).unwrap();
    let section = |text: &str, from: &str, to: &str| -> Vec<String> {
        let (_, rest) = text.split_once(from).unwrap();
        let (section, _) = rest.split_once(to).unwrap();
        let lines = section.lines().filter(|line| !line.starts_with('#'));
        let names = lines.map(|line| line.trim_matches([' ', '"', ',']));
        names
            .filter_map(|name| name.split([' ', '=', '.']).next())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let wanted = section(&manifest, "\n[dependencies]\n", "\n[");
    let locked = section(&lock, "name = \"rialto\"\n", "]\n");
    assert!(wanted.len() > 20, "{wanted:?}");
    for name in wanted {
        assert!(locked.contains(&name), "run cargo fuzz build: fuzz/Cargo.lock has no {name} below rialto: {locked:?}");
    }
}
