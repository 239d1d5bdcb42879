//! Where schemas come from: folders of `.proto`, descriptor sets, the bundled catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use protox::file::File;

use super::compile::Input;
use super::diagnostics::mistakes_of;
use super::mistake::{LoadError, Mistake};
use super::numbers::TypeNumbers;
use super::scan::{Fields, Wire};
use super::{Schema, assemble, compile};
use crate::proto::DESCRIPTORS;

mod disk;

/// How large a descriptor set may be.
const MAX_DESCRIPTOR_SET_BYTES: u64 = 64 << 20;

/// What some editors write before a text in UTF-8; it is no part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The package of Rialto's own files.
const OWN_PACKAGE: &str = "rialto.v1";

/// Where a schema, or a part of one, comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder of `.proto` files, and the root of their imports. Rialto's and Google's own files need not be in it.
    Folder(PathBuf),
    /// A serialized `google.protobuf.FileDescriptorSet`.
    DescriptorSet(PathBuf),
    /// A folder of `.proto` files that is not on the disk: what a repository remembers.
    Texts {
        /// What stands before the files' paths where they are shown, `main:proto`.
        origin: String,
        /// The files by their paths from the root of their imports.
        files: Vec<(String, Vec<u8>)>,
    },
    /// The catalogue that is compiled in.
    Bundled,
}

impl Source {
    /// The source at a path: a folder, or else a file with a descriptor set.
    pub fn at(path: &Path) -> Self {
        if path.is_dir() { Source::Folder(path.to_owned()) } else { Source::DescriptorSet(path.to_owned()) }
    }
}

impl Schema {
    /// Reads, compiles and checks a schema. The sources make one schema together; Rialto's own files are always part of
    /// it, and where a source has copies of them, the copies are left aside.
    ///
    /// # Errors
    /// Every mistake that was found, with its place and what to write instead.
    pub fn load(sources: &[Source]) -> Result<Schema, LoadError> {
        load(sources, TypeNumbers::default())
    }

    /// Loads what comes after this schema: its event types keep their numbers, so that filters, and events in logs, mean
    /// the same under both.
    ///
    /// # Errors
    /// As [`Schema::load`].
    pub fn load_next(&self, sources: &[Source]) -> Result<Schema, LoadError> {
        load(sources, self.numbers.clone())
    }
}

fn load(sources: &[Source], numbers: TypeNumbers) -> Result<Schema, LoadError> {
    let mut inputs = Inputs::default();
    inputs.given();
    for source in sources {
        match source {
            Source::Bundled => inputs.bundled(),
            Source::DescriptorSet(path) => inputs.descriptor_set(path),
            Source::Folder(path) => inputs.folder(path),
            Source::Texts { origin, files } => {
                for (name, bytes) in files {
                    inputs.text(name, &Path::new(origin).join(name), Ok(bytes.clone()));
                }
            }
        }
    }
    let mut mistakes = inputs.mistakes;
    let compiled = compile::compile(inputs.files, &inputs.unread, inputs.broken, &mut mistakes);
    assemble::assemble(compiled, mistakes, numbers)
}

/// Whether Rialto brings this file along under every schema.
pub(super) fn is_given(name: &str) -> bool {
    is_own(name) || GIVEN.contains(name)
}

/// The files that Rialto brings along beside its own: by their names, since a user's file may stand in a folder of the
/// same name.
static GIVEN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let brought = |name: &str| name.starts_with("google/") || name.starts_with("buf/validate/");
    let files = split(None, DESCRIPTORS).expect("the program's own descriptors are well-formed");
    let names = files.into_iter().map(|(name, _)| name).filter(|name| brought(name));
    names.chain(GOOGLE.map(str::to_owned)).collect()
});

/// What the compiler brings along for those who import it.
const GOOGLE: [&str; 5] = [
    "google/protobuf/api.proto",
    "google/protobuf/compiler/plugin.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/type.proto",
];

/// Whether this file is Rialto's own.
pub(super) fn is_own(name: &str) -> bool {
    name.starts_with("rialto/v1/")
}

