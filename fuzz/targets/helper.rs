//! Runs the body `helper` of `tests/fuzz_bodies` on whatever the fuzzer makes up.
#![no_main]

#[path = "../../tests/fuzz_bodies/mod.rs"]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::run("helper", data));
