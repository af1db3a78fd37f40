//! Standard output: whole batches, one write each, no buffer between.
//!
//! *In*: clean batches. *Out*: their bytes on a descriptor. *Promised*: what is due is withheld (PI-3); a reader that goes
//! away is told from a fault; when a redirected file's disk fills up, the half line at its end is taken back. *Not here*:
//! durability: what a pipe's reader does is its own affair.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsFd;

use memchr::memrchr;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Delivered, Sink, SinkError};
use crate::record::batch::CleanBatch;
use crate::record::timestamp::Timestamp;

const PLACE: &str = "standard output";

/// Writes to one descriptor.
pub struct Stdout {
    file: File,
}

impl Stdout {
    /// Writes to standard output, past the standard library's line buffer.
    ///
    /// # Errors
    /// [`SinkError::Io`] when it is closed.
    pub fn open() -> Result<Self, SinkError> {
        let fd = io::stdout().as_fd().try_clone_to_owned();
        fd.map(|fd| Self::on(fd.into())).map_err(|error| SinkError::io(PLACE, &error, ""))
    }

    /// Writes to `file`, which stands for standard output.
    pub const fn on(file: File) -> Self {
        Self { file }
    }

    fn write_whole(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err(self.failed(&io::ErrorKind::WriteZero.into(), &bytes[..written])),
                Ok(more) => written += more,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => {
                        self.wait().map_err(|error| SinkError::io(PLACE, &error, ""))?;
                    }
                    io::ErrorKind::BrokenPipe => return Err(SinkError::BrokenPipe),
                    _ => return Err(self.failed(&error, &bytes[..written])),
                },
            }
        }
        Ok(())
    }

    /// Somebody who shares our output made it non-blocking.
    fn wait(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.file.as_fd(), PollFlags::OUT)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(&mut self, error: &io::Error, written: &[u8]) -> SinkError {
        let kept = match take_back(&mut self.file, written) {
            Ok(true) => "the output ends with the last whole line",
            Ok(false) | Err(_) => "the last line of the output may be cut off",
        };
        SinkError::io(PLACE, error, kept)
    }
}

/// Takes the half line back that `written` left at the end of a regular file. True when the file ends with a whole line.
fn take_back(file: &mut File, written: &[u8]) -> io::Result<bool> {
    let half = written.len() - memrchr(b'\n', written).map_or(0, |at| at + 1);
    if half == 0 {
        return Ok(true);
    }
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Ok(false);
    }
    // Only when the end of the file is ours: another writer may have appended since.
    let at = file.stream_position()?;
    let Some(start) = at.checked_sub(half as u64).filter(|_| at == facts.len()) else { return Ok(false) };
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(true)
}

impl Sink for Stdout {
    /// Neighbouring runs that may leave are written together; when nothing is due that is the whole batch.
    fn write(&mut self, batch: &CleanBatch, now: Timestamp) -> Result<Delivered, SinkError> {
        let mut delivered = Delivered::default();
        let (mut start, mut end) = (0, 0);
        for run in batch.runs() {
            let records = u64::from(run.records);
            if run.deadline.is_some_and(|deadline| deadline <= now) {
                self.write_whole(&batch.bytes()[start..end])?;
                start = run.end;
                delivered.withheld += records;
            } else {
                delivered.records += records;
            }
            end = run.end;
        }
        self.write_whole(&batch.bytes()[start..end])?;
        Ok(delivered)
    }

    fn finish(&mut self, _now: Timestamp) -> Result<Delivered, SinkError> {
        Ok(Delivered::default())
    }
}

#[cfg(test)]
#[path = "stdout_tests.rs"]
mod tests;
