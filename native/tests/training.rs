//! A tiny agent, from data to scores, through every command; stopped and resumed on the way.

mod tiny;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use diar_core::agent::{Outcome, Trace};
use diar_core::bundle::Bundle;
use serde_json::Value;
use tempfile::TempDir;

use tiny::{TASK, diar, positions, success, train, wait_for};

/// The tiny agent, trained without a stop: its run directory.
static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
    let run = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiny-run");
    if run.exists() {
        fs::remove_dir_all(&run).unwrap();
    }
    success(&mut train(&run));
    run
});

/// The one JSON object that a command prints.
fn object(command: &mut Command) -> Value {
    let stdout = String::from_utf8(success(command.arg("--json")).stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn bundle(path: &Path) -> Bundle {
    Bundle::from_bytes(&fs::read(path).unwrap()).unwrap()
}

/// Training under way, with a checkpoint after each step.
fn begun(run: &Path) -> Child {
    let mut command = train(run);
    command.args(["--checkpoint-every", "0"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Trains up to the midst of a stage, and is killed there.
fn killed_in(run: &Path, stage: &str) {
    let mut child = begun(run);
    wait_for(run, stage, &mut child);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

/// Killed in one stage, terminated in the next, and gone on with each time: every number of the agent is the same as
/// without a stop.
#[test]
fn a_stopped_run_ends_in_the_same_agent() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    killed_in(&run, "diffusion");

    let mut terminated = begun(&run);
    wait_for(&run, "critic", &mut terminated);
    success(Command::new("kill").args(["-TERM", &terminated.id().to_string()]));
    let output = terminated.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{stderr}");
    assert!(stderr.contains("going on from diffusion step"), "{stderr}");
    assert!(stderr.contains("hint: the same command goes on from there"), "{stderr}");
    assert!(!run.join("result.json").exists());

    let output = success(&mut train(&run));
    assert!(String::from_utf8(output.stderr).unwrap().contains("going on from critic step"));

    let (stopped, whole) = (bundle(&run.join("bundle.safetensors")), bundle(&RUN.join("bundle.safetensors")));
    assert_eq!(stopped.tensors(), whole.tensors());
    // The time it took is all that differs.
    let mut info = stopped.info().clone();
    assert!(info.provenance.training_seconds > 0.0);
    info.provenance.training_seconds = whole.info().provenance.training_seconds;
    assert_eq!(&info, whole.info());
}

/// The run directory says that it began on another device, as one that was copied from a machine with a GPU does.
#[test]
fn a_run_may_change_its_device() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    killed_in(&run, "vae");
    let config = run.join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("device = \"cpu\""), "{text}");
    fs::write(&config, text.replace("device = \"cpu\"", "device = \"cuda:0\"")).unwrap();

    let output = success(&mut train(&run));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("note: the device has changed (cuda:0, then cpu)"), "{stderr}");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("device = \"cuda:0\"") && text.contains("[[moved]]"), "{text}");
    let result: Value = serde_json::from_slice(&fs::read(run.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["device"], "cuda:0, then cpu");
    assert_eq!(bundle(&run.join("bundle.safetensors")).info().provenance.device, "cuda:0, then cpu");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"device\":\"cpu\"")).count(), 1, "{metrics}");
    // Once recorded, it is no change any more.
    let output = success(&mut train(&run));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("has changed"));
}

/// A checkpoint that is damaged on the disk costs the steps since the one before, nothing else.
#[test]
fn a_damaged_checkpoint_costs_a_few_steps() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    killed_in(&run, "vae");
    let newest = positions(&run, "vae").pop().unwrap();
    let blob = run.join(format!("checkpoints/vae-{newest}/vae.net"));
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&blob, bytes).unwrap();
    let output = success(&mut train(&run));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("warning: a checkpoint is left out") && stderr.contains("vae.net"), "{stderr}");
    let (damaged, whole) = (bundle(&run.join("bundle.safetensors")), bundle(&RUN.join("bundle.safetensors")));
    assert_eq!(damaged.tensors(), whole.tensors());
}

