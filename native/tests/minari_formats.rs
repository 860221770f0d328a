//! Minari's Arrow and Parquet: read as Minari reads them, and refused with a sentence.

use std::fs;
use std::path::{Path, PathBuf};

use diar::dataset::summary::RewardValues;
use diar::dataset::{
    self, Boundaries, Bounds, DataError, Declared, Description, Dropped, Inspection, Layout, Storage,
};
use diar_core::data::Transitions;
use serde::Deserialize;
use tempfile::TempDir;

/// Made by `data/record_minari_formats.py`.
const FOLDER: &str = "tests/data/minari/formats";
const FORMATS: [(&str, Storage); 2] = [("arrow", Storage::Arrow), ("parquet", Storage::Parquet)];

fn recorded(name: &str, format: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}-{format}-v0"))
}

/// An episode as Minari reads it; discrete actions are numbers by themselves.
#[derive(Deserialize)]
struct Episode {
    observations: Vec<Vec<f32>>,
    actions: Vec<Action>,
    rewards: Vec<f32>,
    terminations: Vec<bool>,
    truncations: Vec<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Action {
    One(f32),
    Many(Vec<f32>),
}

/// Minari's episodes one behind the other.
fn expected(name: &str) -> Transitions {
    let text = fs::read(Path::new(FOLDER).join("expected.json")).unwrap();
    let mut all: std::collections::BTreeMap<String, Vec<Episode>> = serde_json::from_slice(&text).unwrap();
    let mut data = Transitions::default();
    for episode in all.remove(name).unwrap() {
        let steps = episode.rewards.len();
        assert_eq!((episode.observations.len(), episode.actions.len()), (steps + 1, steps));
        for (state, action) in episode.observations.iter().zip(episode.actions) {
            let action = match action {
                Action::One(action) => vec![action],
                Action::Many(actions) => actions,
            };
            (data.state_dim, data.action_dim) = (state.len(), action.len());
            data.states.extend(state);
            data.actions.extend(action);
        }
        data.rewards.extend(episode.rewards);
        data.timeouts.extend(episode.truncations);
        data.terminals.extend(episode.terminations);
        // An episode ends with its recording.
        let (terminal, timeout) = (data.terminals.last().unwrap(), data.timeouts.last_mut().unwrap());
        *timeout |= !terminal;
    }
    data
}

#[test]
fn episodes_are_those_that_minari_reads() {
    for name in ["walk", "pendulum", "cartpole"] {
        for (format, storage) in FORMATS {
            let folder = recorded(name, format);
            let (data, Description { name: own, origin, .. }) = dataset::read(&folder, None).unwrap();
            assert_eq!(data, expected(name), "{folder:?}");
            assert_eq!(own, format!("formats/{name}-{format}-v0"));
            assert_eq!((origin.layout, origin.storage), (Layout::Minari, storage));
            assert_eq!(origin.boundaries, Boundaries::Minari);
            let reason = "the observation that each episode ended with, in which nothing was done";
            assert_eq!(origin.dropped, [Dropped { rows: 3, reason }]);
            assert_eq!(dataset::read(&folder.join("data"), None).unwrap().0, data);
        }
    }
}

/// Ids, limits, reference returns and bounds are those that the metadata has.
#[test]
fn what_a_data_set_says_about_its_task_is_kept() {
    let declared = |name: &str, format: &str| {
        let (_, Description { origin, .. }) = dataset::read(&recorded(name, format), None).unwrap();
        (origin.declared, origin.findings)
    };
    let infinite = f32::INFINITY;
    for (format, _) in FORMATS {
        let walk = Declared {
            id: Some(format!("formats/walk-{format}-v0")),
            environment: None,
            max_steps: None,
            reference: None,
            observations: Some(Bounds {
                low: vec![-infinite, -1.5, 0.0],
                high: vec![infinite, 1.5, infinite],
            }),
            actions: Some(Bounds { low: vec![-1.0, -2.0], high: vec![1.0, 2.0] }),
        };
        assert_eq!(declared("walk", format), (walk, vec![]));
        let pendulum = Declared {
            id: Some(format!("formats/pendulum-{format}-v0")),
            environment: Some("Pendulum-v1".to_owned()),
            max_steps: Some(12),
            reference: None,
            observations: Some(Bounds { low: vec![-1.0, -1.0, -8.0], high: vec![1.0, 1.0, 8.0] }),
            actions: Some(Bounds { low: vec![-2.0], high: vec![2.0] }),
        };
        assert_eq!(declared("pendulum", format), (pendulum, vec![]));
        let (cartpole, findings) = declared("cartpole", format);
        assert_eq!((cartpole.actions, cartpole.max_steps), (None, Some(40)));
        assert_eq!(findings, ["actions are of the space Discrete, and are read as numbers"]);
    }
    let (data, description) = dataset::read(&recorded("pendulum", "arrow"), None).unwrap();
    assert_eq!(description.summary.reward_values, RewardValues::Real);
    assert_eq!((description.summary.episodes, description.summary.longest_episode), (3, 12));
    let findings = Inspection::of(&data, description).findings.join("\n");
    assert!(!findings.contains("own action space"), "{findings}");
}

/// A copy of a data set, to be changed.
fn copy(name: &str, format: &str) -> TempDir {
    fn all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                all(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let folder = TempDir::new().unwrap();
    all(&recorded(name, format), folder.path());
    folder
}

fn data(folder: &TempDir, path: &str) -> PathBuf {
    folder.path().join("data").join(path)
}

/// Name of a data set, a change to it, and the parts of the error that follows.
type Case<'a> = (&'a str, &'a dyn Fn(&TempDir), &'a [&'a str]);

#[test]
fn what_is_wrong_is_named() {
    for (format, storage) in FORMATS {
        let file = |number: usize| format!("{number}/part-0.{format}");
        let replace = |folder: &TempDir, path: &str, from: &str, to: &str| {
            let path = data(folder, path);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(path, text.replace(from, to)).unwrap();
        };
        let (one, two) = (file(1), file(2));
        let cases: [Case; 9] = [
            (
                "walk",
                &|folder| fs::remove_file(data(folder, &one)).unwrap(),
                &["data/1", "has 0 files of", "one"],
            ),
            (
                "walk",
                &|folder| {
                    fs::copy(data(folder, &one), data(folder, &format!("1/part-1.{format}")))
                        .map(|_| ())
                        .unwrap();
                },
                &["data/1", "has 2 files of"],
            ),
            (
                "walk",
                &|folder| fs::remove_dir_all(data(folder, "2")).unwrap(),
                &["has 2 episodes, but metadata.json says 3"],
            ),
            (
                "walk",
                &|folder| replace(folder, "2/metadata.json", "\"total_steps\": 6", "\"total_steps\": 9"),
                &[
                    &two,
                    "'observations'",
                    "has 7 rows, expected 10 for the 9 steps that metadata.json beside it tells",
                ],
            ),
            (
                "walk",
                &|folder| replace(folder, "metadata.json", "\"total_steps\": 11", "\"total_steps\": 12"),
                &["has 11 steps, but metadata.json says 12"],
            ),
            (
                "walk",
                &|folder| {
                    let other = recorded("pendulum", format).join("data").join(file(0));
                    fs::copy(other, data(folder, &one)).map(|_| ()).unwrap();
                },
                &[&one, "has 13 rows, expected 2"],
            ),
            (
                "pendulum",
                &|folder| {
                    let other = recorded("cartpole", format).join("data/0");
                    for name in ["metadata.json", &format!("part-0.{format}")] {
                        fs::copy(other.join(name), data(folder, "1").join(name)).unwrap();
                    }
                },
                &[&one, "'observations'", "has 4 numbers in a row, other episodes have 3"],
            ),
            (
                "walk",
                &|folder| fs::write(data(folder, &two), b"nothing of the kind").unwrap(),
                &[&two, "is not a readable", "file"],
            ),
            ("pictures", &|_| {}, &["'observations'", "holds raw bytes, as pictures are stored"]),
        ];
        for (name, change, parts) in cases {
            let folder = copy(name, format);
            change(&folder);
            let error = dataset::read(folder.path(), None).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{storage}: '{part}' is missing in: {error}");
            }
        }
    }
}

#[test]
fn other_compressions_are_named() {
    let folder = copy("walk", "parquet");
    let file = data(&folder, "1/part-0.parquet");
    fs::copy(Path::new(FOLDER).join("zstd.parquet"), &file).unwrap();
    let error = dataset::read(folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("part-0.parquet") && error.contains("'observations'"), "{error}");
    assert!(error.contains("is compressed with ZSTD, expected Snappy"), "{error}");
}

/// Without metadata there is nothing to hold the episodes against, and the folders say what they are.
#[test]
fn metadata_may_be_missing() {
    for (format, storage) in FORMATS {
        let folder = copy("walk", format);
        fs::remove_file(data(&folder, "metadata.json")).unwrap();
        for episode in 0..3 {
            fs::remove_file(data(&folder, &format!("{episode}/metadata.json"))).unwrap();
        }
        fs::create_dir(data(&folder, "01")).unwrap();
        let (read, Description { name, origin, .. }) = dataset::read(folder.path(), None).unwrap();
        assert_eq!((read, origin.storage, origin.declared), (expected("walk"), storage, Declared::default()));
        assert_eq!(name, folder.path().file_name().unwrap().to_string_lossy());
        assert_eq!(origin.findings, ["folder '01' is left out: episodes are in folders 0, 1, …"]);
    }
}

#[test]
fn one_file_is_no_data_set() {
    for (format, _) in FORMATS {
        let path = recorded("walk", format).join(format!("data/0/part-0.{format}"));
        let error = dataset::read(&path, None).unwrap_err();
        assert!(matches!(error, DataError::Episode { .. }), "{error}");
        assert!(error.to_string().contains("expected the folder of the whole one"), "{error}");
    }
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_figures() {
    for (format, _) in FORMATS {
        let folder = recorded("walk", format);
        // Rows of 8 numbers, kept in single precision; the longest episode beside them, twice, as it is stored.
        let needed = (5 + 2 + 7) * 8 * 4 + 7 * 8 * 8 * 2;
        assert!(dataset::read_within(&folder, None, Some(needed)).is_ok());
        let error = dataset::read_within(&folder, None, Some(needed - 1)).unwrap_err();
        assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    }
}

/// Actions that break the data set's own bounds are told.
#[test]
fn actions_out_of_their_own_bounds_are_told() {
    let folder = copy("pendulum", "arrow");
    let path = data(&folder, "metadata.json");
    let text = fs::read_to_string(&path).unwrap().replace(r#"\"high\": [2.0]"#, r#"\"high\": [0.5]"#);
    fs::write(&path, text).unwrap();
    let (data, description) = dataset::read(folder.path(), None).unwrap();
    let beyond = data.actions.iter().filter(|&&action| action > 0.5).count();
    let row = data.actions.iter().position(|&action| action > 0.5).unwrap();
    let expected = format!(
        "{beyond} numbers of actions lie outside the data set's own action space, the first is action[0] of row {row}"
    );
    let findings = Inspection::of(&data, description).findings.join("\n");
    assert!(findings.contains(&expected) && findings.contains("expected -2 to 0.5"), "{findings}");
}
