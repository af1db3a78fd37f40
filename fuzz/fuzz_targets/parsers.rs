//! Any bytes as a record of every format.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sluis_fuzz::parsers(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    sluis_fuzz::replay::main("parsers", sluis_fuzz::parsers)
}
