//! Methods beside DIAR through the program: trained, stopped, resumed, evaluated, exported, compared, and refused by name.

mod tiny;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use diar::evaluation::AgentFile;
use diar_core::bundle::Method;
use serde_json::Value;
use tempfile::TempDir;

use tiny::{TASK, diar, success, wait_for};

/// The smallest training of a method, with one setting of it changed.
fn train(method: &str, run: &Path, steps: usize) -> Command {
    let mut command = diar(&["train", TASK, "--preset", "smoke", "--seed", "3", "--method", method, "--run"]);
    command.arg(run).args(["--set", "data.rows=3000", "--checkpoint-every", "0"]);
    let stages: &[&str] = match method {
        "bc" | "diffuser" | "dd" | "dt" => &["policy"],
        "iql" => &["critic"],
        _ => &["critic", "policy"],
    };
    for stage in stages {
        command.args(["--set", &format!("{stage}.train.steps={steps}")]);
    }
    command
}

fn json(command: &mut Command) -> Value {
    serde_json::from_slice(&success(command).stdout).unwrap()
}

#[test]
fn every_method_is_trained_resumed_and_used() {
    let folder = TempDir::new().unwrap();
    for (method, stage) in [
        ("bc", "policy"),
        ("iql", "critic"),
        ("idql", "policy"),
        ("diffuser", "policy"),
        ("dd", "policy"),
        ("dt", "policy"),
    ] {
        let (whole, stopped) = (folder.path().join(method), folder.path().join(format!("{method}-stopped")));
        success(&mut train(method, &whole, 60));
        let mut child = train(method, &stopped, 60).spawn().unwrap();
        wait_for(&stopped, stage, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        success(&mut train(method, &stopped, 60));
        let read = |run: &Path| AgentFile::read(run).unwrap().bundle;
        let (whole_agent, resumed) = (read(&whole), read(&stopped));
        assert_eq!(whole_agent.method().name(), method);
        assert_eq!(whole_agent.provenance().losses, resumed.provenance().losses, "{method}");
        assert_eq!(whole_agent.settings(), resumed.settings());

        let path = whole.to_str().unwrap();
        let evaluated = json(&mut diar(&["eval", path, "--episodes", "6", "--json"]));
        assert_eq!((&evaluated["method"], &evaluated["episodes"]), (&method.into(), &6.into()));
        assert!(evaluated["native"]["ci95"].is_f64() && evaluated["first_contact"]["mean"].is_f64());
        // Batches change nothing.
        let batched = json(&mut diar(&["eval", path, "--episodes", "6", "--batch", "4", "--json"]));
        assert_eq!(batched["native"], evaluated["native"], "{method}");

        // Lanes are decided together and by themselves alike; there is no plan to tell of.
        let mut served =
            diar(&["policy", path]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = [
            r#"[{"reset": 1, "lane": 0}, {"reset": 1, "lane": 1}]"#,
            r#"[{"lane": 0, "obs": [1, 1, 0, 0]}, {"lane": 1, "obs": [1, 1, 0, 0]}]"#,
        ];
        served.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
        let answers = served.wait_with_output().unwrap().stdout;
        let answers = String::from_utf8(answers).unwrap();
        let acted: Value = serde_json::from_str(answers.lines().nth(1).unwrap()).unwrap();
        assert_eq!(acted[0]["action"], acted[1]["action"], "{method}: {acted}");
        assert_eq!(acted[0]["action"].as_array().unwrap().len(), 2, "{method}: {acted}");
        assert!(acted[0].get("decision").is_none(), "{method}: {acted}");

        played(path, method, folder.path());

        let out = folder.path().join(format!("{method}.json"));
        let scored = ["score", path, "--episodes", "7", "--json", "--out", out.to_str().unwrap()];
        assert_eq!(json(&mut diar(&scored))["method"], method);
        let result: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        assert_eq!(result["agent"]["settings"]["seed"], 3, "{method}");
        assert!(result["agent"].get("plan").is_none(), "{method} does not plan");

        let bundle = folder.path().join(format!("{method}.safetensors"));
        let exported = ["export", path, "--episodes", "7", "--out", bundle.to_str().unwrap(), "--json"];
        assert!(json(&mut diar(&exported))["scores"]["results"].is_object(), "{method}");
        let told = json(&mut diar(&["info", bundle.to_str().unwrap(), "--json"]));
        assert_eq!((&told["method"], &told["scores"]["seed"]), (&method.into(), &0.into()));
    }
    let runs = ["bc", "iql", "idql"].map(|name| folder.path().join(name));
    let drawn = drawn(diar(&["plot", "ways", "--seed", "1"]).args(&runs), folder.path());
    for title in ["behaviour cloning", "IQL", "IDQL"] {
        assert!(drawn.contains(&format!(">{title}</text>")), "{drawn}");
    }
    assert_eq!(drawn.matches("reward ").count(), 3, "{drawn}");
    let [first, second] = ["bc", "idql"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let compared = json(diar(&["compare", "--episodes", "4", "--json"]).args([&first, &second]));
    assert_eq!((&compared["first"]["method"], &compared["second"]["method"]), (&"bc".into(), &"idql".into()));
    assert!(compared["difference"]["native"]["mean"].is_f64());
    let drawn = self::drawn(diar(&["plot", "methods"]).arg(folder.path()), folder.path());
    for panel in ["first contact: every", "native: every"] {
        assert_eq!(drawn.matches(panel).count(), 1, "{drawn}");
    }
    let table = success(diar(&["table"]).arg(folder.path())).stdout;
    let table = String::from_utf8(table).unwrap();
    for title in [
        "behaviour cloning",
        "IQL",
        "IDQL",
        "Diffuser as published",
        "Decision Diffuser",
        "Decision Transformer",
    ] {
        assert!(table.contains(&format!("| {TASK} | {title} |")), "{table}");
    }
}

/// Diffuser acts in ways that scores tell apart; what cannot be planned is said in a sentence.
#[test]
fn plans_are_followed_in_ways_that_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("diffuser");
    let trained = ["trajectory.stride=1", "trajectory.states_only=false"];
    let mut command = train("diffuser", &run, 30);
    for setting in trained {
        command.args(["--set", setting]);
    }
    success(&mut command);
    let path = run.to_str().unwrap();
    for (follow, method) in [
        ("published", "diffuser"),
        ("actions", "diffuser-actions"),
        ("unparked", "diffuser-unparked"),
        ("replan", "diffuser-replanned"),
    ] {
        let set = format!("act.follow={follow}");
        let scored = json(&mut diar(&["score", path, "--episodes", "7", "--set", &set, "--json"]));
        assert_eq!(scored["method"], method);
        let plans = scored["decisions_per_episode"].as_f64().unwrap();
        assert_eq!(plans > 1.0, follow == "replan", "{follow}: {plans} plans");
    }
    let refused = |command: &mut Command, parts: &[&str]| {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
    };
    refused(&mut diar(&["eval", path, "--set", "act.goal=[1, 2]"]), &["act.goal", "4 numbers"]);
    let other = folder.path().join("other");
    let mut long = train("diffuser", &other, 30);
    long.args(["--set", "data.rows=200", "--set", "trajectory.horizon=256"]);
    refused(&mut long, &["one window needs 253", "has "]);
    refused(train("dd", &other, 30).args(["--set", "act.target=1.1"]), &["act.target is 1.1", "from 0 to 1"]);
    refused(
        &mut diar(&["train", "antmaze-umaze-v2", "--method", "diffuser"]),
        &["act.goal", "antmaze-umaze-v2"],
    );
    assert!(!other.exists(), "what is refused leaves no directory");
}

/// A figure.
fn drawn(command: &mut Command, folder: &Path) -> String {
    let out = folder.join("figure.svg");
    success(command.arg("--out").arg(&out));
    fs::read_to_string(out).unwrap()
}

/// An episode is told with what its method chooses from, and its link plays and is decided again.
fn played(path: &str, method: &str, folder: &Path) {
    let trace = json(&mut diar(&["play", path, "--seed", "2", "--json"]));
    assert_eq!(trace["run"]["settings"]["method"], method);
    let decisions = trace["decisions"].as_array().unwrap();
    let steps: usize = decisions.iter().map(|decision| decision["steps"].as_array().unwrap().len()).sum();
    if method == "idql" {
        assert_eq!(decisions.len(), steps);
        for decision in decisions {
            let (q, actions) = (decision["q"].as_array().unwrap(), decision["actions"].as_array().unwrap());
            let best = q.iter().map(|q| q.as_f64().unwrap()).fold(f64::NEG_INFINITY, f64::max);
            let chosen = decision["chosen"].as_u64().unwrap() as usize;
            assert_eq!((q.len(), actions.len(), q[chosen].as_f64()), (8, 8, Some(best)));
            // The link's actions are rounded.
            for (taken, drawn) in [0, 1].map(|k| (&decision["steps"][0]["action"][k], &actions[chosen][k])) {
                assert!((taken.as_f64().unwrap() - drawn.as_f64().unwrap()).abs() <= 0.5 / 256.0 + 1e-6);
            }
        }
    } else if ["diffuser", "dd"].contains(&method) {
        for decision in decisions {
            let paths = decision["paths"].as_array().unwrap();
            assert_eq!((paths.len(), &decision["chosen"]), (1, &0.into()), "{method}");
            for k in 0..4 {
                let [begun, stands] = [&paths[0][0][k], &decision["state"][k]].map(|x| x.as_f64().unwrap());
                assert!((begun - stands).abs() < 1e-3, "{method}: a plan begins at {begun}, not at {stands}");
            }
        }
    } else {
        assert_eq!((decisions.len(), &decisions[0]["chosen"]), (1, &Value::Null));
    }
    let told = String::from_utf8(success(&mut diar(&["play", path, "--seed", "2"])).stdout).unwrap();
    let link = told.lines().find_map(|line| line.strip_prefix("link    ")).unwrap();
    assert!(link.starts_with("#v4."), "{told}");
    let again = json(&mut diar(&["replay", link, "--bundle", path, "--json"]));
    let count = decisions.len();
    assert_eq!((&again["anew"]["agree"], &again["anew"]["compared"]), (&count.into(), &count.into()));
    assert_eq!((&again["anew"]["same_bundle"], &again["anew"]["digest"]), (&true.into(), &again["digest"]));
    let refused = diar(&["play", path, "--keep", "0"]).output().unwrap();
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && stderr.contains("only diar and ldcq decide between plans"),
        "{stderr}"
    );

    let paths = drawn(&mut diar(&["plot", "paths", path, "--episodes", "2"]), folder);
    assert_eq!(paths.matches("goal: ").count(), 2, "{paths}");
    let out = folder.join("refused.svg");
    let refused = diar(&["plot", "revaluation", path, "--out", out.to_str().unwrap()]).output().unwrap();
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && stderr.contains("only diar or ldcq can be used"), "{stderr}");
}

