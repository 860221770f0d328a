//! MuJoCo's library, in exactly one version, which AntMaze needs.
//!
//! It comes out of the package that Python's installer fetches, pinned by its hash, and lies with the other tools. A
//! link in the repository, which `.cargo/config.toml` names, leads plain `cargo build --features mujoco` to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::report::{Expected, Report};
use crate::shell;
use crate::workspace::{MUJOCO, Workspace};

/// The version that the crate `mujoco-rs` is made for.
const VERSION: &str = "3.17.0";
/// The library, as the crate asks for it.
const LIBRARY: &str = "libmujoco.so";
const EXPECTED: Expected = Expected::Seconds;

/// SHA-256 of the library for this machine.
fn hash() -> Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("23496b023ee80fb61ab71167e94bc649f9941710fde96b18bb8204fb332523ad"),
        ("linux", "aarch64") => Ok("e2edd0204fb9229f75f332a4fcd1a32345bb9f90651dc0fddfa20ec0670db789"),
        (system, machine) => bail!("its hash for {system} on {machine} is not known here"),
    }
}

/// Makes sure that programs can be built with MuJoCo.
pub(crate) fn set_up(workspace: &Workspace) -> Result<()> {
    let folder = match &workspace.mujoco {
        Some(folder) => {
            let library = folder.join(LIBRARY);
            ensure!(library.is_file(), "MUJOCO_DYNAMIC_LINK_DIR names a folder without {}", library.display());
            folder.clone()
        }
        None => hash().and_then(|hash| fetched(workspace, hash)).with_context(|| {
            format!(
                "MuJoCo cannot be had here: put {LIBRARY} of version {VERSION} into a folder and name that in \
                 MUJOCO_DYNAMIC_LINK_DIR; everything but AntMaze works without it"
            )
        })?,
    };
    println!("   MuJoCo {VERSION}: in {}", folder.display());
    link(&folder, &workspace.root.join(MUJOCO))
}

/// [`set_up`] as a part of a command that does without MuJoCo where there is none.
pub(crate) fn set_up_if_possible(workspace: &Workspace, report: &mut Report) {
    // The part says why itself.
    let part = || {
        set_up(workspace).or_else(|error| {
            println!("   {error:#}");
            Ok(())
        })
    };
    let _ = report.part("MuJoCo", EXPECTED, part);
}

/// Returns `true` if programs can be built with MuJoCo.
pub(crate) fn is_there(workspace: &Workspace) -> bool {
    workspace.mujoco.clone().unwrap_or_else(|| workspace.root.join(MUJOCO)).join(LIBRARY).is_file()
}

/// The folder of the library among the tools, where it is put unless it is there.
fn fetched(workspace: &Workspace, hash: &str) -> Result<PathBuf> {
    let folder = workspace.tools.join(format!("mujoco-{VERSION}"));
    let versioned = format!("{LIBRARY}.{VERSION}");
    if hash_of(&folder.join(&versioned)).is_ok_and(|found| found == hash) && folder.join(LIBRARY).is_file() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let unpacked = folder.join("download");
    let installed = (|| {
        install_package(workspace, &unpacked)?;
        let library = unpacked.join("package/mujoco").join(&versioned);
        let found = hash_of(&library)?;
        ensure!(found == hash, "the library fetched has SHA-256 {found}, expected {hash}");
        std::fs::rename(&library, folder.join(&versioned)).context("the library cannot be moved")?;
        link(Path::new(&versioned), &folder.join(LIBRARY))
    })();
    let _ = std::fs::remove_dir_all(&unpacked);
    installed.map(|()| folder)
}

