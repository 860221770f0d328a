//! OGBench's files: episodes, rewards and successors, held against what OGBench's own loader makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use diar::dataset::summary::RewardValues;
use diar::dataset::{self, Boundaries, Description, Dropped, Layout, RewardSource, Storage};
use diar::label::RewardAt;
use diar_core::data::Transitions;
use serde_json::Value;
use tempfile::TempDir;

mod tiny;

/// Made by `data/record_ogbench.py`.
const FOLDER: &str = "tests/data/ogbench";
const RAW: &str = "pointmaze-medium-navigate-v0";

fn recorded(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.npz"))
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(Path::new(FOLDER).join("expected.json")).unwrap()).unwrap()
}

fn at(expected: &Value) -> RewardAt {
    let numbers: Vec<f64> = serde_json::from_value(expected["reward_at"].clone()).unwrap();
    RewardAt { place: [numbers[0], numbers[1]], radius: numbers[2] }
}

fn rows(flags: impl Iterator<Item = bool>) -> Vec<usize> {
    flags.enumerate().filter_map(|(row, flag)| flag.then_some(row)).collect()
}

#[test]
fn steps_have_successors_and_rewards_of_reaching_them() {
    let expected = expected();
    let reward_at = at(&expected);
    let (data, description) = dataset::read(&recorded(RAW), Some(reward_at)).unwrap();
    let list = |name: &str| serde_json::from_value::<Vec<usize>>(expected[name].clone()).unwrap();
    assert_eq!(data.len() as u64, expected["rows"].as_u64().unwrap());
    assert_eq!(rows(data.timeouts.iter().copied()), list("ends"));
    assert_eq!(rows(data.rewards.iter().map(|&reward| reward == 1.0)), list("rewarded"));
    assert!(data.terminals.iter().all(|&terminal| !terminal));
    assert!(!data.continuous && data.goals.is_empty());
    let first: [Vec<f32>; 2] = serde_json::from_value(expected["first"].clone()).unwrap();
    assert_eq!([data.state(0), data.action(0)], first);

    let Description { name, origin, summary } = description;
    assert_eq!(name, RAW);
    assert_eq!(
        (origin.layout, origin.storage, origin.boundaries),
        (Layout::Ogbench, Storage::Npz, Boundaries::Ogbench)
    );
    assert_eq!(origin.reward_source, RewardSource::At(reward_at));
    assert_eq!(
        origin.dropped,
        [Dropped { rows: 4, reason: "the last of each episode, which has no successor" }]
    );
    assert_eq!(origin.findings, [""; 0]);
    assert_eq!((summary.episodes, summary.longest_episode), (4, 40));
    assert_eq!(summary.reward_values, RewardValues::ZeroOne);
}

/// The loader hands the same steps out with the observation after each, or with a column that says which rows have one.
#[test]
fn the_loaders_forms_are_the_same_steps() {
    let reward_at = Some(at(&expected()));
    let (raw, _) = dataset::read(&recorded(RAW), reward_at).unwrap();
    for (name, dropped) in [("regular", 0), ("compact", 4)] {
        let (data, Description { origin, .. }) = dataset::read(&recorded(name), reward_at).unwrap();
        assert_eq!(data, raw, "{name}");
        assert_eq!(origin.dropped.iter().map(|dropped| dropped.rows).sum::<usize>(), dropped, "{name}");
        assert_eq!(origin.findings, [""; 0], "{name}");
    }
}

/// With a goal of OGBench's own its loader adds rewards of -1 and 0, and masks that say where no more is to come.
#[test]
fn rewards_of_ogbenchs_own_are_read() {
    let (raw, _) = dataset::read(&recorded(RAW), Some(at(&expected()))).unwrap();
    let (data, Description { origin, summary, .. }) = dataset::read(&recorded("singletask"), None).unwrap();
    let rewards: Vec<f32> = serde_json::from_value(expected()["singletask_rewards"].clone()).unwrap();
    assert_eq!(data, Transitions { rewards, ..raw });
    assert_eq!(origin.reward_source, RewardSource::Recorded);
    assert_eq!(summary.reward_values, RewardValues::MinusOneZero);
    let error = dataset::read(&recorded("singletask"), Some(at(&expected()))).unwrap_err().to_string();
    assert!(error.contains("has rewards of its own"), "{error}");
}

fn diar(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diar")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_command_line_says_what_it_did() {
    let path = recorded(RAW);
    let path = path.to_str().unwrap();
    let refused = diar(&["data", "inspect", path]);
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.starts_with("error: ") && stderr.contains("`--reward-at X,Y,RADIUS`"), "{stderr}");

    let text = String::from_utf8(diar(&["data", "inspect", path, "--reward-at", "19,1.5,1"]).stdout).unwrap();
    for part in [
        "layout       OGBench's columns, npz",
        "boundaries   episodes, as 'terminals' marks their last rows",
        "rewards      1 where the state after the step has its first two numbers within 1 of (19, 1.5), else 0",
        "left out     4 rows, the last of each episode, which has no successor",
        "values 0 and 1",
        "episodes     4, the longest of 40 rows",
    ] {
        assert!(text.contains(part), "'{part}' is missing in: {text}");
    }
    let json = diar(&["data", "inspect", path, "--reward-at=19,1.5,1", "--json"]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["name"], RAW);
    assert_eq!(json["layout"], "ogbench");
    assert_eq!(json["storage"], "npz");
    assert_eq!(json["reward_source"], "at 19,1.5,1");
    assert_eq!(json["boundaries"]["rule"], "ogbench");
    assert_eq!(json["dropped"][0]["rows"], 4);
    assert_eq!(json["reward_values"]["kind"], "zero-one");
    assert_eq!(json["longest_episode"], 40);

    for text in ["19,1.5", "19,1.5,0", "19,1.5,-1", "a,b,c", "19,1.5,1,1"] {
        let refused = diar(&["data", "inspect", path, "--reward-at", text]);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(stderr.contains("three numbers"), "{text}: {stderr}");
    }
    let refused = diar(&["train", tiny::TASK, "--reward-at", "19,1.5,1"]);
    assert_eq!(refused.status.code(), Some(2), "labels are for data from a file");
}

/// The place that is rewarded belongs to the run: it resumes with that one only.
#[test]
fn a_run_keeps_the_place_that_is_rewarded() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let train = |reward_at: &[&str]| {
        let mut command = tiny::train(&run);
        command.args(["--data", "tests/data/npz/walks.npz"]).args(reward_at).output().unwrap()
    };
    let error = |output: Output| {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error(train(&[])).contains("--reward-at X,Y,RADIUS"));
    assert!(!run.exists());
    let output = train(&["--reward-at", "1,2,0.4"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    for part in [
        "episodes, as 'terminals' marks",
        "rewards: 1 where the state after the step has its first two numbers within 0.4 of (1, 2), else 0",
        "left out: 3 rows, the last of each episode",
    ] {
        assert!(stderr.contains(part), "'{part}' is missing in: {stderr}");
    }
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("reward_at = \"1,2,0.4\""), "{config}");
    assert!(train(&["--reward-at=1.0,2,4e-1"]).status.success(), "the same place");
    let other = error(train(&["--reward-at", "1,2,0.5"]));
    assert!(other.contains("data.reward_at") && other.contains("1,2,0.5"), "{other}");
}
