//! Building the page.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::report::Report;
use crate::shell::{self, which};
use crate::tools;
use crate::workspace::Workspace;

/// Makes sure of the tools, and builds the page into `dist/`.
pub fn build(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.part("Tools for the page", || tools::set_up(workspace))?;
    report.part("The page", || compile(workspace))
}

/// Builds the page with trunk and tells its size.
pub fn compile(workspace: &Workspace) -> Result<()> {
    // Trunk is strict about NO_COLOR=1, which others set.
    shell::run(workspace.command("trunk").env_remove("NO_COLOR").args(["build"]))?;
    let wasm = wasm_file(&workspace.dist())?;
    println!("   {}: {}", wasm.display(), megabytes(wasm.metadata()?.len()));
    for (program, arguments) in [("gzip", ["-9", "-c"]), ("brotli", ["-9", "-c"])] {
        if which(program).is_some() {
            let packed = workspace.command(program).args(arguments).arg(&wasm).output()?;
            ensure!(packed.status.success(), "{program} ended with {}", packed.status);
            println!("   with {program} {}: {}", arguments[0], megabytes(packed.stdout.len() as u64));
        }
    }
    Ok(())
}

fn wasm_file(dist: &Path) -> Result<PathBuf> {
    std::fs::read_dir(dist)
        .with_context(|| format!("{} cannot be read", dist.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .with_context(|| format!("trunk left no wasm in {}", dist.display()))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
