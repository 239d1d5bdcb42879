//! What a Rust file looks like: its name, its length, its first line.

use crate::Breach;
use crate::source::Source;

/// The longest file. Most have 100 to 300 lines.
pub(crate) const MAX_LINES: usize = 400;
/// The longest file of tests.
const MAX_TEST_LINES: usize = 600;
/// Tests inside a file before they get one of their own.
const MAX_INLINE_TEST_LINES: usize = 120;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "manager", "types", "misc"];

/// The breaches of form.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !source.path.ends_with(".rs") {
        return breaches;
    }
    let lines = source.text.lines().count();
    let most = if source.is_test() { MAX_TEST_LINES } else { MAX_LINES };
    if lines > most {
        breaches.push(Breach::new(source, most, format!("{lines} lines is too long ({most}): one idea a file")));
    }
    if let Some(start) = source.text.find("#[cfg(test)]\nmod tests {") {
        let inline = source.text[start..].lines().count();
        if inline > MAX_INLINE_TEST_LINES {
            let line = 1 + source.text[..start].matches('\n').count();
            let rule = format!(
                "{inline} lines of tests: past {MAX_INLINE_TEST_LINES} they have a file of their own, tests.rs"
            );
            breaches.push(Breach::new(source, line, rule));
        }
    }
    if !source.text.starts_with("//!") {
        breaches.push(Breach::new(source, 1, "the file does not open with //! what it is and promises"));
    }
    if source.path.ends_with("/mod.rs") {
        breaches.push(Breach::new(source, 1, "no mod.rs: a module is foo.rs beside foo/"));
    }
    let name = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    if EMPTY_NAMES.contains(&name) {
        breaches.push(Breach::new(source, 1, format!("{name} says nothing: name the file by its idea")));
    }
    for line in source.find("#[ignore") {
        breaches.push(Breach::new(source, line, "a test is never ignored"));
    }
    if source.path.starts_with("tests/") && !source.path.ends_with("/patience.rs") {
        for line in source.find("sleep(") {
            breaches.push(Breach::new(
                source,
                line,
                "wait for a condition, not for time: eventually(…) in patience.rs",
            ));
        }
    }
    breaches
}
