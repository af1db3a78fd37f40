//! Numbers of few bits, side by side, as Parquet has them: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

/// A number in seven bits at a time, the lowest first.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The same of a number with a sign, which goes into the lowest bit.
pub(super) fn zigzag(number: i64, out: &mut Vec<u8>) {
    varint((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned(), out);
}

/// Bits that a number needs.
pub(super) const fn width(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Appends numbers of `width` bits each, at most 32, a multiple of eight of them; none needs more bits.
pub(super) fn pack(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    debug_assert!(numbers.len().is_multiple_of(8) && width <= 32);
    out.reserve(numbers.len() / 8 * width as usize);
    // Eight numbers are `width` bytes: of at most 16 bits each, they are one word.
    for eight in numbers.as_chunks::<8>().0 {
        let (mut held, mut bits) = (0_u128, 0);
        let mut room = [0_u8; 32];
        if width <= 16 {
            for number in eight {
                held |= u128::from(*number) << bits;
                bits += width;
            }
            room[..16].copy_from_slice(&held.to_le_bytes());
        } else {
            let mut at = 0;
            for number in eight {
                held |= u128::from(*number) << bits;
                bits += width;
                while bits >= 32 {
                    room[at..at + 4].copy_from_slice(&(held as u32).to_le_bytes());
                    (held, bits, at) = (held >> 32, bits - 32, at + 4);
                }
            }
            let rest = (bits / 8) as usize;
            room[at..at + rest].copy_from_slice(&(held as u32).to_le_bytes()[..rest]);
        }
        let end = out.len() + width as usize;
        out.extend_from_slice(&room);
        out.truncate(end);
    }
}

/// Appends what [`pack`] packed.
pub(super) fn unpack(packed: &[u8], width: u32, out: &mut Vec<u32>) {
    debug_assert!((1..=32).contains(&width));
    let mask = (1_u64 << width) - 1;
    for eight in packed.chunks_exact(width as usize) {
        let (mut held, mut bits, mut bytes) = (0_u64, 0, eight.iter());
        for _ in 0..8 {
            while bits < width {
                held |= u64::from(bytes.next().copied().unwrap_or(0)) << bits;
                bits += 8;
            }
            out.push((held & mask) as u32);
            (held, bits) = (held >> width, bits - width);
        }
    }
}

/// Appends 32 numbers of `width` bits each, at most 64.
pub(super) fn pack_long(numbers: &[u64], width: u32, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0_u128, 0);
    for number in numbers {
        held |= u128::from(*number) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(held as u64).to_le_bytes());
            (held, bits) = (held >> 64, bits - 64);
        }
    }
    out.extend_from_slice(&(held as u64).to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// Yes or no by number.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    count: u32,
}

impl Bits {
    #[inline]
    pub(super) fn push(&mut self, bit: bool) {
        let place = self.count % 8;
        if place == 0 {
            self.bytes.push(u8::from(bit));
        } else if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << place;
        }
        self.count += 1;
    }

    /// The same bit so many times.
    pub(super) fn push_all(&mut self, bit: bool, mut count: u32) {
        while count > 0 && !self.count.is_multiple_of(8) {
            self.push(bit);
            count -= 1;
        }
        let whole = count / 8;
        self.bytes.resize(self.bytes.len() + whole as usize, if bit { 0xff } else { 0 });
        self.count += whole * 8;
        for _ in 0..count % 8 {
            self.push(bit);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn memory(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious way: bit by bit.
    fn naive(numbers: &[u64], width: u32) -> Vec<u8> {
        let mut bits = Bits::default();
        for number in numbers {
            (0..width).for_each(|bit| bits.push(number >> bit & 1 == 1));
        }
        bits.bytes().to_vec()
    }

    proptest! {
        #[test]
        fn packing_is_bit_by_bit(numbers in prop::collection::vec(any::<u64>(), 32), bits in 1_u32..=64) {
            let numbers: Vec<u64> = numbers.iter().map(|number| number >> (64 - bits)).collect();
            let mut packed = vec![7];
            pack_long(&numbers, bits, &mut packed);
            prop_assert_eq!(&packed[1..], naive(&numbers, bits));
            if bits <= 32 {
                let short: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
                packed.truncate(1);
                pack(&short, bits, &mut packed);
                prop_assert_eq!(&packed[1..], naive(&numbers, bits));
                let mut again = Vec::new();
                unpack(&packed[1..], bits, &mut again);
                prop_assert_eq!(again, short);
            }
        }

        #[test]
        fn many_bits_at_once_are_one_by_one(runs in prop::collection::vec((any::<bool>(), 0_u32..40), 0..9)) {
            let (mut one, mut many) = (Bits::default(), Bits::default());
            for (bit, count) in runs {
                many.push_all(bit, count);
                (0..count).for_each(|_| one.push(bit));
            }
            prop_assert_eq!((one.bytes(), one.count), (many.bytes(), many.count));
        }
    }

    #[test]
    fn numbers_by_seven_bits() {
        let mut out = Vec::new();
        varint(300, &mut out);
        zigzag(-1, &mut out);
        zigzag(1, &mut out);
        zigzag(i64::MIN, &mut out);
        assert_eq!(out, [0xac, 2, 1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!([width(0), width(1), width(255), width(u64::MAX)], [0, 1, 8, 64]);
    }
}
