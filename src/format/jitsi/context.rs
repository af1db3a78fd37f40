//! The context block: `[confId=… conf_name=… epId=…] `.
//!
//! *In*: a record, and where its thread ends. *Out*: where the block ends, and its values as parts. *Promised*: linear; nothing but
//! known keys, their `=` and single punctuation is left between the parts. *Not here*: what a value becomes.
//!
//! The services escape nothing in it, and rooms and names are the clients' choice: they hold blanks, `]`, `=`, whole brackets
//! (`[tenant]room@conference.host`). The end is therefore told by what follows, a caller ([`Caller`]), and of several such
//! places the first at which the brackets balance counts. Where none balances it is the first with a caller. A key is one that is
//! known, or any word where the value before it is whole by its own grammar; a name never is.

use memchr::memchr3_iter;

use super::CONTEXT;
use super::caller::Caller;
use super::keys::{Rule, known_key};
use crate::record::positions::{Lane, blocks, mask};
use crate::record::span::{Parsed, Refusal};

/// Longest key that is looked for.
const KEY_BYTES_MAX: usize = 32;
/// Values longer than this are not asked whether they are whole, which would be asked again at each `=` in them.
const WHOLE_BYTES_MAX: usize = 256;

/// Where a context block stands and what follows it.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// The first byte of the first key.
    start: usize,
    /// The closing bracket.
    end: usize,
    /// The caller behind it.
    pub caller: Option<Caller>,
}

impl Context {
    /// Finds the block at `at`. `None` where no block begins.
    pub(super) fn find(record: &[u8], at: usize) -> Result<Option<Self>, Refusal> {
        let start = at + 1;
        if record.get(at) != Some(&b'[') || !begins_with_key(&record[start..]) {
            return Ok(None);
        }
        let mut open = 1_i64;
        let (mut unbalanced, mut plain, mut places) = (None, None, 0_u32);
        for place in memchr3_iter(b'[', b']', b'\n', &record[start..]) {
            let end = start + place;
            match record[end] {
                b'[' => open += 1,
                b']' => {
                    open -= 1;
                    if record.get(end + 1) != Some(&b' ') {
                        continue;
                    }
                    let caller = Caller::read(record, end + 2);
                    let context = Self { start, end, caller };
                    match caller {
                        Some(_) if open <= 0 => return Ok(Some(context)),
                        Some(_) => {
                            unbalanced.get_or_insert(context);
                        }
                        None => {
                            places += 1;
                            plain = Some(context).filter(|_| places == 1 && open == 0);
                        }
                    }
                }
                _ => break,
            }
        }
        // Without any caller only a block that can end in one place does.
        unbalanced.or(plain).map(Some).ok_or(Refusal::OpenContext)
    }

    /// Where caller or message begins.
    pub(super) const fn rest(&self) -> usize {
        self.end + 2
    }

    /// Adds the values.
    pub(super) fn push(&self, record: &[u8], parsed: &mut Parsed) {
        let mut values =
            Values { record, parsed, key: self.start, start: self.start, rule: None, text: None };
        let sign = Lane::splat(b'=');
        blocks(&record[self.start..self.end], |block, base| {
            let mut found = mask(block, |lane| lane.simd_eq(sign));
            while found != 0 {
                values.equals(self.start, self.start + base + found.trailing_zeros() as usize);
                found &= found - 1;
            }
        });
        values.end(self.end);
    }
}

/// The values of a block, from one `=` to the next.
struct Values<'a> {
    record: &'a [u8],
    parsed: &'a mut Parsed,
    /// Where the last key begins.
    key: usize,
    /// Where its value begins.
    start: usize,
    /// What it says of it; nothing before the first key.
    rule: Option<Rule>,
    /// Text that was not yet added: neighbours are one.
    text: Option<(usize, usize)>,
}

