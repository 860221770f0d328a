//! Numbers beyond reason, on the command line and in files: one sentence, before any work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const TASK: &str = "maze2d-umaze-v1";
const BUNDLE: &str = "../weights/maze2d-umaze-v1.safetensors";
const WINDOWS: &str = "../weights/maze2d-umaze-v1.windows";
const HUGE: &str = "18446744073709551615";

fn diar(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diar")).args(arguments).env("NODEVICE_SELECT", "1").output().unwrap()
}

/// The error of a run that is refused as wrong input, with nothing begun.
fn refused(arguments: &[&str]) -> String {
    let output = diar(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    for word in ["panicked", "generating", "run directory"] {
        assert!(
            !stderr.contains(&format!("{word} ")) || stderr.starts_with("error: "),
            "{arguments:?}: {stderr}"
        );
    }
    stderr.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_default().to_owned()
}

#[test]
fn settings_out_of_their_limits_are_refused_before_training() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    for (assignment, parts) in [
        (
            r#"critic.train.schedule={"step":{"every":0,"factor":0.3}}"#,
            "critic.train.schedule.step.every is 0, expected at least 1",
        ),
        (r#"vae.train.schedule={"cyclic":{"half_period":0}}"#, "vae.train.schedule.cyclic.half_period is 0"),
        ("vae.train.clip=-1", "vae.train.clip is -1, expected a positive number"),
        ("critic.train.clip=0", "critic.train.clip is 0, expected a positive number"),
        ("vae.beta=-0.1", "vae.beta is -0.1, expected a number from 0"),
        ("vae.sigma_floor=0", "vae.sigma_floor is 0, expected a positive number"),
        ("diffusion.min_snr=0", "diffusion.min_snr is 0, expected a positive number"),
        ("vae.gru_layers=33", "vae.gru_layers is 33, expected at least 1 and at most 32"),
        ("vae.hidden=100000000000", "vae.hidden is 100000000000, expected at least 1 and at most 8192"),
        ("diffusion.diffusion_steps=10000", "diffusion.diffusion_steps is 10000, expected at least 1 and"),
        ("critic.windows=0", "critic.windows is 0, expected at least 1"),
        ("data.rows=18446744073709551615", "data.rows is 18446744073709551615, expected at least 1"),
        ("data.rows=60000000000", "training maze2d-umaze-v1 from 60000000000 rows takes about"),
        ("vae.train.batch=1000000", "takes about"),
        ("critic.latents=60000", "takes about"),
        ("seed=9223372036854775808", "seed is 9223372036854775808, expected at least 0"),
        ("plan.margin=1e300", "plan.margin is inf, expected a finite number"),
        ("vae.beta=NaN", "'vae.beta' cannot be 'NaN'"),
        ("plan.sampler.extra_steps=18446744073709551615", "plan.sampler.extra_steps is 18446744073709551615"),
    ] {
        let error = refused(&["train", TASK, "--run", run.to_str().unwrap(), "--set", assignment]);
        assert!(error.contains(parts), "{assignment}: {error}");
        assert!(!run.exists(), "{assignment}");
    }
}

/// Every number of the command line that is not a setting.
#[test]
fn numbers_of_the_command_line_have_limits() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for (command, option, values) in [
        (&["eval", BUNDLE][..], "--episodes", &["0", "1000001", HUGE, "-1", "1.5", "ten"][..]),
        (&["eval", BUNDLE], "--batch", &["0", "-1", "1e3"]),
        (&["eval", BUNDLE], "--seed", &["9223372036854775808", "-1"]),
        (&["eval", BUNDLE], "--candidates", &["0", "4097", HUGE, "-1"]),
        (&["eval", BUNDLE], "--steps", &["0", "501", HUGE]),
        (&["compare", BUNDLE], "--episodes", &["0", HUGE]),
        (&["compare", BUNDLE], "--candidates", &["0", HUGE]),
        (&["alarms", BUNDLE], "--episodes", &["0", HUGE]),
        (&["alarms", BUNDLE], "--candidates", &["0", HUGE]),
        (&["samplers", BUNDLE], "--states", &["1", "4097", HUGE]),
        (&["samplers", BUNDLE], "--latents", &["1", "8193", HUGE]),
        (&["samplers", BUNDLE], "--candidates", &["0", HUGE]),
        (&["samplers", BUNDLE], "--episodes", &["1", HUGE]),
        (&["samplers", BUNDLE], "--margin", &["-1", "NaN", "inf", "2,5"]),
        (&["samplers", BUNDLE], "--batch", &["0"]),
        (&["score", BUNDLE], "--episodes", &["0", HUGE]),
        (&["score", BUNDLE], "--batch", &["0"]),
        (&["score", TASK, "--policy", "random"], "--episodes", &["0", HUGE]),
        (&["export", BUNDLE, "--out", out], "--episodes", &["1000001", HUGE, "-1"]),
        (&["export", BUNDLE, "--out", out], "--batch", &["0"]),
        (&["play", BUNDLE], "--episode", &["-1", "1.5", "18446744073709551616"]),
        (&["play", BUNDLE], "--goal", &["3,foo,1", "3,1,2", "NaN,1", "1e999,1", "3", "3,1,"]),
        (&["play", BUNDLE], "--toggle", &["1", "1,2,3", "256,1", "-1,2", "1.5,2"]),
        (&["play", BUNDLE], "--take", &["0", "0:1:2", "0:65536", "0:128"]),
        (&["play", BUNDLE], "--keep", &["-1", "4294967296", "1:2"]),
        (&["play", BUNDLE], "--drop", &["0", "0:30", "0:1:2", "a:1"]),
        (&["policy", BUNDLE], "--candidates", &["0", HUGE]),
        (&["windows", BUNDLE, "--out", out], "--count", &["0", "65537", HUGE]),
        (&["plot", "paths", BUNDLE, "--out", out], "--episodes", &["0", "65", HUGE]),
        (
            &["relearn", BUNDLE, "--windows", WINDOWS, "--out", out],
            "--goal",
            &["3,foo,1", "NaN,1", "2,1", "9,9"],
        ),
        (&["train", TASK, "--run", out], "--snapshot-every", &["0", "-1"]),
        (&["train", TASK, "--run", out], "--checkpoint-every", &["-1", "1.5"]),
        (&["train", TASK, "--run", out], "--seed", &["9223372036854775808"]),
        (&["data", "generate", TASK, "--out", out], "--rows", &["0", "-1", "1e12", HUGE, "1000000000000"]),
        (&["data", "generate", TASK, "--out", out], "--seed", &["9223372036854775808"]),
        (&["bench"], "--threads", &["0", "1025", HUGE]),
        (&["bench"], "--seconds", &["0", "-1", "NaN", "inf", "86401"]),
    ] {
        for value in values {
            let value = format!("{option}={value}");
            let error = refused(&[command, &[&value]].concat());
            assert!(error.len() > 20, "{command:?} {value}: {error}");
            assert!(!Path::new(out).exists(), "{command:?} {value}");
        }
    }
}

