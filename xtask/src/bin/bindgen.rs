//! Turns a wasm module of the page into the files that a browser loads: `bindgen <module.wasm> <folder>`.
//!
//! Does with wasm-bindgen's library what its command line tool does, and builds in a minute instead of ten.

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = "usage: bindgen <module.wasm> <folder>";
    let (module, folder) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    Bindgen::new().input_path(module).web(true)?.typescript(false).remove_name_section(true).generate(folder)
}
