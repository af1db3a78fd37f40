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
//! 4. *Tokens of addresses are remembered* per worker ([`cache`]), since few clients make most of the lines.
//!
//! Known losses: a value with escapes is decoded twice when a slot has two outputs; names of a record are searched text by
//! text rather than once.

pub mod address;
mod agent;
pub mod cache;
mod grammar;
pub mod identifier;
pub mod quarantine;
pub mod text;
mod url;
pub mod value;

use std::mem;

use crate::encode::ndjson::{self, Keys};
use crate::encode::same::Same;
use crate::encode::same_json::{Written, same_json};
use crate::keys::pseudonym::EpochKeys;
use crate::policy::table::{Action, SlotOutput, SlotPlan, Table, TimeRule, slot_bit};
use crate::record::escape;
use crate::record::field::Kind;
use crate::record::span::{Escape, Parsed, Part};
use crate::record::timestamp::Timestamp;
use cache::TokenCache;
use identifier::Writer;
use text::{Candidates, Cursor, Finding};
use value::{Named, Outcome, Treater, Treatments};

/// Proof that a record's every field went through its treatment. Only this room can make one.
pub struct Treated(());

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
    candidates: Candidates,
    /// Before the record at hand.
    cursor: Cursor,
    findings: Vec<Finding>,
    named: Named,
    decoded: Vec<u8>,
    spare: Vec<u8>,
    value: Vec<u8>,
    /// Identifiers treated so far.
    pub counts: Treatments,
}

impl Protector {
    /// A protector whose token cache has `cache_entries` slots; 0 switches it off.
    pub fn new(cache_entries: usize) -> Self {
        Self {
            cache: TokenCache::new(cache_entries),
            canonical: Vec::new(),
            candidates: Candidates::default(),
            cursor: Cursor::default(),
            findings: Vec::new(),
            named: Named::default(),
            decoded: Vec::new(),
            spare: Vec::new(),
            value: Vec::new(),
            counts: Treatments::default(),
        }
    }

    /// Sieves a whole batch for identifiers, so that its short values need no pass of their own. Values of other buffers are
    /// still found, one by one.
    pub fn sieve(&mut self, batch: &[u8]) {
        self.candidates.scan(batch);
        self.cursor = Cursor::default();
    }

    /// Forgets every token: called when the key of an epoch goes.
    pub fn wipe_tokens(&mut self) {
        self.cache.wipe();
    }

    /// Writes `raw`, a part of the sieved `batch`, in its own format.
    #[inline]
    pub fn same(
        &mut self,
        batch: &[u8],
        raw: &[u8],
        parsed: &Parsed,
        table: &Table,
        epoch: &EpochKeys,
        out: &mut Vec<u8>,
    ) -> Treated {
        if !parsed.shape.is_empty() {
            return self.same_json(batch, raw, parsed, table, epoch, out);
        }
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater(batch, raw, parsed, table, epoch);
        let mut same = Same::begin(raw, out);
        for &part in &parsed.parts {
            let slot = &table.slots[usize::from(part.slot)];
            match slot.outputs.first() {
                Some(output) if treater.leaves_alone(output, part) => continue,
                Some(SlotOutput { action: Action::Address(action), .. }) if !treater.escaped => {
                    match treater.address_field(*action, part.of(raw), same.place(part)) {
                        Outcome::Verbatim => {}
                        Outcome::Replaced => same.replaced(part),
                        Outcome::Absent => same.drop_value(part, table.absent),
                    }
                    continue;
                }
                _ => {}
            }
            value.clear();
            match first(&mut treater, slot, part.of(raw), &mut decoded, &mut value) {
                Outcome::Verbatim => {}
                Outcome::Replaced => same.replace(part, slot.escape, &value),
                Outcome::Absent if slot.kind == Kind::Query => same.drop_query(part, table.absent),
                Outcome::Absent => same.drop_value(part, table.absent),
            }
        }
        same.end();
        (self.decoded, self.value) = (decoded, value);
        Treated(())
    }

    /// Writes a JSON record as JSON again: the structure is rebuilt from the members that leave.
    fn same_json(
        &mut self,
        batch: &[u8],
        raw: &[u8],
        parsed: &Parsed,
        table: &Table,
        epoch: &EpochKeys,
        out: &mut Vec<u8>,
    ) -> Treated {
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater(batch, raw, parsed, table, epoch);
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
        Treated(())
    }