#[test]
fn ways_of_deciding_beyond_reason_are_refused() {
    for (assignments, part) in [
        (
            &[
                "plan.sampler.kind=ddpm",
                "plan.sampler.steps=500",
                "plan.sampler.extra_steps=18446744073709551615",
            ][..],
            "setting plan.sampler.extra_steps is 18446744073709551615, expected 0 to 1000",
        ),
        (
            &[
                "plan.sampler.kind=ddpm",
                "plan.sampler.steps=500",
                "plan.sampler.extra_steps=1000",
                "plan.candidates=4096",
            ],
            "setting plan.candidates is 4096, expected at most 1398 with 1500 sampler steps",
        ),
        (&["plan.exec_horizon=18446744073709551615"], "setting plan.exec_horizon is 18446744073709551615"),
        (&["plan.retry_cap=101"], "setting plan.retry_cap is 101, expected 0 to 100"),
        (&["plan.margin=1e39"], "setting plan.margin is inf, expected a finite number"),
    ] {
        for command in ["play", "eval", "policy", "alarms", "compare", "score"] {
            let assignments = assignments.iter().flat_map(|assignment| ["--set", assignment]);
            let arguments: Vec<&str> = [command, BUNDLE].into_iter().chain(assignments).collect();
            let error = refused(&arguments);
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
    }
}

#[test]
fn work_that_does_not_fit_into_memory_is_refused_with_figures() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let figures = |error: &str| {
        let bytes = ["MiB", "GiB", "TiB", "PiB", "EiB"];
        let counted: usize = bytes.iter().map(|unit| error.matches(unit).count()).sum();
        assert!(
            counted == 2 && error.contains(" of memory, ") && error.contains(" are available ("),
            "{error}"
        );
        assert!(!Path::new(out).exists());
    };
    for rows in [HUGE, "1000000000000"] {
        let error = refused(&["data", "generate", TASK, "--rows", rows, "--out", out]);
        assert!(error.starts_with(&format!("generating {rows} rows of {TASK} takes about ")), "{error}");
        figures(&error);
    }
    for assignments in [
        &["data.rows=60000000000"][..],
        &["vae.hidden=8192", "vae.gru_layers=32"],
        &["critic.train.batch=1000000", "critic.latents=2000"],
        &["critic.latents=60000", "critic.windows=200000"],
    ] {
        let assignments = assignments.iter().flat_map(|assignment| ["--set", assignment]);
        let arguments: Vec<&str> = ["train", TASK, "--run", out].into_iter().chain(assignments).collect();
        figures(&refused(&arguments));
    }
    let most = ["--candidates=4096", "--episodes=1000000", "--batch=1000000"];
    figures(&refused(&[&["eval", BUNDLE][..], &most].concat()));
    figures(&refused(&[&["score", BUNDLE][..], &most].concat()));
}

