//! Minari's data sets: found, read, and refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diar::dataset::{self, DataError, Inspection, Layout};
use diar_core::data::{Normaliser, Transitions, Windows};
use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};
use tempfile::TempDir;

/// Made by `data/record_minari.py`: twelve episodes of 3 to 7 steps, observations in parts.
const FOLDER: &str = "tests/data/minari/walk-v0";

fn read(path: &Path) -> Result<Transitions, DataError> {
    let (data, layout) = dataset::read(path)?;
    assert_eq!(layout, Layout::Minari);
    Ok(data)
}

#[test]
fn files_of_minari_are_read() {
    let data = read(Path::new(FOLDER)).unwrap();
    for path in ["data", "data/main_data.hdf5"] {
        assert_eq!(read(&Path::new(FOLDER).join(path)).unwrap(), data);
    }
    assert_eq!((data.state_dim, data.action_dim, data.continuous), (4, 2, false));
    let mut row = 0;
    for episode in 0..12_u8 {
        let steps = 3 + 7 * episode % 5;
        for step in 0..steps {
            let first = 100.0 * f32::from(episode) + f32::from(step);
            assert_eq!(data.state(row), [first, first + 0.25, first + 0.5, first + 0.75]);
            let action = f32::from(step) / 10.0;
            assert_eq!(data.action(row), [action, -action]);
            assert_eq!(data.rewards[row], f32::from(u8::from(step % 3 == 0)));
            let last = step + 1 == steps;
            assert_eq!(data.terminals[row], last && episode % 3 == 0, "episode {episode}, step {step}");
            assert_eq!(data.timeouts[row], last && episode % 3 != 0, "episode {episode}, step {step}");
            row += 1;
        }
    }
    assert_eq!(data.len(), row);
}

/// A window's rows follow each other, which no two rows of different episodes do here.
#[test]
fn windows_stay_within_an_episode() {
    let data = Arc::new(read(Path::new(FOLDER)).unwrap());
    let windows = Windows::new(Arc::clone(&data), 4, 1).unwrap();
    let steps = (0..12).map(|episode| 3 + 7 * episode % 5);
    assert_eq!(windows.len(), steps.map(|steps: usize| steps.saturating_sub(3)).sum::<usize>());
    for window in 0..windows.len() {
        let states = windows.gather([window], &Normaliser::identity(4)).states;
        assert!((1..4).all(|i| states[4 * i] == states[0] + i as f32), "{states:?}");
    }
    let error = Windows::new(data, 8, 1).unwrap_err().to_string();
    assert!(error.contains("longest episode") && error.contains("has 7 rows"), "{error}");
}

#[test]
fn another_frame_is_pointed_out() {
    let (data, layout) = dataset::read(Path::new(FOLDER)).unwrap();
    let inspection = Inspection::of(&data, layout);
    assert!(inspection.tasks.iter().all(|fit| !fit.fits));
    assert!(inspection.findings[0].contains("centre at 0"), "{:?}", inspection.findings);
}

/// A data set of given columns, and the metadata beside it.
struct DataSet {
    folder: TempDir,
    columns: Vec<DatasetBuilder>,
}

fn column(name: &str, shape: &[u64]) -> DatasetBuilder {
    let numbers = vec![0.5_f64; shape.iter().product::<u64>() as usize];
    DatasetBuilder::typed_data(name, shape, &numbers).unwrap()
}

impl DataSet {
    /// Two episodes of two and three steps.
    fn standard() -> Self {
        let mut columns = Vec::new();
        for (k, steps) in [(0, 2), (1, 3)] {
            columns.push(column(&format!("episode_{k}/observations"), &[steps + 1, 4]));
            columns.push(column(&format!("episode_{k}/actions"), &[steps, 2]));
            for name in ["rewards", "terminations", "truncations"] {
                columns.push(column(&format!("episode_{k}/{name}"), &[steps]));
            }
        }
        Self { folder: TempDir::new().unwrap(), columns }
    }

    /// One of the columns replaced, or left out.
    fn with(mut self, index: usize, column: Option<DatasetBuilder>) -> Self {
        match column {
            Some(column) => self.columns[index] = column,
            None => drop(self.columns.remove(index)),
        }
        self
    }

    fn metadata(self, text: &str) -> Self {
        fs::create_dir_all(self.folder.path().join("data")).unwrap();
        fs::write(self.folder.path().join("data/metadata.json"), text).unwrap();
        self
    }

    fn read(self) -> Result<Transitions, DataError> {
        let builder = self.columns.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset);
        let bytes = builder.into_plan().unwrap().encode(WriteOptions::default()).unwrap();
        fs::create_dir_all(self.folder.path().join("data")).unwrap();
        fs::write(self.folder.path().join("data/main_data.hdf5"), bytes).unwrap();
        read(self.folder.path())
    }
}

#[test]
fn plain_observations_are_read_with_and_without_metadata() {
    let data = DataSet::standard().read().unwrap();
    assert_eq!((data.len(), data.states.len(), data.actions.len()), (5, 20, 10));
    assert_eq!(data.terminals, [true; 5]);
    let told = r#"{"total_episodes": 2, "total_steps": 5, "data_format": "hdf5", "author": null}"#;
    assert_eq!(DataSet::standard().metadata(told).read().unwrap(), data);
    assert_eq!(DataSet::standard().metadata("{}").read().unwrap(), data);
}

#[test]
fn what_is_wrong_is_named() {
    let set = DataSet::standard;
    let cases: [(DataSet, &[&str]); 9] = [
        (set().with(6, None), &["no data set 'episode_1/actions'", "rewards", "Minari's layout"]),
        (set().with(0, None), &["no data set 'episode_0/observations'"]),
        (
            set().with(0, Some(column("episode_0/observations/desired_goal", &[3, 2]))),
            &["no data set 'episode_0/observations/observation'", "it has: desired_goal"],
        ),
        (
            set().with(5, Some(column("episode_1/observations", &[3, 4]))),
            &["'episode_1/observations'", "has 3 rows, expected 4 for 3 rewards"],
        ),
        (
            set().with(6, Some(column("episode_1/actions", &[3, 5]))),
            &["'episode_1/actions'", "has 5 numbers in a row, other episodes have 2"],
        ),
        (set().with(2, Some(column("episode_0/rewards", &[2, 2]))), &["'episode_0/rewards'", "expected 1"]),
        (
            set().with(0, Some(column("episode_0/observations", &[3, 8, 8, 3]))),
            &["'episode_0/observations'", "[3, 8, 8, 3]"],
        ),
        (
            set().metadata(r#"{"total_episodes": 3, "total_steps": 9}"#),
            &["2 episodes and 5 steps", "metadata.json says 3 and 9"],
        ),
        (set().metadata("{"), &["metadata.json is not a Minari data set's metadata"]),
    ];
    for (set, parts) in cases {
        let error = set.read().unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "'{part}' is missing in: {error}");
        }
    }
}

#[test]
fn folders_of_something_else_are_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |path: &PathBuf, part: &str| {
        let error = dataset::read(path).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("data/main_data.hdf5"), "{error}");
    };
    let path = folder.path().to_owned();
    refused(&path, "has no data/main_data.hdf5");
    fs::write(folder.path().join("metadata.json"), r#"{"data_format": "arrow"}"#).unwrap();
    refused(&path, "stores its episodes as arrow");
}