    /// Writes `raw` as one JSON object.
    #[inline]
    #[allow(
        clippy::too_many_arguments,
        reason = "plain arguments of the hot loop: each is a different room's noun"
    )]
    pub fn ndjson(
        &mut self,
        batch: &[u8],
        raw: &[u8],
        parsed: &Parsed,
        table: &Table,
        keys: &Keys,
        epoch: &EpochKeys,
        envelope: Envelope,
        out: &mut Vec<u8>,
    ) -> Treated {
        let (mut decoded, mut value) = (mem::take(&mut self.decoded), mem::take(&mut self.value));
        let mut treater = self.treater(batch, raw, parsed, table, epoch);
        let round = |time: Timestamp| if table.time == TimeRule::Hour { time.hour() } else { time };
        keys.begin((table.time != TimeRule::Absent).then(|| round(envelope.time)), out);
        let mut written: u128 = 0;
        for (index, &part) in parsed.parts.iter().enumerate() {
            let slot = &table.slots[usize::from(part.slot)];
            if slot.kind == Kind::Time {
                continue;
            }
            for output in &slot.outputs {
                // A column is written once; repeated values of it become an array where it first occurs.
                let bit = 1_u128 << (output.column & 127);
                if written & bit != 0 {
                    continue;
                }
                let start = out.len();
                keys.key(output.column, out);
                let repeated = table.repeats && repeats(parsed, table, index, output.column);
                if repeated {
                    out.push(b'[');
                }
                let mut any = false;
                for &part in &parsed.parts[index..] {
                    let slot = &table.slots[usize::from(part.slot)];
                    let Some(output) = slot.outputs.iter().find(|other| other.column == output.column) else {
                        continue;
                    };
                    if any {
                        out.push(b',');
                    }
                    let wrote = json_value(
                        &mut treater,
                        slot,
                        &output.action,
                        part.of(raw),
                        &mut decoded,
                        &mut value,
                        out,
                    );
                    if any && !wrote {
                        out.pop();
                    }
                    any |= wrote;
                    if !repeated {
                        break;
                    }
                }
                if any {
                    written |= bit;
                    if repeated {
                        out.push(b']');
                    }
                } else {
                    out.truncate(start);
                }
            }
        }
        // A deadline to the second would tell the time again; rounded down it is only earlier.
        let deadline = match table.time {
            TimeRule::Exact => envelope.deadline,
            TimeRule::Hour | TimeRule::Absent => envelope.deadline.map(Timestamp::hour),
        };
        keys.end(epoch.id(), deadline, envelope.time_completed, out);
        (self.decoded, self.value) = (decoded, value);
        Treated(())
    }

    /// Shows every value that leaves, for `explain`: its slot, its output (none where the slot has none), what became of it, and
    /// the treated bytes.
    pub fn each_value(
        &mut self,
        raw: &[u8],
        parsed: &Parsed,
        table: &Table,
        epoch: &EpochKeys,
        mut show: impl FnMut(u16, Option<&SlotOutput>, Outcome, &[u8]),
    ) {
        let (mut decoded, mut value) = (Vec::new(), Vec::new());
        let mut treater = self.treater(&[], raw, parsed, table, epoch);
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
    fn treater<'a>(
        &'a mut self,
        batch: &'a [u8],
        raw: &[u8],
        parsed: &Parsed,
        table: &'a Table,
        epoch: &'a EpochKeys,
    ) -> Treater<'a> {
        self.named.clear();
        // Where the record stands in the batch, if that was sieved.
        let at = (raw.as_ptr() as usize).wrapping_sub(batch.as_ptr() as usize);
        let escaped = !parsed.plain && memchr::memchr(b'\\', raw).is_some();
        self.candidates.any_in(at, at, &mut self.cursor);
        let slots = parsed.parts.iter().fold(0, |slots, part| slots | slot_bit(part.slot));
        if slots & table.naming_bits != 0 {
            for part in &parsed.parts {
                if let Some((_, action)) = table.naming.iter().find(|(slot, _)| *slot == part.slot) {
                    let slot = &table.slots[usize::from(part.slot)];
                    self.named.add(part.of(raw), slot.escape, slot.kind, *action);
                }
            }
        }
        Treater {
            writer: Writer { keys: epoch, cache: &mut self.cache, canonical: &mut self.canonical },
            plan: &table.text,
            named: &self.named,
            spare: &mut self.spare,
            batch,
            candidates: &self.candidates,
            cursor: self.cursor,
            sieved_at: (at < batch.len() && !escaped && self.named.is_empty()).then_some(at),
            escaped,
            findings: &mut self.findings,
            counts: &mut self.counts,
        }
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

/// True when a later part fills the same column.
fn repeats(parsed: &Parsed, table: &Table, index: usize, column: u16) -> bool {
    parsed.parts[index + 1..]
        .iter()
        .any(|part| table.slots[usize::from(part.slot)].outputs.iter().any(|output| output.column == column))
}

/// Writes one value; false when it does not leave.
#[inline]
fn json_value(
    treater: &mut Treater<'_>,
    slot: &SlotPlan,
    action: &Action,
    raw: &[u8],
    decoded: &mut Vec<u8>,
    value: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> bool {
    value.clear();
    match treater.value(slot, action, raw, decoded, value) {
        Outcome::Verbatim => ndjson::verbatim(slot.kind, slot.escape, slot.scale, raw, decoded, out),
        Outcome::Replaced => ndjson::string(value, out),
        Outcome::Absent => return false,
    }
    true
}
