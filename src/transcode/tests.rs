//! The transcoder from outside: the committed table of vectors, the bounds, and laws on random input.

mod bounds;
mod editions;
mod laws;
mod notation;
mod random;
mod vectors;

use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, MessageIndex};

use super::{Options, TranscodeError, Transcoder};

/// The pool of the vectors' schema.
fn pool() -> Arc<DescriptorPool> {
    use prost::Message as _;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/transcode");
    let set = protox::compile(["vectors.proto", "legacy.proto"], [folder]).unwrap();
    Arc::new(DescriptorPool::decode(&set.encode_to_vec()).unwrap())
}

fn index(pool: &DescriptorPool, name: &str) -> MessageIndex {
    pool.message_index(name).unwrap_or_else(|| panic!("no message {name}"))
}

fn canonical() -> Options {
    Options { print_defaults: false, ..Options::default() }
}

fn print(transcoder: &Transcoder, message: MessageIndex, wire: &[u8]) -> Result<String, TranscodeError> {
    let mut json = b"before".to_vec();
    let result = transcoder.to_json(message, wire, &mut json);
    if result.is_err() {
        assert_eq!(json, b"before", "an error leaves the output as it was");
    }
    result.map(|()| String::from_utf8(json).unwrap().strip_prefix("before").unwrap().to_owned())
}

#[test]
fn our_own_frames_print_without_null() {
    use prost::Message as _;
    let set = protox::compile(["rialto/v1/socket.proto"], [concat!(env!("CARGO_MANIFEST_DIR"), "/proto")]).unwrap();
    let pool = Arc::new(DescriptorPool::decode(&set.encode_to_vec()).unwrap());
    let transcoder = Transcoder::new(&pool, Options::default());
    for message in pool.messages().iter().filter(|message| message.full_name().starts_with("rialto.v1.")) {
        let json = print(&transcoder, index(&pool, message.full_name()), &[]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(value.is_object() && !json.contains("null"), "{}: {json}", message.full_name());
    }
}
