//! Files of a descriptor set that go to the linker as they are: those of an edition, and what imports them.
//!
//! The compiler knows proto2 and proto3 only. A descriptor set is compiled already, so its files of an edition need
//! linking alone. Promises that a mistake among them names its file, and that none is told again for each importer.

use std::collections::{BTreeMap, BTreeSet};

use buffa_descriptor::generated::descriptor::{FileDescriptorProto, FileDescriptorSet};
use buffa_descriptor::{DescriptorPool, PoolError};
use protox::file::{FileResolver as _, GoogleFileResolver};

use super::compile::Input;
use super::imports::{imports, with_importers};
use super::mistake::Mistake;
use super::scan::{Fields, Wire};

/// Editions whose features are known, as in `descriptor.proto`: 2023 and 2024.
const KNOWN_EDITIONS: [u64; 2] = [1_000, 1_001];
/// `FileDescriptorProto.edition`.
const EDITION: u32 = 14;

/// Takes what is not for the compiler out of the inputs: every file before those that import it.
pub(super) fn take(
    inputs: &mut BTreeMap<String, Input>,
    broken: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Input> {
    let direct: BTreeSet<String> =
        inputs.iter().filter(|(_, input)| is_edition(input)).map(|(name, _)| name.clone()).collect();
    if direct.is_empty() {
        return Vec::new();
    }
    let direct = with_importers(direct, inputs);
    let mut taken: BTreeMap<String, Input> = direct.into_iter().filter_map(|name| inputs.remove_entry(&name)).collect();
    refuse_sources(&mut taken, broken, mistakes);
    refuse_incomplete(&mut taken, inputs, mistakes);
    sorted(taken)
}

fn is_edition(input: &Input) -> bool {
    input.file.file_descriptor_proto().syntax() == "editions"
}

/// A folder's files cannot import what is only linked: their options would need the compiler.
fn refuse_sources(taken: &mut BTreeMap<String, Input>, broken: &mut Vec<String>, mistakes: &mut Vec<Mistake>) {
    let sources: Vec<String> =
        taken.iter().filter(|(_, input)| input.file.source().is_some()).map(|(name, _)| name.clone()).collect();
    for name in sources {
        let Some(input) = taken.remove(&name) else { continue };
        broken.extend(input.file.source().map(str::to_owned));
        let Some(import) = imports(&input).iter().find(|import| taken.get(*import).is_some_and(is_edition)) else {
            // It imports one that is refused here itself.
            continue;
        };
        mistakes.push(Mistake {
            file: input.shown.clone(),
            line: None,
            column: None,
            message: format!("a file in a folder cannot import {import:?}, which is written in an edition"),
            advice: "give the whole schema as one descriptor set: `buf build -o schema.binpb`".to_owned(),
        });
    }
}

/// Drops what an edition or an import keeps from being linked.
fn refuse_incomplete(
    taken: &mut BTreeMap<String, Input>,
    inputs: &mut BTreeMap<String, Input>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut refused = BTreeSet::new();
    for (name, input) in &*taken {
        let mistake = |message: String, advice: &str| Mistake {
            file: input.shown.clone(),
            line: None,
            column: None,
            message,
            advice: advice.to_owned(),
        };
        if is_edition(input) && !edition(input).is_some_and(|edition| KNOWN_EDITIONS.contains(&edition)) {
            mistakes.push(mistake("this edition is not known".to_owned(), "write `edition = \"2023\";` or \"2024\""));
            refused.insert(name.clone());
            continue;
        }
        for import in imports(input) {
            if taken.contains_key(import) || inputs.contains_key(import) {
                continue;
            }
            match GoogleFileResolver::new().open_file(import) {
                Ok(file) => {
                    let given = Input { shown: import.clone(), file, content: [].into() };
                    inputs.insert(import.clone(), given);
                }
                Err(_) => {
                    let message = format!("import {import:?} not found");
                    mistakes.push(mistake(
                        message,
                        "make the set with its imports: `buf build`, or `protoc --include_imports`",
                    ));
                    refused.insert(name.clone());
                }
            }
        }
    }
    // What imports a refused file would only be told about it again.
    let refused = with_importers(refused, taken);
    taken.retain(|name, _| !refused.contains(name));
}

fn edition(input: &Input) -> Option<u64> {
    let fields = Fields::new(&input.content).map_while(Result::ok);
    let editions = fields.filter_map(|(number, wire)| match wire {
        Wire::Varint(edition) if number == EDITION => Some(edition),
        _ => None,
    });
    editions.last()
}

fn sorted(mut rest: BTreeMap<String, Input>) -> Vec<Input> {
    let mut sorted = Vec::new();
    while !rest.is_empty() {
        let ready: Vec<String> = rest
            .iter()
            .filter(|(_, input)| !imports(input).iter().any(|import| rest.contains_key(import)))
            .map(|(name, _)| name.clone())
            .collect();
        // Files that import each other in a circle come as they are: the linker does not mind.
        let ready = if ready.is_empty() { rest.keys().cloned().collect() } else { ready };
        sorted.extend(ready.iter().filter_map(|name| rest.remove(name)));
    }
    sorted
}

/// Appends the files to a serialized set.
pub(super) fn append(set: &mut Vec<u8>, files: &[Input]) {
    for input in files {
        set.push(1 << 3 | 2);
        let mut length = input.content.len();
        while length >= 0x80 {
            set.push(length as u8 | 0x80);
            length >>= 7;
        }
        set.push(length as u8);
        set.extend_from_slice(&input.content);
    }
}

/// Links one file after another, to say which ones are at fault.
pub(super) fn blame<'a>(
    mut pool: DescriptorPool,
    files: impl Iterator<Item = (FileDescriptorProto, &'a Input)>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut failed: BTreeSet<String> = BTreeSet::new();
    for (file, input) in files {
        let name = file.name.clone().unwrap_or_default();
        if file.dependency.iter().any(|import| failed.contains(import)) {
            failed.insert(name);
            continue;
        }
        if let Err(error) = pool.add_file_descriptor_set(FileDescriptorSet { file: vec![file], ..Default::default() }) {
            mistakes.push(mistake(&input.shown, &error));
            failed.insert(name);
        }
    }
}

/// What the linker is strict about.
pub(super) fn mistake(shown: &str, error: &PoolError) -> Mistake {
    Mistake {
        file: shown.to_owned(),
        line: None,
        column: None,
        message: error.to_string(),
        advice: "correct it where the name stands, or make the descriptors anew".to_owned(),
    }
}
