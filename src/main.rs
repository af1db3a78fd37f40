//! The `sluis` program: parse, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluis::cli::main()
}