impl Values<'_> {
    /// Looks whether the `=` at `equals` ends a key, which stands behind a blank or where the block begins.
    #[inline]
    fn equals(&mut self, block: usize, equals: usize) {
        let (key, rule) = match known_key(self.record, block, equals) {
            Some(known) => known,
            None => match self.unknown_key(block, equals) {
                Some(key) => (key, Rule::Text),
                None => return,
            },
        };
        if self.rule.is_some() {
            // A key behind the first `=` of a value that is empty so far: `a==`, or a blank that is the value's own.
            if key <= self.start {
                return;
            }
            self.value(key - 1);
        }
        (self.key, self.start, self.rule) = (key, equals + 1, Some(rule));
    }

    /// Where a key begins that is not known: the first of the block, and one behind a value that is whole.
    #[inline(never)]
    fn unknown_key(&self, block: usize, equals: usize) -> Option<usize> {
        let Some(rule) = self.rule else { return Some(block) };
        let earliest = self.start.max(equals.saturating_sub(KEY_BYTES_MAX));
        let length =
            self.record[earliest..equals].iter().rev().take_while(|byte| is_key_part(**byte)).count();
        let key = equals - length;
        if length == 0
            || key <= self.start
            || self.record[key - 1] != b' '
            || self.record[key].is_ascii_digit()
        {
            return None;
        }
        let value = &self.record[self.start..key - 1];
        (value.len() <= WHOLE_BYTES_MAX && rule.is_whole(value)).then_some(key)
    }

    /// The last value ends at `end`.
    #[inline]
    fn value(&mut self, end: usize) {
        let Some(rule) = self.rule else { return };
        match rule.slot(&self.record[self.start..end]) {
            Some(slot) => {
                if let Some((start, end)) = self.text.take() {
                    self.parsed.push(CONTEXT, start, end);
                }
                self.parsed.push(slot, self.start, end);
            }
            None => self.text = Some((self.text.map_or(self.key, |(start, _)| start), end)),
        }
    }

    /// The block ends at `end`.
    fn end(&mut self, end: usize) {
        self.value(end);
        if let Some((start, end)) = self.text {
            self.parsed.push(CONTEXT, start, end);
        }
    }
}

const fn is_key_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// True for a text that begins with a key and its `=`.
fn begins_with_key(text: &[u8]) -> bool {
    key_end(text, 0).is_some()
}

