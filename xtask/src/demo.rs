//! The whole road in one command. The page with the shipped weights is served as soon as it can be; what takes longer
//! goes on while one already looks: training on this machine, and the page's WebGPU module.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::files;
use crate::local::{self, LocalPage};
use crate::mujoco;
use crate::report::{Expected, Report};
use crate::serve::Port;
use crate::shell;
use crate::tools;
use crate::workspace::Workspace;

const TASK: &str = "maze2d-umaze-v1";
/// The run directory; a demo that was ended early goes on from it.
const RUN: &str = "runs/demo";
/// Written by `diar train` when the run is finished.
const RESULT: &str = "runs/demo/result.json";
/// The freshly trained weights, exported beside the run and copied into the page.
const BUNDLE: &str = "runs/demo.safetensors";
/// Result of evaluating them.
const EVALUATION: &str = "runs/demo.txt";
/// Episodes of the evaluation, with and without revaluation: enough to see that the agent solves its task.
const EPISODES: &str = "50";
/// Where the page finds them.
const FRESH: &str = "weights/fresh.safetensors";

const FIRST_PAGE: Expected = Expected::Once(5);
const BUILD: Expected = Expected::Once(5);
const TRAIN: Expected = Expected::Minutes(3);
const WEBGPU: Expected = Expected::Once(7);

/// What to do, from the command line.
pub(crate) struct Options {
    /// Train fresh weights, or show the shipped ones only.
    pub train: bool,
    /// Serve the page on this port, or stop when everything is built.
    pub port: Option<u16>,
}

/// Runs the demo.
pub(crate) fn run(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    // Before minutes of work.
    let port = options.port.map(Port::take).transpose()?;
    let page = LocalPage::of(workspace);
    let demo = Demo { workspace, page: &page, port: port.as_ref() };

    report.part("Rust for WebAssembly", Expected::Seconds, || tools::set_up_target(workspace))?;
    report.part("The page, with the shipped weights", FIRST_PAGE, || {
        page.build(&local::FIRST, Workspace::cargo)
    })?;
    let serving = port.as_ref().map(|port| port.serve_beside(page.folder())).transpose()?;
    demo.say("The page is served, with the shipped weights", "");

    let weights = if options.train { demo.train(report) } else { Ok(()) };
    let webgpu = report
        .part("The page's WebGPU module", WEBGPU, || page.build(&local::WEBGPU, Workspace::cargo_behind));
    report.print();
    let Some(serving) = serving else { return weights.and(webgpu) };
    for error in [&weights, &webgpu].into_iter().filter_map(|result| result.as_ref().err()) {
        eprintln!("error: {error:#}");
    }
    if webgpu.is_ok() {
        println!("\nThe WebGPU module is there: reload the page if it is open.");
    }
    demo.say("The page is served, with the shipped weights", "");
    if options.train && weights.is_ok() {
        demo.say("and with the weights trained here", &fresh_page());
    }
    println!("\nCtrl+C ends it.");
    serving.join().map_err(|_| anyhow::anyhow!("the server broke down"))
}

/// Everything that the parts of the demo share.
struct Demo<'a> {
    workspace: &'a Workspace,
    page: &'a LocalPage<'a>,
    port: Option<&'a Port>,
}

