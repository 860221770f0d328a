//! `diar policy`, asked line by line, against episodes that `diar play` has recorded.

use std::io::{BufRead, BufReader, Write};
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
    assert_eq!((trace.settings.candidates, trace.revaluations()), (8, 0));
    answers_as_played(&trace, &mut Policy::start(&settings), &json!({"reset": 0}));
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
        ("[]", "expected"),
        ("{}", r#"{"obs": [...]}"#),
        (r#"{"obs": [1, 1, 0]}"#, "3 numbers, expected 4"),
        (r#"{"obs": [1, 1, 0, 1e300]}"#, "number 3"),
        (r#"{"obs": [1, 1, 0, NaN]}"#, "not what is expected"),
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
    assert!(far["error"].as_str().unwrap().contains("begins another"), "{far}");
    assert!(policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["error"].is_string());
    policy.ask(&json!({"reset": 1}));
    assert_eq!(policy.ask(&json!({"obs": [1.0, 1.0, 0.0, 0.0]}))["action"], action);
    assert_eq!(policy.end().status.code(), Some(0));
}
