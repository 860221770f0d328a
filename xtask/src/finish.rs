//! What trunk leaves is made ready for any static host: trunk calls this when the page is built.
//!
//! Every file gets the hash of its content into its name, so that it can be cached for good; the pages and the service
//! worker learn the names, and the pages' Content-Security-Policy the hashes of their inline parts.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::cards;
use crate::files::{in_folder, read, text, write};
use crate::text::replaced;

/// How a page and the service worker say what they are made of, before they are told.
const UNBUILT: &str = r#"{"version":"","pages":[],"files":{}}"#;

/// Characters of a file's hash in its name; 48 bits tell the few hundred files apart that a site ever has.
const DIGITS: usize = 12;

/// Files that are not renamed: the entry, what hosts answer where there is no page, the script that must keep its address
/// to be updated, and images that other sites show.
fn keeps_its_name(name: &str) -> bool {
    matches!(name, "index.html" | "404.html" | "service.js") || name.starts_with(cards::FOLDER)
}

/// Finishes the build that trunk, which calls this, is about to hand over.
pub(crate) fn run() -> Result<()> {
    let folder = std::env::var_os("TRUNK_STAGING_DIR")
        .context("TRUNK_STAGING_DIR is not set: this is for trunk, run 'trunk build'")?;
    // A site with an address of its own says so: `trunk build --public-url https://example.org/diar/`.
    let url = std::env::var("TRUNK_PUBLIC_URL").ok().filter(|url| url.starts_with("https://"));
    finish(Path::new(&folder), url.as_deref())
}

/// Finishes the page in a folder that trunk has just built. `url` is where it will be, if that is known.
pub(crate) fn finish(folder: &Path, url: Option<&str>) -> Result<()> {
    let mut files = Map::new();
    let mut names = BTreeMap::new();
    for name in in_folder(folder)? {
        if keeps_its_name(&name) {
            continue;
        }
        let path = folder.join(&name);
        let bytes = read(&path)?;
        let hash = format!("{:x}", Sha256::digest(&bytes));
        let file = hashed(&name, &hash);
        std::fs::rename(&path, folder.join(&file))
            .with_context(|| format!("{} cannot be renamed", path.display()))?;
        files.insert(name.clone(), json!({ "file": file, "size": bytes.len(), "sha256": hash }));
        names.insert(name, file);
    }

    let index = folder.join("index.html");
    // Trunk leaves the links of modules that it does not start itself.
    let template = with_links_for_trunk(&text(&index)?, |_| Ok(String::new()))?;
    let service = folder.join("service.js");
    let script = text(&service)?;
    let version = {
        let mut hash = Sha256::new();
        for part in [&template, &script, &Value::Object(files.clone()).to_string()] {
            hash.update(part.as_bytes());
        }
        format!("{:x}", hash.finalize())[..DIGITS].to_owned()
    };
    let mut pages = vec!["./".to_owned()];
    pages.extend(cards::PAGES.iter().map(|page| page.file.to_owned()).filter(|file| file != "index.html"));
    let build = json!({ "version": version, "pages": pages, "files": files }).to_string();

    write(&service, replaced(&script, UNBUILT, &build)?.as_bytes())?;
    write_pages(folder, &with_names(&template, &names)?, &build, url)?;
    println!("   {} files, version {version}", files.len());
    Ok(())
}

/// Writes one page per task, which knows the build and allows its own inline parts.
pub(crate) fn write_pages(folder: &Path, template: &str, build: &str, url: Option<&str>) -> Result<()> {
    let template = with_hashes(&replaced(template, UNBUILT, build)?)?;
    for page in &cards::PAGES {
        write(&folder.join(page.file), page.of(&template, url)?.as_bytes())?;
    }
    Ok(())
}

/// `weights/a.safetensors` with a hash: `weights/a-0123456789ab.safetensors`.
fn hashed(name: &str, hash: &str) -> String {
    let hash = &hash[..DIGITS];
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].rfind('.') {
        Some(dot) => format!("{}-{hash}{}", &name[..start + dot], &name[start + dot..]),
        None => format!("{name}-{hash}"),
    }
}

/// A page in which something else stands for each link that is for trunk.
pub(crate) fn with_links_for_trunk(page: &str, mut of: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut parts = page.split("<link");
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part.split_once('>').context("index.html has a link without an end")?;
        if link.contains("data-trunk") {
            left.extend([&of(link)?, rest.trim_start()]);
        } else {
            left.extend(["<link", link, ">", rest]);
        }
    }
    Ok(left)
}

/// A page whose links name files by their hashed names.
fn with_names(page: &str, names: &BTreeMap<String, String>) -> Result<String> {
    let mut parts = page.split("href=\"");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').context("index.html has an address without an end")?;
        let known = names.get(name).map(String::as_str);
        let file = known
            .or_else(|| name.contains(':').then_some(name))
            .with_context(|| format!("index.html names {name}, which the build does not hold"))?;
        named.extend(["href=\"", file, "\"", rest]);
    }
    Ok(named)
}

