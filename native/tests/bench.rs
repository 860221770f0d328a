//! `diar bench` as it is used. No test looks at how fast anything is.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diar")).arg("bench").args(arguments).output().unwrap()
}

fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = bench(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fields(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A rival that answers every line with what the `case` branches of a shell print.
fn rival(folder: &Path, branches: &str) -> String {
    let path = folder.join("rival");
    let script =
        format!("#!/bin/sh\nwhile read -r line; do\n  case \"$line\" in\n{branches}\n  esac\ndone\n");
    fs::write(&path, script).unwrap();
    format!("sh {}", path.display())
}

#[test]
fn a_row_has_the_fields_that_apply() {
    let found = rows(&["--json", "--filter", "environment", "--seconds", "0.05"]);
    assert_eq!(found.len(), 1);
    let row = &found[0];
    assert_eq!(fields(row), ["batch", "device", "median_ms", "name", "spread_ms"]);
    assert_eq!(
        (&row["name"], &row["device"], &row["batch"]),
        (&json!("environment"), &json!("cpu"), &json!(512))
    );
    assert!(row["median_ms"].as_f64().unwrap() > 0.0 && row["spread_ms"].as_f64().unwrap() >= 0.0, "{row}");

    let found = rows(&["--json", "--filter", "decision 64-32-16", "--seconds", "0.05", "--threads", "1"]);
    assert_eq!(found.len(), 1);
    let row = &found[0];
    let expected = [
        "batch",
        "candidates",
        "device",
        "gflops",
        "limit_share",
        "median_ms",
        "name",
        "spread_ms",
        "steps",
        "width",
    ];
    assert_eq!(fields(row), expected);
    assert_eq!((&row["candidates"], &row["steps"], &row["width"]), (&json!(64), &json!(5), &json!(64)));
    assert!(row["gflops"].as_f64().unwrap() > 0.0, "{row}");
    assert!(row["limit_share"].as_f64().unwrap() > 0.0, "{row}");
}

#[test]
fn people_get_a_table() {
    let output = bench(&["--filter", "environment", "--seconds", "0.05"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["device cpu", "interquartile", "path", "median ms", "environments 512", " steps\n"] {
        assert!(text.contains(part), "'{part}' is missing in:\n{text}");
    }
}

#[test]
fn sweeps_name_the_size_that_grows() {
    let found = rows(&["--scaling", "--json", "--filter", "n 64, 1 steps", "--seconds", "0.01"]);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["sweep"], &found[0]["steps"]), (&json!("steps"), &json!(1)));
}

#[test]
fn a_rival_is_asked_in_turn() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let branches = format!(
        r#"*hello*) echo '{{"name":"Tortoise 1.0","variants":{{"decision":["slow","slower","ill"]}}}}' ;;
*'"ill"'*) echo '{{"error":"no shell to creep into"}}' ;;
*'"slow"'*) echo "$line" >> {log}; echo '{{"ms":[300,100,200]}}' ;;
*) echo "$line" >> {log}; echo '{{"ms":[400]}}' ;;"#,
        log = log.display()
    );
    let command = rival(folder.path(), &branches);
    let arguments = [
        "--json",
        "--filter",
        "decision 64-32-16",
        "--seconds",
        "0.07",
        "--threads",
        "1",
        "--rival",
        &command,
    ];
    let output = bench(&arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let warnings: Vec<&str> = stderr.lines().filter(|line| line.starts_with("warning")).collect();
    assert_eq!(warnings, ["warning: decision: Tortoise 1.0 ill is left out: no shell to creep into"]);

    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&Value> = found.iter().map(|row| &row["rival"]).collect();
    assert_eq!(names, ["Tortoise 1.0 slow", "Tortoise 1.0 slower"]);
    for (row, rival_ms) in found.iter().zip([200.0, 400.0]) {
        assert_eq!(row["rival_ms"], rival_ms);
        let ratio = rival_ms / row["median_ms"].as_f64().unwrap();
        assert!((row["ratio"].as_f64().unwrap() / ratio - 1.0).abs() < 1e-9, "{row}");
    }

    let log = fs::read_to_string(log).unwrap();
    let asked: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(asked.len() >= 6 && asked.len().is_multiple_of(2), "{log}");
    for pair in asked.chunks(2) {
        assert_eq!((&pair[0]["variant"], &pair[1]["variant"]), (&json!("slow"), &json!("slower")));
    }
    let mut first = asked[0].clone();
    let seconds = first["seconds"].take().as_f64().unwrap();
    assert!((seconds - 0.01).abs() < 1e-6, "a seventh of the time for a path: {seconds}");
    let expected = json!({
        "case": "decision", "variant": "slow", "threads": 1, "seconds": null, "candidates": 64, "steps": 5, "extra": 0,
        "kind": "sde", "widths": [64, 32, 16], "embedding": 64, "state_hidden": 64, "latent_hidden": 64,
        "last_hidden": 32, "state": 4, "latent": 16, "hidden": 64,
    });
    assert_eq!(first, expected);
}

#[test]
fn what_cannot_be_measured_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let answering = |branches: &str| rival(folder.path(), branches);
    let fails = |arguments: &[&str], parts: &[&str]| {
        let output = bench(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let error = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: '{part}' is missing in: {stderr}");
        }
    };
    fails(&["--filter", "teleport"], &["'teleport'", "vae_step", "environment"]);
    fails(&["--seconds", "0"], &["'0'", "--seconds"]);
    fails(&["--scaling", "--rival", "true"], &["--scaling", "--rival"]);

    let quick = ["--filter", "decision 64-32-16", "--seconds", "0.01", "--rival"];
    let against = |command: &str, parts: &[&str]| fails(&[&quick[..], &[command]].concat(), parts);
    against("", &["empty"]);
    against("/nowhere/tortoise --fast", &["'/nowhere/tortoise --fast'", "cannot be started"]);
    against("true", &["'true'", "ended without an answer"]);
    against(&answering("*) echo hello ;;"), &["answered 'hello'", "expected", "variants"]);
    let hello = r#"*hello*) echo '{"name":"Tortoise","variants":{"decision":["slow"]}}' ;;"#;
    for nonsense in [r#"{"ms":[]}"#, r#"{"ms":[-1]}"#, r#"{"time":3}"#, "Traceback"] {
        let command = answering(&format!("{hello}\n*) echo '{nonsense}' ;;"));
        against(&command, &[&format!("answered '{nonsense}'"), "expected", "\"ms\""]);
    }
    against(&answering(&format!("{hello}\n*) exit 1 ;;")), &["ended without an answer"]);
}
