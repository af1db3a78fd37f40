//! Which parts of one deadline bucket are merged: enough small ones, or all that are left once nothing comes any more.
//!
//! *In*: sizes and ages. *Out*: indices. *Promised*: a record is written anew a few times, not with every small part that comes: while
//! parts come, only those of like sizes are merged, sixteen at least. Pure.

/// A part of this size is large enough as it is.
pub(super) const LARGE_BYTES: u64 = 128 << 20;
/// Small parts of a bucket that are merged while others still come.
pub(super) const MANY: usize = 16;
/// Parts that are merged at once: each is a descriptor, and a name in one entry of the journal.
const TOGETHER_MAX: usize = 256;
/// Bytes that are merged at once.
const TOGETHER_BYTES_MAX: u64 = 2 * LARGE_BYTES;
/// Below this, sizes do not matter: what a file costs is that it is one.
const SMALL_BYTES: u64 = 64 << 10;

/// What is known of a part without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Its bytes.
    pub bytes: u64,
    /// Seconds since it was written.
    pub age_seconds: i64,
}

/// The parts to merge, or none. A bucket is quiet when its youngest part is of `quiet_seconds` or more.
pub(super) fn choose(parts: &[Size], quiet_seconds: i64) -> Vec<usize> {
    let is_quiet = parts.iter().all(|part| part.age_seconds >= quiet_seconds);
    let mut chosen: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].bytes < LARGE_BYTES).collect();
    chosen.sort_by_key(|at| parts[*at].bytes);
    chosen.truncate(TOGETHER_MAX);
    let mut sum: u64 = chosen.iter().map(|at| parts[*at].bytes).sum();
    // So often the largest must go into so often the rest. At the end one more time is worth it.
    let (largest_times, rest_times, least) = if is_quiet { (1, 4, 2) } else { (MANY as u64 / 2, 1, MANY) };
    while let Some(largest) = chosen.last().map(|at| parts[*at].bytes) {
        let rest = sum - largest;
        let is_worth_it = largest <= SMALL_BYTES
            || largest.saturating_mul(largest_times) <= rest.saturating_mul(rest_times);
        if sum <= TOGETHER_BYTES_MAX && is_worth_it {
            break;
        }
        chosen.pop();
        sum = rest;
    }
    if chosen.len() < least {
        chosen.clear();
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(kib: &[u64], age_seconds: i64) -> Vec<Size> {
        kib.iter().map(|kib| Size { bytes: kib << 10, age_seconds }).collect()
    }

    fn count(kib: &[u64], age_seconds: i64) -> usize {
        choose(&sizes(kib, age_seconds), 60).len()
    }

    #[test]
    fn many_of_like_size_are_merged_while_others_come_and_all_when_none_do() {
        assert_eq!(count(&[100; 15], 0), 0);
        assert_eq!(count(&[100; 16], 0), 16);
        assert_eq!(count(&[100; 2], 60), 2);
        assert_eq!(count(&[100], 60), 0);
        // What was merged before waits for others of its size, until the end.
        let mut mixed = vec![1_600; 3];
        mixed.extend([100; 15]);
        assert_eq!(count(&mixed, 0), 0);
        mixed.push(100);
        assert_eq!(choose(&sizes(&mixed, 0), 60), (3..19).collect::<Vec<_>>());
        assert_eq!(count(&mixed, 60), 19);
        // A straggler is not worth a large one, but others are worth each other.
        assert_eq!(count(&[60_000, 100], 60), 0);
        assert_eq!(choose(&sizes(&[60_000, 100, 100], 60), 60), [1, 2]);
    }

    #[test]
    fn what_is_large_stays_and_what_is_merged_is_bounded() {
        assert_eq!(count(&[128 << 10; 4], 60), 0);
        assert_eq!(count(&[1; 1_000], 0), 256);
        let half: u64 = 100 << 10;
        assert_eq!(count(&[half; 5], 60), 2, "of 500 MiB");
    }

    /// A stream of small parts: how often a record is written, and how many parts lie there.
    #[test]
    fn a_record_is_written_a_few_times() {
        let (mut parts, mut written, mut most) = (Vec::new(), 0, 0);
        for _ in 0..360 {
            parts.extend(sizes(&[300], 0));
            let chosen = choose(&parts, 60);
            merge(&mut parts, &chosen, &mut written);
            most = most.max(parts.len());
        }
        let all: Vec<_> = parts.iter().map(|part| Size { age_seconds: 60, ..*part }).collect();
        parts = all;
        let chosen = choose(&parts, 60);
        merge(&mut parts, &chosen, &mut written);
        assert_eq!(parts.len(), 1);
        assert!(most <= 32 && written <= 3 * 360 * 300 * 1024, "{most} parts, {written} bytes");
    }

    fn merge(parts: &mut Vec<Size>, chosen: &[usize], written: &mut u64) {
        if chosen.is_empty() {
            return;
        }
        let bytes = chosen.iter().map(|at| parts[*at].bytes).sum();
        *written += bytes;
        let mut at = 0;
        parts.retain(|_| {
            at += 1;
            !chosen.contains(&(at - 1))
        });
        parts.push(Size { bytes, age_seconds: 0 });
    }
}
