//! The model: what may and what must be on disk, by records' own times, and whether it is.
//!
//! *In*: the lines that were fed, the directories of the sinks, an instant. *Out*: the first [`Fault`], or figures. *Promised*: nothing
//! here asks the product; a deadline is a sum, and what a part holds is what stands in the file. A part is read when it is first seen,
//! and one that is still hidden as it grows. *Not here*: feeding and sweeping.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::lines::{HOUR, Line, SECOND, Stream};

/// What was found to be against which promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A record is stored at or after its deadline.
    PastDue,
    /// A record that was delivered and is young enough is nowhere.
    Vanished,
    /// A part stays hidden for longer than it may be open.
    Hidden,
    /// A record is stored twice, or in the place of another class.
    Doubled,
    /// A name says another deadline than that of its records, or is no part's.
    Name,
    /// A record that may not be stored is.
    Uninvited,
}

/// See [`Broken`].
#[derive(Debug)]
pub struct Fault {
    pub broken: Broken,
    /// Where and by how much.
    pub what: String,
}

fn fault<T>(broken: Broken, what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { broken, what: what.into() })
}

/// What the model saw.
#[derive(Default)]
pub struct Figures {
    /// Lines that were fed, and what must have become of them.
    pub lines: u64,
    pub stored: u64,
    pub expired: u64,
    pub withheld: u64,
    /// Of the stored ones, those that went before their part became visible, or with a part that nobody saw.
    pub unseen: u64,
    /// Times that everything was looked at.
    pub looks: u64,
    /// Parts that became visible, and records in them.
    pub parts: u64,
    pub seen: u64,
    /// Parts that went.
    pub gone: u64,
    /// Most records and parts that were visible at one time.
    pub records_most: u64,
    pub parts_most: usize,
    /// Microseconds between a part's going and the deadline of its first record: the shortest.
    pub spare_least: Option<i64>,
    /// Microseconds that a record lost at most, since a part goes as a whole.
    pub lost_most: i64,
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: i64| micros / SECOND;
        write!(
            out,
            "{} lines: {} stored, {} expired on arrival, {} withheld; {} parts with {} records; at most {} records in {} parts at \
             one time; looked at {} times; {} parts went, the latest {} s before its first record was due, and no record more than \
             {} s early",
            self.lines,
            self.stored,
            self.expired,
            self.withheld,
            self.parts,
            self.seen,
            self.records_most,
            self.parts_most,
            self.looks,
            self.gone,
            seconds(self.spare_least.unwrap_or(0)),
            seconds(self.lost_most),
        )
    }
}

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It may not be stored, or was and has gone.
    Nowhere,
    /// It was delivered and must be in a part.
    Due,
    /// It was seen in the hidden part of that number.
    Hidden(u32),
    /// It was seen in a visible part.
    Visible,
}

struct Record {
    deadline: i64,
    arrived: i64,
    stream: u8,
    place: Place,
}

/// A visible part.
struct Part {
    records: u64,
    /// The earliest and the latest deadline in it.
    first: i64,
    last: i64,
    look: u64,
}

/// A part that is not finished.
struct Hidden {
    number: u32,
    read: u64,
    first: i64,
    look: u64,
}

/// One directory.
struct Folder {
    stream: Stream,
    directory: PathBuf,
    parts: HashMap<String, Part>,
    hidden: HashMap<String, Hidden>,
}

/// See the module comment.
pub struct Disk {
    places: Vec<Folder>,
    margin: i64,
    /// By number; number 0 is nobody's.
    records: Vec<Record>,
    /// Numbers of records that were delivered and not yet seen in a visible part.
    pending: Vec<u32>,
    hidden: u32,
    visible: u64,
    pub figures: Figures,
}

/// The width of the storage epoch that a part holds, in microseconds (design, section 5).
fn epoch(stream: &Stream) -> i64 {
    HOUR.min(stream.retention / 24) * SECOND
}

/// A part may be open for so long: never longer than its epoch is wide.
fn open_max(stream: &Stream) -> i64 {
    (stream.part_secs_max * SECOND).min(epoch(stream))
}

/// Nobody looks more often than once a second whether a part must close.
const TICK: i64 = 2 * SECOND;

