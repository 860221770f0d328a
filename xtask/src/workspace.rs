//! Where things are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The link in the repository to the folder of MuJoCo's library; `.cargo/config.toml` names it, too.
pub(crate) const MUJOCO: &str = ".mujoco";

/// The folders that commands work in.
pub(crate) struct Workspace {
    /// The repository.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// Where programs are installed that only this project needs: `DIAR_TOOLS`, or `~/.cache/diar/tools`.
    pub tools: PathBuf,
    /// Cargo itself.
    pub cargo: OsString,
    /// A folder of one's own with MuJoCo's library: `MUJOCO_DYNAMIC_LINK_DIR`, unless it is what `.cargo/config.toml` says.
    pub mujoco: Option<PathBuf>,
}

impl Workspace {
    /// Reads the environment that `cargo run` gives.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as 'cargo xtask'")?;
        let root = Path::new(&manifest).parent().context("the xtask crate has no workspace")?.to_owned();
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let target = program.ancestors().nth(2).context("this program is not in a target folder")?.to_owned();
        let tools = match std::env::var_os("DIAR_TOOLS") {
            Some(folder) => std::path::absolute(folder).context("DIAR_TOOLS is not a path")?,
            None => std::env::home_dir()
                .context("there is no home folder: set DIAR_TOOLS to a folder for tools")?
                .join(".cache/diar/tools"),
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mujoco = std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").map(PathBuf::from);
        let mujoco = mujoco.filter(|folder| *folder != root.join(MUJOCO));
        Ok(Self { root, target, tools, cargo, mujoco })
    }

    /// Where trunk puts the page.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// A program, run in the repository, that finds the project's own tools first.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.path()).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// A program, run in the repository, that leaves the processor to whoever needs it.
    pub(crate) fn behind(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut nice = self.command("nice");
        nice.args(["-n", "10"]).arg(program);
        nice
    }

    /// Cargo, run in the repository.
    pub(crate) fn cargo(&self) -> Command {
        self.command(&self.cargo)
    }

    /// Cargo, run in the repository behind everything else.
    pub(crate) fn cargo_behind(&self) -> Command {
        self.behind(&self.cargo)
    }

    fn path(&self) -> OsString {
        let tools = self.tools.join("bin").into_os_string();
        match std::env::var_os("PATH") {
            Some(path) => [tools, ":".into(), path].into_iter().collect(),
            None => tools,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::output;

    #[test]
    fn a_program_behind_is_the_same_program() {
        let workspace = Workspace {
            root: "/".into(),
            target: "/target".into(),
            tools: "/tools".into(),
            cargo: "cargo".into(),
            mujoco: None,
        };
        let mut command = workspace.behind("sh");
        let said = output(command.args(["-c", "nice; pwd; echo \"$1 $CARGO_TARGET_DIR\"", "sh", "a b"]));
        let ours: i32 = output(&mut Command::new("nice")).unwrap().parse().unwrap();
        assert_eq!(said.unwrap(), format!("{}\n/\na b /target", (ours + 10).min(19)));
    }
}
