//! Identifiers in free text: addresses, e-mail, hardware addresses, secrets; in messages also whatever a key, an element or its own
//! shape says is somebody's; and the names that a record's own fields gave.
//!
//! *In*: the bytes of one value, decoded once, and what kind of value it is. *Out*: where the identifiers stand and what they
//! are, ascending, without overlap. *Promised*: any bytes are taken; cost is linear; nothing is allocated beyond the list of
//! findings; the same value gives the same findings alone ([`find`]) and as part of a batch ([`find_within`]).
//! *Not here*: what is done to a finding (`protect`), which networks are our own, undoing the escapes of a log format.
//!
//! # How it works
//!
//! ```text
//! sieve:   one pass of byte classes, 64 bytes a step → a few positions (`sieve`)
//! confirm: at each position, by the byte that stands there
//!            '.'                          → dotted quad, ip6.arpa, hardware address        (`dots`, `versions`)
//!            ':'                          → IPv6, hardware address                         (`colons`, `double`)
//!            '-' or '_'                   → address or hardware address with dashes        (`dashes`)
//!            '@'                          → e-mail, user:password@host                     (`mail`)
//!            '%'                          → the same things percent-encoded                (`escapes`)
//!            'J', vowel after 'b' or 'z'  → JWT; Basic, Bearer, Authorization              (`secrets`)
//!          in parameters of URLs
//!            '='                          → a value with a key                             (`parameters`, `vocabulary`)
//!          in messages
//!            '=', ':' behind a key        → a value with a key                             (`keyed`, `enclosed`, `vocabulary`)
//!            a space or quote behind words → a login that a sentence names                (`prose`)
//!            '</', the end of the text    → the text of an element                         (`elements`)
//!            '{', '<' or '"' behind ','   → tuples of Erlang                               (`tuples`)
//!            '@'                          → identifiers of Jabber                          (`jabber`)
//!            eight hexadecimal digits     → an endpoint, where the message is a meeting's  (`endpoints`)
//! merge:   findings that touch the same bytes become one; the longer says what it is
//! ```
//! 2026-11: values are sieved one by one, each with what stands behind it in the batch ([`find_within`]), chosen over one pass of the whole
//! batch: what a message needs marked is marked in every value then, and a list of places that most values skip costs more to write
//! and to pass over than the look at a block. Revisit if formats come whose values are mostly shorter than what separates them.
//!
//! A confirmer first takes the *whole* run of bytes that its grammar could use, decides once for the run, and remembers where
//! the run ended. So no byte is looked at twice by one confirmer, and hostile input (`1.1.1.1.1…`, `::::`, `@@@@`) costs no
//! more than honest input; where a look back must be bounded instead (e-mail), the bound is a constant.
//!
//! # The rules
//!
//! In doubt it *is* an identifier, except where experience says that the doubtful form is nearly always something else.
//!
//! **Dotted quads.** Four groups of one to three digits, none above 255, leading zeros allowed, is an address: with a port, in
//! brackets, behind `/`, `=`, `ip-` or letters, before `/24`, inside a host name (`203.0.113.7.example.net`), reversed
//! (`7.113.0.203.in-addr.arpa`). It is a version where it is marked as one: `v1.2.3.4`, `version: 1.2.3.4`, `rv:1.9.0.19`,
//! `?ver=1.2.3.4`, `1.2.3.4-rc1`; behind the name of a browser (`Chrome/120.0.0.0`); and, in a user agent only, behind any
//! product token (`Tool/1.2.3.4`). Elsewhere `word/203.0.113.7` is Java's way to write an address. More than four groups is an
//! OID or a version, except in a host name, and in `203.0.113.7.443 >`, as tcpdump writes address and port.
//!
//! **IPv6.** Everything of hexadecimal digits and colons that RFC 4291 section 2.2 allows, upper case, embedded IPv4, zones
//! (RFC 4007 and RFC 6874), brackets, and a colon or dot at the end. Without brackets, a ninth group or one of five digits is a
//! port; a port of four digits behind a compressed address cannot be told from a group, and counts as one. `::` alone is
//! punctuation (`std::string`), except as `[::]:80`. Words attached to `::` are scopes (`Foo::Bar`, `SHA256::add`); an address
//! without any digit needs a group of four letters, all in one case (`dead::beef`).
//!
//! **Hardware addresses.** Exactly six pairs behind colons or dashes, or Cisco's `0012.3456.789a`; also the two in netfilter's
//! `MAC=` of fourteen pairs, and the last six pairs of a DHCP client identifier. Longer chains of pairs are fingerprints: nobody's, but
//! in messages, where sixteen and more are a session's certificate.
//!
//! **Host names.** Four dashed or underscored groups (`dsl-203-0-113-7`), with letters attached or not, but no
//! group of two digits that begins with zero (`24-01-15-10` is a date). Dashed IPv6 begins like an address in use
//! (`2…`, `3…`, `fe8…`, `fc…`, `fd…`).
//!
//! **E-mail.** A local part and a host name, plain or percent-encoded once or twice, quoted local parts, any UTF-8. A host
//! without a dot counts (`user@localhost`). It is not one: `logo@2x.png`, `vue@3.4.0`, `Object@5f2050f6`,
//! `getty@tty1.service`, Apache's `UNIQUE_ID`. When the host is an address, the local part and the address are two findings.
//!
//! **Jabber.** `room@conference.host/occupant` is a room by its host (`conference`, `muc` and the like) and who is in it; any other
//! identifier with a resource an account and its session; an account that is a UUID a guest, and so an endpoint.
//!
//! **Keys.** What a key of the vocabulary says: names, logins, rooms, endpoints, sessions, mail addresses, secrets. `null`, switches and masks
//! are nobody. `name` says nothing by itself: the element, or other keys beside it, do. In doubt a value goes on to the next key.
//!
//! **Sentences.** A login is what `user`, `for` and `as` lead to where the words around it say so (`invalid user alice from`); quoted, what
//! stands behind a word of the vocabulary. A full name is a person's where a key says that its value is one: `owner: Anna Wolter`.
//!
//! **Secrets.** JWTs from `eyJ` on, also cut off; what follows `Basic`, `Bearer` or `Authorization:` where it looks like a
//! credential; `user:password` before `@` in a URL.
//!
//! # Known losses
//!
//! Left alone: numbers of an address without separators (`203000113007`, `cb007107`, 3405803783), twelve hexadecimal digits as a
//! hardware address, partial reverse names shorter than nine nibbles, `%u0040`, `&#64;`, "user at example dot org".
//! In messages: names that nothing marks (`Participant Anna joined`); of an occupant or a person without quotes, words in lower case
//! behind the first; one word behind `owner` and the like; records of Erlang in lists; logins in brackets behind a program
//! (`imap(anna)`); logins that are words of the sentence.
//! Taken wrongly: versions of four small numbers that nothing marks (`app-1.2.3.4.zip`), lists like `1-2-3-4`, `netstat`-like
//! `x:::22`, message identifiers that look like e-mail. Reversed dashed or dotted host names outside `in-addr.arpa` are found
//! but read forwards, so their token is not the client's.

