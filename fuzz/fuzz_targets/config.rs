//! Any bytes as a policy, a pipeline and a server's format string.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sluis_fuzz::config(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    sluis_fuzz::replay::main("config", sluis_fuzz::config)
}
