//! Bytes as they arrive: one small trait over pipes, files and decompressors.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;

/// Whether a read would return at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Bytes, the end or an error are there.
    Now,
    /// Nothing came within the time given.
    Silence,
    /// A signal arrived while waiting; nothing is known of the input.
    Interrupted,
}

/// A stream of bytes.
pub trait Input: Send {
    /// Appends what is there, at most `bytes_max` bytes, to `buffer` and returns how many; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when what came gives no byte yet, to be called again once it is [`ready`](Self::ready); `Interrupted` to be called again; any other error ends the stream.
    fn read_into(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize>;

    /// Waits until [`read_into`](Self::read_into) would not block, at most `timeout`. Files never block.
    fn ready(&mut self, timeout: Duration) -> io::Result<Ready>;
}

/// How far a source is; shared with whoever draws a progress bar.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Bytes read so far, as they stand on disk (compressed where the file is).
    pub fn bytes_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes to be read, as known at start; 0 when unknown (a pipe). A file that grows can pass it.
    pub fn bytes_total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// An open file descriptor: a pipe, a terminal, a regular file.
pub struct Descriptor {
    fd: OwnedFd,
    /// Regular files are always ready, and polling them says nothing.
    waits: bool,
    progress: Arc<Progress>,
}

impl Descriptor {
    /// Takes over `fd` and counts what is read into `progress`.
    pub fn new(fd: OwnedFd, progress: Arc<Progress>) -> Self {
        let regular = rustix::fs::fstat(&fd)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self { fd, waits: !regular, progress }
    }
}

/// Appends what stands in `fd` at `position`, or where it is, to `buffer`, at most `bytes_max` bytes.
///
/// The usual case reads into the spare capacity, which costs no zeroing. A buffer that once had to hold a long record has more spare
/// than one read may add, and pays for it.
pub(super) fn read_some(
    fd: impl AsFd,
    position: Option<u64>,
    buffer: &mut Vec<u8>,
    bytes_max: usize,
) -> io::Result<usize> {
    let start = buffer.len();
    let spare = buffer.capacity() - start;
    if (1..=bytes_max).contains(&spare) {
        let spare = spare_capacity(buffer);
        return Ok(match position {
            Some(position) => rustix::io::pread(fd, spare, position),
            None => rustix::io::read(fd, spare),
        }?);
    }
    buffer.resize(start + bytes_max, 0);
    let read = match position {
        Some(position) => rustix::io::pread(fd, &mut buffer[start..], position),
        None => rustix::io::read(fd, &mut buffer[start..]),
    };
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    Ok(read?)
}

impl Input for Descriptor {
    fn read_into(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) -> io::Result<usize> {
        let read = read_some(&self.fd, None, buffer, bytes_max)?;
        self.progress.add(read);
        Ok(read)
    }

    fn ready(&mut self, timeout: Duration) -> io::Result<Ready> {
        if !self.waits {
            return Ok(Ready::Now);
        }
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let fd = self.fd.as_fd();
        // A hang-up or an error counts as ready: the read tells which.
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => Ok(Ready::Silence),
            Ok(_) => Ok(Ready::Now),
            Err(Errno::INTR) => Ok(Ready::Interrupted),
            Err(error) => Err(error.into()),
        }
    }
}
