//! Files to linked descriptors, by protox.
//!
//! Every file is compiled by itself, so that one broken file does not hide the mistakes of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buffa_descriptor::generated::descriptor::FileDescriptorSet;
use buffa_descriptor::{DescriptorPool, PoolError};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::diagnostics::mistakes_of;
use super::load::is_given;
use super::mistake::Mistake;
use super::places::Files;
use super::{editions, imports};

/// The files whose messages have a JSON form of their own.
const WELL_KNOWN: [&str; 7] = [
    "google/protobuf/any.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/wrappers.proto",
];

/// One file to compile.
#[derive(Clone)]
pub(super) struct Input {
    /// The file as the user would open it.
    pub(super) shown: String,
    /// Parsed, not yet linked.
    pub(super) file: File,
    /// What it was made from, to tell copies from namesakes.
    pub(super) content: Arc<[u8]>,
}

/// What came of the files.
pub(super) struct Compiled {
    pub(super) pool: DescriptorPool,
    pub(super) files: Files,
    /// The texts of the files that are not among them.
    pub(super) broken: Vec<String>,
    /// Whether something was not looked at because of a mistake.
    pub(super) is_partial: bool,
}

struct Given(Arc<BTreeMap<String, Input>>);

impl FileResolver for Given {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(input) => Ok(input.file.clone()),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// Compiles and links what it can; what it cannot is among the mistakes. `unread` are names of files that are there and
/// are not among the inputs.
pub(super) fn compile(
    mut inputs: BTreeMap<String, Input>,
    unread: &BTreeSet<String>,
    mut broken: Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Compiled {
    let editions = editions::take(&mut inputs, &mut broken, mistakes);
    imports::take_incomplete(&mut inputs, unread, &mut broken, mistakes);
    let inputs = Arc::new(inputs);
    let mut resolver = ChainFileResolver::new();
    resolver.add(Given(inputs.clone()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    // Validation rules are there for those who import them; what the compiler does not see of them is said here.
    let imports = |input: &Input, name: &String| input.file.file_descriptor_proto().dependency.contains(name);
    let is_wanted = |name: &&String| {
        !is_given(name) || !name.starts_with("buf/") || editions.iter().any(|input| imports(input, name))
    };
    for name in inputs.keys().filter(is_wanted) {
        if let Err(error) = compiler.open_file(name) {
            // The mistake may be in an imported file.
            let input = error.file().and_then(|file| inputs.get(file)).or_else(|| inputs.get(name));
            let (shown, text) =
                input.map_or((name.as_str(), ""), |input| (&input.shown, input.file.source().unwrap_or_default()));
            mistakes.extend(mistakes_of(&error, shown, text));
            broken.extend(inputs.get(name).and_then(|input| input.file.source()).map(str::to_owned));
        }
    }
    // Whatever the schema imports: an `Any` may hold them. One that the schema brought broken has been told above.
    for name in WELL_KNOWN {
        let _ = compiler.open_file(name);
    }
    let before = mistakes.len();
    let (files, pool) = link(&compiler, &inputs, &editions, mistakes);
    let is_partial = !broken.is_empty() || !unread.is_empty() || mistakes.len() > before;
    Compiled { pool, files, broken, is_partial }
}

/// Links everything. It finds what only buffa is strict about.
fn link(
    compiler: &Compiler,
    inputs: &BTreeMap<String, Input>,
    editions: &[Input],
    mistakes: &mut Vec<Mistake>,
) -> (Files, DescriptorPool) {
    let mut bytes = compiler.encode_file_descriptor_set();
    editions::append(&mut bytes, editions);
    // Their size is bounded where they are read.
    let unlimited =
        buffa::DecodeOptions::new().with_element_memory_limit(usize::MAX).with_unknown_field_limit(usize::MAX);
    let decode = || unlimited.decode_from_slice::<FileDescriptorSet>(&bytes).map_err(PoolError::from);
    let linked = decode().and_then(|set| Ok((Files::new(&set, inputs, editions), DescriptorPool::new(set)?)));
    linked.unwrap_or_else(|error| {
        let before = mistakes.len();
        if !editions.is_empty()
            && let Ok(mut set) = decode()
        {
            let last = set.file.split_off(set.file.len().saturating_sub(editions.len()));
            if let Ok(pool) = DescriptorPool::new(set) {
                editions::blame(pool, last.into_iter().zip(editions), mistakes);
            }
        }
        if mistakes.len() == before {
            mistakes.push(editions::mistake("schema", &error));
        }
        (Files::new(&FileDescriptorSet::default(), inputs, &[]), DescriptorPool::default())
    })
}
