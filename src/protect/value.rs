//! What is done to one value: the match on the compiled action.
//!
//! A value arrives as it stands in the record. It leaves in one of three ways ([`Outcome`]): verbatim (nothing in it had to
//! be treated), replaced (the treated text is in the buffer, decoded), or absent. Escapes are decoded at most once, and only
//! when there is a backslash; a value that is left alone keeps the server's own spelling.

use std::net::IpAddr;

use memchr::memchr;

use super::address::{self, Column};
use super::identifier::{Writer, mark, token_kind};
use super::learned::Learner;
use super::named::{Name, Named};
use super::text::{self, Context, Finding, Sense, What};
use super::treatments::Treatments;
use super::{agent, grammar, jabber, url};
use crate::keys::pseudonym::TokenKind;
use crate::policy::table::{Action, IdAction, SlotPlan, TextPlan};
use crate::policy::treatment::Form;
use crate::record::escape;
use crate::record::field::{Grammar, Kind};
use crate::record::span::Escape;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may leave as it stands in the record.
    Verbatim,
    /// The treated text was appended to the buffer.
    Replaced,
    /// It does not leave.
    Absent,
}

/// Everything that treating values of one record needs, apart from the table.
pub struct Treater<'a> {
    /// Writes identifiers.
    pub writer: Writer<'a>,
    /// What becomes of identifiers in text.
    pub plan: &'a TextPlan,
    /// Names of this record.
    pub named: &'a Named,
    /// Names of other records.
    pub learner: &'a mut Learner,
    /// The tenant that the last path named; empty when none did.
    pub tenant: &'a mut Vec<u8>,
    /// Reused room for percent-decoded values.
    pub spare: &'a mut Vec<u8>,
    /// The batch that the record is part of.
    pub batch: &'a [u8],
    /// False when the record holds no backslash, so that nothing in it is escaped.
    pub escaped: bool,
    /// Reused room for findings.
    pub findings: &'a mut Vec<Finding>,
    /// Counts.
    pub counts: &'a mut Treatments,
}

