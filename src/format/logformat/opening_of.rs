//! Whether a program begins as nearly every access log does, and ends with quoted values: decided at start.

use super::ending::{Class, NumberForm};
use super::opening::{CLOSING, METHOD, Opening, SIZE, STATUS, TIME, VERSION};
use super::program::{Content, Ending, Locate, Segment, Step, TimeStep};
use crate::format::time::TimeForm;
use crate::record::field::Kind;
use crate::record::row::{PLACES_MAX, Place};
use crate::record::span::Layout;

impl Opening {
    /// The opening of a program, if it has one.
    pub(super) fn of(head: &[Step], segments: &[Segment], suffix: &[u8], layout: &Layout) -> Option<Self> {
        let (site, head, first) = match segments {
            [first] => (Vec::new(), head, first),
            [site, first] if head.is_empty() => match &site.chunk[..] {
                [
                    colon,
                    Step::Number { form: NumberForm::Integer, slot: port, next: Some(b' ') },
                    space,
                    rest @ ..,
                ] if colon.is_literal(b":") && space.is_literal(b" ") && site.class == Class::Word => {
                    let Content::Plain(name) = site.content else { return None };
                    (vec![name, *port], rest, first)
                }
                _ => return None,
            },
            _ => return None,
        };
        let client = match head {
            [Step::Value { ending: Ending::Host, content: Content::Plain(client) }, rest @ ..] => {
                let dash = matches!(rest, [step] if step.is_literal(b" - "));
                let ident = matches!(rest, [before, Step::Value { ending: Ending::Word(b' '), .. }, after]
                    if before.is_literal(b" ") && after.is_literal(b" "));
                (dash || ident).then_some(*client)?
            }
            _ => return None,
        };
        let Segment {
            content: Content::Name(user),
            class: Class::Quoteless,
            locate: Locate::Before(_),
            chunk,
        } = first
        else {
            return None;
        };
        let [bracket, time, quote, request, space, status, gap, size, rest @ ..] = &chunk[..] else {
            return None;
        };
        let literals = [(bracket, &b" ["[..]), (quote, b"] \""), (space, b"\" "), (gap, b" ")];
        if !literals.iter().all(|(step, literal)| step.is_literal(literal)) {
            return None;
        }
        match (time, request, status, size) {
            (
                Step::Time { time: TimeStep::Fixed { form: TimeForm::CommonLog, .. }, slot: time, .. },
                Step::Value { ending: Ending::Quote, content: Content::Request(request) },
                Step::Number { form: NumberForm::Status, slot: status, .. },
                Step::Number { form: NumberForm::Integer, slot: size, next: None | Some(b' ') },
            ) => {
                let (path, query) = (request.target.path, request.target.query);
                let (first, mut slots) = (site.len(), site);
                let opening =
                    [client, *user, *time, request.method, path, query, request.version, *status, *size];
                slots.extend(opening);
                let whole = suffix.is_empty() && closing(rest, first + CLOSING, &mut slots);
                if first > 0 && !whole {
                    return None;
                }
                slots.truncate(if whole { PLACES_MAX } else { CLOSING });
                let is_free = |place: usize| match place.checked_sub(first) {
                    Some(place) => !matches!(place, TIME | METHOD | VERSION | STATUS | SIZE),
                    // Of the site, the name.
                    None => place == 0,
                };
                let places = slots.iter().enumerate();
                let agent = |&slot: &u16| layout.slots[usize::from(slot)].kind == Kind::Agent;
                Some(Self {
                    places: places.map(|(place, &slot)| Place { slot, is_free: is_free(place) }).collect(),
                    agent: slots.iter().rposition(agent),
                    request: *request,
                    whole,
                    sited: first > 0,
                    steps: 8,
                })
            }
            _ => None,
        }
    }
}

/// Adds the slots of ` "…" "…"` at the end of a format; false if anything else is among what is left of it.
fn closing(mut rest: &[Step], opening: usize, places: &mut Vec<u16>) -> bool {
    let mut opened = &b" \""[..];
    loop {
        match rest {
            [Step::End] if places.len() == opening => return true,
            [close, Step::End] if places.len() > opening => return close.is_literal(b"\""),
            [open, Step::Value { ending: Ending::Quote, content: Content::Plain(slot) }, more @ ..]
                if places.len() < PLACES_MAX && open.is_literal(opened) =>
            {
                places.push(*slot);
                opened = b"\" \"";
                rest = more;
            }
            _ => return false,
        }
    }
}
