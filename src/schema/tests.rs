//! The schema from outside.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

mod broken;
mod catalogue;
mod comparing;
mod editions;
mod filters;
mod keys;
mod linting;
mod loading;
mod names;
mod revisions;
mod routing;
mod validation;
mod visibility;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");

/// A schema of these files.
fn load(files: &[(&str, &str)]) -> Result<Schema, LoadError> {
    let folder = folder(files);
    Schema::load(&[Source::Folder(folder.path().to_owned())])
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A schema of one proto3 file of package `shop.v1` with these messages.
fn shop(messages: &str) -> Schema {
    let text = format!("syntax = \"proto3\"; package shop.v1; import \"rialto/v1/options.proto\";\n{messages}");
    load(&[("shop.proto", &text)]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Wire bytes, field by field.
mod wire {
    pub(super) fn varint(number: u32, value: u64) -> Vec<u8> {
        [raw_varint(u64::from(number) << 3), raw_varint(value)].concat()
    }

    pub(super) fn bytes(number: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
        let value = value.as_ref();
        [raw_varint(u64::from(number) << 3 | 2), raw_varint(value.len() as u64), value.to_vec()].concat()
    }

    pub(super) fn fixed32(number: u32, value: u32) -> Vec<u8> {
        [raw_varint(u64::from(number) << 3 | 5), value.to_le_bytes().to_vec()].concat()
    }

    pub(super) fn fixed64(number: u32, value: u64) -> Vec<u8> {
        [raw_varint(u64::from(number) << 3 | 1), value.to_le_bytes().to_vec()].concat()
    }

    pub(super) fn group(number: u32, value: &[u8]) -> Vec<u8> {
        let tag = |kind| raw_varint(u64::from(number) << 3 | kind);
        [tag(3), value.to_vec(), tag(4)].concat()
    }

    fn raw_varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
}
