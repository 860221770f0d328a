//! Every test.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::mujoco;
use crate::page;
use crate::report::{Expected, Report};
use crate::shell;
use crate::system::{self, System};
use crate::tools::{self, WASM};
use crate::workspace::Workspace;

/// The packages and features of every native build of CI, the same each time so that Burn is compiled once: the devices
/// that tests run on beside the CPU, and MuJoCo where its library is there.
pub(crate) fn native(workspace: &Workspace) -> [&'static str; 3] {
    let features = if mujoco::is_there(workspace) {
        "diar/wgpu,diar-tests/webgpu,diar/mujoco"
    } else {
        println!("   tests of MuJoCo are skipped: no MuJoCo");
        "diar/wgpu,diar-tests/webgpu"
    };
    ["--workspace", "--features", features]
}

/// The bundle that comes with the repository.
const BUNDLE: &str = "weights/maze2d-umaze-v1.safetensors";

/// Makes sure that everything the tests need is there.
pub(crate) fn set_up(workspace: &Workspace, report: &mut Report) -> Result<System> {
    report.part("Tools for the page", tools::EXPECTED, || tools::set_up(workspace))?;
    mujoco::set_up_if_possible(workspace, report);
    report.part("Browser, software GPU, Node and Python", Expected::Once(3), || system::set_up(workspace))
}

/// Runs every test.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let system = set_up(workspace, report)?;
    report.part(
        "Native tests: CPU, and WebGPU's shaders on a software Vulkan driver",
        Expected::Minutes(25),
        || {
            shell::run(
                workspace
                    .cargo()
                    .args(["test", "--release"])
                    .args(native(workspace))
                    // The same adapter everywhere, a real GPU or not.
                    .env("VK_DRIVER_FILES", &system.vulkan)
                    // Where there is no desktop, Mesa's device-selection layer complains of that again and again.
                    .env("NODEVICE_SELECT", "1"),
            )
        },
    )?;
    report.part("The device suite in a browser, on WebGPU", Expected::Minutes(12), || {
        shell::run(
            workspace
                .cargo()
                .args(["test", "--package", "diar-tests", "--test", "browser", "--features", "webgpu"])
                .args(["--profile", "web", "--target", WASM])
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
                .env("CHROMEDRIVER", &system.driver)
                // Seconds; a software adapter takes its time.
                .env("WASM_BINDGEN_TEST_TIMEOUT", "600"),
        )
    })?;
    report.part("The page", page::EXPECTED, || page::compile(workspace))?;
    report.part("Journeys through the page", Expected::Minutes(8), || {
        shell::run(
            workspace
                .command("timeout")
                // A browser busy on a software adapter is slow to end.
                .args(["--kill-after=10", "1200", "node", "--test", "--test-concurrency=1"])
                .args([
                    "--test-reporter=spec",
                    "journeys.test.mjs",
                    "playground.test.mjs",
                    "hosting.test.mjs",
                    "robust.test.mjs",
                    "refusals.test.mjs",
                ])
                .current_dir(workspace.root.join("tests/browser"))
                .env("DIAR_DIST", workspace.dist())
                .env("CHROMIUM", &system.browser),
        )
    })?;
    report.part("The bundle, read in Python", Expected::Seconds, || bundle_in_python(workspace, &system))?;
    report.part("The data, read in Python", Expected::Seconds, || data_in_python(workspace, &system))?;
    report.part("The events, read by TensorBoard", Expected::Seconds, || {
        events_in_python(workspace, &system)
    })?;
    report.part("The policy, in a simulator in Python", Expected::Seconds, || {
        policy_in_python(workspace, &system)
    })?;
    report.part("Tasks of Gymnasium's, from nothing", Expected::Seconds, || gymnasium(workspace, &system))
}

/// Data is collected, learned and played by the documentation's commands, each as short as can be: the way is tested, not
/// the skill.
fn gymnasium(workspace: &Workspace, system: &System) -> Result<()> {
    let folder = workspace.target.join("gymnasium");
    // Half of an earlier try may be there.
    let _ = std::fs::remove_dir_all(&folder);
    let program = workspace.target.join("release/diar");
    let python = |script: &str| {
        let mut command = workspace.command(&system.gymnasium);
        command.arg(script);
        command
    };
    for (collector, name, player) in [
        ("docs/collect_reacher.py", "reacher/noisy-v0", ["--env", "Reacher-v5"]),
        ("docs/collect_pointmaze.py", "pointmaze/waypoints-v0", ["--file", "docs/collect_pointmaze.py"]),
    ] {
        let (data, run) = (folder.join(name), folder.join(collector).with_extension("run"));
        shell::run(python(collector).args(["--episodes", "20", "--out"]).arg(&folder))?;
        let train = ["train", "--preset", "smoke", "--data"];
        shell::run(workspace.command(&program).args(train).arg(&data).arg("--run").arg(&run))?;
        let mut play = python("docs/any_simulator.py");
        play.arg(&run).args(player).args(["--lanes", "2", "--episodes", "4", "--program"]).arg(&program);
        let played = shell::output(&mut play).context("docs/any_simulator.py failed")?;
        let scores: Value = serde_json::from_str(&played).context("its answer is no JSON")?;
        let returns = scores["returns"].as_array().context("its answer has no returns")?;
        ensure!(
            returns.len() == 4 && returns.iter().all(|score| score.as_f64().is_some_and(f64::is_finite)),
            "expected four finite returns, found {played}"
        );
    }
    Ok(())
}

