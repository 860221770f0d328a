//! What this machine can do at most: multiply large matrices, and move memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

/// Rows and columns of the matrices.
const SIDE: usize = 1024;
/// Bytes of the three arrays together.
const BYTES: usize = 256 << 20;
/// Numbers that a thread takes at once.
const PIECE: usize = 1 << 16;
/// Time for each of both.
const BUDGET: Duration = Duration::from_millis(500);

/// The machine's limits, on all threads of the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Floating-point operations per second, 1e9, of a product of large matrices.
    pub gflops: f64,
    /// Bytes per second, 1e9, read and written by `a = b + x·c`.
    pub gigabytes: f64,
}

impl Limits {
    /// Measures both. A limit is what the machine reaches at its best, so the fastest repetition counts.
    pub(crate) fn measure() -> Self {
        Self { gflops: products() * 1e-9, gigabytes: triad() * 1e-9 }
    }

    /// The shortest time in which this machine could do some work, s, and the limit that sets it.
    pub(crate) fn least(self, flops: f64, bytes: f64) -> (f64, &'static str) {
        let (arithmetic, memory) = (flops * 1e-9 / self.gflops, bytes * 1e-9 / self.gigabytes);
        if memory > arithmetic { (memory, "memory") } else { (arithmetic, "arithmetic") }
    }
}

/// Operations per second of products on Burn's CPU device, which spreads a large one over all threads.
fn products() -> f64 {
    let matrix = |seed: usize| {
        let values: Vec<f32> = (0..SIDE * SIDE).map(|i| ((i * seed) % 17) as f32 / 17.0 - 0.5).collect();
        Tensor::<2>::from_data(TensorData::new(values, [SIDE, SIDE]), &Device::flex())
    };
    let (left, right) = (matrix(5), matrix(3));
    let seconds = fastest(|| {
        black_box(left.clone().matmul(right.clone()));
    });
    2.0 * (SIDE * SIDE * SIDE) as f64 / seconds
}

/// Bytes per second of the STREAM benchmark's triad.
fn triad() -> f64 {
    let count = BYTES / 3 / size_of::<f32>();
    let [mut a, b, c] = [0.0_f32, 1.0, 2.0].map(|value| vec![value; count]);
    let seconds = fastest(|| {
        let parts = b.par_chunks(PIECE).zip(c.par_chunks(PIECE));
        a.par_chunks_mut(PIECE).zip(parts).for_each(|(a, (b, c))| {
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                *a = b + 3.0 * c;
            }
        });
        black_box(&mut a);
    });
    (3 * size_of::<f32>() * count) as f64 / seconds
}

/// Seconds of the fastest repetition, after a first one that does not count.
fn fastest(mut work: impl FnMut()) -> f64 {
    work();
    let begun = Instant::now();
    let mut best = f64::INFINITY;
    while best.is_infinite() || begun.elapsed() < BUDGET {
        let begun = Instant::now();
        work();
        best = best.min(begun.elapsed().as_secs_f64());
    }
    best.max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_both_limits_counts() {
        let limits = Limits { gflops: 100.0, gigabytes: 10.0 };
        assert_eq!(limits.least(200e9, 10e9), (2.0, "arithmetic"));
        assert_eq!(limits.least(200e9, 50e9), (5.0, "memory"));
    }
}
