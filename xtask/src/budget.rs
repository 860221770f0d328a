//! How many bytes the page may cost, as they cross the network.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::shell::which;

/// A limit on what some files weigh together, compressed.
struct Budget {
    what: &'static str,
    /// How the files' names begin, before their hashes.
    files: &'static [&'static str],
    /// Megabytes, as brotli packs them at its best, which a host does once for a file.
    limit: f64,
    /// Why it is what it is; to be changed together with it.
    reason: &'static str,
}

const BUDGETS: [Budget; 4] = [
    Budget {
        what: "first load",
        files: &["index.html", "diar-web-", "diar-web_bg-", "worker-", "assets/"],
        limit: 0.7,
        reason: "what everybody waits for: 4 s at 1.6 Mbit/s",
    },
    Budget {
        what: "first load, with relaxed SIMD",
        files: &["index.html", "diar-relaxed-", "diar-relaxed_bg-", "worker-", "assets/"],
        limit: 0.7,
        reason: "the same for most browsers",
    },
    Budget {
        what: "the WebGPU module",
        files: &["diar-gpu-", "diar-gpu_bg-"],
        limit: 2.5,
        reason: "comes behind a page that decides already, where there is an adapter",
    },
    Budget {
        what: "the training module",
        files: &["diar-train-", "diar-train_bg-"],
        limit: 0.8,
        reason: "fetched when somebody has moved the goal and wants to train",
    },
];

/// Prints what the page in a folder weighs; fails where that is over its budget.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let packers =
        [("gzip", "-9"), ("brotli", "--best")].map(|(name, level)| (name, level, which(name).is_some()));
    let mut over = Vec::new();
    for budget in &BUDGETS {
        let files =
            budget.files.iter().map(|begin| find(folder, begin)).collect::<Result<Vec<_>>>()?.concat();
        let plain = files.iter().map(|file| Ok(file.metadata()?.len())).sum::<Result<u64>>()?;
        print!("   {}: {}", budget.what, megabytes(plain));
        for (name, level, there) in packers {
            if !there {
                print!(", no {name} here");
                continue;
            }
            let packed = files.iter().map(|file| packed(name, level, file)).sum::<Result<u64>>()?;
            print!(", {name} {level} {}", megabytes(packed));
            if name == "brotli" && packed as f64 > budget.limit * 1e6 {
                over.push(format!("{}: {} ({})", budget.what, megabytes(packed), budget.reason));
            }
        }
        println!(", at most {:.2} MB", budget.limit);
    }
    ensure!(over.is_empty(), "over budget, see xtask/src/budget.rs: {}", over.join("; "));
    Ok(())
}

fn packed(program: &str, level: &str, file: &Path) -> Result<u64> {
    let output = Command::new(program)
        .args([level, "-c"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} could not be started"))?;
    ensure!(output.status.success(), "{program} ended with {}", output.status);
    Ok(output.stdout.len() as u64)
}

/// The files whose addresses begin like this, at least one; in a folder, what lies directly in it.
fn find(folder: &Path, begin: &str) -> Result<Vec<PathBuf>> {
    let (inner, name) = begin.rsplit_once('/').unwrap_or(("", begin));
    let entries = std::fs::read_dir(folder.join(inner))
        .with_context(|| format!("{} cannot be read", folder.join(inner).display()))?;
    let found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .filter(|path| {
            path.file_name().and_then(|file| file.to_str()).is_some_and(|file| file.starts_with(name))
        })
        .collect();
    ensure!(!found.is_empty(), "there is no file like {begin}… in {}", folder.display());
    Ok(found)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.3} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of which every file holds so many bytes that cannot be packed.
    fn page(bytes: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("assets")).unwrap();
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        for begin in BUDGETS.iter().flat_map(|budget| budget.files) {
            std::fs::write(folder.path().join(format!("{begin}0")), &noise).unwrap();
        }
        folder
    }

    #[test]
    fn a_page_over_its_budget_is_refused() {
        check(page(1000).path()).unwrap();
        if which("brotli").is_some() {
            let error = check(page(200_000).path()).unwrap_err().to_string();
            assert!(error.contains("first load: 1.0"), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = page(10);
        std::fs::remove_file(folder.path().join("diar-gpu-0")).unwrap();
        let error = check(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no file like diar-gpu-"), "{error}");
    }
}
