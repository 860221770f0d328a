//! What the page was built with: where its files are, and for which task it opens.

use std::collections::HashMap;

use serde::Deserialize;

use super::browser;

thread_local! {
    static BUILD: Build = read();
}

/// Filled in when the page is built; empty under development, when every file has its plain name.
#[derive(Default, Deserialize)]
struct Build {
    version: String,
    files: HashMap<String, Hashed>,
}

#[derive(Deserialize)]
struct Hashed {
    file: String,
}

/// A wasm module for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The page's own, which decides on the CPU, in the build that `program.js` chose.
    Cpu,
    /// The one that decides on WebGPU.
    Gpu,
    /// The one that trains.
    Train,
}

impl Program {
    /// Address of the worker's script; the script finds the module in it.
    pub(crate) fn worker(self) -> String {
        let [script, wasm] = self.files().map(|name| file(&name));
        format!("{}?program={script}&wasm={wasm}", file("worker.js"))
    }

    /// Returns `true` if this build holds the module: `cargo xtask demo` shows the page before all are there.
    pub(crate) fn is_built(self) -> bool {
        self.files().iter().all(|name| contains(name))
    }

    /// The module's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu if cfg!(feature = "relaxed-simd") => "diar-relaxed",
            Self::Cpu => "diar-web",
            Self::Gpu => "diar-gpu",
            Self::Train => "diar-train",
        }
    }

    fn files(self) -> [String; 2] {
        let name = self.name();
        [format!("{name}.js"), format!("{name}_bg.wasm")]
    }
}

/// Where a file of this build is: its name with the hash of its content. Other addresses stay as they are.
pub(crate) fn file(name: &str) -> String {
    BUILD.with(|build| build.files.get(name).map_or_else(|| name.to_owned(), |hashed| hashed.file.clone()))
}

/// Whether a file is a part of this build, as far as that is known.
pub(crate) fn contains(name: &str) -> bool {
    BUILD.with(|build| build.files.is_empty() || build.files.contains_key(name))
}

/// Which build this is; nothing under development.
pub(crate) fn version() -> Option<String> {
    BUILD.with(|build| Some(build.version.clone()).filter(|version| !version.is_empty()))
}

/// The task that this page opens with.
pub(crate) fn task() -> Option<String> {
    browser::document().query_selector("meta[name=diar-task]").ok().flatten()?.get_attribute("content")
}

fn read() -> Build {
    let text = browser::document().get_element_by_id("build").and_then(|element| element.text_content());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
