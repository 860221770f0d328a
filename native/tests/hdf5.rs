//! D4RL's HDF5 files: written, read, and read when damaged.

use std::fs;
use std::path::{Path, PathBuf};

use diar::dataset::{self, DataError, d4rl};
use diar_core::data::Transitions;
use diar_core::maze;
use diar_core::rng::Key;
use diar_core::task::TASKS;
use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};
use tempfile::TempDir;

/// Transitions of any shape, with every bit pattern of interest but no NaN.
fn random(rows: usize, state_dim: usize, action_dim: usize, seed: u64) -> Transitions {
    let stream = &mut Key::new(seed).stream();
    let mut floats = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|_| match stream.below(10) {
                0 => 0.0,
                1 => -0.0,
                2 => f32::MIN_POSITIVE / 8.0,
                3 => f32::MAX,
                _ => 100.0 * stream.normal() as f32,
            })
            .collect()
    };
    let (states, actions) = (floats(rows * state_dim), floats(rows * action_dim));
    let (rewards, goals) = (floats(rows), floats(if seed.is_multiple_of(2) { rows * 2 } else { 0 }));
    let mut flags = || (0..rows).map(|_| stream.below(3) == 0).collect();
    Transitions {
        state_dim,
        action_dim,
        states,
        actions,
        rewards,
        terminals: flags(),
        timeouts: flags(),
        goals,
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = TempDir::new().unwrap();
    // One row, fewer and more rows than a chunk has, and exactly as many; state and action sizes of several tasks.
    for (case, (rows, state_dim, action_dim)) in
        [(1, 4, 2), (2, 3, 1), (317, 29, 8), (16_384, 4, 2), (16_385, 4, 2), (40_000, 5, 3)]
            .into_iter()
            .enumerate()
    {
        let data = random(rows, state_dim, action_dim, case as u64);
        let path = folder.path().join(format!("{case}.hdf5"));
        d4rl::write(&path, &data).unwrap();
        let read = d4rl::read(&path).unwrap();
        assert_eq!(read, data, "{rows} rows of {state_dim} and {action_dim}");
        assert_eq!(dataset::hash(&read), dataset::hash(&data));
    }
}

#[test]
fn every_column_counts_in_the_hash() {
    let data = random(50, 4, 2, 0);
    let mut hashes = vec![dataset::hash(&data)];
    let changes: [fn(&mut Transitions); 6] = [
        |data| data.states[7] += 1.0,
        |data| data.actions[7] += 1.0,
        |data| data.rewards[7] += 1.0,
        |data| data.goals[7] += 1.0,
        |data| data.terminals[7] ^= true,
        |data| data.timeouts[7] ^= true,
    ];
    for change in changes {
        let mut changed = data.clone();
        change(&mut changed);
        hashes.push(dataset::hash(&changed));
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 7);
}

/// The file is made by `data/record_d4rl.py`: old-style groups, column chunks, `(N, 1)` and f64 and boolean columns,
/// big-endian goals, metadata beside them.
#[test]
fn files_of_h5py_are_read() {
    let data = d4rl::read(Path::new("tests/data/d4rl_h5py.hdf5")).unwrap();
    data.check().unwrap();
    assert_eq!((data.len(), data.state_dim, data.action_dim), (700, 4, 2));
    for row in 0..data.len() {
        let number = row as f32;
        assert_eq!(data.state(row), [number, number + 0.25, number + 0.5, number + 0.75]);
        let action = (row as f64 / 1000.0) as f32;
        assert_eq!(data.action(row), [action, -action]);
        assert_eq!(data.rewards[row], f32::from(row % 7 == 0));
        assert_eq!(data.terminals[row], row % 300 == 299);
        assert_eq!(data.timeouts[row], row % 100 == 99);
        assert_eq!(data.goals[row * 2..row * 2 + 2], [number, number + 1.0]);
    }
}

/// A file of given columns, rows by width.
struct Columns(Vec<DatasetBuilder>);

impl Columns {
    fn standard() -> Self {
        Self(vec![
            DatasetBuilder::typed_data("observations", [3, 4], &[0.5_f32; 12]).unwrap(),
            DatasetBuilder::typed_data("actions", [3, 2], &[0.25_f32; 6]).unwrap(),
            DatasetBuilder::typed_data("rewards", [3], &[0.0_f32, 1.0, 0.0]).unwrap(),
            DatasetBuilder::typed_data("terminals", [3], &[0_u8, 0, 1]).unwrap(),
        ])
    }

    fn with(mut self, column: DatasetBuilder, replaced: usize) -> Self {
        self.0[replaced] = column;
        self
    }

    fn write(self, folder: &TempDir) -> PathBuf {
        let builder = self.0.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset);
        let path = folder.path().join("columns.hdf5");
        fs::write(&path, builder.into_plan().unwrap().encode(WriteOptions::default()).unwrap()).unwrap();
        path
    }

    fn read(self) -> Result<Transitions, DataError> {
        let folder = TempDir::new().unwrap();
        d4rl::read(&self.write(&folder))
    }
}