mod bytes;
mod colons;
mod dashes;
mod dots;
mod double;
mod elements;
mod enclosed;
mod endpoints;
mod escapes;
mod jabber;
mod keyed;
mod mail;
mod names;
mod parameters;
mod persons;
mod prose;
mod prose_words;
mod secrets;
mod sieve;
mod tuples;
mod versions;
mod vocabulary;

use std::net::IpAddr;
use std::ops::Range;

pub(super) use bytes::decoded_at;
pub use endpoints::is_uuid;
pub use jabber::is_room;
pub use mail::canonical_email;
pub use names::{NAMES_MAX, Needles, find_names};
pub(super) use names::{decoded_character, join};
pub use vocabulary::Sense;

use super::address::canonical;
use crate::record::positions::BLOCK;
use bytes::{HEX, is};

/// What an identifier is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A network address in its canonical form: IPv4-mapped addresses as IPv4, no zone.
    Address(IpAddr),
    /// An e-mail address or what is written like one; only the local part when the host is an address.
    Email,
    /// A hardware address (IEEE 802 EUI-48).
    Mac([u8; 6]),
    /// A credential: JWT (RFC 7519), `Authorization` (RFC 9110 section 11.6.2), userinfo of a URL (RFC 3986 section 3.2.1).
    Secret,
    /// What a key beside it, an element around it or its own shape says it is.
    Said(Sense),
    /// One of the names given to [`find_names`], by index.
    Name(u8),
    /// A name that an earlier record has shown (`protect::learned`).
    Learned(Sense),
}

