//! Which format fits which file of the videoconference corpus, and where a record of it begins.
//!
//! *In*: nothing. *Out*: [`ENTRIES`]: for every file under `corpus/videoconference` its parts, and [`KNOWN`]: the misses that
//! are known, with their reasons. *Promised*: a file that no entry names fails the run, and so does a line that belongs to no
//! record and is not among the file's foreign lines. *Not here*: running (`meet`), identifiers (`meet_finder`).
//!
//! The expressions are the judge's own reading of the head of a record. A line that begins no record of any part continues
//! the record before it where that part's records have several lines. Named groups say what the structure of the head names
//! beyond what the finder sees: `room…`; `infra…`, our own side, where an address may stay; and `treated…`: text that the
//! policy of the part replaces as a whole.

use super::finder::Kind;

/// Records of a file that share a format.
pub struct Part {
    /// A preset or built-in format.
    pub format: &'static str,
    /// A line that begins a record: a regular expression, bytes, `(?-u)`.
    pub head: &'static str,
    /// True when records may have several lines.
    pub many_lines: bool,
    /// Arguments beyond the format.
    pub arguments: &'static [&'static str],
}

/// Files and what they consist of.
pub struct Entry {
    /// Paths below `corpus/videoconference`; `*` stands for anything.
    pub files: &'static [&'static str],
    /// The parts, first match first.
    pub parts: &'static [Part],
    /// Lines that belong to no format, with the reason beside the entry.
    pub foreign: &'static str,
}

/// Misses that are known: so many at most of one kind in one file.
pub struct Known {
    /// The file.
    pub file: &'static str,
    /// What is left.
    pub kind: Kind,
    /// How many times.
    pub most: u64,
    /// Why it may be.
    pub reason: &'static str,
}

const fn jitsi(format: &'static str, head: &'static str) -> Part {
    Part { format, head, many_lines: true, arguments: &[] }
}

const fn line(format: &'static str, head: &'static str) -> Part {
    Part { format, head, many_lines: false, arguments: &[] }
}

const fn web(format: &'static str, head: &'static str) -> Part {
    Part { format, head, many_lines: false, arguments: MEET_POLICY }
}

/// Only a policy says which paths are rooms; judged at a time before the oldest record, so that none has expired.
const MEET_POLICY: &[&str] =
    &["--policy", "config/policy/meet.toml", "--class", "web", "--as-of", "2019-07-01T00:00:00Z"];

/// Container name, program, time: what all records of the Jitsi services begin with.
macro_rules! stamp {
    ($program:literal) => {
        concat!(r"^(?:\S+ +\| )?(?:\[\w+ +)?", $program, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")
    };
}
/// The same with the level, in whatever language, and the thread.
macro_rules! head {
    ($program:literal) => {
        concat!(stamp!($program), r"[^\s:\[]+: \[\d+\] ")
    };
}

const PROSODY: &str = concat!(
    r"^(?:\S+ +\| )?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?",
    r"(?:\S+ prosody\[\d+\]: )?\S+\s+(?:#033|\x1b)?(?:\[[\d;]+m)?(?:debug|info|warn|error)\b"
);
const COTURN: &str = concat!(
    r"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ turnserver(?:\[\d+\])?: )?",
    r"(?:\d+: |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} [A-Z]+ )"
);
const COMBINED: &str = concat!(
    r#"^\S+ - \S+ \[[^\]]+\] "\S+ (?P<treated1>/(?:(?:http-bind|xmpp-websocket|colibri-ws|bigbluebutton/)[^ ?"]*"#,
    r#"|(?P<room1>[^/ ?"]+))(?:\?[^ "]*)?) HTTP/[\d.]+" \d+ \d+ "(?P<treated2>[^"]*)" "(?P<treated3>[^"]*)"$"#
);
const NGINX_ERROR: &str = r#"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] .*? request: "\S+ (?P<treated1>\S+) [^"]*", upstream: "(?P<infra1>[^"]*)"(?:, host: "[^"]*")?(?:, referrer: "(?P<treated3>[^"]*)")?"#;
const TEXT: &str = r"^.*\S";
/// Matches nothing, not even an empty line.
const NONE: &str = r"a\bb";
const BLANK: &str = r"^\s*$";

/// The table.
pub const ENTRIES: &[Entry] = &[
    Entry {
        files: &["jitsi-2020-03-rajes123/jicofo.log", "jitsi-2024-abhishektharu/jicofo.log"],
        parts: &[jitsi("jicofo", head!("Jicofo "))],
        foreign: NONE,
    },
    // One line that lost its level and thread on its way into an issue: no version of the service writes that.
    Entry {
        files: &["jitsi-localized/jicofo_localised_levels.log"],
        parts: &[jitsi("jicofo", head!("Jicofo "))],
        foreign: concat!(stamp!("Jicofo "), r"org\.jitsi\."),
    },
    Entry {
        files: &["jitsi-2024-abhishektharu/jvb.log", "jitsi-issues-a/jvb_*"],
        parts: &[jitsi("jvb", head!("JVB "))],
        foreign: NONE,
    },
    // Reference lines of two programs in one file.
    Entry {
        files: &["jilo-reference/jitsi_2024_reference_lines.log"],
        parts: &[jitsi("jvb", head!("JVB ")), jitsi("jicofo", head!("Jicofo "))],
        foreign: NONE,
    },
    Entry {
        files: &["jitsi-2020-03-rajes123/jibrierror", "jitsi-issues-a/jibri.log"],
        parts: &[jitsi("jibri", head!("(?:Jibri )?"))],
        foreign: NONE,
    },
    Entry {
        files: &["jitsi-issues-a/jigasi_jibri_short.log"],
        parts: &[jitsi("jigasi", head!("Jigasi "))],
        foreign: NONE,
    },
    Entry {
        files: &["*/prosody*.log"],
        parts: &[Part { format: "prosody", head: PROSODY, many_lines: true, arguments: &[] }],
        foreign: NONE,
    },
    // A sentence among the samples.
    Entry { files: &["coturn-a/*"], parts: &[line("coturn", COTURN)], foreign: "^this line is not from" },
    // The last part: an access line behind a syslog head, which a pipeline takes off and a filter does not.
    Entry {
        files: &["jitsi-issues-a/nginx_jitsi.log"],
        parts: &[
            web("nginx-error", NGINX_ERROR),
            web("combined", COMBINED),
            line("text", r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "),
        ],
        foreign: NONE,
    },
    Entry {
        files: &["bigbluebutton-a/bbb_web_and_nginx.log"],
        parts: &[web("nginx-error", NGINX_ERROR), web("combined", COMBINED), line("text", TEXT)],
        foreign: BLANK,
    },
    // Telephony and other programs without a format of their own, and statistics of browsers: free text.
    Entry { files: &["fail2ban-voip/*", "rtcstats-a/*"], parts: &[line("text", TEXT)], foreign: BLANK },
];

/// What is known to be left.
pub const KNOWN: &[Known] = &[Known {
    file: "jitsi-issues-a/nginx_jitsi.log",
    kind: Kind::Room,
    most: 1,
    reason: "an access line behind a syslog head, read as text: its referrer has the room in capitals; read as \
                 combined, as a pipeline reads it, nothing is left",
}];

/// The first entry that names `path`.
pub fn entry(path: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.files.iter().any(|pattern| super::table::fits(pattern, path)))
}
