//! Paths by template, queries by parameter, and both inside URLs.

use memchr::memchr;

use super::text::Context;
use super::value::{Outcome, Treater};
use crate::policy::table::{Action, PathPlan, PathSegment, QueryPlan, UrlPlan};
use crate::record::field::Kind;

/// Treats a path by its templates. Prefixes that may stay come first: `/http-bind` is no room.
pub fn path(treater: &mut Treater<'_>, plan: &PathPlan, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
    treater.tenant.clear();
    if plan.keep_prefixes.iter().any(|prefix| begins(plain, prefix)) || plain == b"/" {
        return treater.scrub(Context::Path, plain, out);
    }
    if let Some(template) = plan.templates.iter().find(|template| matches(template, plain)) {
        for (segment, value) in template.iter().zip(segments(plain)) {
            out.push(b'/');
            match segment {
                PathSegment::Literal(text) => out.extend_from_slice(text),
                PathSegment::Tenant => {
                    treater.tenant.extend_from_slice(value);
                    out.push(b'-');
                }
                PathSegment::Field(kind, action) => {
                    match decoded_value(treater, *kind, action, value, Plus::Itself, out) {
                        Outcome::Replaced => {}
                        Outcome::Verbatim => out.extend_from_slice(value),
                        // A field that the policy drops has no place in a path.
                        Outcome::Absent => out.push(b'-'),
                    }
                }
            }
        }
        return Outcome::Replaced;
    }
    if plan.otherwise_scrub { treater.scrub(Context::Path, plain, out) } else { Outcome::Absent }
}

/// The room that `path` names, as it spells it, and the tenant that stands before it.
pub fn room<'a>(plan: &PathPlan, path: &'a [u8]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    if plan.keep_prefixes.iter().any(|prefix| begins(path, prefix)) {
        return None;
    }
    let template = plan.templates.iter().find(|template| matches(template, path))?;
    let mut tenant = None;
    for (segment, value) in template.iter().zip(segments(path)) {
        match segment {
            PathSegment::Tenant => tenant = Some(value),
            PathSegment::Field(Kind::Room, _) => return Some((tenant, value)),
            _ => {}
        }
    }
    None
}

/// True when `path` begins with the segments of `prefix`: `/http-bind` is no beginning of a room called `http-bind-party`.
fn begins(path: &[u8], prefix: &[u8]) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with(b"/") || matches!(rest.first(), None | Some(b'/')))
}

/// Treats a percent-encoded value of another field in the treater's spare room.
fn decoded_value(
    treater: &mut Treater<'_>,
    kind: Kind,
    action: &Action,
    value: &[u8],
    plus: Plus,
    out: &mut Vec<u8>,
) -> Outcome {
    let mut decoded = std::mem::take(treater.spare);
    decoded.clear();
    // A room of a tenant is another than a room of that name without one.
    if kind == Kind::Room && !treater.tenant.is_empty() && memchr(b'[', value) != Some(0) {
        percent_decode(treater.tenant, Plus::Itself, &mut decoded);
        decoded.push(b'/');
    }
    let own = decoded.len();
    percent_decode(value, plus, &mut decoded);
    treater.learn(kind, &decoded[own..]);
    let outcome = treater.plain(kind, action, &decoded, out);
    *treater.spare = decoded;
    outcome
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/").unwrap_or(path).split(|&b| b == b'/')
}

fn matches(template: &[PathSegment], path: &[u8]) -> bool {
    path.first() == Some(&b'/')
        && segments(path).count() == template.len()
        && template.iter().zip(segments(path)).all(|(segment, value)| match segment {
            PathSegment::Literal(text) => text == value,
            PathSegment::Field(..) | PathSegment::Tenant => !value.is_empty(),
        })
}

/// Treats a query: parameters that are named leave, the others are removed with their names.
pub fn query(treater: &mut Treater<'_>, plan: &QueryPlan, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
    let start = out.len();
    for parameter in plain.split(|&b| b == b'&' || b == b';') {
        let equals = memchr(b'=', parameter);
        let name = &parameter[..equals.unwrap_or(parameter.len())];
        let value = equals.map_or(&[][..], |at| &parameter[at + 1..]);
        let before = out.len();
        if before > start {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        if equals.is_some() {
            out.push(b'=');
        }
        let kept = if let Some((_, kind, action)) = plan.named.iter().find(|(wanted, ..)| wanted == name) {
            // A space in a query is a plus sign as often as `%20` (WHATWG URL, form encoding).
            decoded_value(treater, *kind, action, value, Plus::Space, out) == Outcome::Replaced
        } else if plan.keep.iter().any(|wanted| wanted == name) {
            if treater.scrub(Context::Query, value, out) == Outcome::Verbatim {
                out.extend_from_slice(value);
            }
            true
        } else {
            false
        };
        if !kept {
            out.truncate(before);
        }
    }
    if out.len() == start { Outcome::Absent } else { Outcome::Replaced }
}

/// Treats a URL: scheme and authority are scrubbed, path and query are treated as those fields are, a fragment is dropped.
pub fn url(treater: &mut Treater<'_>, plan: &UrlPlan, plain: &[u8], out: &mut Vec<u8>) -> Outcome {
    if plan.is_text() {
        return treater.scrub(Context::Url, plain, out);
    }
    let start = out.len();
    let whole = &plain[..memchr(b'#', plain).unwrap_or(plain.len())];
    let path_at = match memchr::memmem::find(whole, b"://") {
        Some(at) => memchr(b'/', &whole[at + 3..]).map_or(whole.len(), |slash| at + 3 + slash),
        None if whole.first() == Some(&b'/') => 0,
        // No URL at all: free text.
        None => return treater.scrub(Context::Text, plain, out),
    };
    let query_at = memchr(b'?', &whole[path_at..]).map_or(whole.len(), |mark| path_at + mark);
    let authority = &whole[..path_at];
    if treater.scrub(Context::Url, authority, out) == Outcome::Verbatim {
        out.extend_from_slice(authority);
    }
    let path = &whole[path_at..query_at];
    if !path.is_empty() && treater.plain(Kind::Path, &plan.path, path, out) == Outcome::Verbatim {
        out.extend_from_slice(path);
    }
    if query_at + 1 < whole.len() {
        let before = out.len();
        out.push(b'?');
        match treater.plain(Kind::Query, &plan.query, &whole[query_at + 1..], out) {
            Outcome::Verbatim => out.extend_from_slice(&whole[query_at + 1..]),
            Outcome::Replaced => {}
            Outcome::Absent => out.truncate(before),
        }
    }
    if out[start..] == *plain {
        out.truncate(start);
        return Outcome::Verbatim;
    }
    Outcome::Replaced
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Plus {
    /// A plus sign, as in a path.
    Itself,
    /// A space, as in a query.
    Space,
}

/// Decodes `%HH`; what is no escape stays.
pub fn percent_decode(value: &[u8], plus: Plus, out: &mut Vec<u8>) {
    let hex = |b: u8| (b as char).to_digit(16).map(|digit| digit as u8);
    let mut at = 0;
    while at < value.len() {
        let pair = (value.get(at + 1).copied().and_then(hex), value.get(at + 2).copied().and_then(hex));
        if let (b'%', (Some(high), Some(low))) = (value[at], pair) {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(if value[at] == b'+' && plus == Plus::Space { b' ' } else { value[at] });
            at += 1;
        }
    }
}
