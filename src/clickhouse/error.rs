//! What goes wrong with a server, in our words: its own may quote a value of a record.

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClickHouseError {
    /// The connection cannot be made from what the pipeline says.
    #[error("{place}: {problem}")]
    Setup {
        /// The server or a file.
        place: String,
        /// What is wrong, with the remedy.
        problem: String,
    },
    /// There is no whole answer: nobody knows whether it was done.
    #[error("{place}: {problem}; see that the server is up and reachable from here")]
    NoAnswer {
        /// The server, and the table where it is about one.
        place: String,
        /// In few words.
        problem: &'static str,
    },
    /// The server says that it was not done.
    #[error("{place}: ClickHouse error {code}: {}", said(*code))]
    Refused {
        /// The server, and the table where it is about one.
        place: String,
        /// ClickHouse's number for it.
        code: u32,
    },
    /// Whoever answers is no ClickHouse server, or speaks of something else.
    #[error(
        "{place}: HTTP status {status}, and no error of ClickHouse's; see what stands at 'url', and between here and there"
    )]
    Status {
        /// The server, and the table where it is about one.
        place: String,
        /// The status.
        status: u16,
    },
    /// The answer is not what was asked for.
    #[error("{place}: the answer is not as ClickHouse writes it; see what stands at 'url'")]
    Foreign {
        /// The server, and the table where it is about one.
        place: String,
    },
}

/// `TOO_MANY_PARTS` and others that pass on their own, or with somebody's help that needs none from us: time-outs, memory, too many queries,
/// a full disk, a server that is stopping, coordination that is away.
const PASSING: [u32; 19] =
    [3, 159, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 319, 373, 394, 425, 439, 745, 999];

/// Errors that the same request meets again, whatever the status they come with.
const LASTING: [u32; 27] = [
    6, 8, 10, 16, 26, 27, 36, 43, 44, 46, 47, 48, 49, 53, 60, 62, 73, 81, 117, 164, 192, 193, 194, 195, 497,
    516, 636,
];

impl ClickHouseError {
    /// True when the same, asked again, may be done: nothing says that it never will.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Setup { .. } | Self::Foreign { .. } => false,
            Self::NoAnswer { .. } => true,
            Self::Status { status, .. } => *status >= 500 || matches!(status, 408 | 429),
            Self::Refused { code, .. } => PASSING.contains(code) || !LASTING.contains(code),
        }
    }

    /// True when the table is not there.
    pub const fn is_unknown_table(&self) -> bool {
        matches!(self, Self::Refused { code: 60, .. })
    }
}

/// What the number means, and what to do.
const fn said(code: u32) -> &'static str {
    match code {
        192..=195 | 516 => "user or password are wrong; see 'user' and 'password' of the sink",
        497 => {
            "the user has no right to it; grant INSERT, SELECT, SHOW and ALTER on the table, and SELECT on system.parts, \
             system.detached_parts, system.tables and system.columns (for `tables apply` CREATE TABLE, too)"
        }
        164 => "this user may only read; see its settings on the server",
        60 => "the table is not there; run `sluis tables apply`",
        81 => "the database is not there; create it",
        10 | 16 | 47 | 8 => "the table has other columns than planned; see `sluis tables plan`",
        6 | 26 | 27 | 53 | 117 | 43 => "a column is of another type than planned; see `sluis tables plan`",
        57 => "the table is there already",
        252 => {
            "too many parts: its merges do not keep up; raise 'insert_secs_max', or give the server more room"
        }
        241 => "the server's memory is used up",
        243 => "the server's disk is full",
        202 | 203 => "too many queries at once",
        159 | 209 | 210 | 319 => "it took too long",
        62 => "the server does not know this statement; its version may be too old",
        _ => "see the number in ClickHouse's list of errors, and the server's own log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let refused = |code| ClickHouseError::Refused { place: "server".to_owned(), code };
        for code in [252, 241, 159, 202, 243, 1, 999, 5_000] {
            assert!(refused(code).may_pass(), "{code}");
        }
        for code in [516, 497, 60, 81, 16, 53, 27] {
            assert!(!refused(code).may_pass(), "{code}");
        }
        assert!(!PASSING.iter().any(|code| LASTING.contains(code)));
        for (status, passes) in [(500, true), (503, true), (429, true), (404, false), (301, false)] {
            let error = ClickHouseError::Status { place: "server".to_owned(), status };
            assert_eq!(error.may_pass(), passes, "{status}");
        }
    }
}
