//! The hot loop: from spans and raw bytes to treated values.
//!
//! *In*: a record, its [`Parsed`] spans, the compiled [`Table`], the keys of its epoch. *Out*: one encoded line and
//! [`Treated`], the proof without which no batch accepts it. *Promised*: PI-1, PI-6 and PI-7: every part of the record goes
//! through the table; what the table does not name is not written. *Not here*: which records live (`retention`), which
//! table applies (`pipeline::worker`).
//!
//! ```text
//! gather the names that the record's own fields carry          (few records have any)
//! for each part, in the order of the text:
//!     for each output of its slot:
//!         match the action:  keep → verbatim   identifier → token   text → find, then token by token   …
//!         hand the outcome to the encoder
//! ```
//!
//! 1. *No copy of what is left alone.* An outcome is `Verbatim`, `Replaced` or `Absent`; under `--emit same` verbatim parts
//!    join into one copy of the record's bytes.
//! 2. *One buffer per purpose*, reused from record to record: findings, decoded text, treated value, canonical spelling.
//! 3. *Escapes are decoded only where a backslash stands*, once, before anything is searched; a replaced value is escaped
//!    again as the server would.
//! 4. *Most records are rows* ([`row`]): each value has a place of its own and nothing is escaped. They are passed over rather than
//!    taken apart, and their agents are known again ([`texts`](crate::record::texts)) rather than searched.
//! 5. *Tokens of addresses are remembered* per worker ([`cache`]), since few clients make most of the lines.
//!
//! Known losses: a value with escapes is decoded twice when a slot has two outputs; names of a record are searched text by
//! text rather than once.

pub mod address;
mod agent;
pub mod cache;
pub mod carried;
mod columns;
mod grammar;
pub mod identifier;
pub mod jabber;
pub mod learned;
mod named;
pub mod quarantine;
pub mod row;
pub mod text;
pub mod treatments;
mod url;
pub mod value;

use std::mem;

use crate::encode::same::Same;
use crate::encode::same_json::{Written, same_json};
use crate::keys::pseudonym::EpochKeys;
use crate::policy::table::{SlotOutput, SlotPlan, Table};
use crate::record::escape;
use crate::record::field::Kind;
use crate::record::span::{Escape, Parsed, Part, slot_bit};
use crate::record::texts::{Known, Remembered};
use crate::record::timestamp::Timestamp;
use agent::Families;
use cache::TokenCache;
use columns::Columns;
use identifier::Writer;
use learned::Learner;
use named::Named;
use text::{Context, Finding};
use treatments::Treatments;
use value::{Outcome, Treater};

/// Proof that a record's every field went through its treatment. Only this room can make one.
pub struct Treated(());

/// A record on its way through the hot loop.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The batch that the record is part of; empty where there is none.
    pub batch: &'a [u8],
    /// The record's bytes, which stand in the batch.
    pub raw: &'a [u8],
    /// What its parser says of it.
    pub parsed: &'a Parsed,
    /// What is done to it.
    pub table: &'a Table,
    /// The keys of its domain and epoch.
    pub epoch: &'a EpochKeys,
}

/// What the encoder must know of a record beside its values.
#[derive(Clone, Copy)]
pub struct Envelope {
    /// Event time, or the time of reception where the record states none.
    pub time: Timestamp,
    /// When it must be gone.
    pub deadline: Option<Timestamp>,
    /// True when the record did not state its whole time.
    pub time_completed: bool,
}

/// A worker's reusable room. Holds fragments of records between calls, so it has no `Debug`; wiped buffers are not needed, as
/// the raw batch beside it lives as long.
pub struct Protector {
    cache: TokenCache,
    canonical: Vec<u8>,
    plain: Vec<u8>,
    /// The tenant that the last path of the record at hand named.
    tenant: Vec<u8>,
    findings: Vec<Finding>,
    named: Named,
    /// Names of other records.
    pub learner: Learner,
    decoded: Vec<u8>,
    spare: Vec<u8>,
    value: Vec<u8>,
    columns: Columns,
    /// Known texts in which nothing was found.
    harmless: Remembered,
    /// A known text that names somebody.
    telling: Option<Known>,
    /// The value of the row at hand whose findings are at hand, too, and how it was searched.
    found_in: Option<(Part, Context)>,
    /// Families of known agents.
    families: Families,
    /// Identifiers treated so far.
    pub counts: Treatments,
}

impl Protector {
    /// A protector whose token cache has `cache_entries` slots; 0 switches it off.
    pub fn new(cache_entries: usize) -> Self {
        Self {
            cache: TokenCache::new(cache_entries),
            canonical: Vec::new(),
            plain: Vec::new(),
            tenant: Vec::new(),
            findings: Vec::new(),
            named: Named::default(),
            learner: Learner::default(),
            decoded: Vec::new(),
            spare: Vec::new(),
            value: Vec::new(),
            columns: Columns::default(),
            harmless: Remembered::default(),
            telling: None,
            found_in: None,
            families: Families::default(),
            counts: Treatments::default(),
        }
    }

    /// Forgets every token: called when the key of an epoch goes.
    pub fn wipe_tokens(&mut self) {
        self.cache.wipe();
    }

