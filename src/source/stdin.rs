//! Standard input, or any other descriptor: a pipe, a redirected file, a terminal. Compressed input is told by its first
//! bytes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::chunk::{Bounds, ChunkReader, Clock};
use super::decode::Decoded;
use super::error::SourceError;
use super::input::{Descriptor, Progress};
use super::{Fill, Source};
use crate::format::Parser;
use crate::record::batch::RawBatch;

/// A source that reads one descriptor to its end.
pub struct Stdin {
    reader: ChunkReader<Decoded>,
    place: String,
    progress: Arc<Progress>,
}

impl Stdin {
    /// Reads standard input.
    ///
    /// # Errors
    /// [`SourceError::Open`] when it is closed.
    pub fn open(bounds: Bounds, clock: Clock) -> Result<Self, SourceError> {
        let place = "standard input";
        let fd = std::io::stdin().as_fd().try_clone_to_owned();
        fd.map(|fd| Self::on(fd, place.to_owned(), bounds, clock))
            .map_err(|error| SourceError::open(place.as_ref(), &error))
    }

    /// Reads `fd`, called `place` in messages.
    pub fn on(fd: OwnedFd, place: String, bounds: Bounds, clock: Clock) -> Self {
        let progress = Arc::new(Progress::default());
        if let Ok(stat) = rustix::fs::fstat(&fd) {
            // Zero for pipes and terminals: not known.
            progress.expect(u64::try_from(stat.st_size).unwrap_or(0));
        }
        let input = Decoded::new(Descriptor::new(fd, Arc::clone(&progress)));
        Self { reader: ChunkReader::new(input, bounds, clock, None), place, progress }
    }
}

impl Source for Stdin {
    fn fill(&mut self, parser: &dyn Parser, batch: &mut RawBatch) -> Result<Fill, SourceError> {
        self.reader
            .fill(parser, batch)
            .map_err(|error| SourceError::read(self.place.clone(), self.reader.input().codec(), &error))
    }

    fn stop(&mut self) {
        self.reader.stop();
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn set_patience(&mut self, patience: Duration) {
        self.reader.set_patience(patience);
    }
}
