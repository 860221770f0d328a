//! The page for this machine: what `cargo xtask demo` shows first.
//!
//! `trunk build` makes the page for others: four modules, small, under hashed names. Here the first look counts. Two
//! modules are compiled in one go, without link-time optimisation, and get their JavaScript from wasm-bindgen's library,
//! so neither trunk nor wasm-bindgen's programs are built. The page names those modules only that are there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, json};

use crate::files::{copy, copy_folder, in_folder, text};
use crate::finish;
use crate::shell;
use crate::tools::WASM;
use crate::workspace::Workspace;

/// The profile of `Cargo.toml` for quick builds.
const PROFILE: &str = "local";

/// Modules of the page that one call of cargo builds.
pub(crate) struct Modules {
    programs: &'static [&'static str],
    features: &'static str,
}

/// The page, which also decides on the CPU, and the module that trains: the same dependencies.
pub(crate) const FIRST: Modules = Modules { programs: &["diar-web", "diar-train"], features: "page,train" };

/// The module that decides on WebGPU, with a shader compiler in it.
pub(crate) const WEBGPU: Modules = Modules { programs: &["diar-gpu"], features: "webgpu" };

/// The page for this machine, in a folder of its own.
pub(crate) struct LocalPage<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

impl<'a> LocalPage<'a> {
    /// The page, built or not.
    pub(crate) fn of(workspace: &'a Workspace) -> Self {
        Self { workspace, folder: workspace.target.join("demo") }
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compiles modules with a call of cargo, as far as they have changed, and makes the page know them.
    pub(crate) fn build(&self, modules: &Modules, cargo: fn(&Workspace) -> Command) -> Result<()> {
        let mut compile = cargo(self.workspace);
        compile.args(["build", "--profile", PROFILE, "--target", WASM, "--package", "diar-web"]).args([
            "--no-default-features",
            "--features",
            modules.features,
        ]);
        for program in modules.programs {
            compile.args(["--bin", program]);
        }
        shell::run(&mut compile)?;
        for program in modules.programs.iter().filter(|program| !self.is_current(program)) {
            self.bind(program, &mut cargo(self.workspace))?;
        }
        self.assemble()
    }

    /// Puts the page together from its sources and the modules that are there.
    fn assemble(&self) -> Result<()> {
        let modules: Vec<&str> = [FIRST, WEBGPU]
            .iter()
            .flat_map(|modules| modules.programs)
            .copied()
            .filter(|program| self.is_current(program))
            .collect();
        assemble(&self.workspace.root, &self.folder, &modules)
    }

    /// Makes the files that a browser loads from a module that cargo has built.
    fn bind(&self, program: &str, cargo: &mut Command) -> Result<()> {
        let fresh = self.workspace.target.join("demo-fresh");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh)
                .with_context(|| format!("{} cannot be removed", fresh.display()))?;
        }
        let tool = ["run", "--quiet", "--profile", PROFILE, "--package", "xtask", "--features", "bindgen"];
        shell::run(
            cargo.args(tool).args(["--bin", "bindgen", "--"]).arg(self.compiled(program)).arg(&fresh),
        )?;
        // Not while it is written: the page may be open already.
        copy_folder(&fresh, &self.folder)
    }

    /// A module as cargo leaves it.
    fn compiled(&self, program: &str) -> PathBuf {
        self.workspace.target.join(WASM).join(PROFILE).join(format!("{program}.wasm"))
    }

    /// Returns `true` if a module's files are no older than their sources, and than the page, whose messages they must know.
    fn is_current(&self, program: &str) -> bool {
        let [script, wasm] = files_of(program).map(|file| changed(&self.folder.join(file)));
        let made = script.min(wasm);
        let [program, page] = [program, FIRST.programs[0]].map(|program| changed(&self.compiled(program)));
        made.is_some() && program.is_some() && made >= program && made >= page
    }
}

/// The script and the module of a program.
fn files_of(program: &str) -> [String; 2] {
    [format!("{program}.js"), format!("{program}_bg.wasm")]
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|data| data.modified()).ok()
}

