//! What it does is in `src/visibility.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::visibility::run(bytes));
