//! Counts of a run on their way to its meters: once per batch, a few additions each.

use crate::record::batch::CleanBatch;
use crate::record::timestamp::Timestamp;
use crate::telemetry::sink::SinkMeter;
use crate::telemetry::source::SourceMeter;

use super::counts::Counts;

/// The meters of a run; without any, every call does nothing.
#[derive(Default)]
pub struct Metered {
    sources: Vec<SourceMeter>,
    sinks: Vec<SinkMeter>,
    /// Records that were counted as delivered and then withheld. A counter never goes back, so that many of the next ones are not
    /// counted as delivered.
    owed: u64,
    /// Withheld over the whole run, as far as counted.
    withheld: u64,
    /// The source of the batch that came last, which what is withheld later is counted to: sinks do not know whose records they hold.
    last: usize,
}

impl Metered {
    /// One meter per source, and one per sink of the run.
    pub fn new(sources: Vec<SourceMeter>, sinks: Vec<SinkMeter>) -> Self {
        Self { sources, sinks, ..Self::default() }
    }

    /// Sink `at` gets a batch.
    pub fn begin(&self, at: usize, batch: &CleanBatch, now: Timestamp) {
        if let Some(sink) = self.sinks.get(at) {
            sink.begin(batch.runs().iter().filter_map(|run| run.deadline).min(), now);
        }
    }

    /// It has taken it.
    pub fn end(&self, at: usize, now: Timestamp) {
        if let Some(sink) = self.sinks.get(at) {
            sink.end(now);
        }
    }

    /// A batch of source `input` did `counts`; `withheld` is that of the whole run.
    pub fn batch(&mut self, input: usize, counts: &Counts, withheld: u64) {
        self.last = input;
        let mut tally = counts.tally();
        tally.withheld = withheld - self.withheld;
        self.withheld = withheld;
        self.owed += tally.withheld;
        let paid = self.owed.min(tally.delivered);
        (self.owed, tally.delivered) = (self.owed - paid, tally.delivered - paid);
        if let Some(source) = self.sources.get(input) {
            source.add(&tally);
        }
    }

    /// Sinks were ticked, and may have withheld more.
    pub fn settled(&mut self, withheld: u64) {
        if withheld > self.withheld {
            self.batch(self.last, &Counts::default(), withheld);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::meters::Meters;
    use crate::telemetry::setup::{Setup, SourceSetup};

    #[test]
    fn what_is_withheld_later_is_not_counted_twice() {
        let source = |name: &str| SourceSetup { name: name.to_owned(), topics: Vec::new() };
        let meters = Meters::new(Setup { sources: vec![source("a"), source("b")], ..Setup::default() });
        let mut metered =
            Metered::new((0..2).map(|at| meters.source(at).unwrap().clone()).collect(), Vec::new());
        let counts = |out| Counts { records_in: out, records_out: out, bytes_in: 10, ..Counts::default() };
        metered.batch(0, &counts(5), 0);
        metered.batch(1, &counts(3), 1);
        metered.settled(5);
        metered.settled(5);
        metered.batch(0, &counts(10), 5);
        let text = meters.exposition(Timestamp(0), false);
        for sample in [
            r#"sluis_records_total{source="a",outcome="delivered"} 11"#,
            r#"sluis_records_total{source="b",outcome="delivered"} 2"#,
            r#"sluis_records_total{source="b",outcome="withheld"} 5"#,
            r#"sluis_records_total{source="a",outcome="withheld"} 0"#,
            r#"sluis_received_bytes_total{source="a"} 20"#,
        ] {
            assert!(text.contains(&format!("\n{sample}\n")), "{sample} in\n{text}");
        }
    }
}