impl Treater<'_> {
    /// Treats `raw`, a value of `slot`, by `action`. `decoded` is reused room; `out` receives the value when it is replaced.
    #[inline]
    pub fn value(
        &mut self,
        slot: &SlotPlan,
        action: &Action,
        raw: &[u8],
        decoded: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        match action {
            Action::Drop => return Outcome::Absent,
            Action::Time => return Outcome::Verbatim,
            Action::Keep(grammar) if grammar::holds(*grammar, raw) => return Outcome::Verbatim,
            _ => {}
        }
        if self.escaped && slot.escape != Escape::None && memchr(b'\\', raw).is_some() {
            decoded.clear();
            if escape::decode(slot.escape, raw, decoded).is_err() {
                // The server cannot have written this; what it means is unknown, so it is treated as it stands.
                decoded.clear();
                decoded.extend_from_slice(raw);
            }
            return self.plain(slot.kind, action, decoded, out);
        }
        self.plain(slot.kind, action, raw, out)
    }

    /// Treats a decoded value. Appends to `out` only when the answer is [`Outcome::Replaced`].
    pub fn plain(&mut self, kind: Kind, action: &Action, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        match action {
            Action::Drop => Outcome::Absent,
            Action::Time => Outcome::Verbatim,
            Action::Hour => hour(plain, out),
            Action::Address(action) => self.address_field(*action, plain, out),
            Action::Addresses(action) => self.address_list(*action, plain, out),
            Action::Token if kind == Kind::Jid => {
                self.jid(plain, out);
                Outcome::Replaced
            }
            Action::Token => {
                self.counts.count(kind);
                let plain = if kind == Kind::Endpoint { jabber::endpoint(plain) } else { plain };
                if kind == Kind::Mac || kind == Kind::Email {
                    // A column of this kind may hold something else; then it is text with its own tokens.
                    let start = out.len();
                    if self.scrub(Context::Text, plain, out) == Outcome::Replaced {
                        out.truncate(start);
                    }
                }
                self.writer.other(token_kind(kind), plain, out);
                Outcome::Replaced
            }
            Action::Family => {
                agent::family(plain, out);
                Outcome::Replaced
            }
            Action::Keep(Grammar::Word | Grammar::Host) if grammar::is_word(plain) => {
                // A word of a program, searched for what it cannot be; names of people are words, too.
                self.scrub_apart_from_names(Context::Text, plain, out)
            }
            Action::Keep(_) => self.scrub(Context::Text, plain, out),
            Action::Scrub => {
                let context = if self.plan.meetings { Context::Meeting } else { Context::Message };
                self.scrub(context, plain, out)
            }
            Action::ScrubAgent => self.scrub(Context::Agent, plain, out),
            Action::ScrubPath => self.scrub(Context::Path, plain, out),
            Action::ScrubQuery => self.scrub(Context::Query, plain, out),
            Action::Path(plan) => url::path(self, plan, plain, out),
            Action::Query(plan) => url::query(self, plan, plain, out),
            Action::Url(plan) => url::url(self, plan, plain, out),
        }
    }

    /// A column that holds one address, or what servers write in its place.
    #[inline]
    fn address_field(&mut self, action: IdAction, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        self.column(action, address::parse_field(plain), plain, out)
    }

    /// What becomes of a column that was read. A masked address is treated as the address that its zeros make: nothing else
    /// proves that enough of it was masked.
    fn column(
        &mut self,
        action: IdAction,
        column: Option<Column>,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Outcome {
        match column {
            Some(Column::Address { address, .. } | Column::Masked { address, .. }) => {
                self.address(address, action, out)
            }
            // No address of anyone: a local socket, `unknown`.
            Some(Column::Unix | Column::Obscure) => Outcome::Verbatim,
            // Resolved names of clients, and whatever else stands there: in doubt it names someone.
            Some(Column::Host) | None => match action {
                IdAction::Token(_) => {
                    self.counts.addresses += 1;
                    self.named_client(action, plain, out);
                    Outcome::Replaced
                }
                IdAction::Drop | IdAction::Truncate(_) => Outcome::Absent,
            },
        }
    }

    /// A client that is not an address: a token of its name, in the form of the column.
    fn named_client(&mut self, action: IdAction, plain: &[u8], out: &mut Vec<u8>) {
        if action == IdAction::Token(Form::Address) {
            let token = self.writer.token(TokenKind::Host, plain);
            address::write_address(IpAddr::V6(token.address()), out);
        } else {
            self.writer.other(TokenKind::Host, plain, out);
        }
    }

    fn address(&mut self, ip: IpAddr, action: IdAction, out: &mut Vec<u8>) -> Outcome {
        self.counts.addresses += 1;
        if self.writer.address(ip, action, self.plan, out) { Outcome::Replaced } else { Outcome::Absent }
    }

    /// A list of addresses: every item is treated as a column of its own, what separates them stays.
    fn address_list(&mut self, action: IdAction, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        let start = out.len();
        let mut done = 0;
        for item in address::items(plain) {
            out.extend_from_slice(&plain[done..item.start]);
            done = item.end;
            let whole = &plain[item.start..item.end];
            if self.column(action, item.column, whole, out) == Outcome::Verbatim {
                out.extend_from_slice(whole);
            }
        }
        out.extend_from_slice(&plain[done..]);
        if out[start..] == *plain {
            out.truncate(start);
            return Outcome::Verbatim;
        }
        Outcome::Replaced
    }

    /// Free text: every identifier is found and treated as its own field is, and in messages so are names that other records have
    /// shown.
    pub fn scrub(&mut self, context: Context, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        let message = matches!(context, Context::Text | Context::Message | Context::Meeting);
        if !message || self.learner.is_empty() {
            return self.scrub_apart_from_names(context, plain, out);
        }
        self.find(context, plain);
        if self.learner.find(plain, self.findings) {
            text::join(self.findings);
        }
        self.treat(plain, out)
    }

    /// The same, but for names of other records.
    fn scrub_apart_from_names(&mut self, context: Context, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        self.find(context, plain);
        self.treat(plain, out)
    }

    /// Finds the identifiers of a text, and the names that its own record gives.
    #[inline]
    fn find(&mut self, context: Context, plain: &[u8]) {
        // Most values stand in the batch as they are; a decoded one stands alone.
        let start = (plain.as_ptr() as usize).wrapping_sub(self.batch.as_ptr() as usize);
        if start < self.batch.len() && plain.len() <= self.batch.len() - start {
            text::find_within(self.batch, start..start + plain.len(), context, self.findings);
        } else {
            text::find(plain, context, self.findings);
        }
        if !self.named.is_empty() {
            self.find_named(plain);
        }
    }

    /// Writes a text with what becomes of the findings.
    #[inline]
    pub fn treat(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
        if self.findings.is_empty() {
            return Outcome::Verbatim;
        }
        let mut done = 0;
        for index in 0..self.findings.len() {
            let finding = whole(self.findings[index], plain);
            if finding.start < done {
                continue;
            }
            out.extend_from_slice(&plain[done..finding.start]);
            done = finding.end;
            self.finding(finding, plain, out);
        }
        out.extend_from_slice(&plain[done..]);
        Outcome::Replaced
    }

    fn find_named(&mut self, plain: &[u8]) {
        let Named { bytes, entries, needles, .. } = self.named;
        needles.find(plain, |index| &bytes[entries[index].sought.clone()], self.findings);
    }

    fn finding(&mut self, finding: Finding, plain: &[u8], out: &mut Vec<u8>) {
        let found = &plain[finding.start..finding.end];
        let (kind, action) = match finding.what {
            What::Address(ip) => return self.address_in_text(ip, finding, plain, out),
            What::Email => (Kind::Email, self.plan.email),
            What::Mac(_) => (Kind::Mac, self.plan.mac),
            What::Secret | What::Said(Sense::Secret) => {
                self.counts.secrets += 1;
                return out.extend_from_slice(mark(Kind::Text));
            }
            What::Said(sense) => said(sense, self.plan),
            What::Learned(sense) => {
                let (kind, action) = said(sense, self.plan);
                return self.learned(kind, action, found, out);
            }
            What::Name(index) => {
                let Name { value, kind, action, .. } = self.named.entries[usize::from(index)].clone();
                let named = self.named;
                return self.identifier(kind, action, &named.bytes[value], out);
            }
        };
        self.identifier(kind, action, found, out);
    }

    /// Writes what becomes of a learned name, in which `+` is a space.
    fn learned(&mut self, kind: Kind, action: IdAction, found: &[u8], out: &mut Vec<u8>) {
        if memchr(b'+', found).is_none() {
            return self.identifier(kind, action, found, out);
        }
        let mut spaced = std::mem::take(&mut self.learner.spaced);
        spaced.clear();
        spaced.extend(found.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }));
        self.identifier(kind, action, &spaced, out);
        self.learner.spaced = spaced;
    }

    /// Learns a name that stands in a path or a query, decoded.
    pub fn learn(&mut self, kind: Kind, value: &[u8]) {
        if !self.learner.is_on() {
            return;
        }
        let (sense, name) = match kind {
            Kind::Room => (Sense::Room, jabber::Jid::of(value).local),
            Kind::User => (Sense::User, value),
            Kind::Name => (Sense::Name, value),
            Kind::Endpoint => (Sense::Endpoint, jabber::endpoint(value)),
            _ => return,
        };
        self.learner.learn(sense, name, self.writer.keys);
    }

    /// Writes what becomes of an identifier that stands in text, as it stands there or in its own field.
    fn identifier(&mut self, kind: Kind, action: IdAction, found: &[u8], out: &mut Vec<u8>) {
        self.counts.count(kind);
        if !matches!(action, IdAction::Token(_)) {
            return out.extend_from_slice(mark(kind));
        }
        match kind {
            Kind::Endpoint => self.writer.other(token_kind(kind), jabber::endpoint(found), out),
            Kind::Name | Kind::User => {
                let mut value = std::mem::take(self.spare);
                jabber::unescape(found, &mut value);
                self.writer.other(token_kind(kind), &value, out);
                *self.spare = value;
            }
            _ => self.writer.other(token_kind(kind), found, out),
        }
    }

    /// A column that holds an identifier of Jabber: its parts are found and treated as in text. What is none of one is a login, and
    /// what holds more than one and a slash is an identifier as a whole.
    fn jid(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        text::find(plain, Context::Message, self.findings);
        let found: usize = self.findings.iter().map(|finding| finding.end - finding.start).sum();
        let focus: &[u8] = b"focus";
        let rest = plain.len() - found;
        let covered = rest == 0
            || (rest == 1 && memchr(b'/', plain).is_some())
            || (rest == 1 + focus.len() && plain.ends_with(b"/focus"));
        if self.findings.is_empty() || !covered {
            self.counts.users += 1;
            return self.writer.other(TokenKind::User, plain, out);
        }
        let _replaced = self.treat(plain, out);
    }

    /// An address in text. A pseudonym that is written as an IPv6 address gets brackets where a port follows an address that
    /// had none, so that the text stays readable by machines.
    fn address_in_text(&mut self, ip: IpAddr, finding: Finding, plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if self.address(ip, self.plan.address, out) == Outcome::Absent {
            return out.extend_from_slice(mark(Kind::Address));
        }
        let port_follows = plain.get(finding.end) == Some(&b':')
            && plain.get(finding.end + 1).is_some_and(u8::is_ascii_digit);
        if port_follows && memchr(b':', &out[start..]).is_some() {
            out.insert(start, b'[');
            out.push(b']');
        }
    }
}

