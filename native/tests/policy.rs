//! `diar policy`, asked line by line, against episodes that `diar play` has recorded.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use diar_core::agent::{Outcome, Trace};
use serde_json::{Value, json};

/// The bundle that comes with the repository.
const BUNDLE: &str = "../weights/maze2d-umaze-v1.safetensors";

fn diar(command: &str, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_diar"));
    program.args([command, BUNDLE]).args(arguments).stderr(Stdio::piped());
    program
}

/// An episode as `diar play` records it.
fn play(arguments: &[&str]) -> Trace {
    let output = diar("play", arguments).args(["--exact", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A running `diar policy`.
struct Policy {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Policy {
    fn start(arguments: &[&str]) -> Self {
        let mut child =
            diar("policy", arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// The answer to one line; the next one is not sent before it is there.
    fn line(&mut self, request: &str) -> Value {
        writeln!(self.input, "{request}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.line(&request.to_string())
    }

    /// The end of input, and what the program leaves.
    fn end(self) -> Output {
        drop(self.input);
        self.child.wait_with_output().unwrap()
    }
}

/// Driven by the recorded states, the server gives every recorded decision again.
fn answers_as_played(trace: &Trace, policy: &mut Policy, reset: &Value) {
    let begun = policy.ask(reset);
    assert_eq!(begun["task"], "maze2d-umaze-v1");
    assert_eq!(
        (&begun["state_dim"], &begun["action_dim"], &begun["horizon"]),
        (&json!(4), &json!(2), &json!(30))
    );
    let mut state = trace.start.clone();
    let mut dropped = false;
    for (number, decision) in trace.decisions.iter().enumerate() {
        let chosen = decision.chosen.unwrap();
        for (h, step) in decision.steps.iter().enumerate() {
            let answer = policy.ask(&json!({"obs": state}));
            let action: Vec<f32> = serde_json::from_value(answer["action"].clone()).unwrap();
            assert_eq!(action, step.action, "decision {number}, step {h}");
            let told = &answer["decision"];
            let float = |key: &str| serde_json::from_value::<f32>(told[key].clone()).unwrap();
            assert_eq!((&told["number"], &told["step_of_plan"]), (&json!(number + 1), &json!(h)));
            assert_eq!((&told["chosen"], float("q")), (&json!(chosen), decision.q[chosen]));
            assert_eq!((float("v_now"), Some(float("v_end"))), (decision.v_now[h], decision.v_end));
            assert_eq!((&told["new_plan"], &told["revalued"]), (&json!(h == 0), &json!(h == 0 && dropped)));
            state.clone_from(&step.state);
        }
        // A plan dropped before its first step leaves its mark on the step that follows.
        let revalued = matches!(decision.outcome, Some(Outcome::Revalued { .. }));
        dropped = revalued || (dropped && decision.steps.is_empty());
    }
}

#[test]
fn the_server_decides_as_play_does() {
    let mut policy = Policy::start(&[]);
    let first = play(&["--seed", "5"]);
    assert!(first.revaluations() > 0, "the episode shows both ways in which a plan ends");
    // Twice: nothing of an episode is left in the next.
    for _ in 0..2 {
        answers_as_played(&first, &mut policy, &json!({"reset": 5}));
    }
    let third = play(&["--seed", "5", "--episode", "3"]);
    assert_ne!(first.start, third.start);
    answers_as_played(&third, &mut policy, &json!({"reset": 5, "episode": 3}));
    let output = policy.end();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn the_server_takes_the_settings_of_play() {
    let settings =
        ["--no-revalue", "--candidates", "8", "--sampler", "ddim", "--set", "plan.exec_horizon=12"];
    let trace = play(&settings);
    assert_eq!((trace.run.settings.plan().unwrap().candidates, trace.revaluations()), (8, 0));
    answers_as_played(&trace, &mut Policy::start(&settings), &json!({"reset": 0}));
}

/// Episodes side by side, decided together, are those that are decided alone; rewards are taken, and change nothing here.
#[test]
fn lanes_are_decided_together_as_alone() {
    let traces: Vec<Trace> =
        (0..3).map(|episode: u64| play(&["--seed", "5", "--episode", &episode.to_string()])).collect();
    let mut policy = Policy::start(&[]);
    let resets: Vec<Value> =
        (0..3).map(|lane| json!({"lane": 7 * lane, "reset": 5, "episode": lane})).collect();
    let begun = policy.ask(&json!(resets));
    assert_eq!((&begun[2]["lane"], &begun[2]["episode"]), (&json!(14), &json!(2)));
    let steps: Vec<Vec<_>> =
        traces.iter().map(|trace| trace.decisions.iter().flat_map(|plan| &plan.steps).collect()).collect();
    for t in 0..40 {
        let state = |lane: usize| if t == 0 { &traces[lane].start } else { &steps[lane][t - 1].state };
        // From the last to the first, and lane 1 only up to the half.
        let lanes: Vec<usize> =
            [2, 1, 0].into_iter().filter(|&lane| t < steps[lane].len() && (lane != 1 || t < 20)).collect();
        let asked: Vec<Value> =
            lanes.iter().map(|&lane| json!({"lane": 7 * lane, "obs": state(lane), "reward": 0.0})).collect();
        let answers = policy.ask(&json!(asked));
        for (&lane, answer) in lanes.iter().zip(answers.as_array().unwrap()) {
            let action: Vec<f32> = serde_json::from_value(answer["action"].clone()).unwrap();
            assert_eq!((&answer["lane"], &action), (&json!(7 * lane), &steps[lane][t].action), "step {t}");
        }
    }
    // Each mistake has its own answer, and the others theirs.
    let mixed = policy.ask(&json!([
        {"lane": 3, "obs": [1.0, 1.0, 0.0, 0.0]},
        {"lane": 9999, "reset": 1},
        {"lane": 14, "obs": [1.0, 1.0, 0.0]},
        {"lane": 7, "obs": [1.0, 1.0, 0.0, 0.0], "reward": 1.0},
        {"lane": 7, "obs": [1.0, 1.0, 0.0, 0.0]},
        {"lane": 0, "reset": 1, "obs": [1.0, 1.0, 0.0, 0.0]},
    ]));
    let parts = [
        "no episode has begun in lane 3",
        "lane is 9999, expected 0 to 4095",
        "has 3 numbers, expected 4",
        "",
        "asked for twice",
        "expected {\"reset\"",
    ];
    for (answer, part) in mixed.as_array().unwrap().iter().zip(parts) {
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(part) && error.is_empty() == part.is_empty(), "{answer}");
    }
    assert!(mixed[3]["action"].is_array());
    assert_eq!(policy.ask(&json!([])), json!([]));
    assert_eq!(policy.end().status.code(), Some(0));
}

#[test]
fn bad_lines_are_answered_and_change_nothing() {
    let mut policy = Policy::start(&[]);
    let early = policy.line(r#"{"obs": [1, 1, 0, 0]}"#);
    assert!(early["error"].as_str().unwrap().contains("reset"), "{early}");
    policy.ask(&json!({"reset": 1}));
    let action = policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["action"].clone();
    policy.ask(&json!({"reset": 1}));
    let long = format!("{{\"obs\": [{}1]}}", "1, ".repeat(700_000));
    for (line, part) in [
        ("", "EOF"),
        ("walk", "not what is expected"),
        ("{}", r#"{"obs": [...]}"#),
        (r#"{"obs": [1, 1, 0]}"#, "3 numbers, expected 4"),
        (r#"{"obs": [1, 1, 0, 1e300]}"#, "number 3"),
        (r#"{"obs": [1, 1, 0, NaN]}"#, "JSON has no NaN"),
        (r#"{"obs": [1, 1, 0, -Infinity]}"#, "JSON has no Infinity"),
        (r#"{"obs": [1, 1, 0, "0"]}"#, "invalid type"),
        (r#"{"obs": [1, 1, 0, 0], "reset": 1}"#, "expected"),
        (r#"{"episode": 1}"#, "expected"),
        (r#"{"reset": -1}"#, "-1"),
        (r#"{"reset": 1, "state": []}"#, "unknown field `state`"),
        (long.as_str(), "longer than"),
    ] {
        let answer = policy.line(line);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part) && answer.as_object().unwrap().len() == 1, "{line:.80}: {error}");
    }
    assert_eq!(policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["action"], action);
    // So far out that values are not numbers any more: that episode is lost, the next one is not.
    let far = policy.ask(&json!({"obs": [3e38, 3e38, 3e38, 3e38]}));
    assert!(far["error"].as_str().unwrap().contains("begins others"), "{far}");
    assert!(policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["error"].is_string());
    policy.ask(&json!({"reset": 1}));
    assert_eq!(policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["action"], action);
    assert_eq!(policy.end().status.code(), Some(0));
}

/// Streams that are not quite lines of JSON: each line is answered, and the program goes on to the end of its input.
#[test]
fn streams_of_other_programs_are_read() {
    let answers = |input: &[u8]| -> Vec<Value> {
        let mut child = diar("policy", &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The pipes hold less than the longest of these.
        let writing = std::thread::spawn(move || stdin.write_all(&input).unwrap());
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let plain = answers(b"{\"reset\": 7}\n{\"obs\": [1.0, 1.0, 0.0, 0.0]}\n");
    assert!(plain.len() == 2 && plain[1]["action"].is_array(), "{plain:?}");
    for same in [
        // A byte order mark, as Windows PowerShell and Excel write it; other line ends; no end of the last line.
        &b"\xef\xbb\xbf{\"reset\": 7}\n{\"obs\": [1.0, 1.0, 0.0, 0.0]}\n"[..],
        b"{\"reset\": 7}\r\n{\"obs\": [1.0, 1.0, 0.0, 0.0]}\r\n",
        b"\xef\xbb\xbf{\"reset\": 7}\r\n\xef\xbb\xbf\t {\"obs\": [1, 1, 0, 0]} ",
    ] {
        assert_eq!(answers(same), plain);
    }
    for (odd, part) in [
        (&b"{\"obs\": \"\xff\xfe\"}\n"[..], "not what is expected"),
        (b"\xff\xfe{\0\"\0r\0e\0s\0e\0t\0\"\0:\0\x31\0}\0\n", "UTF-16"),
        (b"\0\0\0\n", "zero byte"),
        (b"\r\n", "not what is expected"),
        (b"\xef\xbb\xbf\n", "not what is expected"),
        ([b"[".repeat(100_000), b"\n".to_vec()].concat().as_slice(), "not what is expected"),
        ([b"x".repeat(3_000_000), b"\n".to_vec()].concat().as_slice(), "longer than"),
        (b"x".repeat(3_000_000).as_slice(), "longer than"),
    ] {
        let found = answers(odd);
        let error = found[0]["error"].as_str().unwrap();
        assert!(error.contains(part) && found.len() == 1, "{error}");
    }
}

/// `docs/any_simulator.py` with observations that are dictionaries, as Gymnasium-Robotics has them.
#[test]
fn a_simulator_with_dictionaries_is_played() {
    let programs = Path::new(env!("CARGO_BIN_EXE_diar")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path))).unwrap();
    let play = |file: &str| {
        let script = "../docs/any_simulator.py";
        Command::new("python3")
            .args([script, BUNDLE, "--file", file, "--episodes", "1"])
            .env("PATH", &path)
            .output()
            .unwrap()
    };
    let output = play("tests/data/dict_env.py");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let played: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&played["episodes"], &played["returns"], &played["steps"]),
        (&json!(1), &json!([0.0]), &json!(5.0))
    );

    // Without the state among its keys there is nothing to decide from.
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("images.py");
    let maze = std::fs::read_to_string("tests/data/dict_env.py").unwrap();
    std::fs::write(&file, maze.replace("\"observation\"", "\"pixels\"")).unwrap();
    let output = play(file.to_str().unwrap());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("achieved_goal, desired_goal, pixels"), "{stderr}");
    assert!(!stderr.contains("Traceback"), "{stderr}");
}
