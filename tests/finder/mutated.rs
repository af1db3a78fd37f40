//! Sentences of which bytes were changed, so that what stands in them is neither text nor whole: they are read without a panic, and
//! the same alone and in a batch.

use sluis::protect::text::{find, find_within};

use super::generate::Dice;
use super::sentences::sentence;
use super::{CONTEXTS, Plain, cases, plain};

/// Bytes that are put in: what opens, closes and separates, and what is no text.
const BYTES: &[u8] = b" '\"`<>[](){}/=:,;@&.\\\n\r\0-_aZ0\xC3\xA9\xFF\x80";

/// A sentence with some bytes replaced, put in or taken out.
fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut text = sentence(dice).into_bytes();
    for _ in 0..dice.below(12) {
        let (place, byte) = (dice.below(text.len() + 1), BYTES[dice.below(BYTES.len())]);
        match dice.below(3) {
            _ if place == text.len() => text.push(byte),
            0 => text[place] = byte,
            1 => text.insert(place, byte),
            _ => drop(text.remove(place)),
        }
    }
    text
}

#[test]
fn any_bytes_are_read_alone_and_in_a_batch() {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for case in 0..cases(2000) {
        let mut dice = Dice::new(case);
        let (mut buffer, mut ranges) = (Vec::new(), Vec::new());
        for _ in 0..=dice.below(4) {
            let start = buffer.len();
            buffer.extend_from_slice(&mutated(&mut dice));
            ranges.push((start, buffer.len()));
        }
        // Also values that begin and end anywhere: what stands before them is another's.
        for _ in 0..4 {
            let (a, b) = (dice.below(buffer.len() + 1), dice.below(buffer.len() + 1));
            ranges.push((a.min(b), a.max(b)));
        }
        for (start, end) in ranges {
            let context = CONTEXTS[dice.below(CONTEXTS.len())];
            find(&buffer[start..end], context, &mut alone);
            find_within(&buffer, start..end, context, &mut together);
            let [alone, together] =
                [&alone, &together].map(|found| found.iter().map(plain).collect::<Vec<Plain>>());
            let text = buffer[start..end].escape_ascii();
            assert_eq!(alone, together, "case {case} {context:?}: {text}");
            let ascending = alone.windows(2).all(|two| two[0].1 <= two[1].0);
            let inside = alone.iter().all(|found| found.0 < found.1 && found.1 <= end - start);
            assert!(ascending && inside, "case {case} {context:?}: {text}: {alone:?}");
        }
    }
}