    /// Writes a record in its own format.
    #[inline]
    pub fn same(&mut self, record: Record<'_>, out: &mut Vec<u8>) -> Treated {
        if record.parsed.shape.is_empty() {
            self.same_parts(record, out);
        } else {
            self.same_json(record, out);
        }
        Treated(())
    }

    /// Writes a record part by part, whatever it holds.
    #[inline(never)]
    fn same_parts(&mut self, record: Record<'_>, out: &mut Vec<u8>) {
        let Record { raw, parsed, table, .. } = record;
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater_of(record);
        let mut same = Same::begin(raw, out);
        for &part in &parsed.parts {
            let slot = &table.slots[usize::from(part.slot)];
            value.clear();
            let outcome = first(&mut treater, slot, part.of(raw), &mut decoded, &mut value);
            put(&mut same, slot, part, outcome, &value, table.absent);
        }
        same.end();
        (self.decoded, self.value) = (decoded, value);
    }

    /// Writes a JSON record as JSON again: the structure is rebuilt from the members that leave.
    #[inline(never)]
    fn same_json(&mut self, record: Record<'_>, out: &mut Vec<u8>) {
        let Record { raw, parsed, table, .. } = record;
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater_of(record);
        same_json(&parsed.shape, &parsed.parts, raw, out, |part, out| {
            let part: Part = parsed.parts[part];
            let slot = &table.slots[usize::from(part.slot)];
            value.clear();
            match first(&mut treater, slot, part.of(raw), &mut decoded, &mut value) {
                Outcome::Verbatim => out.extend_from_slice(part.of(raw)),
                Outcome::Replaced => escape::encode(Escape::Json, &value, out),
                Outcome::Absent => return Written::Dropped,
            }
            Written::Value
        });
        out.push(b'\n');
        (self.decoded, self.value) = (decoded, value);
    }

    /// Shows every value that leaves, for `explain`: its slot, its output (none where the slot has none), what became of it, and
    /// the treated bytes.
    pub fn each_value(
        &mut self,
        record: Record<'_>,
        mut show: impl FnMut(u16, Option<&SlotOutput>, Outcome, &[u8]),
    ) {
        let Record { raw, parsed, table, .. } = record;
        let (mut decoded, mut value) = (Vec::new(), Vec::new());
        let mut treater = self.treater_of(record);
        for part in &parsed.parts {
            let slot = &table.slots[usize::from(part.slot)];
            if slot.outputs.is_empty() {
                show(part.slot, None, Outcome::Absent, &[]);
            }
            for output in &slot.outputs {
                value.clear();
                let outcome = treater.value(slot, &output.action, part.of(raw), &mut decoded, &mut value);
                let leaves = if outcome == Outcome::Verbatim { part.of(raw) } else { &value };
                show(part.slot, Some(output), outcome, leaves);
            }
        }
    }

    /// Gathers the record's names and lends out the reusable room.
    #[inline]
    fn treater_of<'a>(&'a mut self, record: Record<'a>) -> Treater<'a> {
        let Record { batch, raw, parsed, table, epoch } = record;
        self.named.clear();
        self.tenant.clear();
        if parsed.slots & table.naming_bits != 0 {
            for &part in parsed.parts.iter().filter(|part| slot_bit(part.slot) & table.naming_bits != 0) {
                self.named.gather(table, part, raw);
            }
            self.named.teach(&mut self.learner, &table.text, epoch);
        }
        self.treater(batch, table, epoch, memchr::memchr(b'\\', raw).is_some())
    }

    /// Lends out the reusable room, with the names that were gathered.
    #[inline]
    fn treater<'a>(
        &'a mut self,
        batch: &'a [u8],
        table: &'a Table,
        epoch: &'a EpochKeys,
        escaped: bool,
    ) -> Treater<'a> {
        Treater {
            writer: Writer {
                keys: epoch,
                cache: &mut self.cache,
                canonical: &mut self.canonical,
                plain: &mut self.plain,
            },
            learner: &mut self.learner,
            tenant: &mut self.tenant,
            plan: &table.text,
            named: &self.named,
            spare: &mut self.spare,
            batch,
            escaped,
            findings: &mut self.findings,
            counts: &mut self.counts,
        }
    }
}

/// Puts what became of a value in its place.
#[inline]
fn put(same: &mut Same<'_>, slot: &SlotPlan, part: Part, outcome: Outcome, value: &[u8], absent: &str) {
    match outcome {
        Outcome::Verbatim => {}
        Outcome::Replaced => same.replace(part, slot.escape, value),
        Outcome::Absent if slot.kind == Kind::Query => same.drop_query(part, absent),
        Outcome::Absent => same.drop_value(part, absent),
    }
}

/// The outcome of a slot's first output: what stands in the field's place under `--emit same`.
#[inline]
fn first(
    treater: &mut Treater<'_>,
    slot: &SlotPlan,
    raw: &[u8],
    decoded: &mut Vec<u8>,
    value: &mut Vec<u8>,
) -> Outcome {
    match slot.outputs.first() {
        Some(output) => treater.value(slot, &output.action, raw, decoded, value),
        None => Outcome::Absent,
    }
}