/// Puts the page together in a folder that holds the modules. Names stay plain and there is no version, so no browser
/// keeps anything.
fn assemble(root: &Path, folder: &Path, modules: &[&str]) -> Result<()> {
    let index = root.join("index.html");
    let template = finish::with_links_for_trunk(&text(&index)?, |link| {
        let attribute = |name: &str| {
            let (_, rest) = link.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let named = attribute("href").context("a link for trunk has no href")?;
        let (from, to) = (root.join(named), folder.join(named.rsplit('/').next().unwrap_or(named)));
        match attribute("rel") {
            Some("inline") => inline(&text(&from)?, named, attribute("type")),
            Some("copy-file") => copy(&from, &to).map(|()| String::new()),
            Some("copy-dir") => copy_folder(&from, &to).map(|()| String::new()),
            // The modules, which are compiled by now.
            Some("rust") => Ok(String::new()),
            other => bail!("index.html has a link with rel {other:?}, which only trunk knows"),
        }
    })?;
    let mut files = Map::new();
    for file in modules.iter().flat_map(|program| files_of(program)) {
        let size = folder.join(&file).metadata().with_context(|| format!("{file} is missing"))?.len();
        files.insert(file.clone(), json!({ "file": file, "size": size }));
    }
    ensure!(!files.is_empty(), "the page has no module");
    // Weights and recordings lie in folders of their own. Modules that are not current stay unnamed.
    for file in in_folder(folder)?.into_iter().filter(|file| file.contains('/')) {
        files.insert(file.clone(), json!({ "file": file }));
    }
    let build = json!({ "version": "", "pages": [], "files": files }).to_string();
    finish::write_pages(folder, &template, &build, None)
}

/// A source as it stands in the page.
fn inline(source: &str, name: &str, kind: Option<&str>) -> Result<String> {
    Ok(match (name.rsplit('.').next(), kind) {
        (Some("js"), None) => format!("<script>{source}</script>\n"),
        (Some("js"), Some("module")) => format!("<script type=\"module\">{source}</script>\n"),
        (Some("css"), None) => format!("<style>{source}</style>\n"),
        (Some("svg"), _) => source.to_owned(),
        _ => bail!("index.html has {name} inline, as {kind:?}: xtask/src/local.rs does not know how"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;
    use crate::files::write;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// A page of which only the modules of these programs are there.
    fn page(programs: &[&str]) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        for file in programs.iter().flat_map(|program| files_of(program)) {
            write(&folder.path().join(file), b"module").unwrap();
        }
        assemble(root(), folder.path(), programs).unwrap();
        let html = text(&folder.path().join("index.html")).unwrap();
        (folder, html)
    }

    #[test]
    fn the_page_is_whole() {
        let (folder, html) = page(&["diar-web"]);
        assert!(!html.contains("data-trunk"));
        for part in ["web/program.js", "web/start.js", "web/style.css", "web/poster.svg"] {
            assert!(html.contains(&text(&root().join(part)).unwrap()), "{part} is in the page");
        }
        for address in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let there = address.starts_with("data:") || folder.path().join(address).is_file();
            assert!(there, "{address} is there");
        }
        for file in ["worker.js", "assets/recorded.bin", "weights/maze2d-umaze-v1.safetensors", "large.html"]
        {
            assert!(folder.path().join(file).is_file(), "{file} is there");
        }
    }

    #[test]
    fn the_page_names_only_the_modules_that_are_there() {
        let build = |html: &str| -> serde_json::Value {
            let (_, rest) = html.split_once(r#"id="build">"#).unwrap();
            serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
        };
        let (_folder, html) = page(&["diar-web"]);
        let first = build(&html);
        assert_eq!(first["version"], "", "no browser keeps it");
        assert_eq!(first["files"]["diar-web_bg.wasm"], json!({ "file": "diar-web_bg.wasm", "size": 6 }));
        assert!(first["files"].get("diar-gpu.js").is_none());
        // The page asks for these by name before it uses them.
        assert!(first["files"].get("weights/maze2d-umaze-v1.ldcq.safetensors").is_some());
        let (_folder, html) = page(&["diar-web", "diar-gpu"]);
        assert!(build(&html)["files"].get("diar-gpu.js").is_some());
    }

    #[test]
    fn every_module_of_the_page_is_built_but_the_twin() {
        let index = text(&root().join("index.html")).unwrap();
        let mut named: Vec<&str> =
            index.split("data-bin=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let mut ours = [FIRST.programs, WEBGPU.programs, &["diar-relaxed"]].concat();
        named.sort_unstable();
        ours.sort_unstable();
        assert_eq!(named, ours);
    }

    #[test]
    fn a_module_is_current_where_it_is_newer_than_its_source_and_the_page() {
        let target = tempfile::tempdir().unwrap();
        let workspace = Workspace {
            root: root().into(),
            target: target.path().into(),
            tools: "/tools".into(),
            cargo: "cargo".into(),
            mujoco: None,
        };
        let page = LocalPage::of(&workspace);
        let at = |file: &Path, seconds| {
            write(file, b"").unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
        };
        let [script, wasm] = files_of("diar-gpu").map(|file| page.folder().join(file));
        let current = |made: [u64; 2], gpu, web| {
            at(&script, made[0]);
            at(&wasm, made[1]);
            at(&page.compiled("diar-gpu"), gpu);
            at(&page.compiled("diar-web"), web);
            page.is_current("diar-gpu")
        };
        assert!(current([5, 6], 4, 3));
        assert!(!current([5, 6], 7, 3), "compiled again since");
        assert!(!current([3, 6], 4, 3), "the script is of another build");
        assert!(!current([5, 6], 4, 7), "the page is newer, and may speak another language");
        std::fs::remove_file(&wasm).unwrap();
        assert!(!page.is_current("diar-gpu"));
    }

    #[test]
    fn a_source_of_an_unknown_kind_is_refused() {
        assert_eq!(
            inline("a()", "web/a.js", Some("module")).unwrap(),
            "<script type=\"module\">a()</script>\n"
        );
        let error = inline("", "web/a.ts", None).unwrap_err().to_string();
        assert!(error.contains("web/a.ts"), "{error}");
    }
}
