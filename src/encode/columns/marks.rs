//! Lines whose members say by number which column they are of.
//!
//! Where lines become columns, nobody reads the keys of their objects, and every one would have to be found again. So a key is a *mark*: a byte that no
//! text in JSON holds, and the column's place as two digits of six bits. The value is the same as in NDJSON, and so is the end of a line.
//!
//! ```text
//! NDJSON      {"time":"2026-11-28T06:00:00Z","sluis.class":"web","http.response.status_code":200}\n
//! with marks  ␟@@"2026-11-28T06:00:00Z"␟@A"web"␟@H200\n
//! ```

use wide::u8x32;

/// What a mark begins with: the unit separator of ASCII. Strings of JSON have control characters as escapes alone.
const MARK: u8 = 0x1f;
/// Bytes of a mark.
pub(super) const MARK_BYTES: usize = 3;
/// Columns that can be told from each other.
const COLUMNS_MAX: usize = 1 << 12;

/// The mark of a column, by its place; `None` where it cannot be told from others.
pub(super) fn mark(place: usize) -> Option<[u8; MARK_BYTES]> {
    // Digits are no control characters, and ASCII.
    (place < COLUMNS_MAX).then_some([MARK, 0x40 | (place >> 6) as u8, 0x40 | (place & 0x3f) as u8])
}

/// The place of the column whose mark `member` begins with, and the value behind it.
#[inline]
pub(super) fn split(member: &[u8]) -> Option<(usize, &[u8])> {
    let ([MARK, high, low], value) = member.split_first_chunk::<MARK_BYTES>()? else { return None };
    Some((usize::from(high & 0x3f) << 6 | usize::from(low & 0x3f), value))
}

/// Finds what lines are made of: every mark, the end of every line, and every backslash, since a value that has one is not as it stands.
pub(super) fn find(lines: &[u8], found: &mut Vec<u32>) {
    found.clear();
    let mut count = 0;
    for (start, block) in (0..).step_by(32).zip(lines.chunks(32)) {
        let block = block.first_chunk().copied().unwrap_or_else(|| {
            let mut last = [b' '; 32];
            last[..block.len()].copy_from_slice(block);
            last
        });
        let block = u8x32::new(block);
        let is_control = block.min(u8x32::splat(0x1f)).simd_eq(block);
        let mut hits = (is_control | block.simd_eq(u8x32::splat(b'\\'))).to_bitmask();
        // Room is asked for seldom, and a few places are written whether they are there or not.
        if found.len() < count + 32 {
            found.resize((count + 32) * 2, 0);
        }
        let all = hits.count_ones() as usize;
        let Some(room) = found[count..].first_chunk_mut::<32>() else { return };
        for place in &mut room[..4] {
            *place = start + hits.trailing_zeros();
            hits &= hits.wrapping_sub(1);
        }
        if all > 4 {
            for place in &mut room[4..all] {
                *place = start + hits.trailing_zeros();
                hits &= hits.wrapping_sub(1);
            }
        }
        count += all;
    }
    found.truncate(count);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_are_found(lines in prop::collection::vec(prop::sample::select(b"\x1f\n\\@A\"x\xc3 \x7f\0".to_vec()), 0..200)) {
            let mut found = vec![7; 3];
            find(&lines, &mut found);
            let naive = lines.iter().enumerate().filter(|(_, byte)| **byte < 0x20 || **byte == b'\\');
            prop_assert_eq!(found, naive.map(|(place, _)| place as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn marks_are_read_back() {
        for place in [0, 1, 63, 64, COLUMNS_MAX - 1] {
            let member = [&mark(place).unwrap()[..], b"1"].concat();
            assert_eq!(split(&member), Some((place, b"1".as_slice())));
            assert!(member[1..].iter().all(|digit| (0x21..0x80).contains(digit)));
        }
        assert_eq!((mark(COLUMNS_MAX), split(b"\x1f@"), split(b"x@@")), (None, None, None));
    }
}
