//! The program as it is used: arguments in, output and exit code out.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use diar_core::benchmark::MAZE2D;
use diar_core::maze::{GOAL_RADIUS, MazeId, PointMass};
use serde_json::{Value, json};
use tempfile::TempDir;

fn diar(arguments: &[&str]) -> Output {
    // Where there is no desktop, Mesa's device-selection layer writes complaints of its own to standard error.
    Command::new(env!("CARGO_BIN_EXE_diar")).args(arguments).env("NODEVICE_SELECT", "1").output().unwrap()
}

/// Standard error of a run that must fail with an exit code and print no result.
fn failure(arguments: &[&str], code: i32) -> String {
    let output = diar(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    stderr
}

fn simulate(request: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_diar"))
        .arg("simulate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn simulate_gives_the_physics_to_the_last_bit() {
    for task in MAZE2D.iter() {
        let actions: Vec<[f64; 2]> =
            (0..400).map(|t| [(f64::from(t) * 0.11).sin() * 1.3, (f64::from(t) * 0.07).cos()]).collect();
        let request =
            json!({"task": task.id(), "qpos": [1.05, 1.1], "qvel": [0.3, -0.2], "actions": actions});
        let output = simulate(&request.to_string());
        assert!(output.status.success() && output.stderr.is_empty());
        let response: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(response.as_object().unwrap().len(), 2);

        let layout = task.maze().layout();
        let mut ball = PointMass { position: [1.05, 1.1], velocity: [0.3, -0.2] };
        let [goal_x, goal_y] = layout.goal_position();
        let (mut states, mut rewards) = (Vec::new(), Vec::new());
        for action in actions {
            ball.step(layout, action);
            let [x, y, ..] = ball.state();
            states.push(ball.state());
            rewards.push(f64::from(u8::from((x - goal_x).hypot(y - goal_y) <= GOAL_RADIUS)));
        }
        let given: Vec<[f64; 4]> = serde_json::from_value(response["states"].clone()).unwrap();
        assert_eq!(given, states);
        let given: Vec<f64> = serde_json::from_value(response["rewards"].clone()).unwrap();
        assert_eq!(given, rewards);
    }
}

#[test]
fn simulate_reads_a_file_and_explains_what_it_expects() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("request.json");
    let request = r#"{"task":"maze2d-umaze-v1","qpos":[1,1],"qvel":[0,0],"actions":[]}"#;
    fs::write(&path, request).unwrap();
    let output = diar(&["simulate", path.to_str().unwrap()]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"states\":[],\"rewards\":[]}\n");

    for (request, parts) in [
        ("", ["not what is expected", "\"qpos\": [x, y]"]),
        (r#"{"task":"maze2d-umaze-v1","qpos":[1,1],"qvel":[0,0]}"#, ["missing field `actions`", "expected"]),
        (r#"{"task":"maze2d-umaze-v1","qpos":[1],"qvel":[0,0],"actions":[]}"#, ["length 1", "expected"]),
        (
            r#"{"task":"maze2d-umaze-v1","qpos":[1,1e999],"qvel":[0,0],"actions":[]}"#,
            ["out of range", "expected"],
        ),
        (
            r#"{"task":"maze2d-tiny-v1","qpos":[1,1],"qvel":[0,0],"actions":[]}"#,
            ["maze2d-tiny-v1", "expected one of"],
        ),
        (r#"{"task":"maze2d-umaze-v1","qpos":[2,1],"qvel":[0,0],"actions":[]}"#, ["qpos [2, 1]", "wall"]),
        (r#"{"task":"maze2d-umaze-v1","qpos":[1e300,-9],"qvel":[0,0],"actions":[]}"#, ["qpos", "outside"]),
    ] {
        let output = simulate(request);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{request}: {stderr}");
        for part in parts {
            assert!(stderr.starts_with("error: ") && stderr.contains(part), "{request}: {stderr}");
        }
    }
}

#[test]
fn wrong_usage_is_explained_with_exit_code_2() {
    for (arguments, parts) in [
        (&["train", "maze2d-tiny-v1"][..], ["maze2d-tiny-v1", "maze2d-large-v1"]),
        (&["train", "maze2d-umaze-v1", "--set", "vae.hiden=3"], ["'vae.hiden'", "hidden"]),
        (&["train", "maze2d-umaze-v1", "--set", "vae.hidden=wide"], ["'vae.hidden'", "'wide'"]),
        (&["train", "maze2d-umaze-v1", "--set", "vae.hidden"], ["'vae.hidden'", "key=value"]),
        (&["train", "maze2d-umaze-v1", "--set", "vae.hidden=0"], ["vae.hidden is 0", "at least 1"]),
        (&["train", "maze2d-umaze-v1", "--data", "missing.hdf5"], ["cannot read", "missing.hdf5"]),
        (&["eval", "missing.safetensors"], ["cannot read", "missing.safetensors"]),
        (&["eval", "missing.safetensors", "--episodes", "0"], ["'0'", "--episodes"]),
        (&["samplers", "missing.safetensors", "--margin", "NaN"], ["'NaN'", "0 or more"]),
        (&["samplers", "missing.safetensors", "--episodes", "1"], ["'1'", "--episodes"]),
        (&["data", "inspect", "Cargo.toml"], ["Cargo.toml", "not a readable HDF5 file"]),
        (&["data", "inspect", "src"], ["src has no data/main_data.hdf5", "Minari"]),
        (&["policy", "missing.safetensors"], ["cannot read", "missing.safetensors"]),
        (&["score", "maze2d-tiny-v1", "--policy", "random"], ["maze2d-tiny-v1", "maze2d-large-v1"]),
        (
            &["score", "maze2d-umaze-v1", "--policy", "random", "--no-revalue"],
            ["--no-revalue", "cannot be used"],
        ),
        (&["table", "missing"], ["cannot read", "missing"]),
        (
            &["plot", "values", "missing.safetensors", "--out", "x.svg"],
            ["cannot read", "missing.safetensors"],
        ),
        (&["info", "Cargo.toml"], ["error: Cargo.toml", "."]),
        (&["eval", "src"], ["src has no bundle", "hint: "]),
        (&["paint"], ["paint", "Usage"]),
    ] {
        let stderr = failure(arguments, 2);
        for part in parts {
            assert!(stderr.contains(part), "{arguments:?}: '{part}' is missing in: {stderr}");
        }
    }
}

/// A device that is not built in, or not there, is one sentence and never a panic.
#[test]
fn an_absent_device_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    // No machine has this many GPUs, whatever this program was built with.
    for device in ["cuda:4242", "wgpu:4242"] {
        let stderr =
            failure(&["train", MAZE2D[0].id(), "--device", device, "--run", run.to_str().unwrap()], 2);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with(&format!("error: device '{device}' ")), "{stderr}");
        assert!(stderr.contains("--device cpu"), "{stderr}");
    }
    assert!(!run.exists());
    for device in ["gpu", "cpu:1", "cuda:x"] {
        let stderr = failure(&["train", MAZE2D[0].id(), "--device", device], 2);
        assert!(stderr.contains(&format!("unknown device '{device}'")), "{stderr}");
    }
}

/// A program without the simulator of a task says how to have it.
#[cfg(not(feature = "mujoco"))]
#[test]
fn antmaze_without_mujoco_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("ant.hdf5");
    let out = out.to_str().unwrap();
    for arguments in [
        &["data", "generate", "antmaze-medium-diverse-v2", "--rows", "10", "--out", out][..],
        &["score", "antmaze-umaze-v2", "--policy", "random", "--episodes", "1", "--out", out],
    ] {
        let stderr = failure(arguments, 2);
        assert!(stderr.contains("cargo xtask mujoco") && stderr.contains("--features mujoco"), "{stderr}");
    }
    assert!(!folder.path().join("ant.hdf5").exists());
}

#[test]
fn data_is_generated_and_inspected() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("umaze.hdf5");
    let file = file.to_str().unwrap();
    let generated =
        diar(&["data", "generate", MAZE2D[0].id(), "--rows", "3000", "--seed", "5", "--out", file, "--json"]);
    assert!(generated.status.success());
    let inspected = diar(&["data", "inspect", file, "--json"]);
    assert!(inspected.status.success());
    assert_eq!(generated.stdout, inspected.stdout);
    let summary: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!((&summary["rows"], &summary["state_dim"]), (&json!(3000), &json!(4)));
    let data = diar_core::env::maze2d::generate(MazeId::Umaze, 3000, 5);
    assert_eq!(summary["sha256"], diar::dataset::hash(&data));
    assert_eq!(summary["segments"], data.timeouts.iter().filter(|&&end| end).count());
    let text = String::from_utf8(diar(&["data", "inspect", file]).stdout).unwrap();
    assert!(text.contains("rows         3000") && text.contains("reward rate"), "{text}");
    assert!(text.contains("maze2d-umaze-v1    fits") && text.ends_with("nothing looks wrong\n"), "{text}");
}

#[test]
fn minari_data_is_inspected_and_what_is_wrong_with_it_is_told_before_training() {
    let data = "tests/data/minari/walk-v0";
    let inspected = diar(&["data", "inspect", data, "--json"]);
    let inspection: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!((&inspection["layout"], &inspection["rows"]), (&json!("minari"), &json!(58)));
    assert_eq!(inspection["segment_lengths"], json!({"min": 3, "median": 5, "max": 7}));
    assert_eq!((&inspection["continuous"], &inspection["tasks"][0]["fits"]), (&json!(false), &json!(false)));
    let text = String::from_utf8(diar(&["data", "inspect", data]).stdout).unwrap();
    let finding = inspection["findings"][0].as_str().unwrap();
    assert!(text.contains(&format!("looks wrong:\n  - {finding}")), "{text}");

    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let stderr = failure(&["train", MAZE2D[0].id(), "--data", data, "--run", run.to_str().unwrap()], 2);
    assert!(stderr.contains(&format!("warning: {finding}")), "{stderr}");
    assert!(stderr.contains("the longest episode of the data set has 7 rows"), "{stderr}");
}

#[test]
fn help_names_the_exit_codes() {
    let help = String::from_utf8(diar(&["--help"]).stdout).unwrap();
    for part in ["Exit codes:", "0    done", "2    wrong usage", "130  interrupted", "NO_COLOR"] {
        assert!(help.contains(part), "{part}");
    }
}