impl Disk {
    /// Nothing is stored yet. Parts may go `margin` microseconds early.
    pub fn new(folder: &Path, streams: &[Stream], margin: i64) -> Self {
        let place = |stream: &Stream| Folder {
            stream: *stream,
            directory: folder.join(stream.class).join(stream.class),
            parts: HashMap::new(),
            hidden: HashMap::new(),
        };
        let nobody = Record { deadline: 0, arrived: 0, stream: 0, place: Place::Nowhere };
        Self {
            places: streams.iter().map(place).collect(),
            margin,
            records: vec![nobody],
            pending: Vec::new(),
            hidden: 0,
            visible: 0,
            figures: Figures::default(),
        }
    }

    /// Lines of a stream were delivered at `now`, numbered from where the last ended.
    pub fn delivered(&mut self, stream: usize, lines: &[Line], now: i64) {
        let of = self.places[stream].stream;
        for line in lines {
            let deadline = line.instant + of.retention * SECOND;
            let part = deadline.div_euclid(epoch(&of)) * epoch(&of);
            let place = if deadline <= now {
                self.figures.expired += 1;
                Place::Nowhere
            } else if part <= now + open_max(&of) {
                // Its part would be due before it could be closed.
                self.figures.withheld += 1;
                Place::Nowhere
            } else {
                self.figures.stored += 1;
                self.pending.push(line.number);
                Place::Due
            };
            assert_eq!(self.records.len(), line.number as usize, "numbers are given in order");
            self.records.push(Record { deadline, arrived: now, stream: stream as u8, place });
            self.figures.lines += 1;
        }
    }

    /// Nothing that was seen is past its deadline at `now`. Called before a sweep: later it may have gone in time or not.
    pub fn nothing_past_due(&self, now: i64) -> Result<(), Fault> {
        for place in &self.places {
            for (name, part) in &place.parts {
                if part.first <= now {
                    let late = (now - part.first) as f64 / SECOND as f64;
                    return fault(
                        Broken::PastDue,
                        format!("{name} holds a record that was due {late} s ago"),
                    );
                }
            }
            for (name, hidden) in &place.hidden {
                if hidden.first <= now {
                    return fault(Broken::PastDue, format!("{name} holds a record that is due"));
                }
            }
        }
        Ok(())
    }

