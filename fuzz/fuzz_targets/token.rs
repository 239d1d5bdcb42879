//! What it does is in `src/token.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::token::run(bytes));
