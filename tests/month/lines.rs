//! Raw lines of four programs, each with the time it happened at and a number of its own.
//!
//! *In*: a stream, the instant at which the batch arrives, chance. *Out*: bytes as the program would have logged them, and what the
//! model must know of each line. *Promised*: the instant that counts is computed here from the numbers that were drawn, never read
//! back from a line. *Not here*: what becomes of a line.

use jiff::tz::TimeZone;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Seconds in an hour, and in a day.
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;

/// A stream of lines: one class, one source, one sink.
#[derive(Clone, Copy)]
pub struct Stream {
    /// The class, and what its source and sink are called.
    pub class: &'static str,
    /// What its records may live, in seconds.
    pub retention: i64,
    /// `format = …` of its source, and more lines of it.
    pub source: &'static str,
    /// How it leaves.
    pub emit: &'static str,
    /// Seconds after which a part closes.
    pub part_secs_max: i64,
    /// Batches come in one of so many minutes.
    pub one_minute_of: u64,
    /// Lines of a batch, on average.
    pub lines: u64,
    /// How a line is written.
    pub write: fn(&mut Vec<u8>, i64, u32),
    /// What stands before the number of a record when it has left.
    pub before_number: &'static str,
    /// The unit of its times, in microseconds.
    pub unit: i64,
    /// True where times are local and without a zone: of two readings the earlier counts.
    pub local: bool,
}

/// A line as the model knows it.
#[derive(Clone, Copy)]
pub struct Line {
    /// Its number, which it keeps on the way.
    pub number: u32,
    /// When it happened, or arrived if that was earlier, in microseconds.
    pub instant: i64,
}

const COMBINED: Stream = Stream {
    class: "combined",
    retention: 0,
    source: r#"format = "combined""#,
    emit: "same",
    part_secs_max: 300,
    one_minute_of: 1,
    lines: 20,
    write: combined,
    before_number: "\" 200 ",
    unit: SECOND,
    local: false,
};
const NGINX: Stream = Stream {
    class: "nginx",
    source: r#"format = { nginx = '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent' }"#,
    emit: "ndjson",
    part_secs_max: 900,
    one_minute_of: 2,
    lines: 24,
    write: nginx,
    before_number: "\"http.response.body.size\":",
    ..COMBINED
};
const JSON: Stream = Stream {
    class: "json",
    source: r#"format = "json""#,
    emit: "ndjson",
    part_secs_max: 1_800,
    one_minute_of: 3,
    lines: 30,
    write: json,
    unit: 1_000,
    ..NGINX
};
/// Times without a zone: an hour of October comes twice.
const ERRORS: Stream = Stream {
    class: "errors",
    source: "format = \"nginx-error\"\ntime_zone = \"Europe/Amsterdam\"",
    emit: "ndjson",
    part_secs_max: 3_600,
    one_minute_of: 4,
    lines: 40,
    write: errors,
    before_number: "\"connection.id\":",
    local: true,
    ..COMBINED
};

/// The four streams, with the retention of each in seconds.
pub fn streams(retentions: [i64; 4]) -> [Stream; 4] {
    let [first, second, third, fourth] = retentions;
    [
        Stream { retention: first, ..COMBINED },
        Stream { retention: second, ..NGINX },
        Stream { retention: third, ..JSON },
        Stream { retention: fourth, ..ERRORS },
    ]
}

/// Chance with a seed: the same month every time.
pub struct Chance(u64);

impl Chance {
    /// Begins.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit` (splitmix64; the small bias does not matter here).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// A number from `low` up to and without `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below((high - low).unsigned_abs())).unwrap()
    }
}

/// Writes a batch of `stream` that arrives at `now` (microseconds) to `bytes` and to `lines`; numbers go on from `number`.
pub fn batch(
    stream: &Stream,
    now: i64,
    chance: &mut Chance,
    number: &mut u32,
    (bytes, lines): (&mut Vec<u8>, &mut Vec<Line>),
) {
    bytes.clear();
    lines.clear();
    // A machine that was cut off for a while sends all at once what it has.
    let backlog = chance.below(25) == 0;
    for _ in 0..=chance.below(stream.lines * 2 - 1) {
        let event = event_time(stream, now, backlog, chance).div_euclid(stream.unit) * stream.unit;
        *number += 1;
        (stream.write)(bytes, event, *number);
        let instant = if stream.local { earlier_reading(event) } else { event };
        lines.push(Line { number: *number, instant: instant.min(now) });
    }
}

/// When a line of a batch that arrives at `now` happened.
fn event_time(stream: &Stream, now: i64, backlog: bool, chance: &mut Chance) -> i64 {
    let retention = stream.retention * SECOND;
    match chance.below(1000) {
        // A clock that is ahead, by a second or by a year.
        0..5 => now + chance.between(1, 3 * SECOND),
        5..10 => now + chance.between(SECOND, 400 * DAY * SECOND),
        // Expired on arrival, some by less than a second.
        10..18 => now - retention - chance.between(0, retention),
        18..20 => now - retention - chance.between(0, SECOND),
        // About to be due: some can still be stored, others not.
        20..27 => now - retention + chance.between(1, retention.min(3 * HOUR * SECOND)),
        27..30 => now - chance.between(0, retention),
        _ if backlog => now - chance.between(0, 90 * 60 * SECOND),
        _ => now - chance.between(0, 2 * SECOND),
    }
}

/// The earliest instant that shows the same local time in Amsterdam.
fn earlier_reading(event: i64) -> i64 {
    let before = event - HOUR * SECOND;
    if local(event) == local(before) { before } else { event }
}

fn local(micros: i64) -> jiff::civil::DateTime {
    zone().to_datetime(time(micros))
}

fn zone() -> TimeZone {
    thread_local! {
        static ZONE: TimeZone = TimeZone::get("Europe/Amsterdam").unwrap();
    }
    ZONE.with(Clone::clone)
}

fn time(micros: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(micros).unwrap()
}

fn combined(bytes: &mut Vec<u8>, event: i64, number: u32) {
    let time = time(event).strftime("%d/%b/%Y:%H:%M:%S +0000");
    let line = format!(
        "192.0.2.{} - - [{time}] \"GET /page HTTP/1.1\" 200 {number} \"-\" \"curl/8.5.0\"\n",
        number % 250
    );
    bytes.extend_from_slice(line.as_bytes());
}

/// In a zone far from ours, where the day is another for most of the time.
fn nginx(bytes: &mut Vec<u8>, event: i64, number: u32) {
    let time = time(event + 13 * HOUR * SECOND).strftime("%Y-%m-%dT%H:%M:%S+13:00");
    let line = format!("2001:db8::{:x} [{time}] \"GET /page HTTP/1.1\" 200 {number}\n", number % 0xffff);
    bytes.extend_from_slice(line.as_bytes());
}

fn json(bytes: &mut Vec<u8>, event: i64, number: u32) {
    let time = time(event).strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let line = format!(
        "{{\"time_iso8601\":\"{time}\",\"remote_addr\":\"198.51.100.{}\",\"status\":200,\"body_bytes_sent\":{number}}}\n",
        number % 250
    );
    bytes.extend_from_slice(line.as_bytes());
}

fn errors(bytes: &mut Vec<u8>, event: i64, number: u32) {
    let time = local(event).strftime("%Y/%m/%d %H:%M:%S");
    let line = format!(
        "{time} [error] 12#34: *{number} open() failed, client: 203.0.113.{}, server: example.org, request: \"GET /x \
         HTTP/1.1\", host: \"example.org\"\n",
        number % 250
    );
    bytes.extend_from_slice(line.as_bytes());
}