#[test]
fn a_run_leaves_everything_behind() {
    let result: Value = serde_json::from_slice(&fs::read(RUN.join("result.json")).unwrap()).unwrap();
    let bundle = bundle(&RUN.join("bundle.safetensors"));
    assert_eq!(result["bundle_sha256"], bundle.hash());
    let losses = result["losses"].as_object().unwrap();
    for stage in ["vae", "diffusion", "critic"] {
        assert!(losses.keys().any(|name| name.starts_with(&format!("{stage}."))), "{stage}: {losses:?}");
    }
    let metrics = fs::read_to_string(RUN.join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The first and the last step of each stage, at least.
    for (stage, last) in [("vae", 25), ("diffusion", 60), ("critic", 60)] {
        let steps: Vec<u64> = lines
            .iter()
            .filter(|line| line["stage"] == stage)
            .map(|line| line["step"].as_u64().unwrap())
            .collect();
        assert_eq!((steps.first(), steps.last()), (Some(&1), Some(&last)), "{stage}");
    }
    let config = fs::read_to_string(RUN.join("config.toml")).unwrap();
    for part in ["task = \"maze2d-umaze-v1\"", "preset = \"quick\"", "seed = 3", "source = \"generated\""] {
        assert!(config.contains(part), "{part}");
    }
}

/// The same data from a file is the same run; other settings are not.
#[test]
fn a_finished_run_is_recognised() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("data.hdf5");
    let file = file.to_str().unwrap();
    success(&mut diar(&["data", "generate", TASK, "--rows", "700", "--seed", "3", "--out", file]));
    let copy = folder.path().join("copy.safetensors");
    let output = success(train(&RUN).args(["--data", file, "--out"]).arg(&copy));
    assert!(String::from_utf8(output.stderr).unwrap().contains("finished before"));
    assert_eq!(fs::read(copy).unwrap(), fs::read(RUN.join("bundle.safetensors")).unwrap());

    let output = train(&RUN).args(["--set", "critic.train.steps=61"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("critic.train.steps is 60, but 61") && stderr.contains("hint: "), "{stderr}");
}

/// With the same settings it is the same agent; with another critic, only the critic is another.
#[test]
fn a_critic_may_be_trained_on_another_runs_latents() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let reuse = |name: &str, set: &[&str]| {
        let mut command = train(&path(name));
        command.arg("--reuse").arg(&*RUN);
        for assignment in set {
            command.args(["--set", assignment]);
        }
        command
    };
    let whole = bundle(&RUN.join("bundle.safetensors"));
    // Files that another program may be writing there are not touched.
    let foreign = RUN.join("checkpoints/.unfinished-foreign");
    fs::create_dir_all(&foreign).unwrap();
    success(reuse("same", &[]).args(["--snapshot-every", "30"]));
    assert!(foreign.exists());
    fs::remove_dir(foreign).unwrap();
    let snapshot = |step: usize| bundle(&path("same").join(format!("snapshots/critic-{step}.safetensors")));
    assert_eq!(snapshot(60).tensors(), whole.tensors(), "the last snapshot is the trained agent");
    assert_ne!(snapshot(30).tensors(), whole.tensors());
    let same = bundle(&path("same").join("bundle.safetensors"));
    assert_eq!(same.tensors(), whole.tensors());
    assert_eq!(same.info().provenance.losses, whole.info().provenance.losses);

    success(&mut reuse("other", &["critic.target=ldcq", "critic.latents=3"]));
    let other = bundle(&path("other").join("bundle.safetensors")).tensors();
    for (name, tensor) in whole.tensors() {
        assert_eq!(other[&name] == tensor, !name.starts_with("critic."), "{name}");
    }
    let config = fs::read_to_string(path("other").join("config.toml")).unwrap();
    assert!(config.contains(&format!("reused = \"{}\"", whole.hash())), "{config}");

    for (name, set, part) in [
        ("wider", vec!["vae.hidden=9"], "vae.hidden is 8, but 9"),
        ("shorter", vec!["diffusion.train.steps=59"], "diffusion.train.steps is 60, but 59"),
    ] {
        let output = reuse(name, &set).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(part), "{stderr}");
        assert!(!path(name).exists(), "a run that cannot be leaves nothing behind");
    }
    let output = train(&path("none")).arg("--reuse").arg(folder.path()).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("has not finished"));
}

