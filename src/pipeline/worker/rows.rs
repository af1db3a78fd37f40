//! The loop over rows: batches of a format whose ordinary records are read as rows, where the class does not depend on the record.

use std::mem;

use super::messages::Joint;
use super::{ClassChoice, ClassPlan, Fate, Outcome, SourcePlan, Task, Worker, admit, envelope};
use crate::encode::Emit;
use crate::format::{Reading, RowParser};
use crate::protect::row::RowRecord;
use crate::record::lines::Line;
use crate::record::timestamp::Timestamp;

/// How many records ahead the memory of tokens is asked: the time of one record is as long as a look into main memory.
const LINES_AHEAD: usize = 8;

impl SourcePlan {
    /// The class of every record, if records can be treated as rows: the class does not depend on the record, and every route
    /// knows what to do with them.
    pub(in crate::pipeline) fn rows(&self) -> Option<&ClassPlan> {
        let ClassChoice::Fixed(class) = self.choice else { return None };
        let class = &self.classes[class];
        class.routes.iter().all(|route| route.rows.is_some()).then_some(class)
    }
}

impl Worker {
    /// Reads and cleans every record of a batch; one that is not ordinary is parsed. Where the batch is of `messages`, each is closed as it ends.
    pub(super) fn rows<P: RowParser>(
        &mut self,
        parser: &P,
        class: &ClassPlan,
        mut task: Task<'_>,
        mut messages: &[Joint],
        outcome: &mut Outcome,
    ) {
        let bytes = task.bytes;
        let mut lines = mem::take(&mut self.lines);
        lines.scan(bytes);
        self.protector.learner.enter(class.domain);
        let mut ahead = lines.records(bytes);
        for line in ahead.by_ref().take(LINES_AHEAD) {
            self.protector.expect(line.tail);
        }
        for line in lines.records(bytes) {
            if let Some(line) = ahead.next() {
                self.protector.expect(line.tail);
            }
            let start = bytes.len() - line.tail.len();
            outcome.counts.records_in += 1;
            let memo = &mut self.memos[task.input];
            match parser.read_row(line, Reading { memo, texts: &mut self.texts, row: &mut self.row }) {
                Some(time) => {
                    self.clean_row(task, class, line, time, outcome);
                    if let Some(known) = self.protector.telling() {
                        self.texts.forget(known);
                    }
                }
                None => self.record(parser, line.text, start, task, outcome),
            }
            if let [message, rest @ ..] = messages
                && start + line.text.len() + 1 == message.end
            {
                outcome.close_message(*message);
                messages = rest;
                if let Some(next) = rest.first() {
                    task.received = next.received;
                    self.memos[task.input].received = next.received;
                }
            }
        }
        self.lines = lines;
    }

    /// Cleans a record that was read as a row.
    #[inline(always)]
    fn clean_row(
        &mut self,
        task: Task<'_>,
        class: &ClassPlan,
        line: Line<'_>,
        time: Timestamp,
        outcome: &mut Outcome,
    ) {
        let Some((stamp, epoch, fate)) = admit(&mut self.epochs, task, class, Some(time), outcome) else {
            return;
        };
        let batch = task.bytes;
        let (protector, row, at) = (&mut self.protector, &self.row, batch.len() - line.tail.len());
        for (route, output) in class.ways(fate) {
            let Some(plan) = &route.rows else { continue };
            let record = RowRecord { batch, at, raw: line.text, row, plan, table: &route.table, epoch };
            outcome.clean[output].append(&stamp, |out| match route.emit {
                Emit::Same => protector.same_row(record, out),
                Emit::Ndjson => {
                    protector.ndjson_row(record, &route.columns, envelope(Some(time), false, &stamp), out)
                }
            });
        }
        outcome.counts.leave(fate == Fate::Late);
    }
}
