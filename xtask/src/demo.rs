//! The whole road in one command. The page with the shipped weights is served as soon as it can be; what takes longer
//! goes on while one already looks: training on this machine, and the page's WebGPU module.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::files;
use crate::local::{self, LocalPage};
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
/// What came of evaluating them.
const EVALUATION: &str = "runs/demo.txt";
/// Episodes of the evaluation, with and without revaluation: enough to see that the agent solves its task.
const EPISODES: &str = "100";
/// Where the page finds them.
const FRESH: &str = "weights/fresh.safetensors";

const FIRST_PAGE: Expected = Expected::Once(8);
const BUILD: Expected = Expected::Once(7);
const TRAIN: Expected = Expected::Minutes(4);
const WEBGPU: Expected = Expected::Once(10);

/// What to do, from the command line.
pub struct Options {
    /// Train fresh weights, or show the shipped ones only.
    pub train: bool,
    /// Serve the page on this port, or stop when everything is built.
    pub port: Option<u16>,
}

/// Runs the demo.
pub fn run(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
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

/// What the parts of the demo share.
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
            report.part("Build diar", BUILD, || {
                let build = ["build", "--release", "--package", "diar"];
                shell::run(self.workspace.cargo_behind().args(build))
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
            report.part("Evaluate, with and without revaluation", Expected::Minutes(1), || {
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

/// Whether a file is there and no older than another one.
fn is_newer(file: &Path, other: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    changed(file).zip(changed(other)).is_some_and(|(file, other)| file >= other)
}

#[cfg(test)]
mod tests {
    use super::*;

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
