//! D4RL's HDF5 files: written, read, and read when damaged.

use std::fs;
use std::path::{Path, PathBuf};

use diar::dataset::{self, DataError, Layout, d4rl};
use diar_core::data::Transitions;
use diar_core::env;
use diar_core::rng::Key;
use diar_core::task::TASKS;
use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};
use tempfile::TempDir;

/// The data of a file.
fn read(path: &Path) -> Result<Transitions, DataError> {
    let (data, layout) = dataset::read(path)?;
    assert_eq!(layout, Layout::D4rl);
    Ok(data)
}

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
        continuous: true,
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
        // Whether the walk goes on is nowhere in the file; these random states may look either way.
        let read = Transitions { continuous: true, ..read(&path).unwrap() };
        assert_eq!(read, data, "{rows} rows of {state_dim} and {action_dim}");
        assert_eq!(dataset::hash(&read), dataset::hash(&data));
    }
}

#[test]
fn every_column_counts_in_the_hash() {
    let data = random(50, 4, 2, 0);
    let mut hashes = vec![dataset::hash(&data)];
    let changes: [fn(&mut Transitions); 7] = [
        |data| data.states[7] += 1.0,
        |data| data.actions[7] += 1.0,
        |data| data.rewards[7] += 1.0,
        |data| data.goals[7] += 1.0,
        |data| data.terminals[7] ^= true,
        |data| data.timeouts[7] ^= true,
        |data| data.continuous = false,
    ];
    for change in changes {
        let mut changed = data.clone();
        change(&mut changed);
        hashes.push(dataset::hash(&changed));
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

/// The file is made by `data/record_d4rl.py`: old-style groups, column chunks, `(N, 1)` and f64 and boolean columns,
/// big-endian goals, metadata beside them.
#[test]
fn files_of_h5py_are_read() {
    let data = read(Path::new("tests/data/d4rl_h5py.hdf5")).unwrap();
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
        read(&self.write(&folder))
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
    let missing = read(&folder.path().join("missing.hdf5")).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("missing.hdf5"), "{missing}");
    let foreign = folder.path().join("foreign.hdf5");
    for content in [&b""[..], b"{}", &[0; 5000]] {
        fs::write(&foreign, content).unwrap();
        let error = read(&foreign).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    }
}

/// One walk from goal to goal stays one walk; episodes that begin somewhere else are told apart.
#[test]
fn the_states_say_whether_a_walk_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("walk.hdf5");
    for task in &TASKS {
        let walk = env::generate(task, 4000, 3);
        d4rl::write(&path, &walk).unwrap();
        assert_eq!(read(&path).unwrap(), walk);
        // The same rows in another order: each segment begins far from where the last one ended.
        let ends: Vec<usize> = (0..walk.len()).filter(|&row| walk.timeouts[row]).collect();
        let mut episodes = Transitions { goals: Vec::new(), ..walk.clone() };
        (episodes.states, episodes.actions) = (Vec::new(), Vec::new());
        episodes.rewards = Vec::new();
        episodes.timeouts = Vec::new();
        for bounds in ends.windows(2).rev() {
            for row in bounds[0] + 1..=bounds[1] {
                episodes.states.extend_from_slice(walk.state(row));
                episodes.actions.extend_from_slice(walk.action(row));
                episodes.rewards.push(walk.rewards[row]);
                episodes.timeouts.push(row == bounds[1]);
            }
        }
        episodes.terminals = vec![false; episodes.len()];
        d4rl::write(&path, &episodes).unwrap();
        assert!(!read(&path).unwrap().continuous, "{}", task.id);
    }
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_figures() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.hdf5");
    d4rl::write(&path, &env::generate(&TASKS[0], 200_003, 1)).unwrap();
    // 11 numbers in a row are kept, and observations are read and decoded beside them.
    let needed = 200_003 * (11 * 4 + 2 * 4 * 4);
    assert!(dataset::read_within(&path, Some(needed)).is_ok());
    let error = dataset::read_within(&path, Some(needed - 1)).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    let error = dataset::read_within(&path, Some(3 << 20)).unwrap_err().to_string();
    assert!(error.contains("large.hdf5 takes 14.5 MiB of memory, 3.0 MiB are available"), "{error}");

    // Headers that claim more rows than any machine holds; those of h5py's old form have no checksum.
    let mut bytes = fs::read("tests/data/d4rl_h5py.hdf5").unwrap();
    let (rows, many) = (700_u64.to_le_bytes(), (1_u64 << 36).to_le_bytes());
    for at in 0..bytes.len() - 8 {
        if bytes[at..at + 8] == rows {
            bytes[at..at + 8].copy_from_slice(&many);
        }
    }
    fs::write(&path, bytes).unwrap();
    let error = dataset::read_within(&path, Some(16 << 30)).unwrap_err().to_string();
    assert!(error.contains("takes 4864.0 GiB of memory, 16.0 GiB are available"), "{error}");
}

/// `infos` may be one data set, as in D4RL's kitchen, and a goal may be no position.
#[test]
fn other_infos_are_left_alone() {
    let mut columns = Columns::standard();
    columns.0.push(DatasetBuilder::typed_data("infos", [3, 60], &[0.0_f32; 180]).unwrap());
    assert!(columns.read().unwrap().goals.is_empty());
    let mut columns = Columns::standard();
    columns.0.push(DatasetBuilder::typed_data("infos/goal", [3, 5], &[0.0_f32; 15]).unwrap());
    columns.0.push(DatasetBuilder::fixed_string_data("metadata/algorithm", [1], &["none"]).unwrap());
    assert!(columns.read().unwrap().goals.is_empty());
}
