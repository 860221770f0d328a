//! What a change must pass.

use anyhow::Result;

use crate::mujoco;
use crate::report::{Expected, Report};
use crate::shell;
use crate::test;
use crate::tools::{self, WASM};
use crate::workspace::Workspace;

/// Format, lints, documentation, the CUDA build, then every test.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.part("Format", Expected::Seconds, || {
        shell::run(workspace.cargo().args(["fmt", "--all", "--check"]))
    })?;
    report.part("Tools for the page", tools::EXPECTED, || tools::set_up(workspace))?;
    mujoco::set_up_if_possible(workspace, report);
    // Profiles are those of the tests, so that build scripts and macros are compiled once.
    report.part("Lints, native", Expected::Once(3), || {
        shell::run(
            workspace
                .cargo()
                .args(["clippy", "--release", "--all-targets"])
                .args(test::native(workspace))
                .args(["--", "-D", "warnings"]),
        )
    })?;
    report.part("Lints, the bindgen of the demo", Expected::Once(1), || {
        let bindgen = ["clippy", "--package", "xtask", "--features", "bindgen", "--bin", "bindgen"];
        shell::run(workspace.cargo().args(bindgen).args(["--", "-D", "warnings"]))
    })?;
    let browser = ["--profile", "web", "--target", WASM, "--lib", "--bins"];
    report.part("Lints, the page", Expected::Once(3), || {
        shell::run(workspace.cargo().arg("clippy").args(browser).args([
            "--package",
            "diar-core",
            "--package",
            "diar-web",
            "--features",
            "diar-web/train,diar-web/relaxed-simd",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    report.part("Lints, the WebGPU module and the device suite", Expected::Once(4), || {
        shell::run(
            workspace
                .cargo()
                .arg("clippy")
                .args(browser)
                .args(["--test", "browser", "--package", "diar-web", "--package", "diar-tests"])
                .args(["--no-default-features", "--features", "diar-web/webgpu,diar-tests/webgpu"])
                .args(["--", "-D", "warnings"]),
        )
    })?;
    report.part("Documentation", Expected::Once(2), || {
        shell::run(
            workspace
                .cargo()
                .args(["doc", "--release", "--no-deps"])
                .args(test::native(workspace))
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    report.part("The CUDA build, types only", Expected::Once(4), || {
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
