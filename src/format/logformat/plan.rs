//! From literals and variables to a [`Program`]: decides how the end of each value will be found, or that it cannot be.

use std::ops::Range;

use super::ending::{Class, NumberForm};
use super::names::{Meaning, Shape};
use super::opening::Opening;
use super::program::{Content, Ending, Locate, SOFT_MAX, Segment, Side, Step, TimeStep};
use super::{FormatError, Options, Program, error_at};
use crate::format::request::{RequestSlots, TargetSlots};
use crate::format::time::TimeForm;
use crate::record::field::kind_of;
use crate::record::span::{Escape, Layout, Slot};

/// How a server writes values.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    pub(super) escape: Escape,
    pub(super) absent: &'static str,
}

/// One piece of a format string, and where it stood.
pub(super) struct Item {
    pub(super) at: Range<usize>,
    pub(super) what: What,
}

pub(super) enum What {
    Literal(Vec<u8>),
    Value(Meaning),
    /// `zoned`: its text says its offset. `dated`: there is a date in it.
    Time {
        time: TimeStep,
        side: Side,
        zoned: bool,
        dated: bool,
    },
}

impl Item {
    /// Adds a byte of literal text, to the literal before it if there is one.
    pub(super) fn push_literal(items: &mut Vec<Self>, at: usize, byte: u8) {
        match items.last_mut() {
            Some(Self { what: What::Literal(literal), at: place }) => {
                literal.push(byte);
                place.end = at + 1;
            }
            _ => items.push(Self { at: at..at + 1, what: What::Literal(vec![byte]) }),
        }
    }
}

/// Builds the program of `items`.
pub(super) fn build(
    mut items: Vec<Item>,
    dialect: Dialect,
    options: &Options<'_>,
) -> Result<Program, FormatError> {
    join_targets(&mut items);
    let suffix = take_suffix(&mut items);
    if !items.iter().any(|item| !matches!(item.what, What::Literal(_))) {
        return Err(FormatError::whole(
            "there is no variable in the log format: nothing could be read with it",
        ));
    }
    require_zone(&items, options)?;
    let collects_time = collects_time(&items);
    let mut planner = Planner {
        dialect,
        layout: Layout { slots: Vec::new(), absent: dialect.absent, repeats: false },
        head: Vec::new(),
        segments: Vec::new(),
    };
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        planner.item(item, items.peek())?;
    }
    planner.finish();
    if planner.segments.len() > SOFT_MAX {
        let message =
            format!("the log format has more than {SOFT_MAX} values whose ends must be searched: quote them");
        return Err(FormatError::whole(message));
    }
    let opening = || Opening::of(&planner.head, &planner.segments, &suffix, &planner.layout);
    Ok(Program {
        opening: if collects_time { None } else { opening() },
        layout: planner.layout,
        head: planner.head,
        segments: planner.segments,
        suffix,
        zone: options.zone.clone(),
        empty_is_absent: dialect.absent.is_empty(),
        collects_time,
    })
}

/// True unless the event time is one directive that says all of it.
fn collects_time(items: &[Item]) -> bool {
    let is_time = |item: &&Item| match &item.what {
        What::Time { .. } => true,
        What::Value(meaning) => meaning.shape == Shape::AnyTime,
        What::Literal(_) => false,
    };
    let is_partial = |item: &Item| {
        matches!(item.what, What::Time { time: TimeStep::Pattern(_) | TimeStep::Fraction(_), .. })
    };
    items.iter().filter(is_time).count() > 1 || items.iter().any(is_partial)
}

/// `%U%q` and `$uri$is_args$args` are one target that splits at its `?`.
fn join_targets(items: &mut Vec<Item>) {
    let shape = |item: Option<&Item>| match item {
        Some(Item { what: What::Value(meaning), .. }) => Some(meaning.shape),
        _ => None,
    };
    let mut index = 0;
    while index < items.len() {
        if shape(items.get(index)) == Some(Shape::Path) {
            let marked = shape(items.get(index + 1)) == Some(Shape::QueryMark);
            let query = index + 1 + usize::from(marked);
            if shape(items.get(query)) == Some(Shape::Query) {
                items.drain(index + 1..=query);
                if let What::Value(meaning) = &mut items[index].what {
                    meaning.shape = Shape::Target;
                }
            }
        }
        index += 1;
    }
}

/// Takes white space off the end of the format.
fn take_suffix(items: &mut Vec<Item>) -> Vec<u8> {
    let Some(Item { what: What::Literal(literal), .. }) = items.last_mut() else { return Vec::new() };
    let kept = literal.trim_ascii_end().len();
    let suffix = literal.split_off(kept);
    if kept == 0 {
        items.pop();
    }
    // A line end is not in the record as it is handed over.
    suffix.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect()
}