/// A name of eight digits that begins a UUID is an endpoint or meeting written whole: what follows would tell it apart as well.
fn whole(finding: Finding, plain: &[u8]) -> Finding {
    let Finding { start, what, .. } = finding;
    let named = matches!(what, What::Name(_) | What::Learned(_));
    if named && plain.get(start..start + 36).is_some_and(text::is_uuid) {
        return Finding { end: finding.end.max(start + 36), ..finding };
    }
    finding
}

/// The kind of field that a value in text belongs to, and what is done to that field.
const fn said(sense: Sense, plan: &TextPlan) -> (Kind, IdAction) {
    match sense {
        Sense::Name => (Kind::Name, plan.name),
        Sense::Stats => (Kind::Name, plan.stats),
        Sense::User => (Kind::User, plan.user),
        Sense::Jid => (Kind::Jid, plan.jid),
        Sense::Room => (Kind::Room, plan.room),
        Sense::Endpoint => (Kind::Endpoint, plan.endpoint),
        Sense::Session => (Kind::Identifier, plan.session),
        Sense::Email => (Kind::Email, plan.email),
        Sense::Secret => (Kind::Text, IdAction::Drop),
    }
}

/// A time to the hour, in the spelling it has: minutes, seconds and fractions become zero.
fn hour(plain: &[u8], out: &mut Vec<u8>) -> Outcome {
    // The last one: a common log time has a colon between date and clock.
    let clock = plain.windows(8).rposition(|w| {
        w[2] == b':' && w[5] == b':' && [0, 1, 3, 4, 6, 7].iter().all(|&i| w[i].is_ascii_digit())
    });
    let Some(at) = clock else { return Outcome::Absent };
    out.extend_from_slice(&plain[..at + 3]);
    out.extend_from_slice(b"00:00");
    let mut in_fraction = false;
    for &byte in &plain[at + 8..] {
        in_fraction = matches!(byte, b'.' | b',') || in_fraction && byte.is_ascii_digit();
        out.push(if in_fraction && byte.is_ascii_digit() { b'0' } else { byte });
    }
    Outcome::Replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours() {
        let of = |time: &str| {
            let mut out = Vec::new();
            hour(time.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of("21/Nov/2026:10:15:32 +0100"), "21/Nov/2026:10:00:00 +0100");
        assert_eq!(of("2026-11-21T10:15:32.123456+01:00"), "2026-11-21T10:00:00.000000+01:00");
        assert_eq!(hour(b"1700000000.123", &mut Vec::new()), Outcome::Absent);
    }
}
