//! Loading a schema from anything: a schema of which everything can be made, or mistakes that can be told.

use std::io::Write;
use std::path::PathBuf;

use rialto::codegen::{json_schema, typescript};
use rialto::schema::{LoadError, Schema, Source, lint};
use rialto::transcode::{Options, Transcoder};

/// The first byte chooses: a descriptor set, or the text of a `.proto` file.
pub fn run(bytes: &[u8]) {
    let [form, bytes @ ..] = bytes else { return };
    match form % 2 {
        0 => {
            let files = vec![("fuzz/v1/fuzz.proto".to_owned(), bytes.to_vec())];
            check(Schema::load(&[Source::Texts { origin: "fuzz".into(), files }]));
        }
        _ => {
            let file = Written::new(bytes);
            check(Schema::load(&[Source::DescriptorSet(file.0.clone())]));
        }
    }
}

fn check(loaded: Result<Schema, LoadError>) {
    match loaded {
        Ok(schema) => {
            assert_eq!(schema.fingerprint().len(), 64);
            let _transcoder = Transcoder::new(schema.pool(), Options::default());
            let _lints = lint::lint(&schema);
            let _form = json_schema(&schema);
            let _files = typescript::generate(&schema, &typescript::Options::default());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file that goes when the case is through.
struct Written(PathBuf);

impl Written {
    fn new(bytes: &[u8]) -> Self {
        let name = format!("rialto-fuzz-{}-{:?}.binpb", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let mut file = std::fs::File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.write_all(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Written(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