#[test]
fn any_number_type_is_read_and_timeouts_may_be_missing() {
    let data = Columns::standard()
        .with(DatasetBuilder::typed_data("rewards", [3, 1], &[0.0_f64, 1.0, 0.0]).unwrap(), 2)
        .with(DatasetBuilder::typed_data("terminals", [3], &[0.0_f64, 0.0, 1.0]).unwrap(), 3)
        .with(DatasetBuilder::typed_data("actions", [3, 2], &[1_i16, -2, 3, -4, 5, -6]).unwrap(), 1)
        .read()
        .unwrap();
    assert_eq!(data.rewards, [0.0, 1.0, 0.0]);
    assert_eq!(data.terminals, [false, false, true]);
    assert_eq!(data.timeouts, [false; 3]);
    assert_eq!(data.actions, [1.0, -2.0, 3.0, -4.0, 5.0, -6.0]);
    assert!(data.goals.is_empty());
}

#[test]
fn wrong_columns_are_named() {
    let column =
        |name: &str, shape: &[u64], values: &[f32]| DatasetBuilder::typed_data(name, shape, values).unwrap();
    let cases: [(Columns, &[&str]); 8] = [
        (Columns(vec![]), &["no data set 'observations'", "nothing"]),
        (
            Columns::standard().with(column("reward", &[3], &[0.0; 3]), 2),
            &["no data set 'rewards'", "reward,"],
        ),
        (
            Columns::standard().with(column("observations", &[2, 4], &[0.0; 8]), 0),
            &["'observations' has 8", "expected 12", "3 rows"],
        ),
        (
            Columns::standard().with(column("actions", &[3, 2], &[0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0]), 1),
            &["'actions'", "NaN in row 1"],
        ),
        (
            Columns::standard().with(column("rewards", &[3, 2], &[0.0; 6]), 2),
            &["'rewards'", "2 numbers in a row, expected 1"],
        ),
        (
            Columns::standard().with(column("observations", &[3, 2, 2], &[0.0; 12]), 0),
            &["'observations'", "[3, 2, 2]", "(rows, numbers)"],
        ),
        (
            Columns::standard()
                .with(DatasetBuilder::fixed_string_data("rewards", [3], &["a", "b", "c"]).unwrap(), 2),
            &["'rewards'", "holds text", "expected numbers"],
        ),
        (
            Columns::standard().with(DatasetBuilder::typed_data("rewards", [1], &[1e300_f64]).unwrap(), 2),
            &["'rewards'", "inf in row 0"],
        ),
    ];
    for (columns, parts) in cases {
        let error = columns.read().unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "'{part}' is missing in: {error}");
        }
    }
}

#[test]
fn data_of_another_environment_is_refused() {
    let data = random(5, 29, 8, 0);
    let error = dataset::check_task(&data, &TASKS[0], Path::new("ant.hdf5")).unwrap_err().to_string();
    assert!(error.contains("29") && error.contains("maze2d-umaze-v1 needs 4 and 2"), "{error}");
}

#[test]
fn missing_and_foreign_files_are_errors() {
    let folder = TempDir::new().unwrap();
    let missing = d4rl::read(&folder.path().join("missing.hdf5")).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("missing.hdf5"), "{missing}");
    let foreign = folder.path().join("foreign.hdf5");
    for content in [&b""[..], b"{}", &[0; 5000]] {
        fs::write(&foreign, content).unwrap();
        let error = d4rl::read(&foreign).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    }
}

/// Whatever happens to a file, reading it gives an error that names it, or whole and finite columns.
#[test]
fn damaged_files_are_errors() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("damaged.hdf5");
    d4rl::write(&path, &maze::generate(&TASKS[0], 60, 1)).unwrap();
    let ours = fs::read(&path).unwrap();
    let theirs = fs::read("tests/data/d4rl_h5py.hdf5").unwrap();
    let stream = &mut Key::new(5).stream();
    let (mut refused, mut read) = (0, 0);
    for case in 0..600 {
        let mut bytes = if case % 2 == 0 { ours.clone() } else { theirs.clone() };
        let truncated = case % 6 < 2;
        if truncated {
            bytes.truncate(stream.below(bytes.len() * 9 / 10));
        } else {
            // Most of a file is compressed data; structure stands at its beginning.
            let reach = if case % 6 < 4 { bytes.len().min(4096) } else { bytes.len() };
            for _ in 0..=stream.below(8) {
                let at = stream.below(reach);
                bytes[at] = match stream.below(3) {
                    0 => 0xff,
                    1 => bytes[at] ^ (1 << stream.below(8)),
                    _ => stream.below(256) as u8,
                };
            }
        }
        fs::write(&path, &bytes).unwrap();
        match d4rl::read(&path) {
            Ok(data) => {
                read += 1;
                data.check().unwrap();
                assert!(!truncated, "case {case}: a file cut to {} bytes was read", bytes.len());
                assert!(data.states.iter().chain(&data.actions).chain(&data.rewards).all(|v| v.is_finite()));
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("damaged.hdf5"), "case {case}: {error}");
            }
        }
    }
    // Both happen: a flipped bit can hit a place that means nothing.
    assert!(refused > 200 && read > 0, "{refused} refused, {read} read");
}
