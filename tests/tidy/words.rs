//! What no file of the repository says.

use crate::Breach;
use crate::source::Source;

/// Words and the rule that each breaks. They are put together so that this file does not break them itself.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/ria", "lto")], "names this machine's own folders"),
    (
        &[concat!("shar", "ed/design"), concat!("bench-", "fanout"), concat!("proto", "types/")],
        "names what is not in the repository",
    ),
    (
        &[
            concat!("crates", ".io"),
            concat!("py", "pi.org"),
            concat!("pythonhos", "ted"),
            concat!("npm", "js.org"),
            concat!("deb.deb", "ian.org"),
        ],
        "names a registry's host: use its client as it is set up",
    ),
    (&[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")], "is not a place for notes to oneself"),
];

/// The breaches of what may be said.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for (words, rule) in FORBIDDEN {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                breaches.push(Breach::new(source, number + 1, note(word, rule)));
            }
        }
        if names_an_issue(line) {
            breaches.push(Breach::new(source, number + 1, "names an issue: say what is meant"));
        }
    }
    breaches
}

fn note(word: &str, rule: &str) -> String {
    format!("{rule} ({word})")
}

/// Whether a line names an issue by its number.
fn names_an_issue(line: &str) -> bool {
    let word = concat!("iss", "ue ");
    let lower = line.to_lowercase();
    lower.match_indices(word).any(|(offset, _)| {
        let rest = lower[offset + word.len()..].trim_start_matches('#');
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}
