//! The names that a record's own fields give, for its texts.
//!
//! *In*: values of fields that name somebody, a room or an endpoint. *Out*: what to look for in the record's texts, and the value whose
//! token stands in its place. *Promised*: a bounded number, no allocation once the room is made. *Not here*: the search
//! (`text::names`), names that other records gave (`learned`).

use std::ops::Range;

use memchr::memchr;

use super::learned::Learner;
use super::text::{NAMES_MAX, Needles, Sense};
use super::{jabber, text, url};
use crate::keys::EpochKeys;
use crate::policy::table::{IdAction, PathPlan, Table, TextPlan};
use crate::record::escape;
use crate::record::field::Kind;
use crate::record::span::{Escape, Part};

/// The values of a record that name someone, gathered before its texts are searched.
#[derive(Default)]
pub struct Named {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<Name>,
    pub(super) needles: Needles,
    plain: Vec<u8>,
}

/// One name: what is looked for, and the value that its token is made of; both are ranges of [`Named::bytes`].
#[derive(Clone)]
pub(super) struct Name {
    pub(super) sought: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) kind: Kind,
    pub(super) action: IdAction,
}

/// Bytes of the shortest name that is looked for.
const NAME_BYTES_MIN: usize = 3;

/// Accounts of the programs of a videoconference.
const PROGRAMS: [&[u8]; 5] = [b"focus", b"jvb", b"jibri", b"jigasi", b"recorder"];

impl Named {
    /// Forgets the last record's.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if !self.entries.is_empty() {
            self.entries.clear();
            self.needles.clear();
        }
    }

    /// True when the record names nobody, which is most records.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Teaches the record's names, whose keys are `keys`. A mail address is found wherever it stands.
    pub fn teach(&self, learner: &mut Learner, plan: &TextPlan, keys: &EpochKeys) {
        for Name { sought, kind, action, .. } in &self.entries {
            let sense = match kind {
                // Both are names; the policy may treat them differently.
                Kind::Name if *action == plan.name => Sense::Name,
                Kind::Name => Sense::Stats,
                Kind::User | Kind::Jid => Sense::User,
                Kind::Room => Sense::Room,
                Kind::Endpoint => Sense::Endpoint,
                _ => continue,
            };
            learner.learn(sense, &self.bytes[sought.clone()], keys);
        }
    }

    /// Adds `part` of `record` if its slot names somebody.
    pub fn gather(&mut self, table: &Table, part: Part, record: &[u8]) {
        if let Some((_, action)) = table.naming.iter().find(|(slot, _)| *slot == part.slot) {
            let slot = &table.slots[usize::from(part.slot)];
            self.add(part.of(record), slot.escape, (slot.kind, *action), &table.text);
        }
        if table.naming_paths.contains(&part.slot)
            && let Some(plan) = table.slots[usize::from(part.slot)].names_rooms()
        {
            self.add_room(plan, part.of(record), &table.text);
        }
    }

    /// Adds the room that a path names, with its tenant.
    fn add_room(&mut self, templates: &PathPlan, path: &[u8], plan: &TextPlan) {
        let Some((tenant, room)) = url::room(templates, path) else { return };
        let start = self.bytes.len();
        if let Some(tenant) = tenant {
            self.bytes.push(b'[');
            self.bytes.extend_from_slice(tenant);
            self.bytes.push(b']');
        }
        self.bytes.extend_from_slice(room);
        self.enter(start, Kind::Room, plan.room, plan);
    }

    /// Adds a value as it stands in the record.
    fn add(&mut self, raw: &[u8], how: Escape, (kind, action): (Kind, IdAction), plan: &TextPlan) {
        // Shorter ones are language codes and words rather than names of anyone.
        if self.entries.len() == NAMES_MAX || raw.len() < NAME_BYTES_MIN {
            return;
        }
        let start = self.bytes.len();
        if escape::decode(how, raw, &mut self.bytes).is_err() {
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(raw);
        }
        self.enter(start, kind, action, plan);
    }

    /// Enters the value that stands from `start` on. Of a room or an account, what stands before the host is looked for; of an
    /// endpoint, the part that every log has.
    fn enter(&mut self, start: usize, kind: Kind, action: IdAction, plan: &TextPlan) {
        let value = start..self.bytes.len();
        let bytes = &self.bytes[value.clone()];
        let local = jabber::Jid::of(bytes).local;
        let (mut kind, mut action) = (kind, action);
        if kind == Kind::Jid {
            if text::is_uuid(local) {
                (kind, action) = (Kind::Endpoint, plan.endpoint);
            } else if text::is_room(bytes) {
                (kind, action) = (Kind::Room, plan.room);
            }
        }
        let sought = match kind {
            Kind::Room => {
                jabber::unescape(local, &mut self.plain);
                self.bytes.extend_from_slice(&self.plain);
                value.end..self.bytes.len()
            }
            Kind::Jid => {
                let at = memchr(b'@', bytes).unwrap_or(bytes.len());
                start + at - local.len()..start + at
            }
            Kind::Endpoint => start..start + jabber::endpoint(bytes).len(),
            _ => value.clone(),
        };
        // An account of a program says nothing of a person, and its name is in every second message.
        let program = kind == Kind::Jid && PROGRAMS.contains(&&self.bytes[sought.clone()]);
        if sought.len() >= NAME_BYTES_MIN && !program {
            self.needles.add(&self.bytes[sought.clone()]);
            self.entries.push(Name { sought, value, kind, action });
        }
    }
}
