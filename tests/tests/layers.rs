//! The direction of imports between the modules of each crate, read from the sources.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Modules of `core`, lowest first: each may import only those before it. `docs/architecture.md` shows the same order.
const CORE: [&str; 20] = [
    "rng",
    "kernel",
    "nn",
    "maze",
    "spec",
    "data",
    "settings",
    "benchmark",
    "score",
    "env",
    "diffusion",
    "vae",
    "critic",
    "networks",
    "bundle",
    "agent",
    "link",
    "learn",
    "baseline",
    "method",
];

/// Files that declare modules or join them all, and so belong to no layer.
const ROOTS: [&str; 3] = ["lib", "main", "bin"];

/// Imported modules of each module, with the files that import them.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn core_imports_go_one_way() {
    let imports = imports_of("core");
    let unknown: Vec<&String> = imports.keys().filter(|module| !CORE.contains(&module.as_str())).collect();
    assert!(
        unknown.is_empty(),
        "give {unknown:?} a place in the order of this test and of docs/architecture.md"
    );
    let place = |module: &str| CORE.iter().position(|known| *known == module);
    for (module, imported) in &imports {
        for (other, files) in imported {
            assert!(
                place(other) < place(module),
                "{module} imports {other}, which stands above it ({files:?})"
            );
        }
    }
}

#[test]
fn no_crate_has_a_cycle_of_modules() {
    for name in ["core", "native", "web", "tests", "xtask"] {
        let cycle = cycle(&imports_of(name));
        assert!(cycle.is_none(), "the modules of {name} import each other: {cycle:?}");
    }
}

#[test]
fn a_cycle_is_found() {
    let arrow = |from: &str, to: &str| {
        (from.to_owned(), BTreeMap::from([(to.to_owned(), BTreeSet::from(["x.rs".to_owned()]))]))
    };
    let round = Imports::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")]);
    assert_eq!(cycle(&round).as_deref(), Some(&["b".to_owned(), "c".to_owned()][..]));
    assert_eq!(cycle(&Imports::from([arrow("a", "b"), arrow("b", "c")])), None);
}

#[test]
fn imports_are_read_in_every_form() {
    let source = "use crate::nn::{Layer, tensor};\nuse crate::{\n    data::{Rows, self},\n    rng,\n};\n\
                  fn f() -> crate::vae::Vae { crate::vae::new() } // crate::comment::no\n\
                  #[cfg(test)]\nmod tests {\n    use crate::env::Maze;\n}\n";
    assert_eq!(imported(source), ["nn", "data", "rng", "vae", "vae"]);
}

fn imports_of(name: &str) -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
    let mut imports = Imports::new();
    for file in sources(&root) {
        let relative = file.strip_prefix(&root).expect("it lies there");
        let first = relative.iter().next().expect("a file has a name").to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if ROOTS.contains(&module) || relative.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file is readable");
        let entry = imports.entry(module.to_owned()).or_default();
        for other in imported(&text).into_iter().filter(|other| other != module) {
            entry.entry(other).or_default().insert(relative.display().to_string());
        }
    }
    assert!(!imports.is_empty(), "{} has no sources", root.display());
    imports
}

/// Rust files of a folder, all the way down.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a crate has a folder of sources");
    let paths = entries.map(|entry| entry.expect("its entries are readable").path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs"));
    files.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

/// First segments of all paths that begin with `crate::`, tests and comments left out.
fn imported(source: &str) -> Vec<String> {
    let tests = ["#[cfg(test)]\nmod ", "#[cfg(test)]\n#[cfg("];
    let code = tests.iter().fold(source, |code, mark| code.split(mark).next().unwrap_or_default());
    let code: String =
        code.lines().flat_map(|line| [line.split("//").next().unwrap_or_default(), "\n"]).collect();
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let stands_alone =
            !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$');
        if stands_alone {
            found.extend(heads(&code[at + prefix.len()..]));
        }
    }
    found
}

/// First segments of the path, or of each path of the group, that a text begins with.
fn heads(text: &str) -> Vec<String> {
    let head =
        |path: &str| path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = text.strip_prefix('{') else { return vec![head(text)] };
    let mut depth = 1;
    let mut paths = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => paths.push(String::new()),
            _ if depth == 1 => paths.last_mut().expect("it begins with one").push(character),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    paths.iter().map(|path| head(path)).filter(|head| !head.is_empty()).collect()
}

/// The modules that are left when those without imports among the rest are taken away again and again.
fn cycle(imports: &Imports) -> Option<Vec<String>> {
    let mut left: BTreeSet<&String> = imports.keys().collect();
    loop {
        let leaf = |module: &&String| !imports[*module].keys().any(|other| left.contains(other));
        let Some(leaf) = left.iter().copied().find(leaf) else { break };
        left.remove(leaf);
    }
    // What only leads into a cycle goes as well.
    loop {
        let reached = |module: &String| left.iter().any(|other| imports[*other].contains_key(module));
        let Some(root) = left.iter().copied().find(|module| !reached(module)) else { break };
        left.remove(root);
    }
    (!left.is_empty()).then(|| left.into_iter().cloned().collect())
}
