//! What it does is in `src/client_frames.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::client_frames::run(bytes));
