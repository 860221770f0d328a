//! Run directories: recognised, locked, and resumed after damage.

mod tiny;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use diar::device::DeviceName;
use diar::run::checkpoints::{Checkpoints, History};
use diar::run::config::{DataSource, Move, Versions};
use diar::run::metrics::MetricsLog;
use diar::run::{RunConfig, RunDirectory, RunError, atomic};
use diar_core::benchmark::MAZE2D;
use diar_core::bundle::Method;
use diar_core::env::maze2d::generate;
use diar_core::learn::{Checkpoint, Stage, Training};
use diar_core::method::MethodSettings;
use diar_core::settings::{Preset, Schedule, Settings};
use tempfile::TempDir;

fn config() -> RunConfig {
    RunConfig {
        task: MAZE2D[0].id().to_owned(),
        spec: None,
        method: Method::Diar,
        preset: Preset::Quick,
        device: "cpu".to_owned(),
        reused: None,
        data: DataSource {
            source: "generated".to_owned(),
            reward_at: None,
            rows: 10,
            sha256: "ab".to_owned(),
        },
        versions: Versions::current(),
        settings: MethodSettings::preset(Method::Diar, Preset::Quick, &MAZE2D[0].basis()),
        tags: BTreeMap::new(),
        moved: Vec::new(),
    }
}

/// DIAR's settings in a configuration, to be changed.
fn settings(config: &mut RunConfig) -> &mut Settings {
    let MethodSettings::Latent(settings) = &mut config.settings else { panic!("settings of another method") };
    settings
}

#[test]
fn configurations_survive_their_file() {
    let folder = TempDir::new().unwrap();
    assert!(RunConfig::read(folder.path()).unwrap().is_none());
    for preset in [Preset::Quick, Preset::Cpu, Preset::Paper] {
        let basis = MAZE2D[0].basis();
        let mut config =
            RunConfig { preset, settings: MethodSettings::preset(Method::Diar, preset, &basis), ..config() };
        let Settings { vae, critic, plan, .. } = settings(&mut config);
        vae.train.schedule = Schedule::Cyclic { half_period: 3 };
        critic.windows = None;
        plan.margin = 0.1;
        if preset == Preset::Cpu {
            config.moved = vec![Move { device: "cuda:0".to_owned(), stage: Stage::Draw, step: 7 }];
        }
        config.write(folder.path()).unwrap();
        assert_eq!(RunConfig::read(folder.path()).unwrap(), Some(config.clone()));
        // As programs wrote it that knew no other method.
        let file = folder.path().join("config.toml");
        let text = fs::read_to_string(&file).unwrap();
        let older = text.replace("method = \"diar\"\n", "");
        assert_ne!(older, text);
        fs::write(&file, older).unwrap();
        assert_eq!(RunConfig::read(folder.path()).unwrap(), Some(config));
    }
    for method in Method::ALL {
        let settings = MethodSettings::preset(method, Preset::Cpu, &MAZE2D[0].basis());
        let config = RunConfig { method, settings, ..config() };
        config.write(folder.path()).unwrap();
        assert_eq!(RunConfig::read(folder.path()).unwrap(), Some(config));
    }
}

/// A setting of another method is named, and so is the method.
#[test]
fn settings_of_another_method_are_refused() {
    let folder = TempDir::new().unwrap();
    let settings = MethodSettings::preset(Method::Iql, Preset::Quick, &MAZE2D[0].basis());
    let config = RunConfig { method: Method::Iql, settings, ..config() };
    config.write(folder.path()).unwrap();
    let file = folder.path().join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("method = \"iql\"", "method = \"bc\"")).unwrap();
    let error = RunConfig::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("critic"), "{error}");
    fs::write(&file, text).unwrap();
    let error = RunDirectory::open(folder.path(), &self::config()).unwrap_err().to_string();
    assert!(error.contains("method is \"iql\", but \"diar\""), "{error}");
}