/// What our networks answer goes into a script that computes the same from the file.
fn bundle_in_python(workspace: &Workspace, system: &System) -> Result<()> {
    let answers = workspace.target.join("answers.json");
    let output =
        File::create(&answers).with_context(|| format!("{} cannot be written", answers.display()))?;
    // An example of the tests crate; cargo has built it with the native tests.
    let program = workspace.target.join("release/examples/answers");
    shell::run(workspace.command(program).arg(BUNDLE).stdout(output))?;
    shell::run(
        workspace
            .command(&system.python)
            .args(["tests/golden/bundle_in_python.py", BUNDLE])
            .stdin(File::open(&answers)?),
    )
}

/// The documentation's example plays in a simulator that shares nothing with ours; the agent must reach the goal there.
fn policy_in_python(workspace: &Workspace, system: &System) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::iter::once(workspace.target.join("release")).chain(std::env::split_paths(&path));
    let mut command = workspace.command(&system.python);
    command
        .args(["docs/any_simulator.py", BUNDLE, "--file", "tests/golden/point_mass.py"])
        .args(["--episodes", "20", "--lanes", "4"])
        .env("PATH", std::env::join_paths(programs)?);
    let played = shell::output(&mut command).context("docs/any_simulator.py failed")?;
    let scores: Value = serde_json::from_str(&played).context("its answer is no JSON")?;
    let returns = scores["returns"].as_array().context("its answer has no returns")?;
    let solved = returns.iter().filter(|found| found.as_f64() == Some(1.0)).count();
    println!("   solved: {solved} of 20");
    ensure!(
        solved >= 18,
        "the agent that solves our maze solves only {solved} of 20 episodes there:\n{played}"
    );
    Ok(())
}

/// A run that is killed and resumed writes two files of events; `TensorBoard` must find in them what the metrics say.
fn events_in_python(workspace: &Workspace, system: &System) -> Result<()> {
    let run = workspace.target.join("events");
    // Half of an earlier try may be there.
    let _ = std::fs::remove_dir_all(&run);
    let train = || {
        let mut command = workspace.command(workspace.target.join("release/diar"));
        command.args(["train", "maze2d-umaze-v1", "--method", "idql", "--preset", "smoke", "--events"]);
        command.args(["--eval-every", "100", "--checkpoint-every", "0", "--set", "data.rows=3000", "--run"]);
        command.arg(&run);
        command
    };
    let mut killed = train().spawn().context("the program cannot be started")?;
    let policy = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("policy-2"))
    };
    let begun = Instant::now();
    while !std::fs::read_dir(run.join("checkpoints")).is_ok_and(|mut entries| entries.any(policy)) {
        ensure!(killed.try_wait()?.is_none(), "training ended before it was killed");
        ensure!(begun.elapsed() < Duration::from_mins(2), "training makes no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.kill()?;
    killed.wait()?;
    shell::run(&mut train())?;
    shell::run(workspace.command(&system.python).arg("tests/golden/events_in_python.py").arg(&run))
}

/// Generated files go through h5py, as D4RL's loader reads it; every number must be the program's.
fn data_in_python(workspace: &Workspace, system: &System) -> Result<()> {
    generated_in_python(workspace, system, "maze2d-umaze-v1", "50000")?;
    if mujoco::is_there(workspace) {
        generated_in_python(workspace, system, "antmaze-umaze-v2", "2500")?;
    }
    Ok(())
}

fn generated_in_python(workspace: &Workspace, system: &System, task: &str, rows: &str) -> Result<()> {
    let (data, inspection) = (workspace.target.join("data.hdf5"), workspace.target.join("data.json"));
    let program = workspace.target.join("release/diar");
    let output =
        File::create(&inspection).with_context(|| format!("{} cannot be written", inspection.display()))?;
    shell::run(
        workspace
            .command(program)
            .args(["data", "generate", task, "--rows", rows, "--json", "--out"])
            .arg(&data)
            .stdout(output),
    )?;
    shell::run(
        workspace
            .command(&system.python)
            .arg("tests/golden/data_in_python.py")
            .arg(&data)
            .stdin(File::open(&inspection)?),
    )
}
