//! What it does is in `src/transcoder.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::transcoder::run(bytes));