/// IDQL takes the critic of an IQL run, and the agent is that of a run that trained its own.
#[test]
fn idql_may_take_the_critic_of_iql() {
    let folder = TempDir::new().unwrap();
    let run = |name: &str| folder.path().join(name);
    success(&mut train("iql", &run("iql"), 40));
    success(&mut train("idql", &run("own"), 40));
    success(train("idql", &run("taken"), 40).arg("--reuse").arg(run("iql")));
    let weights = |name: &str| AgentFile::read(&run(name)).unwrap().bundle.tensors();
    assert_eq!(weights("own"), weights("taken"));
    let refused = |command: &mut Command, parts: &[&str]| {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
    };
    refused(
        train("iql", &run("other"), 40).arg("--reuse").arg(run("own")),
        &["--reuse", "iql learns nothing"],
    );
    refused(
        train("idql", &run("other"), 41).arg("--reuse").arg(run("iql")),
        &["critic.train.steps is 40, but 41"],
    );
    let bundle = run("iql");
    let path = bundle.to_str().unwrap();
    refused(&mut diar(&["eval", path, "--no-revalue"]), &["--no-revalue", "method is iql"]);
    refused(&mut diar(&["eval", path, "--candidates", "3"]), &["--candidates", "method is iql"]);
    refused(&mut diar(&["eval", path, "--set", "critic.discount=0.5"]), &["fixed once", "act."]);
    refused(&mut diar(&["alarms", path]), &["method 'iql'", "only diar or ldcq"]);
    refused(&mut diar(&["compare", path]), &["comparison of one agent", "method is iql"]);
    let other = ["train", TASK, "--method", "iql", "--set", "vae.hidden=3"];
    refused(&mut diar(&other), &["unknown setting 'vae.hidden'", "critic, data, policy, seed"]);
    assert_eq!(AgentFile::read(&bundle).unwrap().bundle.method(), Method::Iql);
}