/// Result files agree with their episodes, the table with the files, and the drawings with both.
#[test]
fn scores_become_tables_and_figures() {
    let folder = TempDir::new().unwrap();
    let results = folder.path().join("results");
    fs::create_dir(&results).unwrap();
    let run = RUN.to_str().unwrap();
    let score = |agent: &str, name: &str, extra: &[&str]| {
        let out = results.join(name);
        let mut command = diar(&["score", agent, "--episodes", "10", "--out", out.to_str().unwrap()]);
        let printed = object(command.args(extra));
        let written: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        // The same in short, in the form of `eval`.
        for (name, score) in ["first_contact", "native"].map(|name| (name, &written[name]["all"])) {
            assert_eq!(printed[name]["mean"], score["mean"]);
            let half = (score["high"].as_f64().unwrap() - score["low"].as_f64().unwrap()) / 2.0;
            assert!((printed[name]["ci95"].as_f64().unwrap() - half).abs() < 1e-9);
        }
        assert_eq!((&printed["method"], &printed["episodes"]), (&written["method"], &written["episodes"]));
        written
    };
    let on = score(run, "a.json", &["--batch", "3"]);
    let off = score(run, "b.json", &["--no-revalue"]);
    let controller = score(TASK, "c.json", &["--policy", "controller"]);
    assert_eq!(
        (&on["method"], &off["method"], &controller["method"]),
        (&"diar".into(), &"diar-without".into(), &"controller".into())
    );
    assert_eq!(on["agent"]["sha256"], bundle(&RUN.join("bundle.safetensors")).hash());
    assert_eq!(score(run, "a.json", &["--batch", "10"])["contacts"], on["contacts"], "whatever the batch");
    assert_eq!(controller["success_rate"], 1.0);
    for file in [&on, &off, &controller] {
        // The score, once more from its definition: U-maze has 300 steps and the references 23.85 and 161.86.
        let contacts = file["contacts"].as_array().unwrap();
        let returns = contacts.iter().map(|step| step.as_f64().map_or(0.0, |step| 300.0 - step));
        let mean = returns.map(|sum| (sum - 23.85) / 1.3801).sum::<f64>() / 10.0;
        assert!((file["first_contact"]["all"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    }
    assert!(off["revaluations_per_episode"] == 0.0 && off["decisions_per_episode"].as_f64().unwrap() >= 10.0);

    let table = |extra: &[&str]| success(diar(&["table", results.to_str().unwrap()]).args(extra));
    let text = String::from_utf8(table(&[]).stdout).unwrap();
    let mean = controller["first_contact"]["all"]["mean"].as_f64().unwrap();
    for part in [
        "141.8 ± 4.3",
        "135.6 ± 2.8",
        "200.3",
        "the data's controller",
        &format!("first contact {mean:.1} ["),
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let cells: Value = serde_json::from_slice(&table(&["--json"]).stdout).unwrap();
    assert_eq!(cells["cells"].as_array().unwrap().len(), 3);

    let drawn = |arguments: &[&str]| {
        let out = folder.path().join("figure.svg");
        success(diar(&["plot"]).args(arguments).args(["--out", out.to_str().unwrap()]));
        fs::read_to_string(out).unwrap()
    };
    let bars = drawn(&["scores", results.to_str().unwrap()]);
    let height = on["first_contact"]["all"]["mean"].as_f64().unwrap();
    assert!(bars.contains(&format!(">{height:.0}</text>")), "{height}");
    assert_eq!(drawn(&["paths", run, "--episodes", "3"]).matches("<polyline").count(), 3);
    assert_eq!(drawn(&["revaluation", run, "--episodes", "2"]).matches("<polyline").count(), 4);
    // A place for each tenth of a metre that the ball's centre can be at.
    assert!(drawn(&["values", run]).matches("<rect").count() > 300);

    // What is no result is refused, and no folder of results too.
    fs::write(results.join("d.json"), "{}").unwrap();
    let stderr = |output: Output| String::from_utf8(output.stderr).unwrap();
    let output = diar(&["table", results.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(output).contains("d.json is not a result of `diar score`"));
    let output = diar(&["table", run]).output().unwrap();
    assert!(output.status.code() == Some(2), "{}", stderr(output));
}

#[test]
fn eval_prints_the_agreed_object_whatever_the_batch() {
    let run = RUN.to_str().unwrap();
    let eval = |extra: &[&str]| object(diar(&["eval", run, "--episodes", "5", "--seed", "9"]).args(extra));
    let mut whole = eval(&[]);
    assert_eq!(
        keys(&whole),
        [
            "bundle",
            "decisions_per_episode",
            "env_steps_per_second",
            "episodes",
            "first_contact",
            "mean_first_contact_step",
            "method",
            "native",
            "revaluations_per_episode",
            "revalue",
            "seed",
            "success_rate",
            "task",
        ]
    );
    assert_eq!((&whole["task"], &whole["episodes"], &whole["seed"]), (&TASK.into(), &5.into(), &9.into()));
    assert_eq!(whole["revalue"], true);
    assert_eq!(keys(&whole["first_contact"]), ["ci95", "mean"]);
    assert!(whole["env_steps_per_second"].as_f64().unwrap() > 0.0);
    // Only the speed depends on the batch.
    let mut pieces = eval(&["--batch", "2"]);
    for report in [&mut whole, &mut pieces] {
        report["env_steps_per_second"] = 0.into();
    }
    assert_eq!(whole, pieces);

    // The commands agree with each other.
    let comparison = object(&mut diar(&["compare", run, "--episodes", "5", "--seed", "9"]));
    assert_eq!(comparison["on"]["first_contact"], whole["first_contact"]);
    let off = eval(&["--no-revalue"]);
    assert_eq!(off["revalue"], false);
    assert_eq!(comparison["off"]["native"], off["native"]);
    let difference = |score: &str| comparison["difference"][score]["mean"].as_f64().unwrap();
    let mean = |report: &Value, score: &str| report[score]["mean"].as_f64().unwrap();
    for score in ["first_contact", "native"] {
        assert!((difference(score) - (mean(&whole, score) - mean(&off, score))).abs() < 1e-9);
    }
}

#[test]
fn ways_of_deciding_are_checked() {
    let bundle = RUN.join("bundle.safetensors");
    let eval = |extra: &[&str]| {
        let output =
            diar(&["eval", bundle.to_str().unwrap(), "--episodes", "1"]).args(extra).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(eval(&["--sampler", "ddpm", "--candidates", "2"]).0, Some(0));
    assert_eq!(eval(&["--sampler", "ddim", "--steps", "5"]).0, Some(0));
    for (extra, part) in [
        (["--steps", "9"], "plan.sampler.steps is 9, expected 1 to 8"),
        (["--set", "plan.exec_horizon=0"], "plan.exec_horizon is 0, expected at least 1"),
        (["--set", "critic.discount=0.5"], "'critic.discount' is fixed once an agent is trained"),
        (["--set", "plan.horizon=5"], "'plan' has"),
        (["--candidates", "0"], "plan.candidates is 0"),
        (["--device", "cuda:4242"], "device 'cuda:4242'"),
    ] {
        let (code, stderr) = eval(&extra);
        assert!(code == Some(2) && stderr.contains(part), "{stderr}");
    }
}

#[test]
fn samplers_are_held_against_the_full_chain() {
    let run = RUN.to_str().unwrap();
    let samplers = |extra: &[&str]| {
        let given = ["samplers", run, "--states", "3", "--latents", "6", "--seed", "9"];
        object(diar(&given).args(extra))
    };
    let mut whole = samplers(&["--episodes", "5"]);
    assert_eq!(
        (&whole["task"], &whole["episodes"], &whole["margin"]),
        (&TASK.into(), &5.into(), &2.0.into())
    );
    // Two decisions of four candidates are the fewest that have six latents.
    assert_eq!(
        (&whole["states"], &whole["latents"], &whole["candidates"]),
        (&3.into(), &8.into(), &4.into())
    );
    let chain = &whole["reference"];
    assert_eq!((&chain["kind"], &chain["steps"]), (&"ddpm".into(), &8.into()));
    assert_eq!(chain["extra_steps"], 5);
    // Only samplers with fewer steps than the chain are few-step samplers.
    let rows = whole["samplers"].as_array().unwrap();
    let names: Vec<(&str, u64)> =
        rows.iter().map(|row| (row["kind"].as_str().unwrap(), row["steps"].as_u64().unwrap())).collect();
    assert_eq!(names, [("ddim", 1), ("ddim", 5), ("sde", 5)]);
    let number = |value: &Value| value.as_f64().unwrap();
    for row in rows {
        let difference = number(&row["difference"]["mean"]);
        let expected = number(&row["first_contact"]["mean"]) - number(&chain["first_contact"]["mean"]);
        assert!((difference - expected).abs() < 1e-9, "{row}");
        let lower = difference - number(&row["difference"]["ci95"]);
        assert_eq!(row["accepted"], lower > -2.0, "{row}");
        assert_eq!(row["deviation_ratio"].as_array().unwrap().len(), 4);
        assert!(number(&row["sliced_w1"]) > 0.0 && number(&row["sliced_w1_floor"]) > 0.0, "{row}");
        assert!(number(&row["decisions_per_second"]) > 0.0, "{row}");
    }
    // It is the evaluation's score.
    let eval = object(&mut diar(&[
        "eval",
        run,
        "--episodes",
        "5",
        "--seed",
        "9",
        "--sampler",
        "sde",
        "--steps",
        "5",
    ]));
    assert_eq!(rows[2]["first_contact"], eval["first_contact"]);

    // Neither the batch nor the clock changes anything else.
    let mut pieces = samplers(&["--episodes", "5", "--batch", "2"]);
    for report in [&mut whole, &mut pieces] {
        report["reference"]["decisions_per_second"] = 0.into();
        for row in report["samplers"].as_array_mut().unwrap() {
            row["decisions_per_second"] = 0.into();
        }
    }
    assert_eq!(whole, pieces);
    let widest = samplers(&["--episodes", "2", "--margin", "1000"]);
    assert_eq!(widest["fewest_accepted"], "ddim 1");

    let quick = samplers(&["--no-episodes"]);
    assert_eq!(quick["samplers"][0]["mmd2"], whole["samplers"][0]["mmd2"]);
    assert!(quick["samplers"][0]["accepted"].is_null() && quick["fewest_accepted"].is_null());
    let text = diar(&["samplers", run, "--states", "2", "--latents", "4", "--no-episodes"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ddpm 8+5") && text.contains("sde 5") && text.contains("not judged"), "{text}");
}

#[test]
fn an_exported_bundle_carries_its_scores() {
    let folder = TempDir::new().unwrap();
    let (half, single) = (folder.path().join("half.safetensors"), folder.path().join("single.safetensors"));
    let run = RUN.to_str().unwrap();
    let exported = object(diar(&["export", run, "--episodes", "3", "--seed", "4", "--out"]).arg(&half));
    object(diar(&["export", run, "--precision", "f32", "--out"]).arg(&single));
    let (half_bytes, single_bytes) = (fs::read(&half).unwrap(), fs::read(&single).unwrap());
    assert_eq!(exported["bytes"], half_bytes.len());
    assert!(half_bytes.len() < single_bytes.len());
    assert_eq!(single_bytes, fs::read(RUN.join("bundle.safetensors")).unwrap());

    // They are the scores of the weights in the file.
    let file = half.to_str().unwrap();
    let score = object(&mut diar(&["score", file, "--episodes", "3", "--seed", "4"]));
    let scores = bundle(&half).info().scores.clone().unwrap();
    assert_eq!((scores.seed, scores.on.episodes), (4, 3));
    for (found, expected) in [(scores.on.first_contact, "first_contact"), (scores.on.native, "native")] {
        assert!((found.unwrap().mean - score[expected]["mean"].as_f64().unwrap()).abs() < 1e-9, "{expected}");
    }
    assert!(scores.on.revalue && !scores.off.revalue);

    let info = object(&mut diar(&["info", file]));
    assert_eq!(info["sha256"], exported["sha256"]);
    assert_eq!(info["task"]["id"], TASK);
    assert_eq!(info["provenance"]["data_rows"], 700);
    let text = String::from_utf8(success(&mut diar(&["info", file])).stdout).unwrap();
    assert!(text.contains("revaluation off: first contact"), "{text}");
}

#[test]
fn play_tells_one_episode() {
    let run = RUN.to_str().unwrap();
    let play = ["play", run, "--seed", "2", "--episode", "1"];
    let trace: Trace = serde_json::from_value(object(&mut diar(&play))).unwrap();
    assert_eq!((trace.task.as_str(), trace.run.seed, trace.run.episode), (TASK, 2, 1));
    let last = trace.decisions.last().unwrap();
    match last.outcome {
        Some(Outcome::Goal) => assert_eq!(trace.first_contact(), Some(trace.steps())),
        outcome => assert_eq!((outcome, trace.steps()), (Some(Outcome::TimeLimit), 300)),
    }
    assert!(trace.decisions.iter().all(|decision| decision.latents().len() == 4 && decision.q.len() == 4));

    // Its text has a line per decision, between two of heading and three of summary, digest and link.
    let text = String::from_utf8(success(&mut diar(&play)).stdout).unwrap();
    assert_eq!(text.lines().count(), trace.decisions.len() + 5, "{text}");
    assert!(text.contains(&format!("{} decisions", trace.decisions.len())), "{text}");
    // The same episode is part of an evaluation with the same seed.
    let without = object(diar(&play).arg("--no-revalue"));
    let without: Trace = serde_json::from_value(without).unwrap();
    assert_eq!(without.start, trace.start);
    assert_eq!(without.revaluations(), 0);
}