#[derive(Default)]
struct Inputs {
    files: BTreeMap<String, Input>,
    /// The texts of files that cannot be parsed.
    broken: Vec<String>,
    /// The names of files that cannot be read or parsed.
    unread: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Inputs {
    fn refuse(&mut self, path: &Path, message: impl Into<String>, advice: impl Into<String>) {
        self.mistakes.push(Mistake {
            file: path.display().to_string(),
            line: None,
            column: None,
            message: message.into(),
            advice: advice.into(),
        });
    }

    /// Takes the files that Rialto brings along.
    fn given(&mut self) {
        let files = split(None, DESCRIPTORS).expect("the program's own descriptors are well-formed");
        self.files = files.into_iter().filter(|(name, _)| is_given(name)).collect();
    }

    /// Takes a file, unless Rialto brings it along itself.
    fn add(&mut self, name: &str, input: Input) {
        match self.files.get(name) {
            Some(earlier) if is_given(name) || earlier.content == input.content => {}
            _ if is_own(name) || input.file.file_descriptor_proto().package() == OWN_PACKAGE => {
                self.refuse_own(name, &input);
            }
            Some(earlier) => {
                let message = format!("there are two different files {name:?}: the other one is {}", earlier.shown);
                self.refuse(Path::new(&input.shown), message, "rename one of them, or leave its folder out");
            }
            None => drop(self.files.insert(name.to_owned(), input)),
        }
    }

    fn refuse_own(&mut self, name: &str, input: &Input) {
        let text = input.file.source().unwrap_or_default();
        let package = text.lines().zip(1..).find(|(line, _)| line.trim_start().starts_with("package"));
        let copy = self.files.keys().find(|own| is_own(own) && name.ends_with(&format!("/{own}")));
        let (message, advice) = match copy {
            Some(own) => (
                format!("this is a copy of Rialto's own {own}, where no import finds it"),
                format!(
                    "if imports are relative to {:?}, give that folder as the schema; else leave the copy out",
                    name.trim_end_matches(own.as_str()).trim_end_matches('/')
                ),
            ),
            None => (format!("the package {OWN_PACKAGE} is Rialto's own"), "choose another package".to_owned()),
        };
        self.mistakes.push(Mistake {
            file: input.shown.clone(),
            line: package.map(|(_, line)| line),
            column: package.map(|_| 1),
            message,
            advice,
        });
    }

    /// Takes the bundled catalogue.
    fn bundled(&mut self) {
        let files = split(None, DESCRIPTORS).expect("the program's own descriptors are well-formed");
        files.into_iter().filter(|(name, _)| !is_given(name)).for_each(|(name, input)| self.add(&name, input));
    }

    fn descriptor_set(&mut self, path: &Path) {
        if path.extension().is_some_and(|extension| extension == "proto") {
            return self.refuse(
                path,
                "this is one .proto file, not a folder",
                "give the folder that its imports are relative to",
            );
        }
        let set = disk::read(path, MAX_DESCRIPTOR_SET_BYTES);
        if set.as_ref().is_ok_and(Vec::is_empty) {
            return self.refuse(
                path,
                "this file is empty",
                "make it again, `buf build -o schema.binpb`, and see whether that fails",
            );
        }
        match set.map(|set| split(Some(path), &set)) {
            Ok(Some(files)) => {
                for (name, input) in files {
                    match input.file.file_descriptor_proto().syntax() {
                        "" | "proto2" | "proto3" | "editions" => self.add(&name, input),
                        other => self.refuse(
                            Path::new(&input.shown),
                            format!("the syntax {other:?} is not known"),
                            "write `syntax = \"proto3\";` or `edition = \"2023\";`",
                        ),
                    }
                }
            }
            Ok(None) => self.refuse(
                path,
                "this is no FileDescriptorSet",
                "make one: `buf build -o schema.binpb`, or `protoc --include_imports --include_source_info -o schema.binpb`",
            ),
            Err(error) => {
                self.refuse(path, error, "check the path: it should be a folder of .proto files, or a file made by `buf build` or `protoc -o`")
            }
        }
    }

    fn folder(&mut self, root: &Path) {
        let paths = match disk::proto_files(root) {
            Ok(paths) => paths,
            Err(error) => return self.refuse(root, error, "check the path: it should be a folder of .proto files"),
        };
        if paths.is_empty() {
            return self.refuse(
                root,
                "there is no .proto file in this folder",
                "give the folder that imports are relative to",
            );
        }
        for path in paths {
            let Ok(relative) = path.strip_prefix(root) else { continue };
            let name = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            self.text(&name, &path, disk::read_regular(&path));
        }
    }

    /// Takes one `.proto` file of a folder.
    fn text(&mut self, name: &str, path: &Path, bytes: Result<Vec<u8>, String>) {
        if is_given(name) && self.files.contains_key(name) {
            return;
        }
        let shown = path.display().to_string();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "this file is not UTF-8".to_owned()));
        match text {
            Err(error) => {
                self.refuse(path, error, "save it as a file of UTF-8 text, readable by this user");
                self.unread.insert(name.to_owned());
            }
            Ok(text) => {
                let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
                match File::from_source(name, text) {
                    Ok(file) => self.add(name, Input { shown, file, content: text.as_bytes().into() }),
                    Err(error) => {
                        self.mistakes.extend(mistakes_of(&error, &shown, text));
                        self.broken.push(text.to_owned());
                        self.unread.insert(name.to_owned());
                    }
                }
            }
        }
    }
}

/// The files of a descriptor set, by name. Their bytes are kept: decoding them here would lose Rialto's options.
fn split(path: Option<&Path>, set: &[u8]) -> Option<Vec<(String, Input)>> {
    let files = Fields::new(set).map(|field| {
        let Ok((1, Wire::Bytes(bytes))) = field else { return None };
        let file = File::decode_file_descriptor_proto(bytes).ok()?;
        let name = file.name().to_owned();
        let shown = path.map_or_else(|| name.clone(), |path| format!("{}: {name}", path.display()));
        Some((name, Input { shown, file, content: bytes.into() }))
    });
    files.collect()
}
