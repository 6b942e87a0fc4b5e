//! Work on several cores.

use std::thread;

/// The values of these rows, each once. Without rows, the values as they are.
pub(crate) fn gather<T: Copy + Default + Send + Sync>(
    values: Vec<T>,
    rows: Option<&[u32]>,
    threads: usize,
) -> Vec<T> {
    let Some(rows) = rows else { return values };
    let mut gathered = vec![T::default(); rows.len()];
    let part = rows.len().div_ceil(threads.max(1)).max(LEAST);
    thread::scope(|scope| {
        for (to, from) in gathered.chunks_mut(part).zip(rows.chunks(part)) {
            let values = &values;
            scope.spawn(move || {
                for (to, row) in to.iter_mut().zip(from) {
                    *to = values.get(wide(*row)).copied().unwrap_or_default();
                }
            });
        }
    });
    gathered
}

/// How many cores there are to work on.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// A row's number, for looking it up.
pub(crate) fn wide(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// Fewer are not worth a thread.
const LEAST: usize = 1 << 14;
/// More have not been tried.
const MOST: usize = 16;
