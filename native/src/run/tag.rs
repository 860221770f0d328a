//! `--tag name=value`: something said about a run.

use std::str::FromStr;

use thiserror::Error;

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Any text.
    pub value: String,
}

/// Text that is no tag.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "'{0}' is no tag: expected name=value, with up to 64 letters, digits, '.', '_' and '-' before the equals sign and up to \
     256 bytes behind it, such as host=gpu3"
)]
pub struct NoTag(String);

impl FromStr for Tag {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        let no = || NoTag(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(no)?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let fits = (1..=64).contains(&name.len()) && name.chars().all(plain) && value.len() <= 256;
        if fits { Ok(Self { name: name.to_owned(), value: value.to_owned() }) } else { Err(no()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_names_and_values() {
        let tag: Tag = "host=gpu 3=b".parse().unwrap();
        assert_eq!((tag.name.as_str(), tag.value.as_str()), ("host", "gpu 3=b"));
        for text in
            ["host", "=x", "a b=c", &format!("{}=x", "a".repeat(65)), &format!("x={}", "a".repeat(257))]
        {
            let error = text.parse::<Tag>().unwrap_err().to_string();
            assert!(error.contains("expected name=value"), "{error}");
        }
    }
}