/// A page whose policy allows its own inline scripts and styles.
fn with_hashes(page: &str) -> Result<String> {
    let hashes = |tag: &str| {
        let hashes = inline(page, tag).into_iter().map(|content| {
            format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(content.as_bytes())))
        });
        hashes.collect::<Vec<_>>().join(" ")
    };
    let page = replaced(page, "'inline-scripts'", &hashes("script"))?;
    replaced(&page, "'inline-styles'", &hashes("style"))
}

/// The contents of all elements of a kind. Data for scripts has a hash, too; it does no harm.
fn inline<'a>(page: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, element)) = rest.split_once(&open) {
        let Some((_, content)) = element.split_once('>') else { break };
        let Some((content, after)) = content.split_once(&close) else { break };
        found.push(content);
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder as trunk leaves it.
    fn built(wasm: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("index.html", include_str!("../../index.html")),
            ("service.js", include_str!("../../web/service.js")),
            ("worker.js", "w"),
            ("diar-web.js", "j"),
            ("diar-web_bg.wasm", wasm),
            ("weights/a.b.safetensors", "weights"),
            ("assets/recorded.bin", "run"),
            ("assets/cards/umaze.png", "picture"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, as_trunk_leaves(content)).unwrap();
        }
        folder
    }

    /// Trunk has put scripts and styles where its links to them were.
    fn as_trunk_leaves(page: &str) -> String {
        page.replace(r#"<link data-trunk rel="inline" href="web/failure.js" />"#, "<script>a()</script>")
            .replace(r#"<link data-trunk rel="inline" href="web/style.css" />"#, "<style>b{}</style>")
    }

    fn build_of(page: &str) -> Value {
        let (_, rest) = page.split_once(r#"id="build">"#).unwrap();
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn files_have_their_hash_in_their_name_and_the_pages_know_it() {
        let folder = built("one");
        finish(folder.path(), None).unwrap();
        let page = text(&folder.path().join("index.html")).unwrap();
        let build = build_of(&page);
        let entry = &build["files"]["weights/a.b.safetensors"];
        let file = entry["file"].as_str().unwrap();
        // printf weights | sha256sum
        assert_eq!(file, "weights/a.b-9a129038d9a0.safetensors");
        assert_eq!(std::fs::read(folder.path().join(file)).unwrap(), b"weights");
        assert_eq!(entry["size"], 7);
        let run = build["files"]["assets/recorded.bin"]["file"].as_str().unwrap();
        assert!(page.contains(&format!("href=\"{run}\"")), "the preload names {run}");
        assert!(!page.contains("data-trunk"), "nothing is left for trunk");
        assert!(folder.path().join("assets/cards/umaze.png").is_file(), "other sites show it under its name");
        let service = text(&folder.path().join("service.js")).unwrap();
        assert!(service.contains(&build.to_string()), "the service worker knows the same build");
    }

    #[test]
    fn another_content_is_another_version() {
        let version = |wasm| {
            let folder = built(wasm);
            finish(folder.path(), None).unwrap();
            build_of(&text(&folder.path().join("index.html")).unwrap())["version"].clone()
        };
        assert_eq!(version("one"), version("one"));
        assert_ne!(version("one"), version("two"));
    }

    #[test]
    fn the_policy_names_every_inline_part() {
        let folder = built("one");
        finish(folder.path(), None).unwrap();
        let page = text(&folder.path().join("large.html")).unwrap();
        let policy = page.lines().find(|line| line.contains("script-src")).unwrap();
        // printf 'a()' | openssl dgst -sha256 -binary | base64, and the same of 'b{}'.
        for hash in
            ["qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4=", "7yqHVAesot11p6HczDsgKRipvI5UPgs97z80zNXlans="]
        {
            assert!(policy.contains(hash), "{policy}");
        }
        assert!(!policy.contains("'inline-") && !policy.contains("unsafe-eval' 'unsafe"), "{policy}");
    }

    #[test]
    fn a_page_without_its_places_is_refused() {
        let folder = built("one");
        std::fs::write(folder.path().join("index.html"), "<p>hello").unwrap();
        let error = format!("{:#}", finish(folder.path(), None).unwrap_err());
        assert!(error.contains("0 times"), "{error}");
    }

    #[test]
    fn a_page_that_names_a_file_nobody_built_is_refused() {
        let folder = built("one");
        std::fs::remove_file(folder.path().join("assets/recorded.bin")).unwrap();
        let error = format!("{:#}", finish(folder.path(), None).unwrap_err());
        assert!(error.contains("assets/recorded.bin"), "{error}");
    }
}