/// The position of the `=` that ends the key at `at`.
fn key_end(text: &[u8], at: usize) -> Option<usize> {
    let key = text.get(at..)?;
    let length = key.iter().take(KEY_BYTES_MAX + 1).take_while(|byte| is_key_part(**byte)).count();
    let is_key = (1..=KEY_BYTES_MAX).contains(&length) && !key[0].is_ascii_digit();
    (is_key && key.get(length) == Some(&b'=')).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::jitsi::FIELDS;

    /// Fields and their values.
    type Values<'a> = Vec<(&'static str, &'a str)>;

    /// The values of a context and what follows it.
    fn read(text: &str) -> Result<(Values<'_>, &str), Refusal> {
        let context = Context::find(text.as_bytes(), 0)?.unwrap();
        let mut parsed = Parsed::default();
        context.push(text.as_bytes(), &mut parsed);
        let values = parsed
            .parts
            .iter()
            .map(|part| (FIELDS[usize::from(part.slot)], &text[part.start as usize..part.end as usize]))
            .collect();
        Ok((values, &text[context.rest()..]))
    }

    #[test]
    fn keys_in_any_order() {
        let (values, rest) =
            read("[epId=49517bef confId=db3f conf_name=a@conference.example.org meeting_id=4c33] A.b#1: x")
                .unwrap();
        assert_eq!(
            values,
            [
                ("endpoint.id", "49517bef"),
                ("session.id", "db3f"),
                ("conference.name", "a@conference.example.org"),
                ("conference.id", "4c33"),
            ]
        );
        assert_eq!(rest, "A.b#1: x");
    }

    #[test]
    fn what_has_no_field_of_its_own_is_text_with_its_keys() {
        let (values, _) =
            read("[confId=d gid=7 componentId=1 stats_id=Hilton-Wgl local_ufrag=a name=stream-1] A.b#1: x")
                .unwrap();
        assert_eq!(
            values,
            [
                ("session.id", "d"),
                ("log.context", "gid=7 componentId=1"),
                ("endpoint.stats_id", "Hilton-Wgl"),
                ("log.context", "local_ufrag=a name=stream-1"),
            ]
        );
        assert_eq!(read("[new=a b] A.b#1: x").unwrap().0, [("log.context", "new=a b")]);
        let (values, _) = read("[epId=null room= jid=a@b] A.b#1: x").unwrap();
        assert_eq!(values, [("log.context", "epId=null room="), ("user.jid", "a@b")]);
    }

    #[test]
    fn values_that_hold_punctuation() {
        assert_eq!(
            read("[conf_name=[tenant]room@conference.h epId=1] A.b#1: x").unwrap().0[0],
            ("conference.name", "[tenant]room@conference.h")
        );
        for name in
            ["Eva Meyer", "a=b", "Eva x=y z", "a] b", "[a] b", "a]", "Zoë ] [", "a] [b] c", "=", "] ] ]"]
        {
            let text = format!("[confId=1 stats_id={name} epId=2] A.b#1: x");
            let (values, rest) = read(&text).unwrap();
            assert_eq!(values[1], ("endpoint.stats_id", name), "{name}");
            assert_eq!((values.len(), rest), (3, "A.b#1: x"), "{name}");
        }
        // Brackets that never balance: the first caller counts.
        assert_eq!(read("[room=a[b@c] A.b#1: x").unwrap().0, [("conference.name", "a[b@c")]);
        // A caller within brackets of a value is no end.
        assert_eq!(read("[room=[t] A.b: c@d] E.f#1: x").unwrap().1, "E.f#1: x");
    }

    #[test]
    fn unknown_keys_stand_behind_whole_values_only() {
        let (values, _) = read("[room=a@conference.h new=1 epId=2 newer=3] A.b#1: x").unwrap();
        assert_eq!(
            values,
            [
                ("conference.name", "a@conference.h"),
                ("log.context", "new=1"),
                ("endpoint.id", "2"),
                ("log.context", "newer=3"),
            ]
        );
        assert_eq!(read("[room=a b=c@h] A.b#1: x").unwrap().0, [("conference.name", "a b=c@h")]);
    }

    #[test]
    fn names_are_values_of_their_own() {
        for key in ["displayName", "display_name", "nickname"] {
            let text = format!("[epId=49517bef {key}=Anna van x=y z gid=7] A.b#1: x");
            let (values, _) = read(&text).unwrap();
            assert_eq!(
                values[1..],
                [("user.full_name", "Anna van x=y z"), ("log.context", "gid=7")],
                "{key}"
            );
        }
    }

    #[test]
    fn participants_are_endpoints_or_jids() {
        let of = |value: &str| read(&format!("[participant={value}] A.b#1: x")).unwrap().0[0].0;
        assert_eq!(of("49e3837d"), "endpoint.id");
        assert_eq!(of("r@conference.h/49e3837d"), "user.jid");
        assert_eq!(of("Eva"), "user.jid");
        assert_eq!(of("null"), "log.context");
    }

    #[test]
    fn ends() {
        assert_eq!(read("[epId=1 A.b#1: x"), Err(Refusal::OpenContext));
        assert_eq!(read("[epId=1]"), Err(Refusal::OpenContext));
        assert_eq!(read("[epId=1\n] A.b#1: x"), Err(Refusal::OpenContext));
        assert_eq!(read("[epId=1] no caller").unwrap().1, "no caller");
        assert_eq!(read("[room=a] b] no caller"), Err(Refusal::OpenContext));
        assert!(
            Context::find(b"[no key] x", 0).unwrap().is_none() && Context::find(b"", 0).unwrap().is_none()
        );
        assert!(Context::find(b"[1a=b] x", 0).unwrap().is_none());
    }
}
