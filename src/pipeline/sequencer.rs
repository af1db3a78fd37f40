//! Batches back in the order in which they were taken, without a worker waiting for another.
//!
//! *In*: numbered work, from any worker at any time. *Out*: each once, in order of its number, one at a time. *Promised*: a worker
//! whose turn has not come parks its work and goes on with other room, as long as there is some; whoever delivers goes on with
//! what was parked behind it. *Not here*: what delivering is.
//!
//! Without the room beside, two workers take turns, and every batch that takes longer than its neighbour holds both up: on a shared
//! machine that was a fifth of their time.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::worker::Outcome;
use crate::record::batch::RawBatch;

/// A batch on its way through a worker to the sinks. Reused from batch to batch.
pub struct Work {
    /// Index of the input that it came from.
    pub input: usize,
    /// What came.
    pub batch: RawBatch,
    /// What became of it.
    pub outcome: Outcome,
    /// True when its worker failed on it: nothing from here on may be delivered.
    pub abandoned: bool,
}

impl Work {
    /// Room for a batch of `batch_bytes` and what it becomes for `outputs` outputs.
    pub fn new(batch_bytes: usize, outputs: usize) -> Self {
        let batch = RawBatch::with_capacity(batch_bytes);
        Self { input: 0, batch, outcome: Outcome::new(outputs), abandoned: false }
    }
}

/// See the module comment.
pub struct Sequencer {
    queue: Mutex<Queue>,
    moved: Condvar,
}

struct Queue {
    /// The number that is delivered next, or now.
    turn: u64,
    /// Somebody is delivering.
    busy: bool,
    /// Nothing more is delivered.
    ended: bool,
    parked: Vec<(u64, Work)>,
    spare: Vec<Work>,
    waiting: usize,
}

impl Sequencer {
    /// A sequencer that parks as many batches as there are in `spare`.
    pub fn new(spare: Vec<Work>) -> Self {
        let parked = Vec::with_capacity(spare.len());
        let queue = Queue { turn: 0, busy: false, ended: false, parked, spare, waiting: 0 };
        Self { queue: Mutex::new(queue), moved: Condvar::new() }
    }

    /// Hands `work` number `number` over: to `deliver` when its turn has come, else to whoever delivers what is before it. Waits only
    /// where there is no room. Returns room for the next batch; `None` when `deliver` has once said that nothing more is wanted.
    pub fn hand_over(&self, number: u64, work: Work, deliver: impl FnMut(&Work) -> bool) -> Option<Work> {
        let mut queue = self.lock();
        while !queue.ended && (queue.busy || queue.turn != number) {
            if let Some(spare) = queue.spare.pop() {
                queue.parked.push((number, work));
                return Some(spare);
            }
            queue.waiting += 1;
            queue = self.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
        if queue.ended {
            return None;
        }
        queue.busy = true;
        drop(queue);
        let unwinding = EndWhenUnwinding(self);
        let room = self.deliver_from(work, deliver);
        drop(unwinding);
        room
    }

    /// Delivers `work`, and what was parked behind it.
    fn deliver_from(&self, mut work: Work, mut deliver: impl FnMut(&Work) -> bool) -> Option<Work> {
        loop {
            let going_on = deliver(&work);
            let mut queue = self.lock();
            queue.turn += 1;
            queue.ended |= !going_on;
            let turn = queue.turn;
            let next = queue.parked.iter().position(|(number, _)| *number == turn).filter(|_| going_on);
            if let Some(next) = next {
                let (_, next) = queue.parked.swap_remove(next);
                queue.spare.push(mem::replace(&mut work, next));
                self.wake(&queue);
                continue;
            }
            queue.busy = false;
            self.wake(&queue);
            return going_on.then_some(work);
        }
    }

    /// Most of the time nobody waits, and waking nobody is a call of the system all the same.
    fn wake(&self, queue: &Queue) {
        if queue.waiting > 0 {
            self.moved.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sink that panics must not leave the others waiting for a turn that never comes.
struct EndWhenUnwinding<'a>(&'a Sequencer);

impl Drop for EndWhenUnwinding<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().ended = true;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    fn room(count: usize) -> Vec<Work> {
        (0..count).map(|_| Work::new(0, 0)).collect()
    }

    /// Hands `numbers` over with `threads` threads that take as long as they like; returns the order of delivery.
    fn deliver(threads: u64, spare: usize, numbers: u64, end_at: Option<u64>) -> Vec<u64> {
        let (sequencer, next, order) =
            (Sequencer::new(room(spare)), AtomicU64::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut work = Work::new(0, 0);
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= numbers {
                            return;
                        }
                        // Every third batch takes much longer than the others.
                        if number.is_multiple_of(3) {
                            thread::sleep(Duration::from_micros(300));
                        }
                        work.input = number as usize;
                        let handed = sequencer.hand_over(number, work, |work| {
                            order.lock().unwrap().push(work.input as u64);
                            end_at != Some(work.input as u64)
                        });
                        let Some(room) = handed else { return };
                        work = room;
                    }
                });
            }
        });
        order.into_inner().unwrap()
    }

    #[test]
    fn order_is_kept_whatever_the_threads_and_the_room() {
        for threads in [1, 2, 5] {
            for spare in [0, 1, 5] {
                assert_eq!(deliver(threads, spare, 200, None), (0..200).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn nothing_is_delivered_after_the_end() {
        for (threads, spare) in [(1, 0), (2, 2), (5, 1)] {
            assert_eq!(deliver(threads, spare, 200, Some(57)), (0..=57).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_worker_ahead_of_its_turn_goes_on() {
        let sequencer = Sequencer::new(room(1));
        let mut delivered = Vec::new();
        let mut second = Work::new(0, 0);
        second.input = 1;
        assert!(sequencer.hand_over(1, second, |_| unreachable!("it is not its turn")).is_some());
        let room = sequencer.hand_over(0, Work::new(0, 0), |work| {
            delivered.push(work.input);
            true
        });
        assert!(room.is_some());
        assert_eq!(delivered, [0, 1]);
    }
}