#[test]
fn another_run_is_refused_by_its_first_difference() {
    let folder = TempDir::new().unwrap();
    drop(RunDirectory::open(folder.path(), &config()).unwrap());
    drop(RunDirectory::open(folder.path(), &config()).unwrap());

    let mut other = config();
    settings(&mut other).diffusion.train.steps = 77;
    // The data follows from a setting: the setting is named.
    other.data.sha256 = "cd".to_owned();
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("diffusion.train.steps is 10000, but 77"), "{error}");

    let mut other = config();
    settings(&mut other).vae.train.clip = None;
    let error = RunDirectory::open(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("vae.train.clip is 1.0, but null"), "{error}");

    let other = RunConfig { task: MAZE2D[1].id().to_owned(), ..config() };
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
    // Its files are looked at with the lock only: the one that has it may be writing them.
    let other = RunConfig { task: MAZE2D[1].id().to_owned(), ..config() };
    let error = RunDirectory::open(folder.path(), &other).unwrap_err();
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
        .filter(|name| name != "products")
        .collect();
    names.sort();
    names
}

fn products(run: &Path) -> Vec<String> {
    let entries = fs::read_dir(run.join("checkpoints/products")).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_last_two_checkpoints_are_kept() {
    let folder = TempDir::new().unwrap();
    let mut checkpoints = Checkpoints::of(folder.path());
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
        ("vae.net", |path| flip_a_bit(&path.join("vae.net"))),
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
        let mut checkpoints = Checkpoints::of(folder.path());
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
fn an_unfinished_checkpoint_is_cleared_away_by_its_own_run_alone() {
    let folder = TempDir::new().unwrap();
    let run = RunDirectory::open(folder.path(), &config()).unwrap();
    let unfinished = folder.path().join("checkpoints").join(format!("{}abc", atomic::UNFINISHED));
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("vae.net"), "half").unwrap();
    let writing = folder.path().join(format!("{}abc", atomic::WRITING));
    fs::write(&writing, "half").unwrap();
    // Whoever only reads, as `--reuse` does, holds no lock.
    assert!(Checkpoints::of(folder.path()).newest_intact(|error| panic!("{error}")).is_none());
    assert!(unfinished.exists());
    assert!(run.checkpoints().newest_intact(|error| panic!("{error}")).is_none());
    assert!(!unfinished.exists() && !writing.exists());
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

/// The checkpoint that a run has fallen back to is kept, and the damaged one is removed, whoever writes the next.
#[test]
fn a_damaged_checkpoint_makes_way_for_an_intact_one() {
    for looked in [true, false] {
        let folder = TempDir::new().unwrap();
        let mut checkpoints = Checkpoints::of(folder.path());
        for position in [257, 290] {
            checkpoints.save(&checkpoint(Stage::Vae, position), &history(1.0)).unwrap();
        }
        flip_a_bit(&folder.path().join("checkpoints/vae-290/vae.net"));
        let mut resumed = Checkpoints::of(folder.path());
        if looked {
            assert_eq!(resumed.newest_intact(drop).unwrap().0.position, 257);
        }
        resumed.save(&checkpoint(Stage::Vae, 280), &history(1.0)).unwrap();
        assert_eq!(names(folder.path()), ["vae-257", "vae-280"]);
        resumed.save(&checkpoint(Stage::Vae, 285), &history(1.0)).unwrap();
        assert_eq!(names(folder.path()), ["vae-280", "vae-285"]);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_of_its_place() {
    let folder = TempDir::new().unwrap();
    let mut checkpoints = Checkpoints::of(folder.path());
    checkpoints.save(&checkpoint(Stage::Vae, 5), &history(1.0)).unwrap();
    let mut impossible = checkpoint(Stage::Vae, 5);
    impossible.blobs.insert("no/file".to_owned(), vec![1]);
    assert!(checkpoints.save(&impossible, &history(2.0)).is_err());
    let (kept, past) = Checkpoints::of(folder.path()).newest_intact(|error| panic!("{error}")).unwrap();
    assert_eq!((kept, past), (checkpoint(Stage::Vae, 5), history(1.0)));
    assert_eq!(names(folder.path()), ["vae-5"]);
}

/// A checkpoint of the critic whose first stages made so many bytes.
fn late(position: usize, drawn: usize) -> Checkpoint {
    let mut checkpoint = checkpoint(Stage::Critic, position);
    checkpoint.blobs.insert("vae.net".to_owned(), vec![1; 1000]);
    checkpoint.blobs.insert("encoded".to_owned(), vec![2; 2000]);
    checkpoint.blobs.insert("denoiser.net".to_owned(), vec![3; 3000]);
    checkpoint.blobs.insert("drawn".to_owned(), vec![4; drawn]);
    checkpoint.blobs.insert("q0.net".to_owned(), vec![position as u8; 100]);
    checkpoint
}

#[test]
fn products_of_finished_stages_are_written_once() {
    let folder = TempDir::new().unwrap();
    let mut checkpoints = Checkpoints::of(folder.path());
    checkpoints.save(&late(1, 50_000), &history(1.0)).unwrap();
    let written = |name: &String| {
        fs::metadata(folder.path().join("checkpoints/products").join(name)).unwrap().modified().unwrap()
    };
    let first = products(folder.path());
    let times: Vec<_> = first.iter().map(written).collect();
    assert_eq!(first.len(), 5);
    // Training leaves out what the checkpoint before has.
    let mut rest = late(2, 50_000);
    rest.blobs.retain(|name, _| name == "q0.net");
    checkpoints.save(&rest, &history(1.0)).unwrap();
    // Another session brings everything again.
    Checkpoints::of(folder.path()).save(&late(3, 50_000), &history(1.0)).unwrap();
    assert_eq!(products(folder.path()), first);
    assert_eq!(first.iter().map(written).collect::<Vec<_>>(), times);
    for position in [2, 3] {
        let own = fs::read_dir(folder.path().join(format!("checkpoints/critic-{position}"))).unwrap();
        let bytes: u64 = own.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 3000, "{bytes} bytes");
    }
    fs::remove_dir_all(folder.path().join("checkpoints/critic-3")).unwrap();
    let mut left = Checkpoints::of(folder.path());
    assert_eq!(left.newest_intact(|error| panic!("{error}")).unwrap().0, late(2, 50_000));

    // Nobody refers to the old product any more.
    for position in [4, 5] {
        left.save(&late(position, 60_000), &history(1.0)).unwrap();
    }
    let second = products(folder.path());
    assert!(second.len() == 5 && second != first);
    assert_eq!(left.newest_intact(|error| panic!("{error}")).unwrap().0, late(5, 60_000));
}

#[test]
fn a_damaged_product_leads_back_to_the_stage_that_makes_it() {
    let folder = TempDir::new().unwrap();
    let mut checkpoints = Checkpoints::of(folder.path());
    let mut past = history(1.0);
    past.losses.insert("critic.q0_loss".to_owned(), 2.0);
    for position in [1, 2] {
        checkpoints.save(&late(position, 50_000), &past).unwrap();
    }
    let path = folder.path().join("checkpoints/products");
    let of_size = |bytes: u64| {
        let names = products(folder.path());
        let name = names.into_iter().find(|name| fs::metadata(path.join(name)).unwrap().len() == bytes);
        path.join(name.unwrap())
    };
    flip_a_bit(&of_size(50_000));
    let mut skipped = 0;
    let (found, past) = Checkpoints::of(folder.path()).newest_intact(|_| skipped += 1).unwrap();
    assert_eq!((skipped, found.stage, found.position), (2, Stage::Draw, 0));
    assert_eq!(found.blobs.keys().collect::<Vec<_>>(), ["denoiser.net", "encoded", "vae.adam", "vae.net"]);
    assert_eq!(past, history(1.0));
    // The same product again replaces the damaged one.
    let mut resumed = Checkpoints::of(folder.path());
    resumed.save(&late(3, 50_000), &history(1.0)).unwrap();
    assert_eq!(resumed.newest_intact(|error| panic!("{error}")).unwrap().0, late(3, 50_000));

    fs::remove_file(of_size(1000)).unwrap();
    assert!(Checkpoints::of(folder.path()).newest_intact(drop).is_none());
}

/// `checkpoint.json` as the first version wrote it: every blob lies beside it.
#[test]
fn checkpoints_of_earlier_versions_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("checkpoints/critic-7");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("drawn"), "abc").unwrap();
    fs::write(path.join("q0.net"), "").unwrap();
    let list = r#"{"stage": "critic", "position": 7, "history": {"training_seconds": 1.5, "losses": {}}, "blobs": {
        "drawn": {"bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        "q0.net": {"bytes": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}"#;
    fs::write(path.join("checkpoint.json"), list).unwrap();
    let mut checkpoints = Checkpoints::of(folder.path());
    let (found, past) = checkpoints.newest_intact(|error| panic!("{error}")).unwrap();
    assert_eq!((found.stage, found.position, past.training_seconds), (Stage::Critic, 7, 1.5));
    assert_eq!(found.blobs["drawn"], b"abc");
    checkpoints.save(&Checkpoint { position: 8, ..found.clone() }, &past).unwrap();
    fs::remove_dir_all(path).unwrap();
    let (next, _) = Checkpoints::of(folder.path()).newest_intact(|error| panic!("{error}")).unwrap();
    assert_eq!(next.blobs, found.blobs);
}

#[test]
fn another_device_resumes_a_run_and_is_recorded() {
    let folder = TempDir::new().unwrap();
    let run = RunDirectory::open(folder.path(), &config()).unwrap();
    assert_eq!(run.record_device("cpu", Stage::Vae, 0).unwrap().devices(), "cpu");
    drop(run);
    let moved = RunConfig { device: "cuda:0".to_owned(), ..config() };
    for step in [9, 11] {
        let run = RunDirectory::open(folder.path(), &moved).unwrap();
        assert_eq!(run.record_device("cuda:0", Stage::Critic, step).unwrap().devices(), "cpu, then cuda:0");
    }
    let recorded = RunConfig::read(folder.path()).unwrap().unwrap();
    assert_eq!(recorded.device, "cpu");
    assert_eq!(recorded.moved, [Move { device: "cuda:0".to_owned(), stage: Stage::Critic, step: 9 }]);
    let run = RunDirectory::open(folder.path(), &config()).unwrap();
    assert_eq!(run.record_device("cpu", Stage::Critic, 12).unwrap().devices(), "cpu, then cuda:0, then cpu");
}

/// Programs that begin in the same directory at the same time: one trains, the others learn why they cannot.
#[test]
fn a_race_for_a_directory_has_one_winner() {
    for _ in 0..40 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("run");
        let barrier = Barrier::new(4);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        RunDirectory::open(&path, &config())
                    })
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(error, RunError::Busy { .. }), "{error}");
        }
    }
}