    /// Looks at everything.
    pub fn look(&mut self, now: i64) -> Result<(), Fault> {
        self.figures.looks += 1;
        for at in 0..self.places.len() {
            for entry in fs::read_dir(&self.places[at].directory).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.starts_with('.') {
                    self.see_hidden(at, name, now)?;
                } else {
                    self.see_visible(at, name)?;
                }
            }
            self.see_what_went(at, now)?;
        }
        self.figures.records_most = self.figures.records_most.max(self.visible);
        let parts = self.places.iter().map(|place| place.parts.len()).sum();
        self.figures.parts_most = self.figures.parts_most.max(parts);
        self.see_what_is_owed(now)?;
        self.nothing_past_due(now)
    }

    /// Parts that are visible now, in all places.
    pub fn parts(&self) -> usize {
        self.places.iter().map(|place| place.parts.len() + place.hidden.len()).sum()
    }

    fn see_visible(&mut self, at: usize, name: String) -> Result<(), Fault> {
        let look = self.figures.looks;
        if let Some(part) = self.places[at].parts.get_mut(&name) {
            part.look = look;
            return Ok(());
        }
        let stream = self.places[at].stream;
        let text = fs::read_to_string(self.places[at].directory.join(&name)).unwrap();
        let mut part = Part { records: 0, first: i64::MAX, last: i64::MIN, look };
        for line in text.lines() {
            let record = self.record(at, line, &name)?;
            if record.place == Place::Visible {
                return fault(Broken::Doubled, format!("a record of {name} stands in another part, too"));
            }
            record.place = Place::Visible;
            part.records += 1;
            (part.first, part.last) = (part.first.min(record.deadline), part.last.max(record.deadline));
        }
        let said = deadline_said(&name);
        if said.is_none_or(|said| part.first < said || part.last >= said + epoch(&stream)) {
            return fault(Broken::Name, format!("{name} is not called as the deadlines of its records say"));
        }
        self.figures.parts += 1;
        self.figures.seen += part.records;
        self.visible += part.records;
        self.places[at].parts.insert(name, part);
        Ok(())
    }

    fn see_hidden(&mut self, at: usize, name: String, now: i64) -> Result<(), Fault> {
        let said = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial"));
        let Some(said) = said.and_then(deadline_said) else {
            return fault(Broken::Name, format!("{name} is no part's name"));
        };
        if said <= now {
            return fault(Broken::PastDue, format!("{name} is hidden and past the deadline in its name"));
        }
        self.hidden += 1;
        let fresh = Hidden { number: self.hidden, read: 0, first: i64::MAX, look: 0 };
        let mut hidden = self.places[at].hidden.remove(&name).unwrap_or(fresh);
        let mut text = String::new();
        let mut file = File::open(self.places[at].directory.join(&name)).unwrap();
        file.seek(SeekFrom::Start(hidden.read)).unwrap();
        file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let record = self.record(at, line, &name)?;
            if record.place != Place::Due {
                return fault(Broken::Doubled, format!("a record of {name} stands in another part, too"));
            }
            record.place = Place::Hidden(hidden.number);
            hidden.first = hidden.first.min(record.deadline);
        }
        hidden.read += whole as u64;
        hidden.look = self.figures.looks;
        self.places[at].hidden.insert(name, hidden);
        Ok(())
    }

    /// The record that `line` is. It must be one that may be stored, and of this place's class.
    fn record(&mut self, at: usize, line: &str, name: &str) -> Result<&mut Record, Fault> {
        let before = self.places[at].stream.before_number;
        let number = line.split_once(before).map_or("", |(_, rest)| rest);
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let number = number[..digits].parse::<usize>().unwrap_or(0);
        let Some(record) = self.records.get_mut(number).filter(|_| number > 0) else {
            return fault(Broken::Uninvited, format!("{name} holds what was never fed"));
        };
        if record.place == Place::Nowhere {
            return fault(
                Broken::Uninvited,
                format!("{name} holds record {number}, which may not be stored"),
            );
        }
        if usize::from(record.stream) != at {
            return fault(Broken::Doubled, format!("{name} holds record {number} of another class"));
        }
        Ok(record)
    }

    /// Parts that are not there any more: no record in them may be young.
    fn see_what_went(&mut self, at: usize, now: i64) -> Result<(), Fault> {
        let (look, margin) = (self.figures.looks, self.margin);
        let place = &mut self.places[at];
        let early = margin + epoch(&place.stream);
        for (name, part) in place.parts.extract_if(|_, part| part.look != look) {
            if part.last - now > early {
                let seconds = (part.last - now) / SECOND;
                return fault(
                    Broken::Vanished,
                    format!("{name} is gone {seconds} s before a record was due"),
                );
            }
            let spare = part.first - now;
            self.figures.spare_least = Some(self.figures.spare_least.map_or(spare, |least| least.min(spare)));
            self.figures.lost_most = self.figures.lost_most.max(part.last - now);
            self.figures.gone += 1;
            self.visible -= part.records;
        }
        place.hidden.retain(|_, hidden| hidden.look == look);
        Ok(())
    }

    /// Records that were delivered and are in no visible part yet: each must be in one that is open, and not for long.
    fn see_what_is_owed(&mut self, now: i64) -> Result<(), Fault> {
        let open: Vec<u32> =
            self.places.iter().flat_map(|place| place.hidden.values().map(|hidden| hidden.number)).collect();
        let open: std::collections::HashSet<u32> = open.into_iter().collect();
        let mut owed = std::mem::take(&mut self.pending);
        let mut problem = Ok(());
        owed.retain(|&number| {
            let record = &mut self.records[number as usize];
            let stream = &self.places[usize::from(record.stream)].stream;
            match record.place {
                Place::Visible | Place::Nowhere => false,
                Place::Hidden(part) if open.contains(&part) => {
                    if now - record.arrived > open_max(stream) + TICK {
                        problem = fault(Broken::Hidden, format!("record {number} is still in an open part"));
                    }
                    true
                }
                _ => {
                    if record.deadline - now > self.margin + epoch(stream) {
                        let age = (now - record.arrived) / SECOND;
                        problem = fault(
                            Broken::Vanished,
                            format!("record {number}, delivered {age} s ago, is nowhere"),
                        );
                    }
                    record.place = Place::Nowhere;
                    self.figures.unseen += 1;
                    false
                }
            }
        });
        self.pending = owed;
        problem
    }
}

/// The deadline in a name, in microseconds.
fn deadline_said(name: &str) -> Option<i64> {
    let date = jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%SZ", name.get(..20)?).ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}