/// Tags are said by configuration, bundle and results; episodes on the way are logged; events are written beside.
#[test]
fn runs_are_tagged_and_watched() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let tagged = |command: &mut Command| {
        command.args(["--tag", "host=gpu 3", "--tag", "why=a=b", "--eval-every", "20", "--events"]);
    };
    let mut command = train("iql", &run, 60);
    tagged(&mut command);
    success(&mut command);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("[tags]") && config.contains("host = \"gpu 3\""), "{config}");
    let bundle = AgentFile::read(&run).unwrap().bundle;
    assert_eq!(bundle.provenance().tags["why"], "a=b");
    let out = folder.path().join("scores.json");
    success(diar(&["score", "--episodes", "7", "--out"]).arg(&out).arg(&run));
    let result: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(result["agent"]["tags"]["host"], "gpu 3");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let trials: Vec<Value> = metrics
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.get("native").is_some())
        .collect();
    let steps: Vec<_> = trials.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [20, 40, 60], "{metrics}");
    assert!(trials.iter().all(|line| line["first_contact"].is_f64()), "{metrics}");
    let files = fs::read_dir(&run).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    assert_eq!(files.filter(|name| name.starts_with("events.out.tfevents.")).count(), 1);
    // Another tag is another run.
    let mut other = train("iql", &run, 60);
    let output = other.args(["--tag", "host=gpu 4"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("tags.host is \"gpu 3\", but \"gpu 4\""), "{stderr}");
    let output = train("iql", &run, 60).args(["--tag", "host"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("expected name=value"), "{stderr}");
}
