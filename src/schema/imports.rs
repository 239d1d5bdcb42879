//! Files whose imports are not there, all of them: the compiler would stop at the first.

use std::collections::{BTreeMap, BTreeSet};

use protox::file::{FileResolver as _, GoogleFileResolver};

use super::compile::Input;
use super::mistake::Mistake;

/// Takes out what cannot be compiled for its imports, with what imports it. `unread` are files that are there and cannot
/// be read: that has been told.
pub(super) fn take_incomplete(
    inputs: &mut BTreeMap<String, Input>,
    unread: &BTreeSet<String>,
    broken: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) {
    let google = GoogleFileResolver::new();
    let mut incomplete: BTreeSet<String> = BTreeSet::new();
    for (name, input) in &*inputs {
        let mut seen = BTreeSet::new();
        for (place, import) in (0..).zip(imports(input)) {
            if !seen.insert(import) {
                let message = format!("import {import:?} was listed twice");
                mistakes.push(mistake(input, place, message, "remove one of the two"));
                incomplete.insert(name.clone());
            } else if unread.contains(import) {
                incomplete.insert(name.clone());
            } else if !inputs.contains_key(import) && google.open_file(import).is_err() {
                let advice = match input.file.source() {
                    Some(_) => "put the file into a schema folder, under the path by which it is imported",
                    None => "make the set with its imports: `buf build`, or `protoc --include_imports`",
                };
                mistakes.push(mistake(input, place, format!("import {import:?} not found"), advice));
                incomplete.insert(name.clone());
            }
        }
    }
    // What imports one of these would only be told the same.
    let incomplete = with_importers(incomplete, inputs);
    for input in incomplete.iter().filter_map(|name| inputs.remove(name)) {
        // A descriptor set has no texts, and its names are not looked for.
        broken.push(input.file.source().unwrap_or_default().to_owned());
    }
}

/// These files with all that import them, directly or not.
pub(super) fn with_importers(mut names: BTreeSet<String>, inputs: &BTreeMap<String, Input>) -> BTreeSet<String> {
    loop {
        let before = names.len();
        let importers = inputs.iter().filter(|(_, input)| imports(input).iter().any(|name| names.contains(name)));
        let importers: Vec<String> = importers.map(|(name, _)| name.clone()).collect();
        names.extend(importers);
        if names.len() == before {
            return names;
        }
    }
}

/// What a file imports, by name.
pub(super) fn imports(input: &Input) -> &[String] {
    &input.file.file_descriptor_proto().dependency
}

fn mistake(input: &Input, place: i32, message: String, advice: &str) -> Mistake {
    let info = input.file.file_descriptor_proto().source_code_info.as_ref().filter(|_| input.file.source().is_some());
    let found = info.and_then(|info| info.location.iter().find(|location| location.path == [3, place]));
    let at =
        |index: usize| found.and_then(|found| u32::try_from(*found.span.get(index)?).ok()).map(|from_0| from_0 + 1);
    Mistake { file: input.shown.clone(), line: at(0), column: at(1), message, advice: advice.to_owned() }
}
