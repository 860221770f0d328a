//! Minari's data sets: found, read, and refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diar::dataset::{self, Boundaries, DataError, Description, Inspection, Layout};
use diar_core::data::{Normaliser, Transitions, Windows};
use diar_core::spec::Space;
use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};
use tempfile::TempDir;

/// Made by `data/record_minari.py`: twelve episodes of 3 to 7 steps, observations in parts.
const FOLDER: &str = "tests/data/minari/walk-v0";

fn read(path: &Path) -> Result<Transitions, DataError> {
    let (data, Description { origin, .. }) = dataset::read(path, None)?;
    assert_eq!((origin.layout, origin.boundaries), (Layout::Minari, Boundaries::Minari));
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
        let states = windows.gather([window], &Normaliser::identity(4), &Space::default()).states;
        assert!((1..4).all(|i| states[4 * i] == states[0] + i as f32), "{states:?}");
    }
    let error = Windows::new(data, 8, 1).unwrap_err().to_string();
    assert!(error.contains("longest episode") && error.contains("has 7 rows"), "{error}");
}

#[test]
fn another_frame_is_pointed_out() {
    let (data, description) = dataset::read(Path::new(FOLDER), None).unwrap();
    let inspection = Inspection::of(&data, description);
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
        read(self.write().path())
    }

    /// Its folder, which goes with what is returned.
    fn write(self) -> TempDir {
        let builder = self.columns.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset);
        let bytes = builder.into_plan().unwrap().encode(WriteOptions::default()).unwrap();
        fs::create_dir_all(self.folder.path().join("data")).unwrap();
        fs::write(self.folder.path().join("data/main_data.hdf5"), bytes).unwrap();
        self.folder
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
    assert_eq!(DataSet::standard().metadata(&format!("\u{feff}{told}")).read().unwrap(), data);
}

#[test]
fn what_is_wrong_is_named() {
    let set = DataSet::standard;
    let cases: [(DataSet, &[&str]); 10] = [
        (set().with(6, None), &["no data set 'episode_1/actions'", "rewards", "Minari's layout"]),
        (set().with(0, None), &["no data set 'episode_0/observations'"]),
        (
            set().with(0, Some(column("episode_0/observations/desired_goal", &[3, 2]))),
            &["no data set 'episode_0/observations/observation'", "it has: desired_goal"],
        ),
        (
            set().with(5, Some(column("episode_1/observations", &[2, 4]))),
            &["'episode_1/observations'", "has 2 rows, expected 4 for 3 rewards"],
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
            &["has 2 episodes, but metadata.json says 3"],
        ),
        (set().metadata(r#"{"total_steps": 9}"#), &["has 5 steps, but metadata.json says 9"]),
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
        let error = dataset::read(path, None).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("data/main_data.hdf5"), "{error}");
    };
    let path = folder.path().to_owned();
    refused(&path, "has no data/main_data.hdf5");
    fs::create_dir(folder.path().join("0")).unwrap();
    refused(&path, "has no data/main_data.hdf5 and no episodes");
    fs::write(folder.path().join("metadata.json"), r#"{"data_format": "arrow"}"#).unwrap();
    refused(&path, "has 0 files of Arrow, where an episode has one");
}

fn recorded(name: &str) -> PathBuf {
    Path::new("tests/data/minari").join(name)
}

/// Episodes that were added later are links to another file, in data sets of Minari before 0.5.
#[test]
fn episodes_that_were_added_are_read() {
    let (data, Description { origin, .. }) = dataset::read(&recorded("added-v0"), None).unwrap();
    assert_eq!(origin.findings, [""; 0]);
    let mut row = 0;
    for (episode, steps) in [3, 5, 4, 2, 6].into_iter().enumerate() {
        for step in 0..steps {
            let (first, step_number) = (100.0 * episode as f32 + step as f32, step as f32);
            assert_eq!(data.state(row), [first, first + 0.25, first + 0.5, first + 0.75]);
            assert_eq!(
                (data.action(row), data.rewards[row]),
                (&[step_number, -step_number][..], step_number)
            );
            assert_eq!(data.breaks_after(row), step + 1 == steps, "episode {episode}, step {step}");
            row += 1;
        }
    }
    assert_eq!(data.len(), row);

    // Without the other file nothing is read: not the two episodes that are left either.
    let folder = TempDir::new().unwrap();
    let main = folder.path().join("main_data.hdf5");
    fs::copy(recorded("added-v0/data/main_data.hdf5"), &main).unwrap();
    let error = read(&main).unwrap_err().to_string();
    for part in ["link 'episode_2'", "/episode_0 in additional_data_0.hdf5", "cannot read"] {
        assert!(error.contains(part), "'{part}' is missing in: {error}");
    }
}

/// Totals in attributes are held against what was read, as those of the metadata are.
#[test]
fn totals_that_do_not_agree_are_errors() {
    let cases: [(&str, &[&str]); 4] = [
        ("episodes-missing-v0", &["has 2 episodes, but its attribute says 3"]),
        ("steps-missing-v0", &["has 8 steps, but its attribute says 9"]),
        ("steps-cut-v0", &["'episode_1/rewards'", "5 rows", "'total_steps' of its episode says 7"]),
        (
            "observation-dangling-v0",
            &["link 'episode_0/observations/observation'", "/elsewhere", "leads nowhere"],
        ),
    ];
    for (name, parts) in cases {
        let error = read(&recorded(name)).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "'{part}' is missing in: {error}");
        }
        let hint = error.hint().unwrap_or_default();
        assert!(!hint.contains("data generate"), "{hint}");
    }
    let hint = DataSet::standard().metadata("{").read().unwrap_err().hint().unwrap();
    assert!(hint.contains("move it away"), "{hint}");
}