/// An identifier in a text: bytes `start..end`, without brackets and port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub what: What,
}

/// What kind of value a text is; decides the few forms that mean different things in different places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A request line, a header, anything in which keys mean nothing.
    Text,
    /// A message that people or programs wrote: keys and elements in it say what their values are.
    Message,
    /// A message about a meeting: eight hexadecimal digits are an endpoint.
    Meeting,
    /// A user agent: `product/1.2.3.4` is a version.
    Agent,
    /// The path of a URL.
    Path,
    /// The query of a URL.
    Query,
    /// A whole URL.
    Url,
}

impl Context {
    /// True where keys and elements say what their values are.
    const fn is_message(self) -> bool {
        matches!(self, Self::Message | Self::Meeting)
    }

    /// True where `%41` is a percent-escape rather than a percent sign.
    const fn is_url(self) -> bool {
        matches!(self, Self::Path | Self::Query | Self::Url)
    }
}

/// What the sieve leaves of a short text that is seen at once: a bit for each position worth a look.
#[derive(Clone, Copy)]
pub struct Glance(u64);

impl Glance {
    /// A glance at the first `len` bytes of `behind`. `None` where there are more than a block, or `behind` goes on for less than
    /// that. Of keys, a glance sees those of parameters.
    #[inline]
    pub fn at(behind: &[u8], len: usize, context: Context) -> Option<Self> {
        let block = behind.first_chunk::<BLOCK>()?;
        let inside = u64::MAX.checked_shr(BLOCK.checked_sub(len)? as u32).unwrap_or(0);
        let mut found = sieve::of_block(block) & inside;
        if matches!(context, Context::Query | Context::Url) {
            let mut equals = sieve::equals(block) & inside;
            while equals != 0 {
                let at = equals.trailing_zeros();
                found |= u64::from(vocabulary::may_end(block, at as usize)) << at;
                equals &= equals - 1;
            }
        }
        Some(Self(found))
    }

    /// True when nothing is worth a look: [`find`] finds nothing.
    #[inline]
    pub const fn is_quiet(self) -> bool {
        self.0 == 0
    }

