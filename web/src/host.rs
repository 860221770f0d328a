//! The page's surroundings: the browser, and the files of this build.

pub(crate) mod browser;
pub(crate) mod build;
