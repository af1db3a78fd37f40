//! The two tables: what was measured, and how that stands against what is asked.

use crate::Input;
use crate::child::Measured;

/// One program in one mode.
pub struct Row {
    name: String,
    measured: Measured,
    lines: Option<u64>,
}

impl Row {
    pub fn new(name: &str, measured: Measured) -> Self {
        Self { name: name.to_owned(), measured, lines: None }
    }

    /// The lines that came out.
    pub fn lines(mut self, lines: u64) -> Self {
        self.lines = Some(lines);
        self
    }
}

pub struct Table {
    rows: Vec<Row>,
    bytes: u64,
    lines: u64,
    scan_secs: f64,
}

impl Table {
    pub fn new(input: &Input, scan_secs: f64) -> Self {
        Self { rows: Vec::new(), bytes: input.bytes, lines: input.lines, scan_secs }
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// True when every program gave as many lines as it got.
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(|row| row.lines.is_none_or(|lines| lines == self.lines))
    }

    pub fn print(&self) {
        println!(
            "{:<39} {:>8} {:>8} {:>10} {:>8} {:>11} {:>9} {:>8}",
            "", "CPU s", "wall s", "MB/CPU s", "MB/s", "lines/s", "peak MiB", "of scan"
        );
        let megabytes = self.bytes as f64 / 1e6;
        for Row { name, measured, lines } in &self.rows {
            let Measured { cpu_secs, wall_secs, peak_kib } = *measured;
            // A run below the clock's resolution still needs a divisor.
            let (cpu, wall) = (cpu_secs.max(0.001), wall_secs.max(0.001));
            let peak = peak_kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0));
            let note = match lines {
                Some(lines) if *lines != self.lines => format!("  WRONG: {lines} lines came out"),
                _ => String::new(),
            };
            println!(
                "{name:<39} {cpu_secs:>8.2} {wall_secs:>8.2} {:>10.0} {:>8.0} {:>11.0} {peak:>9} {:>8}{note}",
                megabytes / cpu,
                megabytes / wall,
                self.lines as f64 / wall,
                format!("1/{:.1}", cpu / self.scan_secs),
            );
        }
        println!();
    }

    fn row(&self, name: &str) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name).map(|row| &row.measured)
    }

    /// What is asked, what is aimed at, and what was reached. A figure whose rows are missing is left out.
    pub fn print_figures(&self) {
        println!("{:<52} {:>8} {:>8} {:>9}", "", "must", "aim", "reached");
        let one = |emit: &str| self.row(&format!("sluis {emit}, 1 thread"));
        let two = |emit: &str| self.row(&format!("sluis {emit}, 2 threads"));
        let cpu = |measured: Option<&Measured>| measured.map(|m| m.cpu_secs.max(0.001));

        for (emit, must, aim) in [("same", 12.0, 6.0), ("ndjson", 17.0, 10.0)] {
            let what = format!("--emit {emit} per core, part of newline scan");
            let reached = cpu(one(emit)).map(|secs| secs / self.scan_secs);
            figure(&what, reached, Better::Less, must, aim, |n| format!("1/{n:.1}"));
        }
        for (rival, must, aim) in [("anonip", 25.0, 50.0), ("rsyslog mmanon", 8.0, 20.0)] {
            for emit in ["same", "ndjson"] {
                let what = format!("CPU seconds of {rival}, against --emit {emit}");
                let reached = cpu(self.row(rival)).zip(cpu(one(emit))).map(|(theirs, ours)| theirs / ours);
                figure(&what, reached, Better::More, must, aim, |n| format!("{n:.1}x"));
            }
        }
        for emit in ["same", "ndjson"] {
            let what = format!("--emit {emit}, wall time, two threads against one");
            let reached = one(emit).zip(two(emit)).map(|(one, two)| one.wall_secs / two.wall_secs.max(0.001));
            figure(&what, reached, Better::More, 1.7, 1.9, |n| format!("{n:.2}x"));
        }
        for emit in ["same", "ndjson"] {
            let what = format!("--emit {emit}, peak MiB, two threads");
            let reached = two(emit).and_then(|m| m.peak_kib).map(|kib| kib as f64 / 1024.0);
            figure(&what, reached, Better::Less, 64.0, 32.0, |n| format!("{n:.1}"));
        }
    }
}

#[derive(Clone, Copy)]
enum Better {
    Less,
    More,
}

fn figure(
    what: &str,
    reached: Option<f64>,
    better: Better,
    must: f64,
    aim: f64,
    show: impl Fn(f64) -> String,
) {
    let Some(reached) = reached else { return };
    let meets = |bound: f64| match better {
        Better::Less => reached <= bound,
        Better::More => reached >= bound,
    };
    let verdict = match (meets(must), meets(aim)) {
        (_, true) => "aim reached",
        (true, false) => "reached",
        (false, false) => "NOT reached",
    };
    println!("{what:<52} {:>8} {:>8} {:>9}  {verdict}", show(must), show(aim), show(reached));
}
