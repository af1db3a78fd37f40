//! The short way for most records: plain text without escapes, that names nobody.
//!
//! *In*: a record whose parser says that it is plain ([`Parsed::plain`](crate::record::span::Parsed::plain)), in a sieved batch. *Out*: the same bytes that the long way
//! writes, or nothing. *Promised*: where anything stands in a part that could be an identifier and is not found harmless, and
//! where a policy asks for more than addresses treated and fields dropped, nothing is written and the long way is taken.
//! *Not here*: any treatment but that of an address.

use wide::u8x16;

use super::address::{self, Column};
use super::columns;
use super::identifier::{Writer, spelling};
use super::text::{Candidates, Context, Finding, Near};
use super::{Envelope, Protector, Record};
use crate::encode::ndjson::Keys;
use crate::encode::same::Same;
use crate::policy::table::{Action, IdAction, SlotOutput, TextPlan};
use crate::record::field::Kind;
use crate::record::span::Part;

/// Bytes that the keys and the envelope of most records take: room for them is asked for once.
const RESERVE: usize = 1024;

/// Formats of more slots take the long way: a bit of [`quiet_bits`](crate::policy::table::Table::quiet_bits) would stand for several.
const SLOTS_MAX: u16 = 64;

/// What a plain record is written with.
struct Plain<'a> {
    writer: Writer<'a>,
    near: Near<'a>,
    findings: &'a mut Vec<Finding>,
    text: &'a TextPlan,
    addresses: u64,
}

impl Protector {
    /// Says that `record` is one of the next. Most begin with their client's address, and what is remembered of it lies somewhere in
    /// a table of some megabytes: asked for many at a time, it is near when it is needed.
    #[inline]
    pub fn expect(&self, record: &[u8]) {
        let Some(block) = record.first_chunk::<16>() else { return };
        let len = u8x16::new(*block).simd_eq(u8x16::splat(b' ')).to_bitmask().trailing_zeros() as usize;
        if let Some(key) = record.get(..len).and_then(spelling) {
            self.cache.expect(key);
        }
    }

    /// What writes a record; `None` where it is not part of the batch, or names someone.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "made once per record, and moved if it is a call")]
    fn plain<'a>(&'a mut self, record: Record<'a>) -> Option<Plain<'a>> {
        let Record { batch, raw, parsed, table, epoch } = record;
        let at = (raw.as_ptr() as usize).wrapping_sub(batch.as_ptr() as usize);
        let named = parsed.slots & table.naming_bits != 0;
        if at >= batch.len() || named || table.slots.len() > usize::from(SLOTS_MAX) {
            return None;
        }
        let candidates: &Candidates = &self.candidates;
        Some(Plain {
            writer: Writer { keys: epoch, cache: &mut self.cache, canonical: &mut self.canonical },
            near: candidates.near(at, &mut self.cursor),
            findings: &mut self.findings,
            text: &table.text,
            addresses: 0,
        })
    }

    /// Writes a plain record in its own format; false, with nothing written, if it takes the long way.
    #[inline(never)]
    pub(super) fn same_plain(&mut self, record: Record<'_>, out: &mut Vec<u8>) -> bool {
        let Some(mut plain) = self.plain(record) else { return false };
        let Record { raw, parsed, table, .. } = record;
        let start = out.len();
        let mut same = Same::begin(raw, out);
        for &part in &parsed.parts {
            // Slots that leave alone what the sieve leaves alone, in front of the next position: most of most records.
            let quiet = table.quiet_bits >> (part.slot % SLOTS_MAX) & 1 != 0;
            if quiet && part.end <= plain.near.next() {
                continue;
            }
            let slot = &table.slots[usize::from(part.slot)];
            let written = match slot.outputs.first() {
                Some(_) if quiet && !plain.near.any_in(part.start, part.end) => true,
                Some(SlotOutput { action, .. }) if quiet => plain.finds_nothing(action, part, raw),
                Some(SlotOutput { action, .. }) => plain.address(action, part.of(raw), same.place(part)),
                None if slot.kind == Kind::Query => {
                    same.drop_query(part, table.absent);
                    true
                }
                None => {
                    same.drop_value(part, table.absent);
                    true
                }
            };
            if !written {
                out.truncate(start);
                return false;
            }
            plain.near.pass(part.end);
        }
        same.end();
        self.counts.addresses += plain.addresses;
        true
    }

    /// Writes a plain record as one JSON object; false, with nothing written, if it takes the long way.
    #[inline(never)]
    pub(super) fn ndjson_plain(
        &mut self,
        record: Record<'_>,
        keys: &Keys,
        envelope: Envelope,
        out: &mut Vec<u8>,
    ) -> bool {
        let Record { raw, parsed, table, .. } = record;
        if table.repeats {
            return false;
        }
        let start = out.len();
        out.reserve(2 * raw.len() + RESERVE);
        columns::begin(table, keys, envelope, &mut self.columns.times, out);
        let Some(mut plain) = self.plain(record) else {
            out.truncate(start);
            return false;
        };
        for &part in &parsed.parts {
            let slot = &table.slots[usize::from(part.slot)];
            if slot.kind == Kind::Time {
                continue;
            }
            let noticed = plain.near.any_in(part.start, part.end);
            for output in &slot.outputs {
                let written = if output.leaves_alone {
                    (!noticed || plain.finds_nothing(&output.action, part, raw))
                        && keys.plain(output.column, slot.kind, slot.scale, part, raw, out)
                } else {
                    keys.string_key(output.column, out);
                    let written = plain.address(&output.action, part.of(raw), out);
                    out.push(b'"');
                    written
                };
                if !written {
                    out.truncate(start);
                    return false;
                }
            }
        }
        let addresses = plain.addresses;
        self.counts.addresses += addresses;
        columns::end(record, keys, envelope, &mut self.columns.times, out);
        true
    }
}

impl Plain<'_> {
    /// True when nothing is found in `part` of `record`, in which the sieve left positions: it leaves as it stands.
    #[inline]
    fn finds_nothing(&mut self, action: &Action, part: Part, record: &[u8]) -> bool {
        (matches!(action, Action::ScrubAgent) && self.near.is_one_version(part.of(record), part.start))
            || self.searches_in_vain(action, part, record)
    }

    #[inline(never)]
    fn searches_in_vain(&mut self, action: &Action, part: Part, record: &[u8]) -> bool {
        let context = match action {
            Action::ScrubAgent => Context::Agent,
            Action::ScrubPath => Context::Path,
            Action::ScrubQuery => Context::Query,
            Action::Url(_) => Context::Url,
            Action::Time => return true,
            _ => Context::Text,
        };
        self.near.find(part.of(record), part.start, context, self.findings);
        self.findings.is_empty()
    }

    /// Writes what becomes of a column that is an address. False, perhaps with something written, for anything else.
    #[inline]
    fn address(&mut self, action: &Action, text: &[u8], out: &mut Vec<u8>) -> bool {
        let &Action::Address(action) = action else { return false };
        self.addresses += 1;
        if let IdAction::Token(form) = action
            && self.writer.spelled_v4(text, form, self.text, out)
        {
            return true;
        }
        match address::parse_field(text) {
            Some(Column::Address { address, .. }) => self.writer.address(address, action, self.text, out),
            _ => false,
        }
    }
}
