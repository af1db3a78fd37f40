//! Heads of journals: said from time to time while a pipeline runs, and read back where they were kept.
//!
//! A head that stands somewhere else proves later that nothing before it was changed or cut. journald, or whatever carries logs away, is
//! such a place, so `run` says its heads on standard output:
//!
//! ```text
//! sluis: journal head 12:HASH at 2026-11-27T05:00:00Z
//! sluis: keyring journal head 5:HASH at 2026-11-27T05:00:00Z
//! ```
//! Where records go to standard output, they are said on standard error.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::said;
use crate::config::plan::{Plan, SinkKind};
use crate::record::timestamp::Timestamp;
use crate::retention::journal::{FILE_NAME, Head, verify};

/// How long a head that changed waits until it is said, in seconds.
const EVERY_SECONDS: i64 = 3_600;
/// The word by which a line is one of the keyring's.
const KEYRING: &str = "keyring";

/// Heads that were kept elsewhere.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Anchored {
    /// The last of the state's journal.
    pub state: Option<Head>,
    /// The last of the keyring's.
    pub keyring: Option<Head>,
}

impl FromStr for Anchored {
    type Err = &'static str;

    /// Reads what [`said`] and `sluis journal head` write, a line for each head, whatever a log has put before it. Of several the last counts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut anchored = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            // A line of `--log-format json` has its sentence in quotes.
            let words = || line.split(|c: char| c.is_whitespace() || c == '"');
            let head = words()
                .find_map(|word| word.parse::<Head>().ok())
                .ok_or("holds no head of a journal; write SEQ:HASH as `sluis journal head` prints it")?;
            let is_keyring = words().any(|word| word == KEYRING);
            *(if is_keyring { &mut anchored.keyring } else { &mut anchored.state }) = Some(head);
        }
        Ok(anchored)
    }
}

/// A head for a person or a file: that of a keyring says so.
pub fn said(head: Head, is_keyring: bool) -> String {
    if is_keyring { format!("{KEYRING} {head}") } else { head.to_string() }
}

/// Says the heads of a running pipeline.
pub struct Heads {
    keys: Option<PathBuf>,
    to_stdout: bool,
    /// What was said last of the state's journal and of the keyring's, or need not be said.
    said: (Head, Option<Head>),
    /// When that was; `None` before anything was.
    at: Option<Timestamp>,
    only_at_end: bool,
}

impl Heads {
    /// For a run of `plan` whose journal ends in `head` when it begins. A run that ends with its input says heads at its end alone, and
    /// none when nothing was entered since.
    pub fn new(plan: &Plan, head: Head, only_at_end: bool) -> Self {
        let to_stdout = plan.sinks.iter().all(|sink| sink.kind != SinkKind::Stdout);
        let keyring = plan.keys.as_deref().and_then(of_keyring);
        let said = if only_at_end { (head, keyring) } else { (Head::empty(), None) };
        Self { keys: plan.keys.clone(), to_stdout, said, at: None, only_at_end }
    }

    /// Says what is new, at most once an hour.
    pub fn tick(&mut self, now: Timestamp, head: Head) {
        let is_early = self.at.is_some_and(|at| now < at.plus_seconds(EVERY_SECONDS));
        if !self.only_at_end && !is_early {
            self.say(now, head);
        }
    }

    /// Says what is new at the end of a run.
    pub fn end(&mut self, now: Timestamp, head: Head) {
        self.say(now, head);
    }

    fn say(&mut self, now: Timestamp, head: Head) {
        let keyring = self.keys.as_deref().and_then(of_keyring);
        let (before, keyring_before) = std::mem::replace(&mut self.said, (head, keyring));
        let seconds = Timestamp::from_seconds(now.seconds());
        let mut text = String::new();
        if head != before {
            text.push_str(&format!("sluis: journal head {head} at {seconds}\n"));
        }
        if let Some(head) = keyring.filter(|_| keyring != keyring_before) {
            text.push_str(&format!("sluis: {KEYRING} journal head {head} at {seconds}\n"));
        }
        if text.is_empty() {
            return;
        }
        self.at = Some(now);
        // Whoever closed the stream does not want to know.
        let _ = if self.to_stdout {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        } else {
            for line in text.lines() {
                said::note(line.trim_start_matches("sluis: "));
            }
            Ok(())
        };
    }
}

/// The head of the journal of a keyring; nothing where there is none that proves itself, which `sluis audit` says.
fn of_keyring(directory: &Path) -> Option<Head> {
    let file = File::open(directory.join(FILE_NAME)).ok()?;
    verify(file, None, |_| {}).ok().map(|verified| verified.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_wherever_a_log_carried_them() {
        let hash = "A".repeat(43);
        let (one, two) = (format!("1:{hash}"), format!("2:{hash}"));
        let read = |text: &str| text.parse::<Anchored>().unwrap();
        let head = |text: &str| Some(text.parse::<Head>().unwrap());
        assert_eq!(read(&one), Anchored { state: head(&one), keyring: None });
        let json = format!("{{\"level\":\"note\",\"message\":\"keyring journal head {two} at x\"}}\n");
        assert_eq!(read(&json), Anchored { state: None, keyring: head(&two) });
        let both = format!("{one}\nkeyring {two}\n");
        assert_eq!(read(&both), Anchored { state: head(&one), keyring: head(&two) });
        let logged = format!(
            "Nov 27 05:00:00 host sluis[7]: sluis: journal head {one} at 2026-11-27T05:00:00Z\n\
             Nov 27 06:00:00 host sluis[7]: sluis: keyring journal head {one} at 2026-11-27T06:00:00Z\n\
             Nov 27 07:00:00 host sluis[7]: sluis: journal head {two} at 2026-11-27T07:00:00Z\n"
        );
        assert_eq!(read(&logged), Anchored { state: head(&two), keyring: head(&one) });
        assert_eq!(read(&said(head(&two).unwrap(), true)).keyring, head(&two));
        assert!("no head".parse::<Anchored>().is_err());
    }
}