fn require_zone(items: &[Item], options: &Options<'_>) -> Result<(), FormatError> {
    if options.zone.is_some() {
        return Ok(());
    }
    for wanted in [Side::Begin, Side::End] {
        let of_side = || {
            items.iter().filter_map(|item| match item.what {
                What::Time { side, zoned, dated, .. } if side == wanted => {
                    Some((item.at.clone(), zoned, dated))
                }
                _ => None,
            })
        };
        if !of_side().any(|(_, zoned, _)| zoned)
            && let Some((at, ..)) = of_side().find(|(_, _, dated)| *dated)
        {
            let message = "a time of the log format has no offset: add %z to its pattern, or state the zone of the server: \
                           time_zone in the source, --time-zone for filter";
            return Err(error_at(at, message));
        }
    }
    Ok(())
}

struct Planner {
    dialect: Dialect,
    layout: Layout,
    head: Vec<Step>,
    segments: Vec<Segment>,
}

impl Planner {
    fn item(&mut self, item: Item, next: Option<&Item>) -> Result<(), FormatError> {
        match item.what {
            What::Literal(literal) => self.literal(&literal),
            What::Time { mut time, side, .. } => {
                if let Some(next) = next.filter(|next| !matches!(next.what, What::Literal(_))) {
                    // An epoch in seconds has ten digits until the year 2286, and a fraction has its own number of them.
                    match (&time, &next.what) {
                        (
                            TimeStep::Digits(TimeForm::EpochSeconds),
                            What::Time { time: TimeStep::Fraction(_), .. },
                        ) => {
                            time = TimeStep::Fixed { form: TimeForm::EpochSeconds, len: 10 };
                        }
                        (TimeStep::Loose(_) | TimeStep::Digits(_), _) => return Err(neighbours(next)),
                        (_, What::Time { .. }) => {}
                        _ => return Err(neighbours(next)),
                    }
                }
                let slot = self.slot("time", 1.0);
                self.step(Step::Time { time, slot, side });
            }
            What::Value(meaning) => self.value(&meaning, next)?,
        }
        Ok(())
    }

    fn literal(&mut self, literal: &[u8]) {
        let step = if literal.len() <= 8 {
            let mut word = [0; 8];
            let mut mask = [0; 8];
            word[..literal.len()].copy_from_slice(literal);
            mask[..literal.len()].fill(0xff);
            let (word, mask) = (u64::from_le_bytes(word), u64::from_le_bytes(mask));
            Step::Short { len: literal.len(), mask, word }
        } else {
            Step::Long(literal.into())
        };
        self.step(step);
    }

    fn value(&mut self, meaning: &Meaning, next: Option<&Item>) -> Result<(), FormatError> {
        if let Shape::Number(form, scale) = meaning.shape {
            let following = after_number(form, next)?;
            let slot = self.slot(&meaning.field, scale);
            self.step(Step::Number { form, slot, next: following });
            return Ok(());
        }
        let class = self.class(meaning.shape);
        let (delimiter, literal) = match next.map(|next| (&next.what, next)) {
            None => (None, &[][..]),
            Some((What::Literal(literal), _)) => (Some(literal[0]), &literal[..]),
            // `$host$request_uri`: a host has no slash, a path begins with one.
            Some((What::Value(Meaning { shape: Shape::Path | Shape::Target, .. }), _))
                if matches!(meaning.shape, Shape::Word) && meaning.field == "server.address" =>
            {
                (Some(b'/'), &b"/"[..])
            }
            Some((_, next)) => return Err(neighbours(next)),
        };
        let ending = delimiter.and_then(|delimiter| self.ending(meaning, class, delimiter, literal));
        let content = self.content(meaning, ending.is_some() && delimiter == Some(b'"'));
        match (ending, delimiter) {
            (Some(ending), _) => self.step(Step::Value { ending, content }),
            (None, Some(first)) => self.segment(content, class, Locate::Search(first)),
            (None, None) => self.segment(content, class, Locate::End),
        }
        Ok(())
    }

    /// Which bytes a value cannot have, given how this server writes it.
    fn class(&self, shape: Shape) -> Class {
        match shape {
            Shape::Word | Shape::Host | Shape::Ident => Class::Word,
            _ if self.dialect.escape == Escape::None && shape != Shape::List => Class::Anything,
            _ => Class::Quoteless,
        }
    }

