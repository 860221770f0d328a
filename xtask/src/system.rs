//! What the tests need of the system: a browser with its driver, a software GPU, Node and Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{self, output, which};
use crate::workspace::Workspace;

/// The programs and files that the tests use.
pub(crate) struct System {
    /// Chromium or Chrome.
    pub browser: PathBuf,
    /// Chromedriver of the same version.
    pub driver: PathBuf,
    /// Description of the software Vulkan driver, for `VK_DRIVER_FILES`.
    pub vulkan: PathBuf,
    /// Python with numpy and safetensors.
    pub python: PathBuf,
    /// Python with Gymnasium, its MuJoCo tasks, and Minari.
    pub gymnasium: PathBuf,
}

/// One thing that may be missing.
struct Need {
    what: &'static str,
    found: fn() -> bool,
    debian: &'static [&'static str],
    ubuntu: &'static [&'static str],
}

const NEEDS: [Need; 6] = [
    Need {
        what: "Chromium or Chrome",
        found: || browser().is_some(),
        debian: &["chromium"],
        ubuntu: &["chromium-browser"],
    },
    Need {
        what: "chromedriver, of the browser's version",
        found: || driver().is_some(),
        debian: &["chromium-driver"],
        ubuntu: &["chromium-chromedriver"],
    },
    Need {
        what: "Mesa's software Vulkan driver (lavapipe)",
        found: || vulkan().is_some() && library("libvulkan.so.1"),
        debian: &["mesa-vulkan-drivers", "libvulkan1"],
        ubuntu: &["mesa-vulkan-drivers", "libvulkan1"],
    },
    Need {
        what: "Node 18 or newer, with npm",
        found: node,
        debian: &["nodejs", "npm"],
        ubuntu: &["nodejs", "npm"],
    },
    Need {
        what: "brotli, which the page's budget is counted in",
        found: || which("brotli").is_some(),
        debian: &["brotli"],
        ubuntu: &["brotli"],
    },
    Need {
        what: "Python 3 with venv",
        found: || output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_some(),
        debian: &["python3-venv"],
        ubuntu: &["python3-venv"],
    },
];

/// Makes sure that everything is there, with apt-get where that is allowed.
pub(crate) fn set_up(workspace: &Workspace) -> Result<System> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.found)()).collect();
    if !missing.is_empty() {
        install(workspace, &missing)?;
    }
    let system = System {
        browser: browser().context("the browser is gone")?,
        driver: driver().context("the browser's driver is gone")?,
        vulkan: vulkan().context("the Vulkan driver is gone")?,
        python: python(workspace, "python", "requirements.txt")?,
        gymnasium: python(workspace, "gymnasium", "gymnasium.txt")?,
    };
    for (what, path) in [("browser", &system.browser), ("Vulkan driver", &system.vulkan)] {
        println!("   {what}: {}", path.display());
    }
    node_packages(workspace)?;
    Ok(system)
}

fn install(workspace: &Workspace, missing: &[&Need]) -> Result<()> {
    let ubuntu = std::fs::read_to_string("/etc/os-release").is_ok_and(|text| text.contains("ID=ubuntu"));
    let packages: Vec<&str> =
        missing.iter().flat_map(|need| if ubuntu { need.ubuntu } else { need.debian }).copied().collect();
    let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
    println!("   missing: {}", names.join("; "));
    let advice = || {
        format!("install {} (on Debian or Ubuntu: apt-get install {})", names.join("; "), packages.join(" "))
    };
    let Some(mut update) = apt_get(workspace) else { bail!(advice()) };
    let mut install = apt_get(workspace).with_context(advice)?;
    shell::run(update.args(["-q", "update"])).with_context(advice)?;
    shell::run(install.args(["-q", "install", "-y", "--no-install-recommends"]).args(&packages))
        .with_context(advice)?;
    match missing.iter().find(|need| !(need.found)()) {
        Some(need) => bail!("apt-get ran, but this is still missing: {}", need.what),
        None => Ok(()),
    }
}

/// `apt-get`, where it may be run without asking for a password.
fn apt_get(workspace: &Workspace) -> Option<Command> {
    which("apt-get")?;
    let mut command = if output(Command::new("id").arg("-u"))? == "0" {
        workspace.command("apt-get")
    } else {
        output(Command::new("sudo").args(["-n", "true"]))?;
        let mut sudo = workspace.command("sudo");
        sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Some(command)
}

fn browser() -> Option<PathBuf> {
    chosen("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
}

/// A chromedriver of the same major version as the browser: another one refuses to work with it.
fn driver() -> Option<PathBuf> {
    let driver = chosen("CHROMEDRIVER", &["chromedriver", "chromium.chromedriver"])?;
    let major = |program: &Path| major_version(&output(Command::new(program).arg("--version"))?);
    (major(&driver)? == major(&browser()?)?).then_some(driver)
}

/// The program that an environment variable names, or the first of these on `PATH`.
fn chosen(variable: &str, names: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| shell::is_program(path)),
        None => names.iter().find_map(|name| which(name)),
    }
}

/// The first number of the first word that is a version: 156 in `Chromium 156.0.8078.79 built on Debian`.
fn major_version(said: &str) -> Option<u32> {
    said.split_whitespace()
        .filter_map(|word| word.trim_start_matches('v').split_once('.'))
        .find_map(|(major, _)| major.parse().ok())
}

fn node() -> bool {
    let version = output(Command::new("node").arg("--version"));
    which("npm").is_some() && version.and_then(|said| major_version(&said)).is_some_and(|major| major >= 18)
}

fn vulkan() -> Option<PathBuf> {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten)
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("lvp_icd") && name.ends_with(".json")
        })
}

fn library(name: &str) -> bool {
    output(Command::new("/sbin/ldconfig").arg("-p")).is_some_and(|list| list.contains(name))
}

/// Playwright's driver, in the versions of the lock file.
fn node_packages(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("tests/browser");
    let age = |file: &str| folder.join(file).metadata().and_then(|data| data.modified()).ok();
    if age("node_modules/.package-lock.json") > age("package-lock.json") {
        println!("   Playwright: there");
        return Ok(());
    }
    shell::run(workspace.command("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// A Python of its own, in a folder among the tools, with the packages that a file in `tests/golden` names.
fn python(workspace: &Workspace, name: &str, requirements: &str) -> Result<PathBuf> {
    let requirements = workspace.root.join("tests/golden").join(requirements);
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    let folder = workspace.tools.join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    if shell::is_program(&python)
        && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
    {
        println!("   Python packages, {name}: there");
        return Ok(python);
    }
    shell::run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    shell::run(workspace.command(&python).args(pip).arg(&requirements))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(major_version("Chromium 156.0.8078.79 built on Debian GNU/Linux 12"), Some(156));
        assert_eq!(major_version("ChromeDriver 155.0.1 (a21ce95)"), Some(155));
        assert_eq!(major_version("v20.20.2"), Some(20));
        assert_eq!(major_version("no version"), None);
    }
}
