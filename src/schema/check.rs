//! Collects what is wrong while a schema is assembled.

use buffa_descriptor::DescriptorPool;

use super::mistake::Mistake;
use super::places::{Files, Near, Site};

/// The checks' shared view of a schema, and the mistakes found so far.
pub(super) struct Checker<'a> {
    pub(super) pool: &'a DescriptorPool,
    pub(super) files: &'a Files,
    /// The texts of the files that did not compile: a name that is not found may be in one of them.
    pub(super) broken: &'a [String],
    pub(super) mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    /// Notes a mistake.
    pub(super) fn report(
        &mut self,
        site: &Site,
        near: Near<'_>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let mistake = self.at(site, near, message.into(), advice.into());
        self.mistakes.push(mistake);
    }

    /// A mistake, not noted.
    pub(super) fn at(&self, site: &Site, near: Near<'_>, message: String, advice: String) -> Mistake {
        let place = self.files.place(site, near);
        Mistake {
            file: self.files.shown(site.file).to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message,
            advice,
        }
    }

    /// Notes that an option is declared but not built.
    pub(super) fn not_built(&mut self, site: &Site, key: &str) {
        self.report(
            site,
            Near::Key(key),
            format!("the option {key} is not built yet"),
            "remove it: an option that nobody acts on would be a false promise",
        );
    }

    /// Notes a mistake about a name that is not found, unless a broken file may hold it.
    pub(super) fn not_found(&mut self, site: &Site, near: Near<'_>, name: &str, message: String, advice: String) {
        let name = name.rsplit('.').next().unwrap_or(name);
        if !self.broken.iter().any(|text| text.contains(name)) {
            self.report(site, near, message, advice);
        }
    }
}

/// "did you mean …?" for a name that is nearly one of those that exist; else the list of them.
pub(super) fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>, what: &str) -> String {
    const LISTED: usize = 10;
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let length = wrong.chars().count();
    let most = (length / 4).max(1);
    // A name that is much longer or shorter cannot be near.
    let similar = known.iter().filter(|name| name.chars().count().abs_diff(length) <= most);
    match similar.map(|name| (distance(wrong, name), *name)).min() {
        Some((distance, name)) if distance <= most => format!("did you mean {name:?}?"),
        _ if known.is_empty() => format!("there are no {what} in this schema"),
        _ if known.len() <= LISTED => format!("known {what}: {}", known.join(", ")),
        _ => format!("known {what}: {} and {} more", known[..LISTED].join(", "), known.len() - LISTED),
    }
}

/// How many characters to insert, remove or replace (Levenshtein), letter case aside.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
