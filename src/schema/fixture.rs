//! Schemas that tests write down.

use super::Source;

/// One file, `shop.proto`, that is not on the disk.
pub(crate) fn one_file(text: &str) -> [Source; 1] {
    [Source::Texts { origin: "shop".into(), files: vec![("shop.proto".into(), text.as_bytes().to_vec())] }]
}