#[test]
fn traces_of_a_run_that_never_began_are_no_obstacle_and_locks_of_others_are_kept() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".lock"), "").unwrap();
    fs::write(folder.path().join(format!("{}abc", atomic::WRITING)), "task =").unwrap();
    RunDirectory::open(folder.path(), &config()).unwrap();

    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".lock"), "4711").unwrap();
    fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    let error = RunDirectory::open(folder.path(), &config()).unwrap_err();
    assert!(matches!(error, RunError::NotARun { .. }), "{error}");
    assert_eq!(fs::read(folder.path().join(".lock")).unwrap(), b"4711");
}

/// Training of the tiny agent, about to begin.
fn training() -> Training {
    let task = &MAZE2D[0];
    let settings = tiny::settings();
    let data = Arc::new(generate(task.maze(), settings.data.rows, settings.seed));
    Training::new(settings, Arc::clone(&task.spec), data, &DeviceName::Cpu.open().unwrap()).unwrap()
}

fn train_to_the_end(mut training: Training) -> Checkpoint {
    while training.stage() != Stage::Done {
        training.step(false).unwrap();
    }
    training.checkpoint().unwrap()
}

/// Blobs of one checkpoint that are not the same in another of the same place.
fn different<'a>(one: &'a Checkpoint, other: &'a Checkpoint) -> Vec<&'a str> {
    assert_eq!((one.stage, one.position), (other.stage, other.position));
    let names = one.blobs.keys().chain(other.blobs.keys()).map(String::as_str);
    names.filter(|&name| one.blobs.get(name) != other.blobs.get(name)).collect()
}

