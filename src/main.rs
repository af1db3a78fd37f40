//! The `sluis` program: parse, dispatch, exit code.
//!
//! The allocator is mimalloc, for librdkafka's calls too (chosen on 2026-11-27 over the C library's): a message is allocated by the lane and freed by
//! the thread that sends it, at which glibc waits for a lock and searches lists for two of every five CPU seconds of a lane. jemalloc is
//! as fast and takes a fifth more memory. Revisit when glibc frees for other threads without a lock.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluis::cli::main()
}
