//! Messages that the documentation quotes: each must be one that the program says, so that a search for it finds the page.

use std::path::Path;

use crate::source::Source;
use crate::{Breach, root};

/// Every text that the program may say, without the line breaks of long literals.
pub(super) fn texts(sources: &[Source]) -> String {
    let mut all = String::new();
    for source in sources {
        for line in source.text.lines() {
            match all.ends_with('\\') {
                true => {
                    all.pop();
                    all.push_str(line.trim_start());
                }
                false => all.push_str(line),
            }
            if !all.ends_with('\\') {
                all.push('\n');
            }
        }
    }
    all
}

/// Quotes of messages in the first column of the tables of a page. `…` stands for what differs from case to case.
pub(super) fn check(page: &Source, texts: &str) -> Vec<Breach> {
    let rows = page.text.lines().zip(1..).filter_map(|(line, number)| {
        let (first, _) = line.strip_prefix("| ")?.split_once(" |")?;
        Some((first, number))
    });
    let quotes = rows.flat_map(|(first, number)| first.split('`').skip(1).step_by(2).map(move |quote| (quote, number)));
    let messages = quotes.filter(|(quote, _)| quote.contains(' '));
    let missing = |quote: &str| quote.split('…').map(str::trim_end).any(|part| !texts.contains(part));
    messages
        .filter(|(quote, _)| missing(quote))
        .map(|(quote, line)| {
            Breach::new(page, line, format!("nothing says {quote:?}: quote what is said, or leave it out"))
        })
        .collect()
}

/// The page of troubles.
pub(super) fn page() -> Source {
    let path = "docs/troubleshooting.md";
    Source::new(path, &std::fs::read_to_string(root().join(Path::new(path))).unwrap())
}
