//! What is fuzzed: each target takes any bytes and panics where a promise is broken. The ordinary tests call the same
//! functions with the committed corpus, so that what was found stays found without a nightly compiler.

pub mod client_frames;
pub mod frame_parser;
pub mod schema;
pub mod token;
pub mod transcoder;
pub mod visibility;

/// A target: any bytes in, a panic where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also its folder in `corpus/`.
pub const ALL: [(&str, Target); 6] = [
    ("frame_parser", frame_parser::run),
    ("client_frames", client_frames::run),
    ("schema", schema::run),
    ("transcoder", transcoder::run),
    ("visibility", visibility::run),
    ("token", token::run),
];