/// `ulimit -v` leaves less than the machine has: what is refused under it is not without it.
#[cfg(target_os = "linux")]
#[test]
fn limits_of_the_shell_count() {
    let folder = TempDir::new().unwrap();
    for (limit, name) in [("-v", "ulimit -v"), ("-d", "ulimit -d")] {
        let out = folder.path().join("out.hdf5");
        let script = format!(
            "ulimit {limit} 1500000; exec {} data generate {TASK} --rows 20000000 --out {}",
            env!("CARGO_BIN_EXE_diar"),
            out.display()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("error: generating 20000000 rows") && stderr.contains(name), "{stderr}");
        assert!(!out.exists());
    }
}

/// The shipped bundle's header and the bytes behind it.
fn shipped() -> (Value, Vec<u8>) {
    let bytes = fs::read(BUNDLE).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).unwrap(), data.to_vec())
}

/// A bundle of metadata with a right hash and of f16 tensors, by name, shape and place in the data.
fn forged(folder: &Path, info: &Value, tensors: &Value, data: &[u8]) -> PathBuf {
    let text = info.to_string();
    let mut sha = Sha256::new();
    let mut add = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    add(text.as_bytes());
    let tensors = tensors.as_object().unwrap();
    add(if tensors.is_empty() { b"F32" } else { b"F16" });
    for (name, tensor) in tensors {
        add(name.as_bytes());
        add(format!("{:?}", serde_json::from_value::<Vec<usize>>(tensor["shape"].clone()).unwrap())
            .as_bytes());
        let [from, to] = serde_json::from_value(tensor["data_offsets"].clone()).unwrap();
        add(&data[from..to]);
    }
    let entry = format!("{{\"version\":1,\"sha256\":\"{:x}\",\"info\":{text}}}", sha.finalize());
    let mut header = tensors.clone();
    header.insert("__metadata__".to_owned(), json!({"diar": entry}));
    let header = Value::from(header).to_string();
    let path = folder.join("forged.safetensors");
    fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()).unwrap();
    path
}

/// Sizes that ask for more than the file has, a file with no tensor at all among them: refused by every command before
/// any network is made.
#[test]
fn a_bundles_sizes_are_held_against_its_tensors() {
    let folder = TempDir::new().unwrap();
    let (mut header, data) = shipped();
    let header = header.as_object_mut().unwrap();
    let metadata = header.remove("__metadata__").unwrap();
    let entry: Value = serde_json::from_str(metadata["diar"].as_str().unwrap()).unwrap();
    let tensors = Value::from(header.clone());
    let info = &entry["info"];
    let refuse = |info: &Value, tensors: &Value, data: &[u8], part: &str| {
        let path = forged(folder.path(), info, tensors, data);
        for command in ["info", "play", "eval", "policy"] {
            let error = refused(&[command, path.to_str().unwrap()]);
            assert!(error.contains("forged.safetensors") && error.contains(part), "{command}: {error}");
        }
    };

    // Nothing changed: the forgery is as good as the original.
    let path = forged(folder.path(), info, &tensors, &data);
    let output = diar(&["info", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let none = json!({});
    refuse(info, &none, &[], "is missing");
    let mut huge = info.clone();
    huge["settings"]["vae"]["hidden"] = json!(8192);
    huge["settings"]["vae"]["gru_layers"] = json!(32);
    refuse(&huge, &none, &[], "is missing");
    refuse(&huge, &tensors, &data, "has shape");
    for (pointer, value, part) in [
        ("/settings/critic/state_hidden", json!(128), "has shape"),
        ("/settings/diffusion/widths", json!([64, 32, 16, 8]), "has shape"),
        ("/settings/vae/gru_layers", json!(2), "is missing"),
        ("/settings/vae/hidden", json!(100_000_000_000_u64), "vae.hidden is 100000000000"),
        ("/settings/vae/gru_layers", json!(33), "vae.gru_layers is 33"),
        ("/settings/diffusion/diffusion_steps", json!(10_000), "diffusion.diffusion_steps is 10000"),
        ("/settings/plan/sampler/extra_steps", json!(u64::MAX), "plan.sampler.extra_steps is"),
        ("/settings/plan/candidates", json!(5000), "plan.candidates is 5000"),
    ] {
        let mut changed = info.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        refuse(&changed, &tensors, &data, part);
    }
    let mut more = tensors.clone();
    more["vae.other"] = json!({"dtype": "F16", "shape": [1], "data_offsets": [data.len(), data.len() + 2]});
    refuse(info, &more, &[&data[..], &[0, 0]].concat(), "'vae.other' belongs to no network");

    // Data that nobody could generate are not tried.
    let mut rows = info.clone();
    rows["settings"]["data"]["rows"] = json!(60_000_000_000_u64);
    let path = forged(folder.path(), &rows, &tensors, &data);
    let out = folder.path().join("out");
    let error = refused(&["windows", path.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(error.starts_with("generating 60000000000 rows") && !out.exists(), "{error}");
}

/// A run over the limits of links is told, with the reason in the place of the link.
#[test]
fn a_run_without_a_link_says_why() {
    let mut arguments = vec!["play".to_owned(), BUNDLE.to_owned()];
    arguments.extend((0..257).map(|decision| format!("--keep={decision}")));
    let output = diar(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last = text.lines().last().unwrap();
    assert_eq!(last, "link    none: this run does not fit into a link: a number is too large");
}
