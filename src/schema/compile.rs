//! Files to linked descriptors, by protox.
//!
//! Every file is compiled by itself, so that one broken file does not hide the mistakes of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use buffa_descriptor::generated::descriptor::FileDescriptorSet;
use buffa_descriptor::{DescriptorPool, PoolError};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::diagnostics::mistakes_of;
use super::load::is_given;
use super::mistake::Mistake;
use super::places::Files;

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

/// Compiles and links what it can; what it cannot is among the mistakes.
pub(super) fn compile(
    inputs: BTreeMap<String, Input>,
    mut broken: Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Compiled {
    let inputs = Arc::new(inputs);
    let mut resolver = ChainFileResolver::new();
    resolver.add(Given(inputs.clone()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    // Validation rules are there for those who import them.
    for name in inputs.keys().filter(|name| !is_given(name) || !name.starts_with("buf/")) {
        if let Err(error) = compiler.open_file(name) {
            // The mistake may be in an imported file.
            let input = error.file().and_then(|file| inputs.get(file)).or_else(|| inputs.get(name));
            let (shown, text) =
                input.map_or((name.as_str(), ""), |input| (&input.shown, input.file.source().unwrap_or_default()));
            mistakes.extend(mistakes_of(&error, shown, text));
            broken.extend(inputs.get(name).and_then(|input| input.file.source()).map(str::to_owned));
        }
    }
    // Their size is bounded where they are read. Linking them again finds what only buffa is strict about.
    let unlimited =
        buffa::DecodeOptions::new().with_element_memory_limit(usize::MAX).with_unknown_field_limit(usize::MAX);
    let linked = unlimited
        .decode_from_slice::<FileDescriptorSet>(&compiler.encode_file_descriptor_set())
        .map_err(PoolError::from)
        .and_then(|set| Ok((Files::new(&set, &inputs), DescriptorPool::new(set)?)));
    let (files, pool) = linked.unwrap_or_else(|error| {
        mistakes.push(Mistake {
            file: "schema".to_owned(),
            line: None,
            column: None,
            message: error.to_string(),
            advice: "correct it where the name stands, or make the descriptors anew".to_owned(),
        });
        (Files::new(&FileDescriptorSet::default(), &inputs), DescriptorPool::default())
    });
    Compiled { pool, files, broken }
}
