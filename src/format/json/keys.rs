//! Which keys of a JSON record are which field.
//!
//! *In*: the built-in table and the user's own, both from dotted path to field. *Out*: a walk from node to node, one step per
//! key, so that `{"client":{"ip":…}}`, `{"client.ip":…}` and `{"client":{"address.x":…}}` all cost one look-up per segment. *Promised*: a step
//! compares the whole segment, so that no hash collision can make one key another; cost is bounded by the table, which is
//! fixed at start; nothing is allocated after that. *Not here*: the table's contents (`builtin.rs`), values (`mod.rs`).
//!
//! Keys that differ only in the case of ASCII letters (`remoteIP`, `remoteIp`; header names) are the same key unless the table has
//! both; then the exact spelling wins.

/// A place in the tree of mapped keys.
pub(super) type NodeId = u16;

/// The whole record: the object that every path begins in.
pub(super) const ROOT: NodeId = 0;
/// Nothing at or below this place is mapped.
pub(super) const UNMAPPED: NodeId = NodeId::MAX;

/// What the value under a key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// No value of its own: only a step on the way to others.
    Way,
    /// A value of this slot.
    Field(u16),
    /// A value of this slot, which is free text: numbers in an array of it may be the bytes of a text (journald).
    Text(u16),
    /// A whole request line, split into its parts.
    Request,
    /// A request target or URL, split at its question mark.
    Target,
    /// A query, perhaps with its question mark.
    Query(u16),
    /// The event time.
    Time(u16),
}

struct Node {
    meaning: Meaning,
    /// True when no key below it is mapped.
    leaf: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    parent: NodeId,
    /// `UNMAPPED` in an empty place of the table.
    node: NodeId,
    start: u32,
    len: u32,
}

const EMPTY: Entry = Entry { hash: 0, parent: 0, node: UNMAPPED, start: 0, len: 0 };

/// The tree of mapped keys: nodes, and one open-addressed table of the steps between them, at most half full.
pub(super) struct Keys {
    nodes: Vec<Node>,
    steps: Vec<Entry>,
    names: Vec<u8>,
    table: Vec<Entry>,
}

impl Keys {
    /// A tree that maps nothing.
    pub(super) fn new() -> Self {
        let root = Node { meaning: Meaning::Way, leaf: true };
        Self { nodes: vec![root], steps: Vec::new(), names: Vec::new(), table: vec![EMPTY; 2] }
    }

    /// Maps the dotted `path`; a path that is mapped already gets the new meaning.
    pub(super) fn insert(&mut self, path: &str, meaning: Meaning) {
        let mut node = ROOT;
        for segment in path.as_bytes().split(|&byte| byte == b'.') {
            let hash = hash(node, segment);
            let found = self
                .steps
                .iter()
                .find(|step| step.hash == hash && step.parent == node && self.name(step) == segment);
            node = if let Some(step) = found {
                step.node
            } else {
                let next = self.nodes.len() as NodeId;
                let start = self.names.len() as u32;
                self.names.extend_from_slice(segment);
                self.steps.push(Entry { hash, parent: node, node: next, start, len: segment.len() as u32 });
                self.nodes[node as usize].leaf = false;
                self.nodes.push(Node { meaning: Meaning::Way, leaf: true });
                next
            };
        }
        self.nodes[node as usize].meaning = meaning;
    }

    /// Builds the table. Called once, after the last `insert`.
    pub(super) fn finish(&mut self) {
        let size = (self.steps.len() * 2).next_power_of_two().max(2);
        self.table = vec![EMPTY; size];
        for step in &self.steps {
            let mut at = step.hash as usize & (size - 1);
            while self.table[at].node != UNMAPPED {
                at = (at + 1) & (size - 1);
            }
            self.table[at] = *step;
        }
    }

    /// How many nodes there are: the caller's bound for the user's table.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What the value at `node` is.
    #[inline]
    pub(super) fn meaning(&self, node: NodeId) -> Meaning {
        self.nodes.get(node as usize).map_or(Meaning::Way, |node| node.meaning)
    }

    /// True when nothing below `node` is mapped.
    #[inline]
    pub(super) fn is_leaf(&self, node: NodeId) -> bool {
        self.nodes.get(node as usize).is_none_or(|node| node.leaf)
    }

