//! Run directories: recognised, locked, and gone on with after damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use diar::run::checkpoints::{Checkpoints, History};
use diar::run::config::{DataSource, Versions};
use diar::run::metrics::MetricsLog;
use diar::run::{RunConfig, RunDirectory, RunError, atomic};
use diar_core::learn::{Checkpoint, Stage};
use diar_core::settings::{Preset, Schedule, Settings};
use diar_core::task::TASKS;
use tempfile::TempDir;

fn config() -> RunConfig {
    RunConfig {
        task: TASKS[0].id.to_owned(),
        preset: Preset::Quick,
        device: "cpu".to_owned(),
        reused: None,
        data: DataSource { source: "generated".to_owned(), rows: 10, sha256: "ab".to_owned() },
        versions: Versions::current(),
        settings: Settings::preset(Preset::Quick, &TASKS[0]),
    }
}

#[test]
fn configurations_survive_their_file() {
    let folder = TempDir::new().unwrap();
    assert!(RunConfig::read(folder.path()).unwrap().is_none());
    for preset in [Preset::Quick, Preset::Cpu, Preset::Paper] {
        let mut config = RunConfig { preset, settings: Settings::preset(preset, &TASKS[0]), ..config() };
        config.settings.vae.train.schedule = Schedule::Cyclic { half_period: 3 };
        config.settings.critic.windows = None;
        config.settings.plan.margin = 0.1;
        config.write(folder.path()).unwrap();
        assert_eq!(RunConfig::read(folder.path()).unwrap(), Some(config));
    }
}

#[test]
fn another_run_is_refused_by_its_first_difference() {
    let folder = TempDir::new().unwrap();
    drop(RunDirectory::open(folder.path(), &config()).unwrap());
    drop(RunDirectory::open(folder.path(), &config()).unwrap());

    let mut other = config();
    other.settings.diffusion.train.steps = 77;
    // The data follows from a setting: the setting is named.
    other.data.sha256 = "cd".to_owned();
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("diffusion.train.steps is 10000, but 77"), "{error}");

    let mut other = config();
    other.settings.vae.train.clip = None;
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("vae.train.clip is 1.0, but null"), "{error}");

    let other = RunConfig { task: TASKS[1].id.to_owned(), ..config() };
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("task is \"maze2d-umaze-v1\", but \"maze2d-medium-v1\""), "{error}");

    let mut other = config();
    other.data.sha256 = "cd".to_owned();
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("data.sha256"), "{error}");

    // Where the file lies, and which version reads it, make no other run.
    let mut same = config();
    same.data.source = "elsewhere.hdf5".to_owned();
    same.versions.commit = "newer".to_owned();
    RunDirectory::open(folder.path(), &same).unwrap();
}

#[test]
fn directories_of_others_are_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    let error = RunDirectory::open(folder.path(), &config()).unwrap_err();
    assert!(matches!(error, RunError::NotARun { .. }), "{error}");
    assert!(!folder.path().join("config.toml").exists());

    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.toml"), "task = 5").unwrap();
    let error = RunDirectory::open(folder.path(), &config()).unwrap_err();
    assert!(matches!(error, RunError::Damaged { .. }), "{error}");
}

#[test]
fn only_one_trains_in_a_directory() {
    let folder = TempDir::new().unwrap();
    let first = RunDirectory::open(folder.path(), &config()).unwrap();
    let error = RunDirectory::open(folder.path(), &config()).unwrap_err();
    assert!(matches!(error, RunError::Busy { .. }), "{error}");
    drop(first);
    RunDirectory::open(folder.path(), &config()).unwrap();
}

fn checkpoint(stage: Stage, position: usize) -> Checkpoint {
    let blobs = BTreeMap::from([
        ("vae.net".to_owned(), vec![position as u8; 1000]),
        ("vae.adam".to_owned(), vec![1; 50]),
    ]);
    Checkpoint { stage, position, blobs }
}

fn history(seconds: f64) -> History {
    History { training_seconds: seconds, losses: BTreeMap::from([("vae.loss".to_owned(), 0.1 + 0.2)]) }
}

