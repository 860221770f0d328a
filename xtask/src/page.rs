//! Building the page.

use anyhow::Result;

use crate::budget;
use crate::report::{Expected, Report};
use crate::shell;
use crate::tools;
use crate::workspace::Workspace;

/// Makes sure of the tools, and builds the page into `dist/`.
pub(crate) fn build(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.part("Tools for the page", tools::EXPECTED, || tools::set_up(workspace))?;
    report.part("The page", EXPECTED, || compile(workspace))
}

/// Four modules, each optimised as a whole.
pub(crate) const EXPECTED: Expected = Expected::Once(20);

/// Builds the page with trunk, and holds it to its budget.
pub(crate) fn compile(workspace: &Workspace) -> Result<()> {
    // Trunk is strict about NO_COLOR=1, which others set.
    shell::run(workspace.command("trunk").env_remove("NO_COLOR").args(["build"]))?;
    budget::check(&workspace.dist())
}
