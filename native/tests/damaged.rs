//! Data sets that something happened to: an error that names the file, or whole and finite columns. Never a panic, a
//! hang, or memory that nobody has.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
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
const FILES: usize = 3_200;

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

/// A data set, and the file of it that something happens to.
struct Original {
    set: PathBuf,
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Original {
    /// A file that is a data set by itself.
    fn file(folder: &Path, name: &str, bytes: Vec<u8>) -> Self {
        let file = folder.join(name);
        Self { set: file.clone(), file, bytes }
    }

    /// Minari's episodes in files of their own; the last of them is damaged.
    fn folder(folder: &Path, format: &str) -> Self {
        let set = folder.join(format!("damaged.{format}"));
        let from = Path::new("tests/data/minari/formats").join(format!("walk-{format}-v0"));
        for name in [0, 1, 2].map(|episode| format!("data/{episode}/part-0.{format}")) {
            fs::create_dir_all(set.join(&name).parent().unwrap()).unwrap();
            fs::copy(from.join(&name), set.join(&name)).unwrap();
        }
        let file = set.join(format!("data/2/part-0.{format}"));
        let bytes = fs::read(&file).unwrap();
        Self { set, file, bytes }
    }
}

#[test]
fn damaged_files_are_errors() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let path = folder.join("whole.hdf5");
    d4rl::write(&path, &generate(MazeId::Umaze, 60, 1)).unwrap();
    let file = |name: &str, path: &str| Original::file(folder, name, fs::read(path).unwrap());
    let originals = [
        Original::file(folder, "damaged.hdf5", fs::read(&path).unwrap()),
        file("damaged.h5py.hdf5", "tests/data/d4rl_h5py.hdf5"),
        file("damaged.minari.hdf5", "tests/data/minari/walk-v0/data/main_data.hdf5"),
        Original::folder(folder, "arrow"),
        Original::folder(folder, "parquet"),
        file("damaged.npz", "tests/data/npz/plain.npz"),
    ];
    let stream = &mut Key::new(5).stream();
    let mut slowest = Duration::ZERO;
    // Of each original.
    let (mut refused, mut read) = ([0; 6], [0; 6]);
    for case in 0..FILES {
        let Original { set, file, bytes } = &originals[case % 6];
        let mut bytes = bytes.clone();
        let cut = mutate(&mut bytes, stream);
        let _ = fs::remove_file(file);
        fs::write(file, &bytes).unwrap();
        let begun = Instant::now();
        match dataset::read_within(set, None, Some(AVAILABLE)) {
            Ok((data, _)) => {
                read[case % 6] += 1;
                data.check().unwrap();
                assert!(!cut, "case {case}: a file cut to {} bytes was read", bytes.len());
                assert!(data.states.iter().chain(&data.actions).chain(&data.rewards).all(|v| v.is_finite()));
            }
            Err(error) => {
                refused[case % 6] += 1;
                assert!(error.to_string().contains("damaged."), "case {case}: {error}");
            }
        }
        slowest = slowest.max(begun.elapsed());
    }
    let largest = ALLOCATOR.0.load(Ordering::Relaxed) as u64;
    println!("refused {refused:?}, read {read:?}, slowest {slowest:?}, largest allocation {largest}");
    // Both happen: a flipped bit can hit a place that means nothing. Arrow and npz files leave few such places.
    assert!(
        refused.iter().all(|&n| n > 100)
            && read[..4].iter().all(|&n| n > 20)
            && read[4..].iter().all(|&n| n > 2),
        "{refused:?} {read:?}"
    );
    assert!(largest <= AVAILABLE, "{largest} bytes at once");
    assert!(slowest < Duration::from_secs(5), "{slowest:?} for one file");
}