/// Each episode has the same numbers in another class: integers of 1 to 8 bytes, signed and not, floats of 2 to 16 bytes,
/// of both byte orders, booleans as enums and as bits, and lists.
#[test]
fn numbers_of_every_class_are_read() {
    let data = read(&recorded("numbers-v0")).unwrap();
    assert_eq!((data.state_dim, data.action_dim, data.len()), (4, 2, 2 * 20));
    for episode in 0..20 {
        assert_eq!(data.state(2 * episode), [0.0, 1.0, -2.0, 3.0], "episode {episode}");
        assert_eq!(data.state(2 * episode + 1), [4.0, -5.0, 6.0, 7.0], "episode {episode}");
        assert_eq!(data.actions[4 * episode..4 * episode + 4], [1.0, -2.0, -5.0, 6.0], "episode {episode}");
        assert_eq!(data.rewards[2 * episode..2 * episode + 2], [0.0, 1.0], "episode {episode}");
        assert_eq!(data.terminals[2 * episode..2 * episode + 2], [false, true], "episode {episode}");
        assert_eq!(data.timeouts[2 * episode..2 * episode + 2], [false; 2], "episode {episode}");
    }
}

/// Each episode has the same rows in another form: gzip, LZF, szip, shuffled, with checksums, scaled, in few chunks and in
/// many, with and without a last size, in one piece, in the header.
#[test]
fn every_way_to_store_is_read() {
    for version in ["earliest", "latest"] {
        let data = read(&recorded(&format!("storage-{version}-v0"))).unwrap();
        assert_eq!((data.len(), data.state_dim, data.action_dim), (11 * 50, 2, 1));
        for row in 0..data.len() {
            let (episode, step) = (row / 50, row % 50);
            let sine = ((step as f32 / 9.0).sin() * 1000.0).round() / 1000.0;
            let [whole, part] = data.state(row) else { panic!("{:?}", data.state(row)) };
            let (action, reward) = (data.action(row)[0], data.rewards[row]);
            let expected =
                ((step / 5) as f32, (step % 4) as f32 / 4.0 - 0.5, f32::from(u8::from(step % 3 == 0)));
            // Scaled numbers keep four digits.
            let exact = if episode == 7 { 1e-4 } else { 1e-6 };
            for (found, expected) in
                [(*whole, expected.0), (*part, sine), (action, expected.1), (reward, expected.2)]
            {
                assert!(
                    (found - expected).abs() <= exact,
                    "{version}, episode {episode}, step {step}: {found}"
                );
            }
            assert_eq!((data.terminals[row], data.timeouts[row]), (false, step == 49));
        }
    }
}

/// Some recorders leave out the observation that an episode ended with: that is read, and told.
#[test]
fn episodes_without_a_last_observation_are_read_and_told() {
    let folder = DataSet::standard().with(0, Some(column("episode_0/observations", &[2, 4]))).write();
    let (data, description) = dataset::read(folder.path(), None).unwrap();
    assert_eq!((data.len(), data.states.len()), (5, 20));
    let origin = &description.origin;
    assert_eq!(origin.findings.len(), 1);
    assert!(
        origin.findings[0].starts_with("1 of 2 episodes have as many observations as actions"),
        "{origin:?}"
    );
    let inspection = Inspection::of(&data, description);
    assert!(inspection.findings[0].starts_with("1 of 2 episodes"), "{:?}", inspection.findings);
}

/// A number that is left out, and a name that Minari does not write, are told.
#[test]
fn episodes_that_are_passed_over_are_told() {
    let mut set = DataSet::standard();
    for column in ["observations", "actions", "rewards", "terminations", "truncations"] {
        let columns: &[u64] = match column {
            "observations" => &[3, 4],
            "actions" => &[2, 2],
            _ => &[2],
        };
        for name in ["episode_3", "episode_04"] {
            set.columns.push(self::column(&format!("{name}/{column}"), columns));
        }
    }
    let folder = set.write();
    let (data, Description { origin, .. }) = dataset::read(folder.path(), None).unwrap();
    assert_eq!(data.len(), 7);
    assert_eq!(origin.findings.len(), 2, "{origin:?}");
    assert!(origin.findings[0].starts_with("'episode_04' is left out"), "{origin:?}");
    assert!(origin.findings[1].starts_with("episode_2 is missing"), "{origin:?}");
}
