//! A row as one JSON object.
//!
//! Nearly every object has room in a line of fixed length ([`Fixed`]), in which keys, quiet values and remembered tokens are put side
//! by side. What must be treated is appended to the output by itself, in its order.

use super::super::columns::{self, Columns};
use super::super::value::Outcome;
use super::super::{Envelope, Protector, Treated};
use super::plan::RowColumn;
use super::{RowRecord, recall};
use crate::encode::fixed::Fixed;
use crate::encode::frame::Said;
use crate::encode::ndjson::{self, Keys};
use crate::record::lines::Line;
use crate::record::span::Part;
use crate::record::window::{Short, Text};

impl Protector {
    /// Writes a row as one JSON object.
    #[inline(never)]
    pub fn ndjson_row(
        &mut self,
        record: RowRecord<'_>,
        keys: &Keys,
        envelope: Envelope,
        out: &mut Vec<u8>,
    ) -> Treated {
        let loud = self.look(&record);
        let said = columns::said(record.table, record.epoch, envelope);
        let line = Line { text: record.raw, tail: &record.batch[record.at..] };
        let fits = Fixed::fits(record.plan.line_bytes + record.plan.repeats * record.raw.len());
        let framed = fits && self.columns.frames.prepare(keys, said, &mut self.columns.times);
        match Short::of(line).filter(|_| framed) {
            Some(text) => self.short_object(&record, text, loud, keys, out),
            None => self.long_object(&record, loud, keys, said, out),
        }
        Treated(())
    }

    /// Writes a row whose object has room in a line of fixed length.
    #[inline(always)]
    fn short_object(
        &mut self,
        record: &RowRecord<'_>,
        text: Short<'_>,
        loud: u32,
        keys: &Keys,
        out: &mut Vec<u8>,
    ) {
        self.columns.frames.begin(keys, &mut self.columns.line);
        let present = record.row.present();
        for column in record.plan.columns.iter().filter(|column| present >> column.place & 1 != 0) {
            let part = record.part(column.place);
            let line = &mut self.columns.line;
            if column.quiet && loud >> column.place & 1 == 0 {
                if !column.number || is_json_number(part.of(record.raw)) {
                    line.put(&column.key, column.key_len);
                    put_value(text, part, line);
                    if !column.number {
                        line.put_byte(b'"');
                    }
                    continue;
                }
            } else {
                let output = &record.plan.slot(record.table, column.place).outputs[column.output];
                if let Some((token, len)) = recall(&mut self.cache, record, output, part) {
                    self.counts.addresses += 1;
                    line.put(&column.key, column.key_len);
                    line.put(token, len);
                    line.put_byte(b'"');
                    continue;
                }
            }
            line.take(out);
            self.ndjson_place(record, keys, column, part, out);
        }
        let Columns { frames, line, .. } = &mut self.columns;
        frames.end(keys, line);
        line.take(out);
    }

    /// Writes any row.
    #[inline(never)]
    fn long_object(
        &mut self,
        record: &RowRecord<'_>,
        loud: u32,
        keys: &Keys,
        said: Said<'_>,
        out: &mut Vec<u8>,
    ) {
        keys.begin(said.time, &mut self.columns.times, out);
        let present = record.row.present();
        for column in record.plan.columns.iter().filter(|column| present >> column.place & 1 != 0) {
            let part = record.part(column.place);
            if column.quiet && loud >> column.place & 1 == 0 {
                keys.key(column.column, out);
                let slot = record.plan.slot(record.table, column.place);
                let raw = part.of(record.raw);
                ndjson::verbatim(slot.kind, slot.escape, slot.scale, raw, &mut self.decoded, out);
            } else {
                self.ndjson_place(record, keys, column, part, out);
            }
        }
        keys.end(said.epoch.0, said.deadline, false, &mut self.columns.times, out);
    }

    /// Writes one value with its key as the long way does.
    #[inline(never)]
    fn ndjson_place(
        &mut self,
        record: &RowRecord<'_>,
        keys: &Keys,
        column: &RowColumn,
        part: Part,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        keys.key(column.column, out);
        let slot = record.plan.slot(record.table, column.place);
        let output = &slot.outputs[column.output];
        out.push(b'"');
        if self.address(record, output, part, out) {
            return out.push(b'"');
        }
        out.pop();
        match self.loud(record, slot, output, part) {
            Outcome::Verbatim => {
                let raw = part.of(record.raw);
                ndjson::verbatim(slot.kind, slot.escape, slot.scale, raw, &mut self.decoded, out);
            }
            Outcome::Replaced => ndjson::string(&self.value, out),
            Outcome::Absent => out.truncate(start),
        }
    }
}

/// True for digits that are a JSON number as they stand: those have no leading zeros, and the longest are no number to most readers.
#[inline(always)]
fn is_json_number(digits: &[u8]) -> bool {
    digits.len() == 1 || (digits.len() <= 20 && digits.first() != Some(&b'0'))
}

/// Puts a value as it stands: mostly in one length, whatever follows it.
#[inline(always)]
fn put_value(text: Short<'_>, part: Part, line: &mut Fixed) {
    let (start, len) = (part.start as usize, (part.end - part.start) as usize);
    match (text.at::<64>(start), text.at::<128>(start)) {
        (Some(piece), _) if len <= 64 => line.put(piece, len),
        (_, Some(piece)) if len <= 128 => line.put(piece, len),
        _ => line.put_all(text.part(start, len)),
    }
}