/// The same but for the networks, whose records carry marks of the process that made them. The moments of their
/// optimisers follow from every step of theirs.
fn learned_differently<'a>(one: &'a Checkpoint, other: &'a Checkpoint) -> Vec<&'a str> {
    different(one, other)
        .into_iter()
        .filter(|name| Path::new(name).extension() != Some("net".as_ref()))
        .collect()
}

#[test]
fn a_checkpoint_that_does_not_fit_changes_nothing() {
    let mut training = training();
    while training.stage() != Stage::Critic {
        training.step(false).unwrap();
    }
    let good = training.checkpoint().unwrap();
    training.step(false).unwrap();
    let before = training.checkpoint().unwrap();
    for name in good.blobs.keys() {
        let mut bad = good.clone();
        bad.blobs.get_mut(name).unwrap().truncate(3);
        assert!(training.restore(bad).is_err(), "{name}");
        assert_eq!(different(&training.checkpoint().unwrap(), &before), [""; 0], "{name}");
    }
    training.restore(good.clone()).unwrap();
    assert_eq!(different(&training.checkpoint().unwrap(), &good), [""; 0]);
}

/// A device with chunks of another size leaves a part of a chunk behind, and a lost blob the beginning of its stage.
#[test]
fn parts_of_stages_are_completed() {
    let mut training_now = training();
    let mut begun = BTreeMap::new();
    while training_now.stage() != Stage::Done {
        begun.entry(training_now.stage()).or_insert_with(|| training_now.checkpoint().unwrap());
        training_now.step(false).unwrap();
    }
    let whole = training_now.checkpoint().unwrap();
    // Latents have 4 numbers of 4 bytes; two are drawn for each window.
    for (stage, name, bytes) in [(Stage::Encode, "encoded", 16 * 100), (Stage::Draw, "drawn", 32 * 13)] {
        let mut part = begun[&stage].clone();
        part.blobs.insert(name.to_owned(), whole.blobs[name][..bytes].to_vec());
        let mut resumed = training();
        resumed.restore(part).unwrap();
        assert_eq!(learned_differently(&train_to_the_end(resumed), &whole), [""; 0], "{stage}");
    }
    for lost in ["encoded", "denoiser.adam", "drawn", "q1.net"] {
        let mut rest = whole.clone();
        rest.blobs.remove(lost);
        let mut resumed = training();
        resumed.restore(rest.without(&[lost.to_owned()]).unwrap()).unwrap();
        assert_eq!(learned_differently(&train_to_the_end(resumed), &whole), [""; 0], "{lost}");
    }
    assert!(whole.clone().without(&["vae.net".to_owned(), "drawn".to_owned()]).is_none());
    assert!(begun[&Stage::Diffusion].clone().back_to(Stage::Draw).is_none());
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_their_targets_replaced() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("far")).unwrap();
    fs::write(path("far/target"), "old").unwrap();
    fs::set_permissions(path("far/target"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("far/target", path("first")).unwrap();
    symlink("first", path("second")).unwrap();
    atomic::write(&path("second"), b"new").unwrap();
    assert_eq!(fs::read(path("far/target")).unwrap(), b"new");
    // Who may read it is kept.
    assert_eq!(fs::metadata(path("far/target")).unwrap().permissions().mode() & 0o777, 0o640);

    // Nothing is there yet; the link says where it will be.
    symlink(path("far/later"), path("dangling")).unwrap();
    atomic::write(&path("dangling"), b"later").unwrap();
    assert_eq!(fs::read(path("far/later")).unwrap(), b"later");
    for link in ["first", "second", "dangling"] {
        assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink(), "{link}");
    }

    symlink("round", path("about")).unwrap();
    symlink("about", path("round")).unwrap();
    assert!(atomic::write(&path("round"), b"x").unwrap_err().to_string().contains("symbolic links"));
}