    /// The place under `node` that the (decoded) `key` leads to; its dots are steps.
    #[inline]
    pub(super) fn descend(&self, mut node: NodeId, key: &[u8]) -> NodeId {
        let mut rest = key;
        while let Some(dot) = memchr::memchr(b'.', rest) {
            node = self.step(node, &rest[..dot]);
            if node == UNMAPPED {
                return UNMAPPED;
            }
            rest = &rest[dot + 1..];
        }
        self.step(node, rest)
    }

    #[inline]
    fn step(&self, parent: NodeId, segment: &[u8]) -> NodeId {
        let hash = hash(parent, segment);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        let mut folded = UNMAPPED;
        loop {
            let entry = &self.table[at];
            if entry.node == UNMAPPED {
                return folded;
            }
            if entry.hash == hash && entry.parent == parent {
                let name = self.name(entry);
                if name == segment {
                    return entry.node;
                }
                if folded == UNMAPPED && name.eq_ignore_ascii_case(segment) {
                    folded = entry.node;
                }
            }
            at = (at + 1) & mask;
        }
    }

    #[inline]
    fn name(&self, entry: &Entry) -> &[u8] {
        &self.names[entry.start as usize..(entry.start + entry.len) as usize]
    }
}

/// A quick hash in which the case of letters does not count. Its quality decides speed only.
#[inline]
fn hash(parent: NodeId, segment: &[u8]) -> u32 {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    const FOLD: u64 = 0x2020_2020_2020_2020;
    let mut state = ((u64::from(parent) << 32) ^ segment.len() as u64).wrapping_mul(PRIME);
    let mut mix = |word: u64| state = (state.rotate_left(23) ^ (word | FOLD)).wrapping_mul(PRIME);
    let mut rest = segment;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        mix(u64::from_le_bytes(*eight));
        rest = more;
    }
    // What is left, in words that may overlap what went before: no loop over single bytes.
    if let Some(eight) = segment.last_chunk::<8>() {
        mix(u64::from_le_bytes(*eight));
    } else if let (Some(first), Some(last)) = (segment.first_chunk::<4>(), segment.last_chunk::<4>()) {
        mix(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
    } else if let (Some(first), Some(last)) = (segment.first(), segment.last()) {
        mix(u64::from(*first) << 16 | u64::from(segment[segment.len() / 2]) << 8 | u64::from(*last));
    }
    (state >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(paths: &[&str]) -> Keys {
        let mut keys = Keys::new();
        for (index, path) in paths.iter().enumerate() {
            keys.insert(path, Meaning::Field(index as u16));
        }
        keys.finish();
        keys
    }

    #[test]
    fn dots_and_nesting_are_the_same_path() {
        let keys = keys(&["a.b.c", "a.b", "x"]);
        let nested = keys.descend(keys.descend(keys.descend(ROOT, b"a"), b"b"), b"c");
        assert!(keys.meaning(nested) == Meaning::Field(0));
        assert_eq!(keys.descend(ROOT, b"a.b.c"), nested);
        assert_eq!(keys.descend(keys.descend(ROOT, b"a"), b"b.c"), nested);
        assert!(keys.meaning(keys.descend(ROOT, b"a")) == Meaning::Way);
        for other in [&b"a.b.d"[..], b"a..b", b"", b".", b"a.b.c.d", b"b"] {
            assert_eq!(keys.descend(ROOT, other), UNMAPPED);
        }
    }

    #[test]
    fn case_folds_unless_both_spellings_are_mapped() {
        let keys = keys(&["Duration", "duration", "remoteIP"]);
        assert!(keys.meaning(keys.descend(ROOT, b"Duration")) == Meaning::Field(0));
        assert!(keys.meaning(keys.descend(ROOT, b"duration")) == Meaning::Field(1));
        assert!(keys.meaning(keys.descend(ROOT, b"REMOTEip")) == Meaning::Field(2));
        // `|0x20` makes `@` and backtick, `_` and DEL equal in the hash; the comparison does not.
        assert_eq!(keys.descend(ROOT, b"remoteI\x10"), UNMAPPED);
    }

    #[test]
    fn a_later_mapping_of_one_path_wins() {
        let mut keys = keys(&["host"]);
        keys.insert("host", Meaning::Field(7));
        keys.finish();
        assert!(keys.meaning(keys.descend(ROOT, b"host")) == Meaning::Field(7));
    }
}
