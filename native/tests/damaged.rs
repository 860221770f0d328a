//! Data sets that something happened to: an error that names the file, or whole and finite columns. Never a panic, a
//! hang, or memory that nobody has.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diar::dataset::{self, d4rl};
use diar_core::env::maze2d::generate;
use diar_core::maze::MazeId;
use diar_core::rng::{Key, Stream};
use tempfile::TempDir;

/// The system's allocator, with a note of the largest piece that was asked for.
struct Largest(AtomicUsize);

#[global_allocator]
static ALLOCATOR: Largest = Largest(AtomicUsize::new(0));

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the ones that the system's allocator needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the ones that the system's allocator needs.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0.fetch_max(size, Ordering::Relaxed);
        // SAFETY: the caller's promises are the ones that the system's allocator needs.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the ones that the system's allocator needs.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Memory that a reader may believe in; the files need a thousandth of it.
const AVAILABLE: u64 = 64 << 20;
const FILES: usize = 1_600;

/// Cut short, single bits and bytes changed, or a stretch overwritten. Says whether it was cut.
fn mutate(bytes: &mut Vec<u8>, stream: &mut Stream) -> bool {
    // Most of a file is data; structure stands at its beginning and between.
    let reach = if stream.below(2) == 0 { bytes.len().min(4096) } else { bytes.len() };
    match stream.below(5) {
        0 => {
            bytes.truncate(stream.below(bytes.len() * 9 / 10));
            return true;
        }
        1 => {
            let from = stream.below(reach);
            let to = (from + 1 + stream.below(200)).min(bytes.len());
            match stream.below(3) {
                0 => bytes[from..to].fill(0),
                1 => bytes[from..to].fill(0xff),
                _ => bytes[from..to].iter_mut().for_each(|byte| *byte = stream.below(256) as u8),
            }
        }
        2 => {
            // A piece of the file in the wrong place: sound structure, where none is expected.
            let length = 1 + stream.below(64);
            let (from, to) = (stream.below(bytes.len() - length), stream.below(bytes.len() - length));
            bytes.copy_within(from..from + length, to);
        }
        _ => {
            for _ in 0..=stream.below(8) {
                let at = stream.below(reach);
                bytes[at] = match stream.below(3) {
                    0 => 0xff,
                    1 => bytes[at] ^ (1 << stream.below(8)),
                    _ => stream.below(256) as u8,
                };
            }
        }
    }
    false
}

#[test]
fn damaged_files_are_errors() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("damaged.hdf5");
    d4rl::write(&path, &generate(MazeId::Umaze, 60, 1)).unwrap();
    let originals = [
        fs::read(&path).unwrap(),
        fs::read("tests/data/d4rl_h5py.hdf5").unwrap(),
        fs::read("tests/data/minari/walk-v0/data/main_data.hdf5").unwrap(),
    ];
    let stream = &mut Key::new(5).stream();
    let mut slowest = Duration::ZERO;
    // Of each original.
    let (mut refused, mut read) = ([0; 3], [0; 3]);
    for case in 0..FILES {
        let mut bytes = originals[case % 3].clone();
        let cut = mutate(&mut bytes, stream);
        fs::write(&path, &bytes).unwrap();
        let begun = Instant::now();
        match dataset::read_within(&path, None, Some(AVAILABLE)) {
            Ok((data, _)) => {
                read[case % 3] += 1;
                data.check().unwrap();
                assert!(!cut, "case {case}: a file cut to {} bytes was read", bytes.len());
                assert!(data.states.iter().chain(&data.actions).chain(&data.rewards).all(|v| v.is_finite()));
            }
            Err(error) => {
                refused[case % 3] += 1;
                assert!(error.to_string().contains("damaged.hdf5"), "case {case}: {error}");
            }
        }
        slowest = slowest.max(begun.elapsed());
    }
    let largest = ALLOCATOR.0.load(Ordering::Relaxed) as u64;
    println!("refused {refused:?}, read {read:?}, slowest {slowest:?}, largest allocation {largest}");
    // Both happen: a flipped bit can hit a place that means nothing.
    assert!(refused.iter().all(|&n| n > 100) && read.iter().all(|&n| n > 20), "{refused:?} {read:?}");
    assert!(largest <= AVAILABLE, "{largest} bytes at once");
    assert!(slowest < Duration::from_secs(5), "{slowest:?} for one file");
}
