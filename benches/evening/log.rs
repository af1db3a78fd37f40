//! The logs of the evening: lines with the instant they were written at, in order at the end.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::random::{Civil, Random};

/// One log: each record, of one line or more, with its instant in milliseconds since 1970.
#[derive(Default)]
pub struct Log(Vec<(i64, String)>);

impl Log {
    pub fn add(&mut self, at: i64, record: String) {
        self.0.push((at, record));
    }

    /// Writes the records in order of time; of one instant, in the order they were added. Returns the number of lines.
    pub fn write(&mut self, path: &Path) -> io::Result<usize> {
        self.0.sort_by_key(|(at, _)| *at);
        let mut file = BufWriter::new(File::create(path)?);
        for (_, record) in &self.0 {
            writeln!(file, "{record}")?;
        }
        file.flush()?;
        Ok(self.0.iter().map(|(_, record)| record.lines().count()).sum())
    }
}

/// All logs of one server, and what its programs keep counting.
pub struct Logs {
    pub access: Log,
    pub error: Log,
    pub prosody: Log,
    pub jicofo: Log,
    pub jvb: Log,
    pub random: Random,
    /// nginx's number of the connection.
    pub connection: u64,
}

impl Logs {
    pub fn new(seed: u64) -> Self {
        Self {
            access: Log::default(),
            error: Log::default(),
            prosody: Log::default(),
            jicofo: Log::default(),
            jvb: Log::default(),
            random: Random::new(seed),
            connection: 100,
        }
    }

    /// A record of a Java service as `JitsiLogFormatter` writes it. `context` is without its brackets; empty: none.
    pub fn jitsi(&mut self, service: Service, at: i64, level: &str, context: &str, said: &str) {
        let name = match service {
            Service::Jicofo => "Jicofo",
            Service::Jvb => "JVB",
        };
        let (date, thread) = (dashed(at), 12 + self.random.below(80));
        let context = if context.is_empty() { String::new() } else { format!("[{context}] ") };
        let record = format!("{name} {date} {level}: [{thread}] {context}{said}");
        match service {
            Service::Jicofo => self.jicofo.add(at, record),
            Service::Jvb => self.jvb.add(at, record),
        }
    }

    /// A record of Prosody in the layout of its file sink.
    pub fn prosody(&mut self, at: i64, source: &str, level: &str, said: &str) {
        let Civil { month, day, hour, minute, second, .. } = Civil::of(at.div_euclid(1000));
        let month = MONTHS[month - 1];
        self.prosody
            .add(at, format!("{month} {day:02} {hour:02}:{minute:02}:{second:02} {source}\t{level}\t{said}"));
    }
}

/// Who writes in the Java layout.
#[derive(Clone, Copy)]
pub enum Service {
    Jicofo,
    Jvb,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2026-11-21 19:04:05.678`
fn dashed(at: i64) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = Civil::of(at.div_euclid(1000));
    let millis = at.rem_euclid(1000);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}")
}