/// Has Python's installer unpack the package into `folder/package`. The file for one version of Python is asked for,
/// whatever version is there, so that there is one hash.
fn install_package(workspace: &Workspace, folder: &Path) -> Result<()> {
    let install = |python: &Path| {
        let mut pip = workspace.command(python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary=:all:", "--python-version", "3.12", "--platform"])
            .arg(format!("manylinux_2_28_{}", std::env::consts::ARCH))
            .arg("--target")
            .arg(folder.join("package"))
            .arg(format!("mujoco=={VERSION}"))
            // The folder is ours alone.
            .env("PIP_ROOT_USER_ACTION", "ignore");
        shell::run(&mut pip)
    };
    install(Path::new("python3")).or_else(|_| {
        // Debian's Python may be without an installer of its own, but make an environment that has one.
        let environment = folder.join("environment");
        let mut venv: Command = workspace.command("python3");
        shell::run(venv.args(["-m", "venv", "--clear"]).arg(&environment))?;
        install(&environment.join("bin/python"))
    })
}

fn hash_of(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(format!("{:x}", Sha256::digest(bytes)))
}

/// Makes a link at `place`, instead of another one.
fn link(target: &Path, place: &Path) -> Result<()> {
    if std::fs::read_link(place).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let fresh = place.with_extension("fresh");
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(target, &fresh)
        .and_then(|()| std::fs::rename(&fresh, place))
        .with_context(|| format!("no link can be made at {}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Python that does what it is told by a script.
    fn workspace(python: &str) -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("tools/bin")).unwrap();
        // By another program: a file that a thread of this one still holds open cannot be run.
        let write = "printf '#!/bin/sh\nset -e\n%s\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh"]).arg(root.join("tools/bin/python3")).arg(python);
        assert!(shell.status().unwrap().success());
        let workspace = Workspace {
            root: root.into(),
            target: root.join("target"),
            tools: root.join("tools"),
            cargo: "cargo".into(),
            mujoco: None,
        };
        (folder, workspace)
    }

    /// Stands for the installer: the folder is the argument after --target.
    const INSTALL: &str = r#"[ "$1 $2" = "-m pip" ]
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/mujoco"
[ "$3" = mujoco==3.17.0 ] && printf library > "$2/mujoco/libmujoco.so.3.17.0""#;
    /// SHA-256 of `library`.
    const HASH: &str = "b718f1354f7247312eca086d9a024afe5fa717ddea5adeddd6f12bcf945b2e8c";

    #[test]
    fn the_library_is_fetched_once_and_checked() {
        let (_folder, workspace) = workspace(INSTALL);
        let folder = fetched(&workspace, HASH).unwrap();
        assert_eq!(std::fs::read(folder.join(LIBRARY)).unwrap(), b"library");
        assert!(!folder.join("download").exists());
        std::fs::remove_file(workspace.tools.join("bin/python3")).unwrap();
        assert_eq!(fetched(&workspace, HASH).unwrap(), folder);
    }

    #[test]
    fn another_library_is_refused() {
        let (_folder, workspace) = workspace(INSTALL);
        let error = fetched(&workspace, "0123").unwrap_err().to_string();
        assert!(error.contains(HASH) && error.contains("0123"), "{error}");
        assert!(!is_there(&workspace));
    }

    #[test]
    fn without_an_installer_an_environment_is_made() {
        let script = format!(
            "case \"$2\" in\n  pip) case \"$0\" in *environment*) ;; *) exit 1 ;; esac\n{INSTALL} ;;\n\
             venv) mkdir -p \"$4/bin\"; cp \"$0\" \"$4/bin/python\" ;;\nesac"
        );
        let (_folder, workspace) = workspace(&script);
        assert!(fetched(&workspace, HASH).is_ok());
    }

    #[test]
    fn a_library_of_ones_own_is_linked() {
        let (folder, mut workspace) = workspace("exit 1");
        let own = folder.path().join("own");
        workspace.mujoco = Some(own.clone());
        let error = set_up(&workspace).unwrap_err().to_string();
        assert!(error.contains("MUJOCO_DYNAMIC_LINK_DIR") && error.contains("own/libmujoco.so"), "{error}");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join(LIBRARY), "own").unwrap();
        for _ in 0..2 {
            set_up(&workspace).unwrap();
            assert_eq!(std::fs::read(folder.path().join(MUJOCO).join(LIBRARY)).unwrap(), b"own");
        }
        workspace.mujoco = None;
        assert!(is_there(&workspace));
    }

    #[test]
    fn where_there_is_none_a_sentence_says_what_to_do() {
        let (_folder, workspace) = workspace("exit 1");
        let error = format!("{:#}", set_up(&workspace).unwrap_err());
        assert!(error.contains("MUJOCO_DYNAMIC_LINK_DIR") && error.contains("3.17.0"), "{error}");
        set_up_if_possible(&workspace, &mut Report::default());
        assert!(!is_there(&workspace));
    }

    #[test]
    fn the_version_is_that_of_the_crate() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("+mj-{VERSION}\"")), "Cargo.lock holds another version of MuJoCo");
    }
}