impl Demo<'_> {
    /// Trains an agent, shows it in the page, evaluates it. What is done already is not done again.
    fn train(&self, report: &mut Report) -> Result<()> {
        let path = |name: &str| self.workspace.root.join(name);
        let [result, bundle, evaluation] = [RESULT, BUNDLE, EVALUATION].map(path);
        let trained = is_newer(&bundle, &result);
        let evaluated = trained && is_newer(&evaluation, &bundle);
        if !evaluated {
            mujoco::set_up_if_possible(self.workspace, report);
            report.part("Build diar", BUILD, || {
                let mut build = self.workspace.cargo_behind();
                build.args(["build", "--release", "--package", "diar"]);
                if mujoco::is_there(self.workspace) {
                    build.args(["--features", "mujoco"]);
                }
                shell::run(&mut build)
            })?;
        }
        if trained {
            println!("\n== Weights trained here: in {BUNDLE}. To train anew, remove {RUN} and start again.");
        } else {
            report.part("Train; if ended early, the next start goes on from here", TRAIN, || {
                shell::run(&mut self.diar(&["train", TASK, "--preset", "quick", "--run", RUN]))
            })?;
            report.part("Export the weights", Expected::Seconds, || {
                shell::run(&mut self.diar(&["export", RUN, "--out", BUNDLE]))
            })?;
        }
        files::copy(&bundle, &self.page.folder().join(FRESH))?;
        self.say("Your own weights decide", &fresh_page());
        if !evaluated {
            report.part("Evaluate, with and without revaluation", Expected::Seconds, || {
                let fresh = evaluation.with_extension("fresh");
                let file =
                    File::create(&fresh).with_context(|| format!("{} cannot be written", fresh.display()))?;
                let compare = ["compare", RUN, "--episodes", EPISODES];
                shell::run(self.diar(&compare).stdout(Stdio::from(file)))?;
                std::fs::rename(&fresh, &evaluation)
                    .with_context(|| format!("{} cannot be written", evaluation.display()))
            })?;
        }
        println!("{}", files::text(&evaluation)?.trim_end());
        Ok(())
    }

    /// The program, which has just been built.
    fn diar(&self, arguments: &[&str]) -> Command {
        let mut diar = self.workspace.behind(self.workspace.target.join("release/diar"));
        diar.args(arguments);
        diar
    }

    /// Says where something is to be seen, if it is served.
    fn say(&self, what: &str, page: &str) {
        if let Some(port) = self.port {
            println!("\n>> {what}: {}", port.address(page));
        }
    }
}

fn fresh_page() -> String {
    format!("?bundle={FRESH}")
}

/// Returns `true` if a file is there and no older than another one.
fn is_newer(file: &Path, other: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    changed(file).zip(changed(other)).is_some_and(|(file, other)| file >= other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    /// Stands for cargo: notes what it is asked for, and leaves what would be built.
    const CARGO: &str = r#"#!/bin/sh
set -e
cd "$(dirname "$0")"
case "$*" in
    *"--bin bindgen -- "*)
        shift 11
        name=$(basename "$1" .wasm)
        echo "bind $name" >> log
        mkdir -p "$2"
        echo script > "$2/$name.js"
        echo module > "$2/${name}_bg.wasm" ;;
    *"--target wasm32-unknown-unknown"*)
        echo "build ${10}" >> log
        mkdir -p target/wasm32-unknown-unknown/local
        shift 10
        for name; do
            [ "$name" = --bin ] || [ -e "target/wasm32-unknown-unknown/local/$name.wasm" ] ||
                echo wasm > "target/wasm32-unknown-unknown/local/$name.wasm"
        done ;;
    *"--package diar")
        echo "build diar" >> log
        mkdir -p target/release
        cp diar target/release/diar ;;
    *) exit 9 ;;
esac
"#;

    /// Stands for the program. Training ends early where a file says so.
    const DIAR: &str = r#"#!/bin/sh
set -e
echo "$1" >> log
case "$1" in
    train) mkdir -p runs/demo; [ ! -e interrupted ]; echo done > runs/demo/result.json ;;
    export) echo weights > runs/demo.safetensors ;;
    compare) echo "scores" ;;
