//! The build tools of the page, each in exactly one version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::report::Expected;
use crate::shell::{self, output};
use crate::workspace::Workspace;

/// The target the page is compiled to.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// A program that is installed in one version, from its project's releases or from source.
struct Tool {
    /// Its name on crates.io.
    name: &'static str,
    version: &'static str,
    /// What it consists of; each says its version.
    programs: &'static [&'static str],
    /// The archive of a release, for a target such as `x86_64-unknown-linux-musl`.
    archive: fn(version: &str, machine: &str) -> String,
    /// Whether it builds with the dependency versions it was released with.
    locked: bool,
    /// How long that takes.
    from_source: Expected,
}

/// The newest trunk that Rust 1.95 builds.
const TRUNK: Tool = Tool {
    name: "trunk",
    version: "0.21.14",
    programs: &["trunk"],
    archive: |version, machine| {
        format!("trunk-rs/trunk/releases/download/v{version}/trunk-{machine}-unknown-linux-gnu.tar.gz")
    },
    locked: true,
    from_source: Expected::Minutes(9),
};

/// Must have the version of the `wasm-bindgen` crate. Its own lock file names a yanked dependency.
const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen-cli",
    version: "0.2.130",
    programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    archive: |version, machine| {
        let libc = if machine == "x86_64" { "musl" } else { "gnu" };
        format!(
            "wasm-bindgen/wasm-bindgen/releases/download/{version}/\
             wasm-bindgen-{version}-{machine}-unknown-linux-{libc}.tar.gz"
        )
    },
    locked: false,
    from_source: Expected::Minutes(5),
};

/// Downloaded, these are seconds. Where the projects' releases cannot be reached, both programs are built from source.
pub(crate) const EXPECTED: Expected = Expected::Once(14);

/// Makes sure that the page can be built.
pub(crate) fn set_up(workspace: &Workspace) -> Result<()> {
    set_up_target(workspace)?;
    for tool in [WASM_BINDGEN, TRUNK] {
        tool.set_up(workspace)?;
    }
    Ok(())
}

/// Makes sure that Rust compiles for a browser.
pub(crate) fn set_up_target(workspace: &Workspace) -> Result<()> {
    let sysroot =
        output(workspace.command("rustc").args(["--print", "sysroot"])).context("rustc cannot be run")?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM).is_dir() {
        println!("   Rust for {WASM}: there");
        return Ok(());
    }
    shell::run(workspace.command("rustup").args(["target", "add", WASM]))
        .with_context(|| format!("install Rust's standard library for {WASM}, for example with rustup"))
}

impl Tool {
    fn set_up(&self, workspace: &Workspace) -> Result<()> {
        if let Some(folder) = self.find(workspace) {
            println!("   {} {}: in {}", self.name, self.version, folder.display());
            return Ok(());
        }
        println!("   {} {} is missing", self.name, self.version);
        self.download(workspace).or_else(|error| {
            println!(
                "   no prebuilt one can be had ({error:#}); it is built from source, {}",
                self.from_source
            );
            self.build(workspace)
        })?;
        match self.find(workspace) {
            Some(_) => Ok(()),
            None => bail!(
                "{} {} was installed in {}, but does not answer with that version",
                self.name,
                self.version,
                workspace.tools.join("bin").display()
            ),
        }
    }

    /// The folder whose programs would be run, if they have the right version.
    fn find(&self, workspace: &Workspace) -> Option<PathBuf> {
        let own = workspace.tools.join("bin");
        let first = |name: &str| {
            let file = own.join(name);
            if shell::is_program(&file) { Some(file) } else { shell::which(name) }
        };
        for program in self.programs {
            let said = output(Command::new(first(program)?).arg("--version"))?;
            if !says_version(&said, self.version) {
                return None;
            }
        }
        first(self.programs[0])?.parent().map(Path::to_owned)
    }

    fn download(&self, workspace: &Workspace) -> Result<()> {
        let machine = match std::env::consts::ARCH {
            machine @ ("x86_64" | "aarch64") => machine,
            other => bail!("there is none for {other}"),
        };
        let folder = workspace.tools.join("download");
        let archive = folder.join("archive.tar.gz");
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let installed = (|| {
            shell::run(
                workspace
                    .command("curl")
                    .args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https"])
                    .args(["--connect-timeout", "10", "--max-time", "300", "--output"])
                    .arg(&archive)
                    .arg(format!("https://github.com/{}", (self.archive)(self.version, machine))),
            )?;
            shell::run(workspace.command("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))?;
            self.programs
                .iter()
                .try_for_each(|program| install(&folder, program, &workspace.tools.join("bin")))
        })();
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))?;
        installed
    }

    fn build(&self, workspace: &Workspace) -> Result<()> {
        let mut cargo = workspace.cargo();
        cargo
            .args(["install", self.name, "--version", &format!("={}", self.version), "--force", "--root"])
            .arg(&workspace.tools)
            // Built once and run for seconds: quick to build beats quick to run.
            .envs(
                [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("DEBUG", "false")]
                    .map(|(key, value)| (format!("CARGO_PROFILE_RELEASE_{key}"), value)),
            )
            .env_remove("CARGO_TARGET_DIR");
        if self.locked {
            cargo.arg("--locked");
        }
        shell::run(&mut cargo)
    }
}

/// Copies a program out of an unpacked archive, in which it may lie in a folder.
fn install(unpacked: &Path, program: &str, bin: &Path) -> Result<()> {
    let found = std::fs::read_dir(unpacked)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join(program)))
        .chain([unpacked.join(program)])
        .find(|file| shell::is_program(file))
        .with_context(|| format!("the archive holds no '{program}'"))?;
    std::fs::create_dir_all(bin)?;
    let (target, fresh) = (bin.join(program), bin.join(format!(".{program}")));
    std::fs::copy(&found, &fresh)?;
    std::fs::rename(&fresh, &target).with_context(|| format!("{} cannot be written", target.display()))
}

/// Whether a program's answer to `--version` names this version: `trunk 0.21.14`.
fn says_version(said: &str, version: &str) -> bool {
    said.split_whitespace().any(|word| word == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_has_the_version_of_the_crate() {
        let lock = include_str!("../../Cargo.lock");
        let entry = format!("name = \"wasm-bindgen\"\nversion = \"{}\"", WASM_BINDGEN.version);
        assert!(lock.contains(&entry), "Cargo.lock does not hold wasm-bindgen {}", WASM_BINDGEN.version);
    }

    #[test]
    fn only_the_exact_version_will_do() {
        assert!(says_version("trunk 0.21.14", "0.21.14"));
        assert!(says_version("wasm-bindgen 0.2.130 (abc)", "0.2.130"));
        assert!(!says_version("trunk 0.21.140", "0.21.14"));
        assert!(!says_version("", "0.21.14"));
    }

    #[test]
    fn programs_are_taken_from_archives_with_and_without_a_folder() {
        use std::os::unix::fs::PermissionsExt;
        for inside in ["", "tool-1.0"] {
            let unpacked = tempfile::tempdir().unwrap();
            let bin = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(unpacked.path().join(inside)).unwrap();
            let file = unpacked.path().join(inside).join("tool");
            std::fs::write(&file, "#!/bin/sh\necho tool 1.0\n").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            install(unpacked.path(), "tool", bin.path()).unwrap();
            assert!(shell::is_program(&bin.path().join("tool")));
            let error = install(unpacked.path(), "other", bin.path()).unwrap_err().to_string();
            assert!(error.contains("no 'other'"), "{error}");
        }
    }
}
