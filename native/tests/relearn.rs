//! `diar relearn`: the shipped agent, taught another goal from the shipped windows.

use std::path::Path;
use std::process::{Command, Output};

use diar_core::agent::{Outcome, Trace};

const BUNDLE: &str = "../weights/maze2d-umaze-v1.safetensors";
const WINDOWS: &str = "../weights/maze2d-umaze-v1.windows";
/// The other end of the U.
const GOAL: &str = "3,1";

fn diar(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diar")).args(arguments).output().unwrap()
}

fn relearn(bundle: &str, windows: &str, out: &Path) -> Output {
    let out = out.to_str().unwrap();
    let few = ["--set", "critic.windows=6000", "--set", "critic.train.steps=600"];
    diar(&[&["relearn", bundle, "--windows", windows, "--goal", GOAL, "--out", out], &few[..]].concat())
}

#[test]
fn the_goal_that_was_taught_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("moved.safetensors");
    let learned = relearn(BUNDLE, WINDOWS, &out);
    assert!(learned.status.success(), "{}", String::from_utf8_lossy(&learned.stderr));
    let reached = |bundle: &str| {
        (0..8)
            .filter(|seed| {
                let seed = seed.to_string();
                let played = diar(&["play", bundle, "--seed", &seed, "--goal", GOAL, "--json"]);
                let trace: Trace = serde_json::from_slice(&played.stdout).unwrap();
                trace.decisions.last().unwrap().outcome == Some(Outcome::Goal)
            })
            .count()
    };
    let (taught, shipped) = (reached(out.to_str().unwrap()), reached(BUNDLE));
    assert!(taught == 8, "{taught} of 8 episodes reached the goal");
    assert!(shipped < 8, "the shipped critic values another place");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("moved.safetensors");
    let cut = folder.path().join("cut.windows");
    let whole = std::fs::read(WINDOWS).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let foreign = "../weights/maze2d-medium-v1.windows";
    for (windows, words) in [
        (cut.to_str().unwrap(), "cut.windows"),
        (foreign, "another agent"),
        ("missing.windows", "missing.windows"),
    ] {
        let refused = relearn(BUNDLE, windows, &out);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(words), "{windows}: {said}");
        assert!(!said.contains("panicked") && !out.exists(), "{said}");
    }
}
