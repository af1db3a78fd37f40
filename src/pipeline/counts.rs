//! What a run did, in numbers: kept per batch, added up per batch, never per record shared.

use crate::protect::treatments::Treatments;
use crate::record::span::Refusal;
use crate::telemetry::source::Tally;

/// Counts of one batch or one run. Every record that came in is in exactly one of the outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that arrived.
    pub records_in: u64,
    /// Records that left for at least one sink.
    pub records_out: u64,
    /// Records that were refused, by reason, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Records whose deadline had passed on arrival, or whose epoch key is dead.
    pub expired: u64,
    /// Records that no sink wants: their class has none.
    pub dropped: u64,
    /// Records whose deadline came between arrival and delivery.
    pub withheld: u64,
    /// Records that came later than their source allows.
    pub late: u64,
    /// Values of keys and headers that were to be carried over and could not be treated; no outcome of a record.
    pub not_carried: u64,
    /// Bytes that arrived, newlines included.
    pub bytes_in: u64,
    /// Bytes that were handed to sinks.
    pub bytes_out: u64,
    /// Identifiers treated.
    pub treated: Treatments,
}

impl Counts {
    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        for (mine, theirs) in self.refused.iter_mut().zip(other.refused) {
            *mine += theirs;
        }
        self.expired += other.expired;
        self.dropped += other.dropped;
        self.withheld += other.withheld;
        self.late += other.late;
        self.not_carried += other.not_carried;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.treated.add(&other.treated);
    }

    /// Counts a record that leaves: for where its class goes, or for where late ones go.
    #[inline]
    pub const fn leave(&mut self, is_late: bool) {
        if is_late {
            self.late += 1;
        } else {
            self.records_out += 1;
        }
    }

    /// Counts a refused record.
    pub fn refuse(&mut self, refusal: Refusal) {
        if let Some(place) = Refusal::ALL.iter().position(|known| *known == refusal) {
            self.refused[place] += 1;
        }
    }

    /// Records that were refused, whatever the reason.
    pub fn quarantined(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// The same for the meters. What is withheld is told apart: sinks find out later.
    pub fn tally(&self) -> Tally {
        Tally {
            delivered: self.records_out,
            quarantined: self.refused,
            expired: self.expired,
            withheld: self.withheld,
            dropped: self.dropped,
            late: self.late,
            not_carried: self.not_carried,
            received_bytes: self.bytes_in,
            delivered_bytes: self.bytes_out,
        }
    }

    /// True when every record is accounted for.
    pub fn balance(&self) -> bool {
        let kept_back = self.expired + self.dropped + self.withheld + self.late;
        self.records_in == self.records_out + self.quarantined() + kept_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_one_outcome() {
        let mut counts =
            Counts { records_in: 5, records_out: 2, expired: 1, dropped: 1, ..Counts::default() };
        assert!(!counts.balance());
        counts.refuse(Refusal::BadTime);
        assert!(counts.balance() && counts.quarantined() == 1);
        let mut sum = Counts::default();
        sum.add(&counts);
        sum.add(&counts);
        assert!(sum.balance() && sum.records_in == 10 && sum.quarantined() == 2);
    }
}
