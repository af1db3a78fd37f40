//! Any bytes as free text in which identifiers are looked for.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sluis_fuzz::finder(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    sluis_fuzz::replay::main("finder", sluis_fuzz::finder)
}
