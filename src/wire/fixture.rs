//! Schemas and their transcoders for the tests of this floor.

use std::sync::{Arc, LazyLock};

use crate::schema::{Schema, Source};
use crate::transcode::{Options, Transcoder};

/// The bundled schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::bundled);

/// The bundled schema's transcoder.
pub(crate) static TRANSCODER: LazyLock<Arc<Transcoder>> = LazyLock::new(|| Arc::new(transcoder(&SCHEMA)));

/// A schema of one file.
pub(crate) fn schema_of(declarations: &str) -> (Schema, Transcoder) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("syntax = \"proto3\";\npackage test.v1;\nimport \"rialto/v1/options.proto\";\n{declarations}");
    std::fs::write(folder.path().join("test.proto"), text).expect("a file");
    let schema = Schema::load(&[Source::Folder(folder.path().into())]).unwrap_or_else(|error| panic!("{error}"));
    let transcoder = transcoder(&schema);
    (schema, transcoder)
}

fn transcoder(schema: &Schema) -> Transcoder {
    Transcoder::new(schema.pool(), Options::default())
}