esac
"#;

    /// A workspace with the page's real sources, and programs that only pretend.
    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for name in ["index.html", "web", "weights"] {
            symlink(sources.join(name), root.join(name)).unwrap();
        }
        let rustc = format!("#!/bin/sh\necho {}\n", root.join("sysroot").display());
        for inner in ["tools/bin", "sysroot/lib/rustlib/wasm32-unknown-unknown"] {
            std::fs::create_dir_all(root.join(inner)).unwrap();
        }
        let programs = [("cargo", CARGO), ("diar", DIAR), ("tools/bin/rustc", &rustc)];
        // A Python that fetches nothing.
        for (name, script) in programs.into_iter().chain([("tools/bin/python3", "#!/bin/sh\nexit 1\n")]) {
            // By another program: a file that a thread of this one still holds open cannot be run.
            let write = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
            let mut shell = Command::new("sh");
            shell.args(["-c", write, "sh"]).arg(root.join(name)).arg(script);
            assert!(shell.status().unwrap().success(), "{name}");
        }
        let workspace = Workspace {
            root: root.into(),
            target: root.join("target"),
            tools: root.join("tools"),
            cargo: root.join("cargo").into(),
            mujoco: None,
        };
        (folder, workspace)
    }

    /// Runs the demo without serving; gives what it did, in order.
    fn demo(workspace: &Workspace, train: bool) -> (Result<()>, Vec<String>) {
        let log = workspace.root.join("log");
        let _ = std::fs::remove_file(&log);
        let result = run(workspace, &Options { train, port: None }, &mut Report::default());
        (result, files::text(&log).unwrap().lines().map(str::to_owned).collect())
    }

    const PAGE: [&str; 3] = ["build page,train", "bind diar-web", "bind diar-train"];
    const WEIGHTS: [&str; 4] = ["build diar", "train", "export", "compare"];
    const GPU: [&str; 2] = ["build webgpu", "bind diar-gpu"];

    #[test]
    fn the_page_comes_first_and_nothing_is_done_twice() {
        let (_folder, workspace) = workspace();
        let (result, did) = demo(&workspace, true);
        result.unwrap();
        assert_eq!(did, [&PAGE[..], &WEIGHTS, &GPU].concat());
        let page: PathBuf = LocalPage::of(&workspace).folder().into();
        assert_eq!(files::text(&page.join(FRESH)).unwrap(), "weights\n");
        assert!(files::text(&page.join("index.html")).unwrap().contains("\"diar-gpu.js\""));
        let (result, did) = demo(&workspace, true);
        result.unwrap();
        assert_eq!(did, ["build page,train", "build webgpu"], "cargo looks whether something has changed");
    }

    #[test]
    fn training_that_ended_early_keeps_nothing_else_from_being_done_and_goes_on_next_time() {
        let (folder, workspace) = workspace();
        std::fs::write(folder.path().join("interrupted"), "").unwrap();
        let (result, did) = demo(&workspace, true);
        assert!(format!("{:#}", result.unwrap_err()).contains("Train"));
        assert_eq!(did, [&PAGE[..], &WEIGHTS[..2], &GPU].concat());
        std::fs::remove_file(folder.path().join("interrupted")).unwrap();
        let (result, did) = demo(&workspace, true);
        result.unwrap();
        assert_eq!(did, [&PAGE[..1], &WEIGHTS, &GPU[..1]].concat());
    }

    #[test]
    fn without_training_only_the_page_is_built() {
        let (_folder, workspace) = workspace();
        let (result, did) = demo(&workspace, false);
        result.unwrap();
        assert_eq!(did, [&PAGE[..], &GPU].concat());
    }

    #[test]
    fn a_port_that_is_taken_is_refused_before_anything_is_built() {
        let (folder, workspace) = workspace();
        let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = Some(taken.local_addr().unwrap().port());
        let error = run(&workspace, &Options { train: true, port }, &mut Report::default()).unwrap_err();
        assert!(error.to_string().contains("--port"), "{error}");
        assert!(!folder.path().join("log").exists());
    }

    #[test]
    fn a_file_is_newer_only_where_both_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let [result, bundle] = ["result", "bundle"].map(|name| folder.path().join(name));
        std::fs::write(&bundle, "").unwrap();
        assert!(!is_newer(&bundle, &result) && !is_newer(&result, &bundle));
        File::create(&result).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(is_newer(&bundle, &result) && !is_newer(&result, &bundle));
    }
}
