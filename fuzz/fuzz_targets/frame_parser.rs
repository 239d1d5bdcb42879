//! What it does is in `src/frame_parser.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::frame_parser::run(bytes));
