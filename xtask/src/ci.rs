//! What a change must pass.

use anyhow::Result;

use crate::report::Report;
use crate::shell;
use crate::test;
use crate::tools::{self, WASM};
use crate::workspace::Workspace;

/// Format, lints, documentation, the CUDA build, then every test.
pub fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.part("Format", || shell::run(workspace.cargo().args(["fmt", "--all", "--check"])))?;
    report.part("Tools for the page", || tools::set_up(workspace))?;
    // Profiles are those of the tests, so that build scripts and macros are compiled once.
    report.part("Lints, native", || {
        shell::run(
            workspace
                .cargo()
                .args(["clippy", "--release", "--all-targets"])
                .args(test::NATIVE)
                .args(["--", "-D", "warnings"]),
        )
    })?;
    report.part("Lints, for the browser", || {
        shell::run(
            workspace
                .cargo()
                .args([
                    "clippy",
                    "--profile",
                    "web",
                    "--target",
                    WASM,
                    "--lib",
                    "--bins",
                    "--test",
                    "browser",
                ])
                .args(["--package", "diar-core", "--package", "diar-web", "--package", "diar-tests"])
                .args(["--features", "diar-tests/webgpu", "--", "-D", "warnings"]),
        )
    })?;
    report.part("Documentation", || {
        shell::run(
            workspace
                .cargo()
                .args(["doc", "--release", "--no-deps"])
                .args(test::NATIVE)
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    report.part("The CUDA build, types only", || {
        shell::run(
            workspace
                .cargo()
                .args(["check", "--release", "--workspace"])
                .args(["--features", "diar/cuda,diar/wgpu,diar-tests/webgpu"])
                // Tells cubecl-llvm's build script to do without LLVM.
                .env("DOCS_RS", "1"),
        )
    })?;
    test::run(workspace, report)
}
