//! When what is stored is narrowed, where its class has stages.
//!
//! *In*: until which age records live as they are. *Out*: how long before that their parts are closed, and rewritten. *Promised*: a part is closed
//! before it is looked for, and looked for several times before it must be gone (PI-4): where it cannot be rewritten, a sweep removes it whole. Pure.
//! *Not here*: the rewriting (`sink::merge`), and who calls it when (`cli`).
//!
//! ```text
//!          rewritten from here      no longer written        the sweep removes what is left, and its key dies      the stage
//!   ──────────────┼────────────────────────┼──────────────────────────────┼─────────────────────────────────────────┼──────▶ age
//!             5 margins                3 margins                      1 margin
//! ```

use crate::keys::storage;

/// How many seconds before the stage nothing is written any more that would have to be rewritten.
pub const fn closed_seconds(until_seconds: u64) -> u64 {
    3 * storage::margin_seconds(until_seconds)
}

/// How many seconds before the stage its parts are rewritten, where sweeps have this margin.
pub const fn begins_seconds(until_seconds: u64, margin_seconds: u64) -> u64 {
    let own = storage::margin_seconds(until_seconds);
    let margin = if margin_seconds > own { margin_seconds } else { own };
    margin + 4 * own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_can_be_rewritten_before_a_sweep_takes_it() {
        for until in [60, 96, 3_600, 86_400, 7 * 86_400] {
            let margin = storage::margin_seconds(until);
            assert!(begins_seconds(until, margin) > closed_seconds(until) && closed_seconds(until) > margin);
            assert!(begins_seconds(until, 3_600) > 3_600);
            assert!(begins_seconds(until, margin) < until / 4, "{until}");
        }
    }
}