    /// How the value ends if the byte after it cannot be in it; `None` makes it soft.
    fn ending(&self, meaning: &Meaning, class: Class, delimiter: u8, literal: &[u8]) -> Option<Ending> {
        // Quotes of a client column enclose whatever the server had for it.
        let quoted = delimiter == b'"' && class != Class::Anything;
        match (meaning.shape, delimiter) {
            (Shape::Host | Shape::List, b'"') => Some(Ending::Quote),
            _ if quoted && class == Class::Quoteless => Some(Ending::Quote),
            (Shape::Host, b' ') => Some(Ending::Host),
            (Shape::Host, 0..b' ') => Some(Ending::Byte(delimiter)),
            (Shape::List, b' ') if !literal.starts_with(b" : ") => Some(Ending::List),
            (Shape::Word | Shape::Ident, 0..=b' ' | b'"' | b'/')
                if delimiter != b'/' || literal == b"/" && meaning.field == "server.address" =>
            {
                Some(Ending::Word(delimiter))
            }
            // Control characters are escaped by every server that escapes.
            (_, 0..b' ') if class == Class::Quoteless && self.dialect.escape != Escape::None => {
                Some(Ending::Byte(delimiter))
            }
            _ => None,
        }
    }

    fn content(&mut self, meaning: &Meaning, quoted: bool) -> Content {
        let field = meaning.field.as_str();
        match meaning.shape {
            Shape::Request => {
                let method = self.slot("http.request.method", 1.0);
                let target = self.target();
                let version = self.slot("network.protocol.version", 1.0);
                let line = self.slot("http.request.line", 1.0);
                Content::Request(RequestSlots { method, target, version, line })
            }
            Shape::Target => Content::Target(self.target()),
            Shape::Query | Shape::QueryMark => Content::Query(self.slot(field, 1.0)),
            Shape::Name | Shape::Ident if !quoted => Content::Name(self.slot(field, 1.0)),
            Shape::AnyTime => Content::AnyTime(self.slot(field, 1.0)),
            _ => Content::Plain(self.slot(field, 1.0)),
        }
    }

    fn target(&mut self) -> TargetSlots {
        let path = self.slot("url.path", 1.0);
        let query = self.slot("url.query", 1.0);
        TargetSlots { path, query, full: self.slot("url.full", 1.0) }
    }

    fn slot(&mut self, field: &str, scale: f64) -> u16 {
        let index = self.layout.slots.len() as u16;
        let kind = kind_of(field);
        self.layout.slots.push(Slot { field: field.to_owned(), kind, escape: self.dialect.escape, scale });
        index
    }

    fn step(&mut self, step: Step) {
        match self.segments.last_mut() {
            Some(segment) => segment.chunk.push(step),
            None => self.head.push(step),
        }
    }

    fn segment(&mut self, content: Content, class: Class, locate: Locate) {
        self.segments.push(Segment { content, class, locate, chunk: Vec::new() });
    }

    fn finish(&mut self) {
        if !self.segments.last().is_some_and(|segment| segment.locate == Locate::End) {
            self.step(Step::End);
        }
        for segment in &mut self.segments {
            if let (Locate::Search(_), Class::Quoteless) = (segment.locate, segment.class)
                && let Some(distance) = first_quote(&segment.chunk)
            {
                segment.locate = Locate::Before(distance);
            }
        }
    }
}

/// The byte after a number; it must not be one that the number could have.
fn after_number(form: NumberForm, next: Option<&Item>) -> Result<Option<u8>, FormatError> {
    let Some(next) = next else { return Ok(None) };
    let What::Literal(literal) = &next.what else { return Err(neighbours(next)) };
    let continues = literal[0].is_ascii_digit()
        || (literal[0] == b'.' && matches!(form, NumberForm::Decimal | NumberForm::Decimals))
        || (form == NumberForm::Decimals && (literal == b", " || literal == b" : "));
    if continues { Err(neighbours(next)) } else { Ok(Some(literal[0])) }
}

fn neighbours(next: &Item) -> FormatError {
    let message = "the log format does not tell where the value before this ends: put a character between them that the \
                   first cannot have, or quotes around them";
    error_at(next.at.clone(), message)
}

/// How far into the chunk its first quote is, if that is the same for every record.
fn first_quote(chunk: &[Step]) -> Option<usize> {
    let mut distance = 0;
    for step in chunk {
        let literal = match step {
            Step::Short { len, word, .. } => &word.to_le_bytes()[..*len],
            Step::Long(literal) => literal,
            Step::Time { time: TimeStep::Fixed { len, .. }, .. } => {
                distance += len;
                continue;
            }
            _ => return None,
        };
        // A backslash would take the quote after it along.
        if literal.contains(&b'\\') {
            return None;
        }
        if let Some(at) = literal.iter().position(|&byte| byte == b'"') {
            return Some(distance + at);
        }
        distance += literal.len();
    }
    None
}
