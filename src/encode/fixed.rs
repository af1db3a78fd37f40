//! A line that is put together in room of fixed length, and appended to the output as a whole.
//!
//! An object of a dozen columns is some thirty pieces of a few bytes. Appending each to a vector asks thirty times whether there is
//! room; here that is asked once a record, by [`Fixed::fits`]. Every piece is copied in a length that is known when this is
//! compiled, and what is too much is overwritten by the next.

/// Bytes that a line can have.
const LINE_BYTES: usize = 4096;

/// Bytes of the largest piece that is copied in one length.
const PIECE_BYTES: usize = 128;

/// Room for one line. Kept from record to record: it holds what was written before, and only what was put is taken.
pub struct Fixed {
    room: Box<[u8; LINE_BYTES + PIECE_BYTES]>,
    len: usize,
}

impl Default for Fixed {
    fn default() -> Self {
        Self { room: Box::new([0; LINE_BYTES + PIECE_BYTES]), len: 0 }
    }
}

impl Fixed {
    /// True when a line of at most `bytes` has room.
    #[inline]
    pub const fn fits(bytes: usize) -> bool {
        bytes <= LINE_BYTES
    }

    /// Puts the first `len` bytes of `piece`. Lines that do not fit are never begun; one that grew beyond would be cut at its
    /// beginning, never read beyond its room.
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, piece: &[u8; N], len: usize) {
        const { assert!(N <= PIECE_BYTES, "room behind the line for the largest piece") };
        debug_assert!(self.len + len <= LINE_BYTES, "the line fits");
        if let Some(room) = self.room[self.len % LINE_BYTES..].first_chunk_mut() {
            *room = *piece;
        }
        self.len += len;
    }

    /// Puts one byte.
    #[inline(always)]
    pub fn put_byte(&mut self, byte: u8) {
        self.put(&[byte], 1);
    }

    /// Puts all of `text`.
    #[inline]
    pub fn put_all(&mut self, text: &[u8]) {
        if let Some(room) = self.room.get_mut(self.len..self.len + text.len()) {
            room.copy_from_slice(text);
        }
        self.len += text.len();
    }

    /// Appends what was put to `out`, and begins anew.
    #[inline]
    pub fn take(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.room[..self.len.min(LINE_BYTES)]);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken() {
        let (mut line, mut out) = (Fixed::default(), b"before,".to_vec());
        line.put(b"abcdef", 2);
        line.put_byte(b'-');
        line.put_all(b"ghij");
        line.put(&[b'x'; PIECE_BYTES], 1);
        line.take(&mut out);
        line.put(b"z", 1);
        line.take(&mut out);
        assert_eq!(out, b"before,ab-ghijxz");
        assert!(Fixed::fits(LINE_BYTES) && !Fixed::fits(LINE_BYTES + 1));
    }
}
