//! Work on all cores whose results are taken in the order in which it was given out.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{available_parallelism, scope},
};

/// What is given out and not taken yet.
pub(super) struct Line<T, R> {
    tasks: Sender<(u64, T)>,
    results: Receiver<(u64, R)>,
    /// How many were given out, and the number of the one whose turn it is.
    given: u64,
    next: u64,
    /// What came before its turn.
    early: BTreeMap<u64, R>,
    threads: usize,
}

/// Calls `drive` with a line; `work` is done with what is given to it, on as many threads as there are cores.
pub(super) fn run<T: Send, R: Send, O>(
    work: impl Fn(T) -> R + Sync,
    drive: impl FnOnce(&mut Line<T, R>) -> O,
) -> O {
    let threads = available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let (tasks, open) = channel();
    let (finished, results) = channel();
    let open = Mutex::new(open);
    let serve = |finished: Sender<(u64, R)>| {
        let next = || open.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok((number, task)) = next() {
            if finished.send((number, work(task))).is_err() {
                return;
            }
        }
    };
    let serve = &serve;
    scope(|scope| {
        for _ in 0..threads {
            let finished = finished.clone();
            scope.spawn(move || serve(finished));
        }
        drop(finished);
        let early = BTreeMap::new();
        drive(&mut Line { tasks, results, given: 0, next: 0, early, threads })
    })
}

impl<T, R> Line<T, R> {
    /// Gives out the next task.
    pub(super) fn give(&mut self, task: T) {
        // Threads go when there are no more tasks, or in a panic, which goes on when they are joined.
        let _ = self.tasks.send((self.given, task));
        self.given += 1;
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// The result of the task whose turn it is: if it is there, or else waited for while more than `most` were given
    /// out and not taken.
    pub(super) fn take(&mut self, most: usize) -> Option<R> {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        loop {
            if let Some(result) = self.early.remove(&self.next) {
                self.next += 1;
                return Some(result);
            }
            let must_wait = self.given - self.next > most;
            let found =
                if must_wait { self.results.recv().ok() } else { self.results.try_recv().ok() };
            let (number, result) = found?;
            self.early.insert(number, result);
        }
    }
}

/// One thread reads or writes for all of them, and can keep so many busy.
const MOST_THREADS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_tasks() {
        let work = |number: u64| {
            // Later ones are ready first.
            std::thread::sleep(std::time::Duration::from_millis(20 - number % 20));
            number * number
        };
        let results = run(work, |line| {
            let mut results = Vec::new();
            for number in 0..100 {
                line.give(number);
                while let Some(result) = line.take(2) {
                    results.push(result);
                }
            }
            while let Some(result) = line.take(0) {
                results.push(result);
            }
            results
        });
        assert_eq!(results, (0..100).map(|number| number * number).collect::<Vec<_>>());
    }
}
