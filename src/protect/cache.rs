//! A bounded memory of address tokens, per worker.
//!
//! Few clients make most of the lines, and a token costs two SHA-256 blocks. There are two tables, for short keys (IPv4 as it is
//! spelled, any address as a number) and long ones (IPv6 as it is spelled: reading it costs half as much as its token). In each a key
//! has two places side by side, the first for the one that was asked for last: no list, no other eviction policy, no
//! allocation after the first use. An entry is keyed by the tag of the epoch's keys too, so that it can never answer for another
//! epoch, domain or form; everything is wiped as a whole when an epoch key goes, and on drop, since an entry links an address to
//! its token.

use zeroize::Zeroize;

use crate::record::append::append;

/// Entries of a worker's cache: 131,072 of 64 bytes are 8 MiB. More than a core's second-level cache, but a look into the
/// third costs less than the two SHA-256 blocks of a miss.
pub const ENTRIES: usize = 1 << 17;

/// A table of long keys has this fraction of the entries, each of which is twice as large: IPv6 is less than half of most logs.
const LONG_PART: usize = 8;

/// What a token is remembered by.
pub trait Key: Copy + Eq + Zeroize {
    /// That of an entry that was never used, together with tag 0.
    const EMPTY: Self;

    /// Spreads keys over a table. Not keyed: a client who makes collisions on purpose only makes his own lines slower.
    fn hash(&self) -> usize;
}

/// A number of up to sixteen bytes.
pub type Short = u128;

/// A spelling of up to 39 bytes, filled up with zeros.
pub type Long = [u8; LONG_BYTES];

/// Bytes of the longest spelling of an IPv6 address, in whole words.
pub const LONG_BYTES: usize = 40;

/// A value of up to 255 bytes, filled up with zeros: rooms are percent-encoded, and long.
pub type Wide = [u8; WIDE_BYTES];

/// Bytes of the longest value that is remembered.
pub const WIDE_BYTES: usize = 256;

/// Entries of the table of wide values: meetings that go on at one time.
const WIDE_ENTRIES_MAX: usize = 1024;

/// Odd, and without a pattern (the golden ratio).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Key for Short {
    const EMPTY: Self = 0;

    #[inline]
    fn hash(&self) -> usize {
        let folded = (*self as u64) ^ ((*self >> 64) as u64).rotate_left(32);
        (folded.wrapping_mul(SPREAD) >> 40) as usize
    }
}

impl Key for Long {
    const EMPTY: Self = [0; LONG_BYTES];

    #[inline]
    fn hash(&self) -> usize {
        let words = self.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let folded = words.fold(0_u64, |folded, word| (folded.rotate_left(23) ^ word).wrapping_mul(SPREAD));
        (folded >> 40) as usize
    }
}

impl Key for Wide {
    const EMPTY: Self = [0; WIDE_BYTES];

    #[inline]
    fn hash(&self) -> usize {
        // Two sums, so that neither waits for the other.
        let mut sums = [0_u64; 2];
        for pair in self.as_chunks::<16>().0 {
            for (sum, word) in sums.iter_mut().zip(pair.as_chunks::<8>().0) {
                *sum = sum.rotate_left(9) ^ u64::from_le_bytes(*word);
            }
        }
        let folded = sums[0].wrapping_mul(SPREAD) ^ sums[1];
        (folded.wrapping_mul(SPREAD) >> 40) as usize
    }
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Entry<K> {
    key: K,
    tag: u64,
    len: u8,
    text: [u8; TEXT_BYTES],
}

/// Bytes of the longest token: an IPv6 address.
pub const TEXT_BYTES: usize = 39;

/// A value as a key, filled up with zeros.
///
/// # Panics
/// When the value is longer than the key.
#[inline]
pub fn padded<const N: usize>(value: &[u8]) -> [u8; N] {
    let mut key = [0; N];
    key[..value.len()].copy_from_slice(value);
    key
}

/// A table of tokens. Tag 0 is never used by a caller.
pub struct Table<K> {
    entries: Vec<Entry<K>>,
}

impl<K: Key> Table<K> {
    fn new(entries: usize) -> Self {
        let entries = if entries == 0 { 0 } else { entries.next_power_of_two().max(2) };
        Self { entries: vec![Entry { key: K::EMPTY, tag: 0, len: 0, text: [0; TEXT_BYTES] }; entries] }
    }

    /// The text of `key` under `tag`, if it is remembered: room of fixed length, and how many bytes of it count.
    #[inline(always)]
    pub fn get(&mut self, key: K, tag: u64) -> Option<(&[u8; TEXT_BYTES], usize)> {
        let [first, second] = self.pair(key)?;
        if first.tag != tag || first.key != key {
            if second.tag != tag || second.key != key {
                return None;
            }
            std::mem::swap(first, second);
        }
        Some((&first.text, usize::from(first.len)))
    }

