//! NumPy's archives of plain arrays: read in every order and type of number, and refused with a sentence.

use std::fs;
use std::path::{Path, PathBuf};

use diar::dataset::{self, Boundaries, DataError, Description, Inspection, Layout, Storage};
use diar::label::RewardAt;
use diar_core::data::{TimeoutRule, Transitions};
use tempfile::TempDir;

fn recorded(name: &str) -> PathBuf {
    Path::new("tests/data/npz").join(format!("{name}.npz"))
}

fn read(path: &Path) -> Result<Transitions, DataError> {
    let (data, Description { origin, .. }) = dataset::read_within(path, None, Some(1 << 20))?;
    assert_eq!((origin.layout, origin.storage), (Layout::D4rl, Storage::Npz));
    assert_eq!(origin.findings, [""; 0]);
    Ok(data)
}

/// The 60 rows of `data/record_npz.py`, which are those of `data/record_d4rl.py` without goals.
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
        goals: Vec::new(),
    }
}

#[test]
fn the_same_rows_are_read_however_they_are_stored() {
    let kinds: Vec<String> = (0..8).map(|k| format!("kinds_{k}")).collect();
    let names = ["plain", "deflated", "column_major"].into_iter().chain(kinds.iter().map(String::as_str));
    for name in names {
        assert_eq!(read(&recorded(name)).unwrap(), sixty(), "{name}");
    }
}

/// The same rules as for D4RL's HDF5, and the same numbers in the same words.
#[test]
fn plain_arrays_have_the_rules_of_d4rls_columns() {
    let (npz, hdf5) = (recorded("deflated"), Path::new("tests/data/d4rl/parts/all.hdf5"));
    let [(npz, description), (hdf5, other)] = [&npz, hdf5].map(|path| dataset::read(path, None).unwrap());
    assert_eq!(Transitions { goals: Vec::new(), ..hdf5 }, npz);
    assert_eq!(description.origin.boundaries, other.origin.boundaries);
    assert_eq!(description.name, "deflated");
    assert_eq!((description.summary.episodes, description.summary.longest_episode), (2, 30));

    let (data, Description { origin, .. }) = dataset::read(&recorded("without_timeouts"), None).unwrap();
    assert_eq!(data, Transitions { timeouts: vec![false; 60], ..sixty() });
    let Boundaries::States(verdict) = origin.boundaries else { panic!("{origin:?}") };
    assert_eq!(verdict.rule, TimeoutRule::NoTimeouts);
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&str, &[&str]); 12] = [
        (
            "no_actions",
            &["no data set 'actions'", "it has: observations, rewards, terminals, timeouts", "NumPy's"],
        ),
        ("short_actions", &["'actions' has 118 numbers, expected 120 (60 rows)"]),
        ("objects", &["'rewards'", "holds objects of Python's, which are never unpacked"]),
        ("text", &["'rewards'", "holds text (<U", "expected numbers or booleans"]),
        ("complex", &["'rewards'", "holds complex numbers (<c8)"]),
        ("records", &["'rewards'", "holds records"]),
        ("long_double", &["'rewards'", "floats whose layout differs between machines (<f16)"]),
        ("images", &["'observations'", "has the shape [60, 8, 8, 3], expected (rows) or (rows, numbers)"]),
        ("scalar", &["'rewards'", "has the shape []"]),
        ("empty", &["holds no rows, expected at least one"]),
        ("not_a_number", &["'actions'", "holds NaN in row 7, expected finite numbers only"]),
        ("infinite", &["'rewards'", "holds inf in row 5"]),
    ];
    for (name, parts) in cases {
        let error = read(&recorded(name)).unwrap_err();
        let name = format!("{name}.npz");
        for part in parts.iter().chain(&[name.as_str()]) {
            assert!(error.to_string().contains(part), "'{part}' is missing in: {error}");
        }
    }
}

/// Rewards come from the file or from the command line, and never from both.
#[test]
fn data_without_rewards_are_refused_with_advice() {
    let error = read(&recorded("no_rewards")).unwrap_err();
    assert!(matches!(error, DataError::NoRewards { .. }), "{error}");
    assert!(
        error.to_string().contains("has no rewards") && error.to_string().contains("--reward-at X,Y,RADIUS")
    );
    let at: RewardAt = "20,20,2".parse().unwrap();
    for path in [
        &recorded("plain"),
        Path::new("tests/data/d4rl/parts/all.hdf5"),
        Path::new("tests/data/minari/walk-v0"),
    ] {
        let error = dataset::read(path, Some(at)).unwrap_err();
        assert!(matches!(error, DataError::OwnRewards { .. }), "{error}");
        assert!(error.to_string().contains("leave it out"), "{error}");
    }
}

/// Half a million rows in 14 kB: what they take is known, and refused, before they are unpacked.
#[test]
fn what_does_not_fit_into_memory_is_refused_with_figures() {
    let path = recorded("long");
    // 9 numbers in a row are kept, and nothing is held beside them.
    let needed = 500_000 * 9 * 4;
    let (data, _) = dataset::read_within(&path, None, Some(needed)).unwrap();
    assert_eq!(data.len(), 500_000);
    let error = dataset::read_within(&path, None, Some(needed - 1)).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    assert!(
        error.to_string().contains("long.npz takes 17.2 MiB of memory, 17.2 MiB are available"),
        "{error}"
    );
}

/// Wherever a file is cut, and whichever of its bits is turned, it is refused or read as it was: checksums see to it.
#[test]
fn damage_is_seen() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("damaged.npz");
    // A new file each time: some file systems wait for the disk where an old one is overwritten.
    let write = |bytes: &[u8]| {
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
    };
    for name in ["plain", "deflated"] {
        let bytes = fs::read(recorded(name)).unwrap();
        for length in 0..bytes.len() {
            write(&bytes[..length]);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("damaged.npz"), "{name}, {length} bytes: {error}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            write(&bytes);
            match read(&path) {
                // Times, flags that nobody reads, and names of arrays that are not needed then.
                Ok(data) => assert!(
                    data == sixty() || data == Transitions { timeouts: vec![false; 60], ..sixty() },
                    "{name}, byte {at}"
                ),
                Err(error) => {
                    assert!(error.to_string().contains("damaged.npz"), "{name}, byte {at}: {error}");
                }
            }
        }
    }
}

/// An archive says by its first bytes what it is, not by its name; and other archives are no data.
#[test]
fn archives_are_told_from_other_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data.hdf5");
    fs::copy(recorded("plain"), &path).unwrap();
    assert_eq!(read(&path).unwrap(), sixty());
    // An archive without members.
    fs::write(&path, [&b"PK\x05\x06"[..], &[0; 18]].concat()).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("no data set 'observations'") && error.contains("it has: nothing"), "{error}");
    fs::write(&path, b"PK\x03\x04 and nothing more").unwrap();
    let error = read(&path).unwrap_err();
    assert!(error.to_string().contains("is not a readable npz file"), "{error}");
    assert_eq!(error.hint().unwrap(), "copy or download it again");
}

#[test]
fn actions_out_of_bounds_are_told() {
    let (data, description) = dataset::read(&recorded("outside"), None).unwrap();
    let findings = Inspection::of(&data, description).findings.join("\n");
    assert!(
        findings.contains("54 numbers of actions lie outside [-1, 1], the furthest at 1.84375"),
        "{findings}"
    );
}
