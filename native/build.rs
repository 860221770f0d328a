//! Tells the program what it was built from, the commit and the version of Burn in the lock file, and where MuJoCo is.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rustc-env=DIAR_COMMIT={}", commit().unwrap_or_default());
    println!("cargo:rustc-env=DIAR_BURN_VERSION={}", burn().unwrap_or_else(|| "unknown".to_owned()));
    mujoco();
    // git writes this file at every commit and checkout.
    for watched in ["../.git/logs/HEAD", "../Cargo.lock", "build.rs"] {
        if Path::new(watched).exists() {
            println!("cargo:rerun-if-changed={watched}");
        }
    }
}

/// The program finds MuJoCo's library where it was linked, and beside itself.
fn mujoco() {
    println!("cargo:rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    let folder = env::var("MUJOCO_DYNAMIC_LINK_DIR").ok();
    if let Some(folder) = folder.filter(|_| env::var_os("CARGO_FEATURE_MUJOCO").is_some()) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN");
    }
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}

fn burn() -> Option<String> {
    let folder = env::var_os("CARGO_MANIFEST_DIR")?;
    let lock = fs::read_to_string(Path::new(&folder).join("../Cargo.lock")).ok()?;
    let (_, package) = lock.split_once("name = \"burn\"\nversion = \"")?;
    package.split_once('"').map(|(version, _)| version.to_owned())
}