    /// Asks for the entries of a key that is going to be looked for: a table of some megabytes lies beyond the first caches.
    #[inline]
    pub fn expect_some(&self, key: Option<K>) {
        if let Some(entry) = key.and_then(|key| self.entries.get(self.place(key))) {
            #[cfg(target_arch = "x86_64")]
            safe_arch::prefetch_t0(entry);
            // A read whose value nobody waits for, but which takes its place in the queue of the processor.
            #[cfg(not(target_arch = "x86_64"))]
            std::hint::black_box(entry.tag);
        }
    }

    /// Remembers `text` (not if it has more than 39 bytes).
    #[inline]
    pub fn keep(&mut self, key: K, tag: u64, text: &[u8]) {
        let Some([first, second]) = self.pair(key) else { return };
        if text.len() <= TEXT_BYTES {
            std::mem::swap(first, second);
            first.text[..text.len()].copy_from_slice(text);
            (first.key, first.tag, first.len) = (key, tag, text.len() as u8);
        }
    }

    /// The text of `key` under `tag`, made by `make` (at most 39 bytes) when it is not remembered. It is appended to `out`.
    #[inline]
    pub fn write(&mut self, key: K, tag: u64, out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) {
        if let Some((text, len)) = self.get(key, tag) {
            return append(text, len, out);
        }
        let start = out.len();
        make(out);
        self.keep(key, tag, &out[start..]);
    }

    /// Where the first entry of `key` stands, if there are entries.
    #[inline]
    fn place(&self, key: K) -> usize {
        key.hash() & self.entries.len().wrapping_sub(2)
    }

    #[inline]
    fn pair(&mut self, key: K) -> Option<&mut [Entry<K>; 2]> {
        let place = self.place(key);
        self.entries.get_mut(place..)?.first_chunk_mut()
    }

    fn wipe(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.tag != 0) {
            entry.key.zeroize();
            entry.text.zeroize();
            entry.tag = 0;
        }
    }
}

/// See the module comment.
pub struct TokenCache {
    /// Addresses as numbers, and short spellings.
    pub short: Table<Short>,
    /// Long spellings, and values that are no address.
    pub long: Table<Long>,
    /// Values that are longer still.
    pub wide: Table<Wide>,
}

impl TokenCache {
    /// A cache of `entries` slots, rounded up to a power of two; 0 switches it off.
    pub fn new(entries: usize) -> Self {
        Self {
            short: Table::new(entries),
            long: Table::new(entries.div_ceil(LONG_PART)),
            wide: Table::new(entries.min(WIDE_ENTRIES_MAX)),
        }
    }

    /// Forgets everything.
    pub fn wipe(&mut self) {
        self.short.wipe();
        self.long.wipe();
        self.wide.wipe();
    }
}

impl Drop for TokenCache {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cache: &mut TokenCache, key: u128, tag: u64, made: &mut u32) -> Vec<u8> {
        let mut out = Vec::new();
        cache.short.write(key, tag, &mut out, |out| {
            *made += 1;
            out.extend_from_slice(format!("{key}-{tag}").as_bytes());
        });
        out
    }

    #[test]
    fn remembers_by_key_and_tag() {
        let (mut cache, mut made) = (TokenCache::new(8), 0);
        for _ in 0..3 {
            assert_eq!(ask(&mut cache, 7, 1, &mut made), b"7-1");
        }
        assert_eq!(made, 1);
        assert_eq!(ask(&mut cache, 7, 2, &mut made), b"7-2");
        cache.wipe();
        assert_eq!(ask(&mut cache, 7, 2, &mut made), b"7-2");
        assert_eq!(made, 3);
    }

    #[test]
    fn two_that_share_a_place_are_both_remembered() {
        let (mut cache, mut made) = (TokenCache::new(2), 0);
        for key in [1, 2, 1, 2, 2, 1] {
            assert_eq!(ask(&mut cache, key, 1, &mut made), format!("{key}-1").as_bytes());
        }
        assert_eq!(made, 2);
    }

    #[test]
    fn a_full_cache_still_answers_right() {
        let (mut cache, mut made) = (TokenCache::new(4), 0);
        for key in (0..100).chain(0..100) {
            assert_eq!(ask(&mut cache, key, 1, &mut made), format!("{key}-1").as_bytes());
        }
        assert!(TokenCache::new(0).short.entries.is_empty());
        assert!(TokenCache::new(0).long.get([7; LONG_BYTES], 1).is_none());
    }

    #[test]
    fn long_keys_are_told_apart_by_every_byte() {
        let mut table = Table::<Long>::new(64);
        let key = |at: usize, byte| std::array::from_fn(|place| if place == at { byte } else { b'a' });
        for at in 0..LONG_BYTES {
            table.keep(key(at, b'b'), 1, b"kept");
            assert!(table.get(key(at, b'c'), 1).is_none());
            assert_eq!(
                table.get(key(at, b'b'), 1).map(|(text, len)| text[..len].to_vec()),
                Some(b"kept".to_vec())
            );
        }
    }
}
