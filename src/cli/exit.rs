//! Exit codes, in one table, and the failures that lead to them.

use std::process::ExitCode;

use super::said;

/// Done.
pub const DONE: u8 = 0;
/// A check failed.
pub const CHECK_FAILED: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;
/// Input had quarantined records, under `--strict`.
pub const QUARANTINED: u8 = 3;
/// A source or sink failed.
pub const DOWNSTREAM: u8 = 4;

/// Why a command did not do what it was asked: the message for a person, and the exit code.
pub struct Failure {
    /// Thing, place, remedy; never content of a record.
    pub message: String,
    /// One of the codes above.
    pub code: u8,
}

impl Failure {
    /// Wrong usage or configuration.
    #[allow(clippy::needless_pass_by_value, reason = "taken by `map_err`, which gives the error away")]
    pub fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: USAGE }
    }

    /// A source or sink failed.
    #[allow(clippy::needless_pass_by_value, reason = "as above")]
    pub fn downstream(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: DOWNSTREAM }
    }
}

/// Prints the failure, if any, and returns the exit code.
pub fn code(done: Result<u8, Failure>) -> ExitCode {
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if !failure.message.is_empty() {
                said::failure(failure.message.trim_end());
            }
            ExitCode::from(failure.code)
        }
    }
}

/// What clap has to say: help and version are no failure.
pub fn usage(problem: &clap::Error) -> ExitCode {
    let shown = problem.print().is_ok();
    if problem.use_stderr() || !shown { ExitCode::from(USAGE) } else { ExitCode::from(DONE) }
}
