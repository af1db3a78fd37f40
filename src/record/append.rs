//! Copies of fixed length: a few bytes too many cost less than a call that copies the right number.

/// Appends the first `len` bytes of `room` (all of them, if it has fewer): all of it is copied, and what is too much is cut off.
#[inline]
pub fn append<const ROOM: usize>(room: &[u8; ROOM], len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    out.extend_from_slice(room);
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn what_is_too_much_is_cut_off() {
        let mut out = b"x".to_vec();
        append(b"abcd", 2, &mut out);
        append(b"efgh", 0, &mut out);
        append(b"ijkl", 4, &mut out);
        assert_eq!(out, b"xabijkl");
    }
}
