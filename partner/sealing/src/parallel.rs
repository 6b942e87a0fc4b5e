//! Work on all cores whose results are taken in the order in which it was given out.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, available_parallelism, scope},
};

/// What is given out and not taken yet.
pub(super) struct Line<T, R> {
    tasks: Sender<(u64, T)>,
    results: Receiver<(u64, thread::Result<R>)>,
    /// How many were given out, and the number of the one whose turn it is.
    given: u64,
    next: u64,
    /// What came before its turn.
    early: BTreeMap<u64, R>,
    threads: usize,
}

/// Calls `drive` with a line; `work` is done with what is given to it, on as many threads as there are cores.
///
/// A panic of `work` goes on where its result, or a later one, is waited for.
pub(super) fn run<T: Send, R: Send, O>(
    work: impl Fn(T) -> R + Sync,
    drive: impl FnOnce(&mut Line<T, R>) -> O,
) -> O {
    let threads = available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let (tasks, open) = channel();
    let (finished, results) = channel();
    let open = Mutex::new(open);
    let serve = |finished: Sender<(u64, thread::Result<R>)>| {
        let next = || open.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok((number, task)) = next() {
            // Without a word of a panic, the others would be waited with for ever.
            let result = catch_unwind(AssertUnwindSafe(|| work(task)));
            if finished.send((number, result)).is_err() {
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

/// Does `work` with all tasks and calls `take` with the results in the order of the tasks. Each task says how many bytes
/// it takes: those that were given out and not taken are together of at most `limit` bytes, or one that has more alone.
pub(super) fn within<T: Send, R: Send, E>(
    limit: usize,
    tasks: impl Iterator<Item = (usize, T)>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    run(work, |line| {
        let mut waiting = VecDeque::new();
        let mut sum = 0_usize;
        for (bytes, task) in tasks {
            loop {
                let has_room =
                    sum.saturating_add(bytes) <= limit && waiting.len() <= line.threads();
                let most = if has_room { waiting.len() } else { waiting.len().saturating_sub(1) };
                let Some(result) = line.take(most) else { break };
                sum = sum.saturating_sub(waiting.pop_front().unwrap_or(0));
                take(result)?;
            }
            line.give(task);
            waiting.push_back(bytes);
            sum = sum.saturating_add(bytes);
        }
        while let Some(result) = line.take(0) {
            take(result)?;
        }
        Ok(())
    })
}

impl<T, R> Line<T, R> {
    /// Gives out the next task.
    pub(super) fn give(&mut self, task: T) {
        // Threads stay until there are no more tasks.
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
            self.early.insert(number, result.unwrap_or_else(|panic| resume_unwind(panic)));
        }
    }
}

/// One thread reads or writes for all of them, and can keep so many busy.
const MOST_THREADS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    #[test]
    fn a_panic_goes_on_where_results_are_waited_for() {
        let (done, ended) = channel();
        let all = |number: u64| {
            let work = |task: u64| if task == number { panic!("as told") } else { task };
            within(64, (0..100).map(|task| (1, task)), work, |_| Ok::<_, ()>(()))
        };
        thread::spawn(move || {
            for number in [0, 1, 50, 99] {
                let _ = done.send(catch_unwind(|| all(number)).is_err());
            }
        });
        for _ in 0..4 {
            assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(true));
        }
    }

    #[test]
    fn what_is_under_way_has_no_more_bytes_than_may_be() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let sizes = [10, 90, 40, 60, 1, 200, 50, 50, 50, 100, 0, 0, 101, 7];
        let tasks = sizes.into_iter().cycle().take(200).map(|bytes| (bytes, bytes));
        let work = |bytes: usize| {
            let sum = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
            if bytes <= 100 {
                most.fetch_max(sum, Ordering::SeqCst);
            } else {
                assert_eq!(sum, bytes, "another is under way beside one that has more alone");
            }
            thread::sleep(Duration::from_micros(200));
            bytes
        };
        let mut taken = Vec::new();
        let take = |bytes| {
            now.fetch_sub(bytes, Ordering::SeqCst);
            taken.push(bytes);
            Ok::<_, ()>(())
        };
        within(100, tasks, work, take).unwrap();
        assert!(taken.into_iter().eq(sizes.into_iter().cycle().take(200)));
        assert!(most.into_inner() <= 100);
    }

    #[test]
    fn results_come_in_the_order_of_tasks() {
        let work = |number: u64| {
            // Later ones are ready first.
            thread::sleep(Duration::from_millis(20 - number % 20));
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
