//! Schemas and their transcoders for the tests of this floor.

use std::sync::{Arc, LazyLock};

use super::EventFrame;
use crate::log::Form;
use crate::schema::Schema;
use crate::schema::fixture::one_file;
use crate::transcode::{Options, Transcoder};

/// The bundled schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::bundled);

/// The bundled schema's transcoder.
pub(crate) static TRANSCODER: LazyLock<Arc<Transcoder>> = LazyLock::new(|| Arc::new(transcoder(&SCHEMA)));

/// A schema of one file.
pub(crate) fn schema_of(declarations: &str) -> (Schema, Transcoder) {
    let text = format!("syntax = \"proto3\";\npackage test.v1;\nimport \"rialto/v1/options.proto\";\n{declarations}");
    let schema = Schema::load(&one_file(&text)).unwrap_or_else(|error| panic!("{error}"));
    let transcoder = transcoder(&schema);
    (schema, transcoder)
}

/// An event's frame in JSON and in binary, each whole.
pub(crate) fn both_forms(event: &EventFrame<'_>) -> [Vec<u8>; 2] {
    let (mut json, mut binary) = (Vec::new(), Vec::new());
    event.write(7, Form::Json, &mut json);
    event.write(7, Form::Binary, &mut binary);
    binary.extend_from_slice(event.payload);
    [json, binary]
}

fn transcoder(schema: &Schema) -> Transcoder {
    Transcoder::new(schema.pool(), Options::default())
}
