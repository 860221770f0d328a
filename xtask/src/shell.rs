//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a program with its output shown; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("   $ {}", line(command));
    let status = command
        .status()
        .with_context(|| format!("'{}' could not be started", command.get_program().display()))?;
    if !status.success() {
        bail!("'{}' ended with {status}", line(command));
    }
    Ok(())
}

/// What a program prints, if it can be run and succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where a program is on `PATH`.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// Whether a file is there and may be run.
pub(crate) fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_arguments() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3") && error.contains('3'), "{error}");
        let error = run(&mut Command::new("diar-no-such-program")).unwrap_err().to_string();
        assert!(error.contains("'diar-no-such-program'"), "{error}");
    }

    #[test]
    fn output_is_that_of_a_success_only() {
        assert_eq!(output(Command::new("sh").args(["-c", "echo ' a '"])).as_deref(), Some("a"));
        assert_eq!(output(Command::new("sh").args(["-c", "echo a; false"])), None);
        assert_eq!(output(&mut Command::new("diar-no-such-program")), None);
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(which("sh").is_some_and(|file| is_program(&file)));
        assert_eq!(which("diar-no-such-program"), None);
    }
}
