//! Rows shared out among the threads of the program's pool, if it has one (feature `threads`).

use core::ops::Range;

/// Fewest rows that a thread takes.
const LEAST_ROWS: usize = 32;
/// Fewest arithmetic operations that a thread takes: less is done sooner than a thread wakes up.
const LEAST_WORK: usize = 400_000;

/// Cuts rows into as many ranges as can be worked on at once.
pub(crate) fn ranges(rows: usize, operations_per_row: usize) -> Vec<Range<usize>> {
    even(rows, (rows * operations_per_row / LEAST_WORK).min(rows / LEAST_ROWS))
}

/// Cuts large items, such as the samples of a batch, into as many ranges as can be worked on at once.
pub(crate) fn pieces(items: usize, operations_per_item: usize) -> Vec<Range<usize>> {
    even(items, (items * operations_per_item / LEAST_WORK).min(items))
}

/// At least one range and at most one for each thread.
fn even(items: usize, count: usize) -> Vec<Range<usize>> {
    let count = count.clamp(1, threads());
    (0..count).map(|i| i * items / count..(i + 1) * items / count).collect()
}

/// Rows of the tiles in which each of some groups is worked on: at most `most`, and so many that the last tiles do not
/// leave threads idle.
pub(crate) fn tile(groups: usize, rows: usize, most: usize) -> usize {
    /// With more tiles than this for each thread, an odd one does not matter.
    const MANY: usize = 8;
    let mut tiles = rows.div_ceil(most);
    if groups * tiles < MANY * threads() {
        tiles = (groups * tiles).next_multiple_of(threads()) / groups.max(1);
    }
    rows.div_ceil(tiles.max(1)).max(1)
}

/// Cuts a slice of rows at the same places.
pub(crate) fn cut<'a>(
    mut values: &'a mut [f32],
    width: usize,
    ranges: &[Range<usize>],
) -> Vec<&'a mut [f32]> {
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (part, rest) = values.split_at_mut(range.len() * width);
        parts.push(part);
        values = rest;
    }
    parts
}

#[cfg(feature = "threads")]
fn threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "threads"))]
fn threads() -> usize {
    1
}

/// Two independent pieces of work, side by side where there are threads.
#[cfg(feature = "threads")]
pub(crate) fn both<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if super::reference_only() {
        return rayon::join(|| super::reference(one), || super::reference(other));
    }
    rayon::join(one, other)
}

/// Two independent pieces of work, one after the other.
#[cfg(not(feature = "threads"))]
pub(crate) fn both<A, B>(one: impl FnOnce() -> A, other: impl FnOnce() -> B) -> (A, B) {
    (one(), other())
}

/// The results of all jobs, in their order.
#[cfg(feature = "threads")]
pub(crate) fn run<J: Send, R: Send>(jobs: Vec<J>, work: impl Fn(J) -> R + Send + Sync) -> Vec<R> {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    if jobs.len() == 1 {
        return jobs.into_iter().map(work).collect();
    }
    jobs.into_par_iter().map(work).collect()
}

/// The results of all jobs, in their order.
#[cfg(not(feature = "threads"))]
pub(crate) fn run<J, R>(jobs: Vec<J>, work: impl Fn(J) -> R) -> Vec<R> {
    jobs.into_iter().map(work).collect()
}
