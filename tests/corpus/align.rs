//! Which output line belongs to which input line.
//!
//! *In*: lines of one format. *Out*: for each, its output or `None` where it was quarantined. *Promised*: nothing is assumed
//! of the program but order: where fewer lines come out than went in, the lines are halved and run again until each half
//! is whole or one line alone. *Not here*: judging them (`judge`).

use super::table::Part;
use crate::support::{self, Run, Stats};

/// Runs beyond which a part is given up; its remaining lines count as quarantined.
const RUNS_MAX: usize = 1500;

/// Outputs lined up with inputs, and the statistics of the one run over all of them.
pub struct Aligned {
    /// One per input line.
    pub outputs: Vec<Option<Vec<u8>>>,
    /// Of the whole run.
    pub stats: Stats,
}

/// The arguments that every corpus run has.
pub fn arguments(part: &Part) -> Vec<&'static str> {
    let mut arguments = vec!["filter"];
    arguments.extend(part.format.arguments());
    arguments.extend(["--emit", "same", "--threads", "1", "--time-zone", "UTC"]);
    arguments
}

/// Runs the program over `lines` and lines up what comes out.
pub fn run(part: &Part, lines: &[&[u8]]) -> Aligned {
    let mut arguments = arguments(part);
    arguments.push("--stats=json");
    let mut outputs = vec![None; lines.len()];
    let whole = feed(&arguments, lines);
    let stats = if whole.code == 0 { whole.stats() } else { Stats::default() };
    if !fill(&whole, &mut outputs) {
        let mut runs = 0;
        halves(&arguments, lines, &mut outputs, &mut runs);
    }
    Aligned { outputs, stats }
}

fn feed(arguments: &[&str], lines: &[&[u8]]) -> Run {
    let mut input = lines.join(&b'\n');
    input.push(b'\n');
    support::sluis(arguments, &input)
}

/// Takes the output when it has as many lines as went in.
fn fill(run: &Run, outputs: &mut [Option<Vec<u8>>]) -> bool {
    let lines = run.lines();
    if lines.len() != outputs.len() {
        return false;
    }
    for (slot, line) in outputs.iter_mut().zip(lines) {
        *slot = Some(line.to_vec());
    }
    true
}

fn halves(arguments: &[&str], lines: &[&[u8]], outputs: &mut [Option<Vec<u8>>], runs: &mut usize) {
    if lines.len() == 1 || *runs > RUNS_MAX {
        return;
    }
    let middle = lines.len() / 2;
    let (first, second) = lines.split_at(middle);
    let (left, right) = outputs.split_at_mut(middle);
    for (lines, outputs) in [(first, left), (second, right)] {
        *runs += 1;
        if !fill(&feed(arguments, lines), outputs) {
            halves(arguments, lines, outputs, runs);
        }
    }
}
