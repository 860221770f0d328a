//! D4RL's HDF5 files: written, read, and read when damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diar::dataset::{self, Boundaries, DataError, Description, Layout, Storage, d4rl};
use diar_core::benchmark::MAZE2D;
use diar_core::data::{TimeoutRule, TimeoutVerdict, Transitions};
use diar_core::env::maze2d::generate;
use diar_core::maze::MazeId;
use diar_core::rng::Key;
use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};
use tempfile::TempDir;

/// The data of a file.
fn read(path: &Path) -> Result<Transitions, DataError> {
    let (data, Description { origin, .. }) = dataset::read(path, None)?;
    assert_eq!((origin.layout, origin.storage), (Layout::D4rl, Storage::Hdf5));
    assert_eq!(origin.findings, [""; 0]);
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
        past_terminals: false,
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
        let read = Transitions { continuous: true, past_terminals: false, ..read(&path).unwrap() };
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

/// The file is made by `data/record_antmaze.py`: post-step infos, rewards and terminals in double precision, walks that
/// end by timeouts alone and go on from terminals.
#[test]
fn d4rls_antmaze_is_read() {
    const ROWS: usize = 21;
    let (data, Description { origin, .. }) =
        dataset::read(Path::new("tests/data/antmaze_h5py.hdf5"), None).unwrap();
    assert!(matches!(
        origin.boundaries,
        Boundaries::States(TimeoutVerdict { rule: TimeoutRule::Jumps, timeouts: 2, .. })
    ));
    assert!(!data.continuous);
    assert_eq!((data.len(), data.state_dim, data.action_dim), (3 * ROWS, 29, 8));
    for row in 0..data.len() {
        let (walk, step) = (row / ROWS, row % ROWS);
        for (number, &found) in data.state(row).iter().enumerate() {
            let expected = 8.0 * walk as f32 + step as f32 / 8.0 + number as f32 / 64.0;
            assert_eq!(found, expected, "row {row}, number {number}");
        }
        assert_eq!(data.action(row), [row as f32 / 64.0 - 0.5; 8]);
        assert_eq!(data.rewards[row], f32::from(u8::from((12..17).contains(&step))));
        assert_eq!(data.terminals[row], (12..17).contains(&step));
        assert_eq!(data.timeouts[row], step == ROWS - 1);
        assert_eq!(data.goals[row * 2..row * 2 + 2], [walk as f32, -(walk as f32)]);
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
    let error = dataset::check_task(&data, &MAZE2D[0].spec, Path::new("ant.hdf5")).unwrap_err().to_string();
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
    for task in MAZE2D.iter() {
        let walk = generate(task.maze(), 4000, 3);
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
        assert!(!read(&path).unwrap().continuous, "{}", task.id());
    }
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_figures() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.hdf5");
    d4rl::write(&path, &generate(MazeId::Umaze, 200_003, 1)).unwrap();
    // 11 numbers in a row are kept, and a chunk of observations is unpacked and decoded beside them.
    let needed = 200_003 * 11 * 4 + 16_384 * 4 * (4 + 4 + 4);
    assert!(dataset::read_within(&path, None, Some(needed)).is_ok());
    let error = dataset::read_within(&path, None, Some(needed - 1)).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    let error = dataset::read_within(&path, None, Some(3 << 20)).unwrap_err().to_string();
    assert!(error.contains("large.hdf5 takes 9.1 MiB of memory, 3.0 MiB are available"), "{error}");

    // Headers that claim more rows than any machine holds; those of h5py's old form have no checksum.
    let mut bytes = fs::read("tests/data/d4rl_h5py.hdf5").unwrap();
    let (rows, many) = (700_u64.to_le_bytes(), (1_u64 << 36).to_le_bytes());
    for at in 0..bytes.len() - 8 {
        if bytes[at..at + 8] == rows {
            bytes[at..at + 8].copy_from_slice(&many);
        }
    }
    fs::write(&path, bytes).unwrap();
    let error = dataset::read_within(&path, None, Some(16 << 30)).unwrap_err().to_string();
    assert!(error.contains("takes 3.8 TiB of memory, 16.0 GiB are available"), "{error}");
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

/// The 60 rows of every file in `data/d4rl`.
fn sixty() -> Transitions {
    let numbers = || (0..60_u8).map(f32::from);
    Transitions {
        state_dim: 4,
        action_dim: 2,
        states: numbers().flat_map(|row| [row, row + 0.25, row + 0.5, row + 0.75]).collect(),
        actions: numbers().flat_map(|row| [row / 64.0, -row / 64.0]).collect(),
        rewards: (0..60).map(|row| f32::from(row % 7 == 0)).collect(),
        terminals: (0..60).map(|row| row % 30 == 29).collect(),
        timeouts: (0..60).map(|row| row % 10 == 9).collect(),
        continuous: true,
        past_terminals: false,
        goals: numbers().flat_map(|row| [row, row + 1.0]).collect(),
    }
}

fn recorded(name: &str) -> PathBuf {
    Path::new("tests/data/d4rl").join(name)
}

/// A user block before the file, links of every kind, and a filter that is named but was not used.
#[test]
fn the_same_rows_are_read_however_they_are_stored() {
    for name in [
        "parts/all.hdf5",
        "user_block.hdf5",
        "user_block_latest.hdf5",
        "soft_links_earliest.hdf5",
        "soft_links_latest.hdf5",
        "external_links.hdf5",
        "optional_filter.hdf5",
    ] {
        assert_eq!(read(&recorded(name)).unwrap(), sixty(), "{name}");
    }
}

/// Prepending a block without telling the superblock is as good; whatever is missing at the end is missed either way.
#[test]
fn a_file_behind_a_block_is_whole_or_cut_short() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("block.hdf5");
    for (name, block) in [
        ("parts/all.hdf5", 512),
        ("parts/all.hdf5", 2048),
        ("soft_links_latest.hdf5", 1024),
        ("user_block.hdf5", 0),
    ] {
        let mut bytes = vec![b'#'; block];
        bytes.extend(fs::read(recorded(name)).unwrap());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap(), sixty(), "{name} behind {block} bytes");
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let error = read(&path).unwrap_err().to_string();
        let expected = format!("cut short, {} of {} bytes", bytes.len() - 1, bytes.len());
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn what_is_not_read_is_named_with_a_way_out() {
    let cases: [(&str, &[&str]); 10] = [
        ("soft_dangling.hdf5", &["link 'timeouts'", "/nowhere/timeouts", "leads nowhere", "no 'nowhere'"]),
        (
            "external_file_missing.hdf5",
            &["link 'timeouts'", "/timeouts in parts/missing.hdf5", "cannot read"],
        ),
        ("external_object_missing.hdf5", &["link 'infos'", "/info in parts/all.hdf5", "has no 'info'"]),
        ("circle.hdf5", &["link 'observations'", "more than 16 links"]),
        ("virtual.hdf5", &["'actions'", "virtual data set", "h5repack -l CONTI", "old[name][()]"]),
        ("external_storage.hdf5", &["'rewards'", "external storage", "h5repack"]),
        ("zstandard.hdf5", &["'rewards'", "Zstandard (filter 32015)", "h5repack -f GZIP=4"]),
        ("never_written_earliest.hdf5", &["'actions'", "60 rows, but 20 of them were never written, row 40"]),
        ("never_written_latest.hdf5", &["'actions'", "60 rows, but 20 of them were never written, row 40"]),
        ("left_open.hdf5", &["left_open.hdf5 was not closed by the program that writes it"]),
    ];
    for (name, parts) in cases {
        let error = read(&recorded(name)).unwrap_err();
        for part in parts.iter().chain(&[name]) {
            assert!(error.to_string().contains(part), "'{part}' is missing in: {error}");
        }
        let hint = error.hint().unwrap_or_default();
        assert!(!hint.contains("data generate"), "{name}: {hint}");
        assert_eq!(hint.contains("h5clear -s"), name == "left_open.hdf5", "{hint}");
        let link = matches!(error, DataError::Link { .. });
        assert_eq!(hint.contains("what the link leads to"), link, "{name}: {hint}");
    }
}

/// Superblocks of every version tell of a writer that did not close the file. Old releases of HDF5 set that flag together
/// with another one in files that they closed.
#[test]
fn files_that_were_not_closed_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("open.hdf5");
    let bytes = fs::read(recorded("parts/all.hdf5")).unwrap();
    assert_eq!((bytes[8], &bytes[20..24]), (0, &[0; 4][..]), "version, flags");
    for (flags, open) in [(0, false), (1, true), (5, true), (3, false)] {
        let mut bytes = bytes.clone();
        bytes[20] = flags;
        fs::write(&path, bytes).unwrap();
        match read(&path) {
            Ok(data) => assert!(!open && data == sixty(), "flags {flags}"),
            Err(error) => assert!(open && matches!(error, DataError::LeftOpen { .. }), "{flags}: {error}"),
        }
    }
}

/// Rewards that the settings misread are refused before the run directory is looked at; the assignments that the error
/// names turn the rules off.
#[test]
fn rewards_that_the_settings_misread_are_refused_before_training() {
    let folder = TempDir::new().unwrap();
    let (path, run) = (folder.path().join("cost.hdf5"), folder.path().join("run"));
    let mut data = generate(MazeId::Umaze, 400, 2);
    data.rewards.iter_mut().for_each(|reward| *reward -= 1.0);
    d4rl::write(&path, &data).unwrap();
    // No run directory: what gets past the rewards ends there.
    fs::create_dir(&run).unwrap();
    fs::write(run.join("notes.txt"), "mine").unwrap();
    let stderr = |settings: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diar"));
        command
            .args(["train", MAZE2D[0].id(), "--preset", "paper", "--run"])
            .arg(&run)
            .arg("--data")
            .arg(&path);
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let output = command.args(settings).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let (mask, held) = ("critic.terminal_mask=false", "critic.window_return=held");
    for (settings, parts) in [
        (
            &[][..],
            [
                "rewards are not 1 at the goal and 0 elsewhere: the first is -1 in row 0",
                "`--set critic.terminal_mask=false`",
            ],
        ),
        (&[mask, held], ["rewards are not 1 at the goal", "`--set critic.window_return=recorded`"]),
        (&[mask], ["run is not empty", "one walk, by the states"]),
    ] {
        let stderr = stderr(settings);
        for part in parts {
            assert!(stderr.contains(part), "'{part}' is missing in: {stderr}");
        }
    }
    assert_eq!(fs::read_dir(&run).unwrap().count(), 1);
}

/// HDF5 reads flags that nobody wrote as false. That is as their writer meant it, but it is told.
#[test]
fn flags_that_nobody_wrote_are_told() {
    let (data, Description { origin, .. }) =
        dataset::read(&recorded("flags_never_written.hdf5"), None).unwrap();
    assert_eq!(data, Transitions { terminals: vec![false; 60], ..sixty() });
    assert_eq!(origin.findings, ["no row of 'terminals' was ever written, all read as false"]);
}

/// A link to another file leads to it from wherever the file itself is reached.
#[test]
#[cfg(unix)]
fn external_links_are_followed_from_where_the_file_is() {
    let folder = TempDir::new().unwrap();
    let (kept, elsewhere) = (folder.path().join("kept"), folder.path().join("elsewhere"));
    fs::create_dir_all(kept.join("parts")).unwrap();
    fs::create_dir_all(&elsewhere).unwrap();
    for name in ["external_links.hdf5", "parts/all.hdf5"] {
        fs::copy(recorded(name), kept.join(name)).unwrap();
    }
    let link = elsewhere.join("link.hdf5");
    std::os::unix::fs::symlink(kept.join("external_links.hdf5"), &link).unwrap();
    assert_eq!(read(&link).unwrap(), sixty());
    // The other file must be whole and closed too.
    fs::copy(recorded("left_open.hdf5"), kept.join("parts/all.hdf5")).unwrap();
    let error = read(&link).unwrap_err().to_string();
    assert!(error.contains("all.hdf5 was not closed"), "{error}");
}

/// d3rlpy marks the ends of episodes, terminal or not, in a column of its own.
#[test]
fn the_ends_that_d3rlpy_marks_are_ends() {
    let walk = generate(MazeId::Umaze, 400, 2);
    let flags =
        |end: &dyn Fn(usize) -> bool| -> Vec<f32> { (0..400).map(|row| f32::from(end(row))).collect() };
    let column = |name: &str, values: &[f32]| {
        let width = values.len() as u64 / 400;
        let shape = [400, width];
        DatasetBuilder::typed_data(name, &shape[..if width > 1 { 2 } else { 1 }], values).unwrap()
    };
    let columns = |ends: &[f32]| {
        Columns(vec![
            column("observations", &walk.states),
            column("actions", &walk.actions),
            column("rewards", &walk.rewards),
            column("terminals", &flags(&|row| row == 199)),
            column("episode_terminals", ends),
        ])
    };
    let folder = TempDir::new().unwrap();
    let path = columns(&flags(&|row| row % 100 == 99)).write(&folder);
    let (data, Description { origin, .. }) = dataset::read(&path, None).unwrap();
    assert_eq!(origin.boundaries, Boundaries::EpisodeTerminals);
    assert!(!data.continuous);
    let breaks: Vec<usize> = (0..400).filter(|&row| data.breaks_after(row)).collect();
    assert_eq!(breaks, [99, 199, 299, 399]);
    assert_eq!((data.terminals[199], data.timeouts[199]), (true, false));
    let short = DatasetBuilder::typed_data("episode_terminals", [3], &[0_u8; 3]).unwrap();
    let error = columns(&flags(&|_| false)).with(short, 4).read().unwrap_err().to_string();
    assert!(error.contains("'episode_terminals'") && error.contains("3 rows, expected 400"), "{error}");
}

/// Where each row has its successor beside it, that says where an episode was cut, whatever timeouts say.
#[test]
fn next_observations_say_where_episodes_are_cut() {
    let walk = generate(MazeId::Umaze, 400, 2);
    let folder = TempDir::new().unwrap();
    let read = |next: &[f32]| {
        let column = |name: &str, width: u64, values: &[f32]| {
            DatasetBuilder::typed_data(name, [400, width], values).unwrap()
        };
        let flags = |at: usize| -> Vec<f32> { (0..400).map(|row| f32::from(row == at)).collect() };
        let columns = Columns(vec![
            column("observations", 4, &walk.states),
            column("actions", 2, &walk.actions),
            column("rewards", 1, &walk.rewards),
            column("terminals", 1, &flags(99)),
            column("timeouts", 1, &flags(250)),
            column("next_observations", next.len() as u64 / 400, next),
        ]);
        dataset::read(&columns.write(&folder), None)
    };
    // The last row leads somewhere, too.
    let mut next = [&walk.states[4..], &[0.0; 4]].concat();
    for row in [99, 149, 299] {
        next[4 * row..4 * row + 4].fill(7.0);
    }
    let (data, Description { origin, .. }) = read(&next).unwrap();
    assert_eq!(origin.boundaries, Boundaries::NextObservations);
    let breaks: Vec<usize> = (0..400).filter(|&row| data.breaks_after(row)).collect();
    assert_eq!(breaks, [99, 149, 299, 399]);
    assert_eq!((data.terminals[99], data.timeouts[99], data.timeouts[250]), (true, false, false));
    assert_eq!(origin.findings, [""; 0]);

    // Normalised, perhaps: they are never those of the next row, and say nothing.
    let halves: Vec<f32> = next.iter().map(|value| value / 2.0).collect();
    let (data, Description { origin, .. }) = read(&halves).unwrap();
    assert!(matches!(origin.boundaries, Boundaries::States(_)) && data.timeouts[250]);
    assert!(origin.findings[0].contains("in 399 of 400 rows, and say nothing about ends"), "{origin:?}");
    let error = read(&next[..1200]).unwrap_err().to_string();
    assert!(
        error.contains("'next_observations'") && error.contains("3 numbers in a row, expected 4"),
        "{error}"
    );
}

/// One reset that nothing marks, or one row of zeros, changes nothing about the resets that are marked.
#[test]
fn the_rule_for_timeouts_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("episodes.hdf5");
    let mut episodes =
        Transitions { state_dim: 4, action_dim: 2, continuous: false, ..Transitions::default() };
    for seed in 0..6 {
        let walk = generate(MazeId::Umaze, 300, seed);
        episodes.states.extend(walk.states);
        episodes.actions.extend(walk.actions);
        episodes.rewards.extend(walk.rewards);
    }
    episodes.terminals = vec![false; 1800];
    episodes.timeouts = (0..1800).map(|row| row % 300 == 299).collect();
    let told = |data: &Transitions| {
        d4rl::write(&path, data).unwrap();
        let (data, Description { origin, .. }) = dataset::read(&path, None).unwrap();
        let boundaries = origin.boundaries;
        let Boundaries::States(verdict) = boundaries else { panic!("{boundaries}") };
        assert_eq!(data.continuous, verdict.continuous());
        (verdict, boundaries.to_string(), serde_json::to_value(boundaries).unwrap())
    };
    for change in [
        |_: &mut Transitions| {},
        |data: &mut Transitions| data.timeouts[599] = false,
        |data: &mut Transitions| data.states[4 * 700..4 * 701].fill(0.0),
    ] {
        let mut data = episodes.clone();
        change(&mut data);
        let (verdict, text, json) = told(&data);
        assert_eq!((verdict.rule, verdict.jumps), (TimeoutRule::Jumps, verdict.timeouts));
        assert!(
            text.starts_with("episodes, by the states: ") && text.contains("followed by a jump"),
            "{text}"
        );
        assert_eq!((&json["rule"], &json["jumps"]), (&"jumps".into(), &verdict.jumps.into()));
        assert_eq!(json["reason"], text);
    }
    let (verdict, text, json) = told(&generate(MazeId::Umaze, 1800, 4));
    assert_eq!(verdict.rule, TimeoutRule::Smooth);
    assert!(text.starts_with("one walk, by the states: 0 of ") && text.ends_with("reset nothing"), "{text}");
    assert_eq!(json["rule"], "smooth");
}
