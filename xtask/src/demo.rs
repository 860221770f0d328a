//! The whole road in one command: train, evaluate, export, build the page, serve it.

use anyhow::{Context, Result};

use crate::page;
use crate::report::Report;
use crate::serve;
use crate::shell;
use crate::workspace::Workspace;

const TASK: &str = "maze2d-umaze-v1";
/// The run directory; a demo that was ended early goes on from it.
const RUN: &str = "runs/demo";
/// The freshly trained weights, exported beside the run and copied into the page.
const BUNDLE: &str = "runs/demo.safetensors";
/// Where the page finds them.
const FRESH: &str = "weights/fresh.safetensors";

/// What to do, from the command line.
pub struct Options {
    /// Train fresh weights, or show the shipped ones only.
    pub train: bool,
    /// Serve the page on this port, or stop when it is built.
    pub port: Option<u16>,
}

/// Runs the demo.
pub fn run(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    if options.train {
        let diar = |arguments: &[&str]| {
            let cargo = ["run", "--release", "--quiet", "--package", "diar", "--"];
            shell::run(workspace.cargo().args(cargo).args(arguments))
        };
        report.part("Build diar", || {
            shell::run(workspace.cargo().args(["build", "--release", "--package", "diar"]))
        })?;
        report.part("Train (minutes; an interrupted demo goes on where it stopped)", || {
            diar(&["train", TASK, "--preset", "quick", "--run", RUN])
        })?;
        report.part("Evaluate with and without revaluation", || diar(&["compare", RUN]))?;
        report.part("Export the weights", || diar(&["export", RUN, "--out", BUNDLE]))?;
    }
    page::build(workspace, report)?;
    let mut pages = vec![""];
    let fresh = format!("?bundle={FRESH}");
    if options.train {
        let (from, to) = (workspace.root.join(BUNDLE), workspace.dist().join(FRESH));
        std::fs::copy(&from, &to)
            .with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
        pages.push(&fresh);
    }
    match options.port {
        Some(port) => {
            report.print();
            serve::serve(&workspace.dist(), port, &pages)
        }
        None => Ok(()),
    }
}