fn names(run: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_last_two_checkpoints_are_kept() {
    let folder = TempDir::new().unwrap();
    let checkpoints = Checkpoints::of(folder.path());
    assert!(checkpoints.newest_intact(|error| panic!("{error}")).is_none());
    for (stage, position) in [(Stage::Vae, 90), (Stage::Vae, 100), (Stage::Diffusion, 5), (Stage::Critic, 1)]
    {
        checkpoints.save(&checkpoint(stage, position), &history(position as f64)).unwrap();
        let (newest, past) = checkpoints.newest_intact(|error| panic!("{error}")).unwrap();
        assert_eq!((newest.stage, newest.position), (stage, position));
        assert_eq!(newest.blobs, checkpoint(stage, position).blobs);
        assert_eq!(past, history(position as f64));
    }
    assert_eq!(names(folder.path()), ["critic-1", "diffusion-5"]);
}

/// What the warning names, and what happens to the checkpoint.
type Damage = (&'static str, fn(&Path));

/// Every way in which a checkpoint can be damaged leads back to the one before.
#[test]
fn a_damaged_checkpoint_is_left_out() {
    let damages: [Damage; 7] = [
        ("vae.net", |path| {
            let mut bytes = fs::read(path.join("vae.net")).unwrap();
            bytes[500] ^= 1;
            fs::write(path.join("vae.net"), bytes).unwrap();
        }),
        ("vae.net", |path| fs::write(path.join("vae.net"), [2; 999]).unwrap()),
        ("vae.adam", |path| fs::remove_file(path.join("vae.adam")).unwrap()),
        ("checkpoint.json", |path| fs::write(path.join("checkpoint.json"), "{\"stage\": \"va").unwrap()),
        ("checkpoint.json", |path| fs::remove_file(path.join("checkpoint.json")).unwrap()),
        ("checkpoint.json", |path| {
            let list = fs::read_to_string(path.join("checkpoint.json")).unwrap();
            fs::write(path.join("checkpoint.json"), list.replace("\"vae\"", "\"dreams\"")).unwrap();
        }),
        ("vae-3", |path| {
            let list = fs::read_to_string(path.join("checkpoint.json")).unwrap();
            fs::write(path.join("checkpoint.json"), list.replace("vae.net", "../vae-3/vae.net")).unwrap();
        }),
    ];
    for (named, damage) in damages {
        let folder = TempDir::new().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        for position in [2, 3] {
            checkpoints.save(&checkpoint(Stage::Vae, position), &history(1.0)).unwrap();
        }
        damage(&folder.path().join("checkpoints/vae-3"));
        let mut skipped = Vec::new();
        let (found, _) = checkpoints.newest_intact(|error| skipped.push(error.to_string())).unwrap();
        assert_eq!(found, checkpoint(Stage::Vae, 2));
        assert!(skipped.len() == 1 && skipped[0].contains(named), "{named}: {skipped:?}");
        // The same position is reached again.
        checkpoints.save(&checkpoint(Stage::Vae, 3), &history(1.0)).unwrap();
        let (found, _) = checkpoints.newest_intact(|error| panic!("{error}")).unwrap();
        assert_eq!(found.position, 3);
    }
}

#[test]
fn an_unfinished_checkpoint_is_cleared_away() {
    let folder = TempDir::new().unwrap();
    let unfinished = folder.path().join("checkpoints").join(format!("{}abc", atomic::UNFINISHED));
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("vae.net"), "half").unwrap();
    let checkpoints = Checkpoints::of(folder.path());
    assert!(!unfinished.exists());
    assert!(checkpoints.newest_intact(|error| panic!("{error}")).is_none());
}

#[test]
fn files_are_replaced_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new/deep/file.txt");
    atomic::write(&path, b"first").unwrap();
    atomic::write(&path, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    // Nothing temporary is left.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    // A write that cannot be completed leaves what was there.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("inside")).unwrap();
    assert!(atomic::write(&taken, b"x").is_err());
    assert!(taken.join("inside").is_dir());
    assert!(atomic::write_folder(&taken, [("a", &b"x"[..])]).is_err());
    assert!(taken.join("inside").is_dir() && !taken.join("a").exists());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn metrics_go_on_where_training_goes_on() {
    let folder = TempDir::new().unwrap();
    let mut log = MetricsLog::open(folder.path(), Stage::Vae, 0).unwrap();
    for (stage, step) in [(Stage::Vae, 1), (Stage::Vae, 10), (Stage::Diffusion, 4), (Stage::Diffusion, 8)] {
        log.add(stage, step, 1.5, &vec![("loss", 0.25)]).unwrap();
    }
    drop(log);
    // A program that was killed while it wrote.
    let path = folder.path().join("metrics.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"stage\":\"diffusion\",\"st");
    fs::write(&path, text).unwrap();

    let mut log = MetricsLog::open(folder.path(), Stage::Diffusion, 4).unwrap();
    log.add(Stage::Diffusion, 7, 2.0, &vec![("loss", f64::MAX)]).unwrap();
    let lines: Vec<serde_json::Value> =
        fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<_> =
        lines.iter().map(|line| (line["stage"].as_str().unwrap(), line["step"].as_u64().unwrap())).collect();
    assert_eq!(steps, [("vae", 1), ("vae", 10), ("diffusion", 4), ("diffusion", 7)]);
    assert_eq!(lines[0]["loss"], 0.25);
    assert_eq!(lines[0]["elapsed_seconds"], 1.5);
}
