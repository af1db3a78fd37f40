//! The `sluis` program: parse, dispatch, exit code.

use std::process::ExitCode;

/// For all of the process, librdkafka included: its messages and headers are allocated by a lane and freed by a broker's thread, which costs
/// glibc's allocator more than everything else that a lane does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluis::cli::main()
}