    /// As [`find`] for the text that was looked at.
    pub fn find(self, text: &[u8], context: Context, out: &mut Vec<Finding>) {
        out.clear();
        let mut search = Search { text, context, out, done: Done::default(), window: None };
        debug_assert!(!context.is_message(), "a glance does not see keys");
        let mut left = self.0;
        while left != 0 {
            search.visit(left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

/// Finds the identifiers in `text`. `out` is emptied first.
pub fn find(text: &[u8], context: Context, out: &mut Vec<Finding>) {
    find_in(text, text, context, out);
}

/// Finds the identifiers in bytes `range` of `buffer`, with positions counted from where it begins: the same as [`find`] of that part,
/// and quicker where the buffer goes on, since nothing needs to be copied to look at whole blocks. `out` is emptied first.
#[inline]
pub fn find_within(buffer: &[u8], range: Range<usize>, context: Context, out: &mut Vec<Finding>) {
    let (text, behind) = (&buffer[range.clone()], &buffer[range.start..]);
    match Glance::at(behind, text.len(), context).filter(|_| !context.is_message()) {
        Some(glance) if glance.is_quiet() => out.clear(),
        Some(glance) => glance.find(text, context, out),
        None => find_in(text, behind, context, out),
    }
}

/// Finds the identifiers in `text`, with which `behind` begins.
fn find_in(text: &[u8], behind: &[u8], context: Context, out: &mut Vec<Finding>) {
    out.clear();
    let len = text.len();
    let mut search = Search { text, context, out, done: Done::default(), window: None };
    match context {
        Context::Message | Context::Meeting => {
            sieve::each::<{ sieve::MESSAGES }>(behind, len, |at| search.visit(at));
            elements::cut_element(&mut search);
        }
        Context::Query | Context::Url => {
            sieve::each::<{ sieve::PARAMETERS }>(behind, len, |at| search.visit(at));
        }
        Context::Text | Context::Agent | Context::Path => {
            sieve::each::<{ sieve::NOTHING }>(behind, len, |at| search.visit(at));
        }
    }
}

/// How far each confirmer has decided; what lies before is settled.
#[derive(Default)]
struct Done {
    quads: usize,
    nibbles: usize,
    colons: usize,
    dashed_digits: usize,
    dashed_hex: usize,
    escapes: usize,
    secrets: usize,
    /// Values with keys.
    keyed: usize,
    /// A session description has begun.
    described: bool,
    /// Whether the text tells of a person, once that was asked.
    person: Option<bool>,
}

/// One search: the text, where findings go, and what is settled.
struct Search<'a> {
    text: &'a [u8],
    context: Context,
    out: &'a mut Vec<Finding>,
    done: Done,
    /// Set when `text` is a decoded window of another text.
    window: Option<escapes::Window<'a>>,
}

impl Search<'_> {
    /// Looks at one position that the sieve left.
    #[inline]
    fn visit(&mut self, at: usize) {
        match self.text[at] {
            b'.' => dots::visit(self, at + 1),
            b':' => {
                colons::visit(self, at);
                if self.context.is_message() {
                    keyed::separator(self, at);
                }
            }
            b'-' | b'_' => dashes::visit(self, at + 1),
            b'@' => mail::visit(self, at, 1),
            b'%' => escapes::visit(self, at),
            b'J' => secrets::token(self, at),
            b'=' | b'/' | b'{' | b'<' | b'"' | b'\'' | b'`' | b' ' => self.visit_key(at),
            byte => {
                if self.context == Context::Meeting && is(byte, HEX) {
                    endpoints::visit(self, at);
                }
                secrets::authorization(self, at);
            }
        }
    }

    /// Looks at what can stand between a key and its value.
    #[inline]
    fn visit_key(&mut self, at: usize) {
        let message = self.context.is_message();
        match self.text[at] {
            b'=' if message => keyed::separator(self, at),
            b'=' if matches!(self.context, Context::Query | Context::Url) => parameters::visit(self, at),
            b'/' if message => elements::closing_tag(self, at),
            b'{' if message => tuples::tuple(self, at),
            b' ' if message => prose::space(self, at),
            b'<' | b'"' if message && at > 0 && self.text[at - 1] == b',' => tuples::tuple_member(self, at),
            b'<' | b'"' | b'\'' | b'`' if message => prose::opening(self, at),
            _ => {}
        }
    }

    /// Takes an address in its canonical form.
    fn push_address(&mut self, start: usize, end: usize, address: impl Into<IpAddr>) {
        self.push(Finding { start, end, what: What::Address(canonical(address.into())) });
    }

    /// Takes a finding. Those that share bytes become one, and the longest says what it is.
    fn push(&mut self, finding: Finding) {
        let finding = match &self.window {
            None => finding,
            Some(window) => match window.outside(finding) {
                Some(finding) => finding,
                None => return,
            },
        };
        merge(self.out, finding);
    }
}

/// Puts `new` into the ascending list `out`. Findings come nearly in order, so the place is found from the end.
fn merge(out: &mut Vec<Finding>, new: Finding) {
    let mut first = out.len();
    while first > 0 && out[first - 1].end > new.start {
        first -= 1;
    }
    let mut last = first;
    let mut whole = new;
    let mut longest = new.end - new.start;
    while last < out.len() && out[last].start < new.end {
        let old = out[last];
        whole.start = whole.start.min(old.start);
        whole.end = whole.end.max(old.end);
        // Of two equally long ones, what a key says of it counts.
        let length = old.end - old.start;
        if length > longest || (length == longest && matches!(old.what, What::Said(_))) {
            longest = old.end - old.start;
            whole.what = old.what;
        }
        last += 1;
    }
    if first == last {
        out.insert(first, whole);
    } else {
        out[first] = whole;
        out.drain(first + 1..last);
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod keyed_tests;
