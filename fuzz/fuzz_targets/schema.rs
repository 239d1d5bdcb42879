//! What it does is in `src/schema.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rialto_fuzz::schema::run(bytes));
