//! Parts lose columns at a stage of their class, before it: the one that takes their place is encrypted, where they are, under the chain of that
//! stage, so that the earlier key can die.
//!
//! *In*: the stages that the policy in force has, the time. *Out*: parts of a later stage. *Promised*: a part is rewritten before its stage ends, as
//! long as somebody looks and its key lives ([`stages`]); what was dropped by the policy in force is dropped from parts that were narrowed under an
//! earlier one; records are there once, wherever the process is killed, as with a merge. What cannot be rewritten stays as it is, until a sweep removes
//! it whole at the stage: never late, but lost. *Not here*: what is copied how (`copy`).

use super::copy::{self, From};
use super::hidden::{Hidden, remove_leftovers};
use super::intent::{Intent, Known, finish};
use super::rows::Input;
use super::{Around, Bucket, MergeError, Merged, Merger, SUFFIX, Small, crypt};
use crate::keys::{Storage, storage};
use crate::record::timestamp::Timestamp;
use crate::retention::part_name::{self, PartName};
use crate::retention::stages;
use crate::retention::sweep::{Place, Turn};

/// Parts that are put together at once, and their bytes.
const TOGETHER_MAX: usize = 256;
const TOGETHER_BYTES_MAX: u64 = 256 << 20;

impl Merger {
    /// Rewrites every part whose stage ends soon. Nothing while somebody else rewrites or merges.
    ///
    /// # Errors
    /// [`MergeError`]; it can be tried again.
    pub fn narrow(&mut self, around: Around<'_>) -> Result<Merged, MergeError> {
        let mut all = Merged::default();
        if self.places.iter().all(|place| place.lives.later.is_empty()) {
            return Ok(all);
        }
        let Some(_merging) = Turn::of_merging(&self.state)? else { return Ok(all) };
        {
            let Some(_turn) = Turn::take(&self.state)? else { return Ok(all) };
            finish(&self.state, &mut self.journal, (around.now)())?;
        }
        let mut trouble = None;
        for place in self.places.clone().iter().filter(|place| !place.lives.later.is_empty()) {
            remove_leftovers(&place.directory)?;
            match self.narrow_all(place, around, &mut all) {
                Ok(()) => {}
                // Other places are not to be late for it.
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        trouble.map_or(Ok(all), Err)
    }

    /// All there is to do in a place.
    fn narrow_all(&mut self, place: &Place, around: Around<'_>, all: &mut Merged) -> Result<(), MergeError> {
        let now = (around.now)();
        let wanted = |part: PartName| part.stage > 0 || self.target(place, part, now).is_some();
        for (bucket, parts) in self.buckets(place, around, &wanted)? {
            if !(around.goes_on)() {
                break;
            }
            let part = PartName {
                deadline: bucket.deadline,
                retention_seconds: bucket.retention_seconds,
                stage: bucket.stage,
                finished: true,
            };
            let target = self.target(place, part, now);
            let is_settled = |small: &Small| self.narrowed.contains(&place.directory.join(&small.known.name));
            let parts = match target {
                Some(_) => parts,
                None => parts.into_iter().filter(|small| !is_settled(small)).collect(),
            };
            // Where the stage goes on, only what has a column that it should not have is rewritten.
            let anew = target.unwrap_or(bucket);
            let dropped = dropped(place, anew.stage);
            for group in self.by_schema(place, bucket, parts, around) {
                if target.is_none() && !group[0].1.has_any(&dropped) {
                    let paths = group.iter().map(|(small, _)| place.directory.join(&small.known.name));
                    self.narrowed.extend(paths);
                    continue;
                }
                for some in together(group) {
                    if let Some(one) = self.narrow_these(place, (bucket, anew), some, around)? {
                        all.parts += one.parts;
                        all.records += one.records;
                        all.bytes += one.bytes;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a part goes whose stage ends soon: the first stage that does not.
    fn target(&self, place: &Place, part: PartName, now: Timestamp) -> Option<Bucket> {
        let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let is_over = |until: u64, deadline: Timestamp| {
            let begins = stages::begins_seconds(until, self.rhythm.margin_seconds);
            deadline <= now.plus_seconds(signed(begins))
        };
        let until = place.limit_seconds(&part);
        if !is_over(until, part.due_under(until)) {
            return None;
        }
        let since = part.since(until);
        let later = place.lives.later.iter().zip(1..).skip(part.stage as usize);
        later.map(|(later, stage)| (later.until_seconds, stage)).find_map(|(until, stage)| {
            let storage = Storage { class: String::new(), stage, retention_seconds: until };
            let deadline = storage.deadline_of(storage.epoch_of(since));
            // The last stage has nothing after it, and what is left of it is kept.
            let margin = self.rhythm.margin_seconds.max(storage::margin_seconds(until));
            let is_last = stage as usize == place.lives.later.len();
            let is_left =
                if is_last { deadline > now.plus_seconds(signed(margin)) } else { !is_over(until, deadline) };
            is_left.then_some(Bucket { deadline, retention_seconds: Some(until), stage })
        })
    }

    /// Puts parts of one bucket and schema into one of `anew`. `None` when it was told to end, or something came between.
    fn narrow_these(
        &mut self,
        place: &Place,
        (bucket, anew): (Bucket, Bucket),
        parts: Vec<(Small, Input)>,
        around: Around<'_>,
    ) -> Result<Option<Merged>, MergeError> {
        let (parts, inputs): (Vec<Known>, Vec<Input>) =
            parts.into_iter().map(|(small, input)| (small.known, input)).unzip();
        let records: u64 = inputs.iter().map(Input::rows).sum();
        let now = (around.now)();
        let sealing = if inputs[0].is_encrypted() {
            let keys = self.keys_of(place, anew).and_then(Result::ok);
            let sealing = keys.and_then(|keys| crypt::sealing(&keys, anew.deadline, now).ok());
            let Some(sealing) = sealing else {
                let why = format!("there is no key for stage {} of its class", anew.stage);
                self.leave(place, place.directory.join(&parts[0].name), &why, around);
                return Ok(None);
            };
            Some(sealing)
        } else {
            None
        };
        let mut from = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let modules = self.opening(place, bucket, input, now);
            if input.is_encrypted() && modules.is_none() {
                // Its key has just died.
                return Ok(None);
            }
            from.push(From { file: input.file(), facts: input.facts(), modules });
        }
        let dropped = dropped(place, anew.stage);
        let hidden = self.hidden(&parts[0].name, anew);
        let one = Hidden::create(place.directory.join(&hidden))?;
        let copied = copy::copy(&from, &dropped, (&one.file, sealing), around.goes_on);
        if !self.is_whole(place, (&one, records, copied), &parts, around)? {
            return Ok(None);
        }
        let known = one.keep(&hidden)?;
        let Some(name) = self.name(place, anew) else { return Ok(None) };
        let narrowed = Merged { parts: parts.len() as u64, records, bytes: known.bytes };
        let intent = Intent {
            narrowed: Some((anew.stage, dropped)),
            ..Intent::of(place, known, (name, anew.deadline), (parts, records))?
        };
        Ok(self.commit(place, one, &intent, around)?.then_some(narrowed))
    }

    /// What opens the modules of an encrypted part.
    fn opening(
        &self,
        place: &Place,
        bucket: Bucket,
        input: &Input,
        now: Timestamp,
    ) -> Option<crate::sink::modules::Modules> {
        let unique = input.is_encrypted().then(|| input.unique())??;
        let keys = self.keys_of(place, bucket)?.ok()?;
        crypt::opening(&keys, bucket.deadline, now, unique).ok()
    }

    /// A name that nothing in the place has.
    fn name(&mut self, place: &Place, anew: Bucket) -> Option<String> {
        loop {
            self.number += 1;
            let number = (std::process::id(), self.number);
            let retention = anew.retention_seconds.unwrap_or(0);
            let suffix = SUFFIX.trim_start_matches('.');
            let name = part_name::write_at(anew.stage, anew.deadline, retention, number, suffix)?;
            if std::fs::symlink_metadata(place.directory.join(&name)).is_err() {
                return Some(name);
            }
        }
    }
}

/// The columns that are gone at a stage.
fn dropped(place: &Place, stage: u32) -> Vec<String> {
    let later = &place.lives.later;
    let at = (stage as usize).min(later.len());
    at.checked_sub(1).map_or_else(Vec::new, |at| later[at].drop.clone())
}

/// Cuts a group into some that are put together.
fn together(group: Vec<(Small, Input)>) -> Vec<Vec<(Small, Input)>> {
    let mut all: Vec<Vec<(Small, Input)>> = Vec::new();
    let mut bytes = 0;
    for part in group {
        bytes += part.0.size.bytes;
        match all.last_mut() {
            Some(some) if some.len() < TOGETHER_MAX && bytes <= TOGETHER_BYTES_MAX => some.push(part),
            _ => {
                bytes = part.0.size.bytes;
                all.push(vec![part]);
            }
        }
    }
    all
}

#[cfg(test)]
#[path = "narrow_tests.rs"]
mod tests;
