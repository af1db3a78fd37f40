//! Copies of fixed length: a few bytes too many cost less than a call that copies the right number.

/// A copy of more than this becomes a call, however well its length is known.
const PIECE_BYTES: usize = 256;

/// Appends the first `len` bytes of `room` (all of them, if it has fewer): all of it is copied, and what is too much is cut off.
#[inline]
pub fn append<const ROOM: usize>(room: &[u8; ROOM], len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    if ROOM <= PIECE_BYTES {
        out.extend_from_slice(room);
    } else {
        out.reserve(ROOM);
        for piece in room.chunks(PIECE_BYTES) {
            out.extend_from_slice(piece);
        }
    }
    out.truncate(end);
}

/// Appends bytes `start..end` of `text`: of up to `ROOM` bytes, a copy of fixed length where the text goes on that far.
#[inline]
pub fn append_part<const ROOM: usize>(text: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    match text.get(start..).and_then(|rest| rest.first_chunk::<ROOM>()) {
        Some(room) if end - start <= ROOM => append(room, end - start, out),
        _ => out.extend_from_slice(&text[start..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::{append, append_part};

    #[test]
    fn a_part_is_a_part_wherever_the_text_ends() {
        let mut out = Vec::new();
        for (start, end) in [(0, 2), (1, 6), (4, 6), (6, 6)] {
            append_part::<4>(b"abcdef", start, end, &mut out);
        }
        assert_eq!(out, b"abbcdefef");
    }

    #[test]
    fn what_is_too_much_is_cut_off() {
        let mut out = b"x".to_vec();
        append(b"abcd", 2, &mut out);
        append(b"efgh", 0, &mut out);
        append(b"ijkl", 4, &mut out);
        assert_eq!(out, b"xabijkl");
    }
}
