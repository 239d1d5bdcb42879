//! The rules of the house, as a test: who may know whom, what a file looks like, what the repository says.
//!
//! A failure names the file, the line and the rule. The rules are tested on small made-up files below.

#![allow(clippy::unwrap_used)] // a helper of a test is a test

#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/form.rs"]
mod form;
#[path = "tidy/quotes.rs"]
mod quotes;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/words.rs"]
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// A broken rule: where, and what to do.
#[derive(Debug, PartialEq)]
struct Breach {
    path: String,
    line: usize,
    rule: String,
}

impl Breach {
    fn new(source: &Source, line: usize, rule: impl Into<String>) -> Self {
        Breach { path: source.path.clone(), line, rule: rule.into() }
    }
}

/// Fails with every breach.
fn expect_tidy(breaches: &[Breach]) {
    let lines: Vec<String> =
        breaches.iter().map(|breach| format!("{}:{}: {}", breach.path, breach.line, breach.rule)).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text files below a folder whose names end so, by path.
fn files(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), endings, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | ".git" | ".venv") {
            collect(&path, endings, found);
        } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push(Source::new(&relative, &fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn dependencies_point_down() {
    expect_tidy(&floors::check(&files("src", &[".rs"])));
}

#[test]
fn modules_know_only_the_libraries_of_their_floor() {
    expect_tidy(&files("src", &[".rs"]).iter().flat_map(floors::libraries).collect::<Vec<_>>());
}

#[test]
fn what_troubleshooting_quotes_is_said_by_the_program() {
    let sources: Vec<Source> =
        ["src", "clients/typescript/src"].iter().flat_map(|folder| files(folder, &[".rs", ".ts"])).collect();
    let page = quotes::page();
    expect_tidy(&quotes::check(&page, &quotes::texts(&sources)));
    assert!(page.text.matches("| `").count() > 5, "the table is gone");
    let invented =
        Source::new("a.md", "| 404, `no such … at all` | because | do |\n| `--flag`, `code one` | because | do |");
    let found = quotes::check(&invented, "there is no such thing at all\n");
    assert_eq!(found.iter().map(|breach| breach.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn files_are_short_and_open_with_what_they_are() {
    let rust = ["src", "tests", "benches", "examples"].iter().flat_map(|folder| files(folder, &[".rs"]));
    expect_tidy(&rust.flat_map(|source| form::check(&source)).collect::<Vec<_>>());
}

#[test]
fn the_repository_speaks_of_rialto_alone() {
    let endings =
        [".rs", ".md", ".toml", ".proto", ".py", ".mjs", ".js", ".ts", ".html", ".css", ".yml", ".yaml", ".json"];
    let mut all = files("", &endings);
    all.extend(files("", &["Makefile", "run", ".txt", ".sh"]));
    expect_tidy(&all.iter().flat_map(words::check).collect::<Vec<_>>());
}

#[test]
fn the_papers_are_there() {
    let missing = |name: &str| !root().join(name).is_file();
    let papers = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "deny.toml",
        "clippy.toml",
        "Makefile",
        ".ci/run",
    ];
    let lost: Vec<&str> = papers.into_iter().filter(|name| missing(name)).collect();
    assert!(lost.is_empty(), "missing: {lost:?}");
    let text = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    assert!(text("CHANGELOG.md").contains("## Unreleased"), "CHANGELOG.md has no section \"Unreleased\"");
    assert!(text("ARCHITECTURE.md").contains("**Invariant:**"), "ARCHITECTURE.md states no invariant");
}

#[test]
fn the_code_map_names_every_module() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for source in files("src", &[".rs"]) {
        let module = source.module();
        if module == "lib" || module == "main" || source.path.matches('/').count() != 1 {
            continue;
        }
        assert!(
            map.contains(&format!("`{module}`")),
            "{}: ARCHITECTURE.md's code map does not name `{module}`",
            source.path
        );
    }
}

/// The rules broken by a made-up file.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let source = Source::new(path, text);
    let mut found = floors::check(std::slice::from_ref(&source));
    found.extend(floors::libraries(&source));
    found.extend(form::check(&source));
    found.extend(words::check(&source));
    found.into_iter().map(|breach| format!("{}: {}", breach.line, breach.rule)).collect()
}

#[test]
fn the_rules_see_what_is_wrong() {
    let long = format!("//! X.\n{}", "fn f() {}\n".repeat(form::MAX_LINES));
    let table: [(&str, &str, &str); 24] = [
        ("src/log.rs", "//! X.\nuse crate::hub::Hub;\n", "2: log (floor 1) must not know hub (floor 2)"),
        ("src/log/ring.rs", "//! X.\nuse crate::{ids, hub::Hub};\n", "2: log (floor 1) must not know hub"),
        ("src/log.rs", "//! X.\nuse super::wire;\n", "2: log must not know wire"),
        ("src/schema.rs", "//! X.\nfn f() -> crate::log::Position {}\n", "2: schema must not know log"),
        ("src/grpc/x.rs", "//! X.\nuse crate::socket::X;\n", "2: grpc and socket must not know each other"),
        ("src/engine.rs", "//! X.\nuse crate::hub::X;\n", "2: engine must not know hub"),
        ("src/surprise.rs", "//! X.\n", "1: surprise has no floor"),
        ("src/wire.rs", "//! X.\nuse tokio::io;\n", "2: floors 0 and 1 must not name tokio"),
        (
            "src/wire.rs",
            "//! X.\nfn f() { std::time::Instant::now(); }\n",
            "2: floors 0 and 1 must not ask for the time",
        ),
        ("src/ids.rs", "//! X.\nfn f() { rand::random() }\n", "2: floors 0 and 1 must not ask for chance"),
        ("src/hub.rs", "//! X.\nfn f() { std::env::var(\"X\"); }\n", "2: only config reads the environment"),
        ("src/hub.rs", "//! X.\nuse tonic::Status;\n", "2: only grpc"),
        ("src/grpc.rs", "//! X.\nuse axum::Router;\n", "2: only socket, admin and net"),
        ("src/publisher.rs", "//! X.\nuse crate::ids;\n", "2: publisher is a client of the bridge"),
        ("src/hub.rs", "use crate::ids;\n", "1: the file does not open with //!"),
        ("src/hub/mod.rs", "//! X.\n", "1: no mod.rs"),
        ("src/hub/utils.rs", "//! X.\n", "1: utils says nothing"),
        ("src/hub.rs", &long, "lines is too long"),
        ("src/hub.rs", concat!("//! X.\n// TO", "DO: later\n"), "not a place for notes"),
        ("tests/x.rs", "//! X.\n#[ignore]\nfn f() {}\n", "2: a test is never ignored"),
        ("tests/x.rs", "//! X.\nfn f() { sleep(ten); }\n", "2: wait for a condition"),
        ("README.md", concat!("look at /wo", "rk/x\n"), "1: names this machine"),
        ("Makefile", concat!("curl https://py", "pi.org\n"), "1: names a registry's host"),
        ("src/hub.rs", concat!("//! X.\n// see is", "sue 3\n"), "2: names an issue"),
    ];
    for (path, text, expected) in table {
        let found = breaches(path, text);
        assert!(found.iter().any(|rule| rule.contains(expected)), "{path}: expected {expected:?}, found {found:?}");
    }
}

#[test]
fn the_rules_leave_what_is_right_alone() {
    let table = [
        ("src/session.rs", "//! X.\nuse crate::wire::F;\nuse crate::{ids, log::{Position, Read}, schema};\n"),
        (
            "src/log.rs",
            "//! Ends in [`crate::hub`].\n/* tokio::x */ // crate::hub\nconst S: &str = \"crate::hub std::env\";\n",
        ),
        (
            "src/log.rs",
            "//! X.\nstruct S;\n\n#[cfg(test)]\nmod tests {\n    fn f() { std::time::Instant::now(); }\n}\n",
        ),
        ("src/log/tests.rs", "//! X.\nfn f() { std::time::Instant::now(); }\n"),
        ("src/cli/publish.rs", "//! X.\nuse super::super::app;\nfn f(status: tonic::Status) {}\n"),
        ("src/grpc.rs", "//! X.\nuse crate::ingest::X;\nuse tonic::Status;\n"),
        ("src/config/machine.rs", "//! X.\nfn f() { std::env::var(\"X\"); }\n"),
        ("src/hub.rs", "//! X.\nconst V: &str = env!(\"CARGO_PKG_VERSION\");\n"),
    ];
    for (path, text) in table {
        assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_circle_on_one_floor_is_found() {
    let hub = Source::new("src/hub.rs", "//! X.\nuse crate::ingest::X;\n");
    let ingest = Source::new("src/ingest.rs", "//! X.\nuse crate::limits::X;\n");
    let limits = Source::new("src/limits.rs", "//! X.\nuse crate::hub::X;\n");
    let found = floors::check(&[hub, ingest, limits]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].rule, "modules must not know each other in a circle: hub → ingest → limits → hub");
}
