//! Changes of texts that must fit.

use anyhow::{Result, ensure};

/// A text with exactly one part replaced; that it is there is part of the contract with the page's sources.
pub(crate) fn replaced(text: &str, part: &str, by: &str) -> Result<String> {
    let count = text.matches(part).count();
    ensure!(count == 1, "the page holds {part} {count} times, expected once: see index.html and web/");
    Ok(text.replacen(part, by, 1))
}
