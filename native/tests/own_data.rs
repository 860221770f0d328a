//! A task of one's own, from its data alone: described, learned, exported, and driven by another simulator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diar::dataset::d4rl;
use diar_core::data::Transitions;
use diar_core::rng::Key;
use serde_json::Value;
use tempfile::TempDir;

mod tiny;

use tiny::{diar, success};

const EPISODE: usize = 60;

/// Ten episodes of a point in three dimensions under forces in [-2, 2], paid by how close it is to the origin.
fn walks(folder: &TempDir) -> PathBuf {
    let mut stream = Key::new(11).stream();
    let rows = 10 * EPISODE;
    let mut data = Transitions { state_dim: 3, action_dim: 2, ..Transitions::default() };
    let mut state = [0.0_f32; 3];
    for row in 0..rows {
        if row % EPISODE == 0 {
            state = std::array::from_fn(|_| stream.range(-3.0, 3.0) as f32);
        }
        let action = [stream.range(-2.0, 2.0) as f32, stream.range(-2.0, 2.0) as f32];
        data.states.extend(state);
        data.actions.extend(action);
        state = [state[0] + 0.1 * action[0], state[1] + 0.1 * action[1], 0.9 * state[2]];
        data.rewards.push(-state.iter().map(|x| x * x).sum::<f32>().sqrt());
        data.terminals.push(false);
        data.timeouts.push(row % EPISODE == EPISODE - 1);
    }
    let path = folder.path().join("three.hdf5");
    d4rl::write_with(&path, &data, d4rl::Infos { states: &data.states, positions: 2 }).unwrap();
    path
}

fn with(command: &[&str], paths: &[(&str, &Path)]) -> Command {
    let mut command = diar(command);
    for (flag, path) in paths {
        if !flag.is_empty() {
            command.arg(flag);
        }
        command.arg(path);
    }
    command
}

/// Exit code 2 and one sentence with these words.
fn refused(command: &mut Command, words: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

#[test]
fn a_task_of_ones_own_is_learned_from_its_data() {
    let folder = TempDir::new().unwrap();
    let data = walks(&folder);
    let run = folder.path().join("run");
    let output = success(&mut with(&["train", "--preset", "smoke"], &[("--data", &data), ("--run", &run)]));
    let said = String::from_utf8_lossy(&output.stderr);
    for guess in ["actions lie between", "rewards are any finite number", "at most 60 steps"] {
        assert!(said.contains(guess), "{said}");
    }
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("id = \"three\"") && config.contains("dense"), "{config}");

    // What is refused leaves no directory that would refuse the next try.
    let late = folder.path().join("late");
    for (setting, words) in [
        ("data.horizon=61", ["has 60 rows", "61"]),
        ("critic.terminal_mask=true", ["none marks a goal", "critic.terminal_mask=false"]),
    ] {
        let command = ["train", "--preset", "smoke", "--set", setting];
        refused(&mut with(&command, &[("--data", &data), ("--run", &late)]), &words);
        assert!(!late.exists(), "{setting}");
    }

    success(&mut with(&["info"], &[("", &run)]));
    let bundle = folder.path().join("three.safetensors");
    success(&mut with(&["export"], &[("", &run), ("--out", &bundle)]));
    for command in ["eval", "score", "play"] {
        refused(&mut with(&[command], &[("", &bundle)]), &["no simulator of three is known", "diar policy"]);
    }

    let mut policy = with(&["policy"], &[("", &bundle)]);
    let mut child = policy.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let asked =
        "{\"reset\": 1}\n{\"obs\": [0.5, -1.0, 2.0]}\n{\"obs\": [0.4, -0.9, 1.8], \"reward\": -2.0}\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), asked.as_bytes()).unwrap();
    let answers = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((answers.len(), &answers[0]["task"]), (3, &Value::from("three")));
    for answer in &answers[1..] {
        let action: Vec<f64> = serde_json::from_value(answer["action"].clone()).unwrap();
        assert_eq!(action.len(), 2);
        assert!(action.iter().all(|force| force.abs() <= 2.0), "{action:?}");
    }
}

#[test]
fn a_specification_is_written_edited_and_held_against_the_data() {
    let folder = TempDir::new().unwrap();
    let data = walks(&folder);
    let spec = folder.path().join("three.toml");
    success(&mut with(&["data", "inspect"], &[("", &data), ("--spec-out", &spec)]));
    let written = fs::read_to_string(&spec).unwrap();
    let edited = |name: &str, from: &str, to: &str| {
        assert!(written.contains(from), "{written}");
        let path = folder.path().join(name);
        fs::write(&path, written.replace(from, to)).unwrap();
        path
    };
    let train = |spec: &Path, run: &str| {
        let run = folder.path().join(run);
        with(&["train", "--preset", "smoke"], &[("--data", &data), ("--spec", spec), ("--run", &run)])
    };
    success(&mut train(&edited("named.toml", "id = \"three\"", "id = \"mine\""), "named"));
    let config = fs::read_to_string(folder.path().join("named/config.toml")).unwrap();
    assert!(config.contains("id = \"mine\""), "{config}");

    refused(&mut train(&edited("other.toml", "dim = 3", "dim = 4"), "other"), &["3 numbers in a state", "4"]);
    refused(&mut train(&edited("kind.toml", "\"dense\"", "\"shiny\""), "kind"), &["shiny", "dense"]);
    let narrow = folder.path().join("narrow.toml");
    let mut tree: toml::Table = written.parse().unwrap();
    let bounds = tree["action"]["bounds"].as_table_mut().unwrap();
    bounds["low"] = toml::Value::from(vec![-1.0, -1.0]);
    bounds["high"] = toml::Value::from(vec![1.0, 1.0]);
    fs::write(&narrow, tree.to_string()).unwrap();
    refused(&mut train(&narrow, "narrow"), &["lie outside of three's bounds", "expected -1 to 1", "--spec"]);
    for run in ["other", "kind", "narrow"] {
        assert!(!folder.path().join(run).exists(), "nothing is begun");
    }
}
