//! A bounded memory of address tokens, per worker.
//!
//! Few clients make most of the lines, and a token costs two SHA-256 blocks. The cache is direct-mapped: one slot per hash, no
//! list, no eviction policy, no allocation after the first use. It is keyed by address and by the tag of the epoch key, so
//! that an entry can never answer for another epoch, domain or form; it is wiped as a whole when an epoch key goes, and on
//! drop, since an entry links an address to its token.

use zeroize::Zeroize;

use crate::record::append::append;

/// Entries of a worker's cache: 65,536 of 64 bytes are 4 MiB. More than a core's second-level cache, but a look into the
/// third costs less than the two SHA-256 blocks of a miss.
pub const ENTRIES: usize = 1 << 16;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Entry {
    key: u128,
    tag: u64,
    len: u8,
    text: [u8; 39],
}

const EMPTY: Entry = Entry { key: 0, tag: 0, len: 0, text: [0; 39] };

/// See the module comment. Tag 0 is never used by a caller.
pub struct TokenCache {
    entries: Vec<Entry>,
}

impl TokenCache {
    /// A cache of `entries` slots, rounded up to a power of two; 0 switches it off.
    pub fn new(entries: usize) -> Self {
        let entries = if entries == 0 { 0 } else { entries.next_power_of_two() };
        Self { entries: vec![EMPTY; entries] }
    }

    /// The text of `key` under `tag`, made by `make` (at most 39 bytes) when it is not remembered. It is appended to `out`.
    #[inline]
    pub fn write(&mut self, key: u128, tag: u64, out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) {
        if !self.find(key, tag, out) {
            let start = out.len();
            make(out);
            self.keep(key, tag, &out[start..]);
        }
    }

    /// Appends the text of `key` under `tag` to `out`; false when it is not remembered.
    #[inline]
    pub fn find(&self, key: u128, tag: u64, out: &mut Vec<u8>) -> bool {
        let Some(entry) = self.entries.get(self.place(key)) else { return false };
        let found = entry.tag == tag && entry.key == key;
        if found {
            append(&entry.text, usize::from(entry.len), out);
        }
        found
    }

    /// Brings the entry of `key` nearer, if it is far: a table of some megabytes lies beyond the first caches.
    #[inline]
    pub fn expect(&self, key: u128) {
        if let Some(entry) = self.entries.get(self.place(key)) {
            // A read whose value nobody waits for.
            std::hint::black_box(entry.tag);
        }
    }

    /// Remembers `text` (forgets it again if it has more than 39 bytes).
    #[inline]
    pub fn keep(&mut self, key: u128, tag: u64, text: &[u8]) {
        let place = self.place(key);
        if let Some(entry) = self.entries.get_mut(place)
            && let Some(room) = entry.text.get_mut(..text.len())
        {
            room.copy_from_slice(text);
            (entry.key, entry.tag, entry.len) = (key, tag, text.len() as u8);
        }
    }

    /// Where an entry of `key` stands, if there are entries.
    #[inline]
    fn place(&self, key: u128) -> usize {
        hash(key) & self.entries.len().wrapping_sub(1)
    }

    /// Forgets everything.
    pub fn wipe(&mut self) {
        for entry in &mut self.entries {
            entry.key.zeroize();
            entry.text.zeroize();
            entry.tag = 0;
        }
    }
}

impl Drop for TokenCache {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Spreads an address over the table. Not keyed: a client who makes collisions on purpose only makes his own lines slower.
#[inline]
fn hash(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(32);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cache: &mut TokenCache, key: u128, tag: u64, made: &mut u32) -> Vec<u8> {
        let mut out = Vec::new();
        cache.write(key, tag, &mut out, |out| {
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
    fn a_full_cache_still_answers_right() {
        let (mut cache, mut made) = (TokenCache::new(4), 0);
        for key in (0..100).chain(0..100) {
            assert_eq!(ask(&mut cache, key, 1, &mut made), format!("{key}-1").as_bytes());
        }
        assert!(TokenCache::new(0).entries.is_empty());
    }
}
