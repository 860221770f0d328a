//! Fetching bytes, in the page and in its workers: with a limit, and with patience that ends.

use std::fmt;

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ReadableStreamDefaultReader, Response};

use crate::patience::{global, within};
use crate::quota::{TooLarge, admit};

/// Milliseconds without a byte after which nothing more is expected.
const PATIENCE: u32 = 30_000;

/// Why bytes could not be fetched.
pub(crate) enum Trouble {
    /// The server has an answer, but not the file.
    Answered { status: u16, text: String },
    /// It is larger than the page wants.
    TooLarge(TooLarge),
    /// Nothing came for a while after so many bytes.
    Silent { received: usize },
    /// The connection or the browser failed.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, text } => write!(f, "the server answered {status} {text}"),
            Self::TooLarge(error) => error.fmt(f),
            Self::Silent { received } => {
                let (seconds, megabytes) = (PATIENCE / 1000, *received as f64 / 1e6);
                write!(f, "nothing came for {seconds} s, after {megabytes:.1} MB")
            }
            Self::Broken(reason) => f.write_str(reason),
        }
    }
}

impl From<JsValue> for Trouble {
    fn from(error: JsValue) -> Self {
        Self::Broken(words(&error))
    }
}

/// An exception in words.
pub(crate) fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.filter(|message| !message.is_empty()).unwrap_or_else(|| format!("{error:?}"))
}

/// The bytes at an address; `tell` hears how many have come, and of how many.
///
/// # Errors
/// Why they could not be fetched.
pub(crate) async fn bytes(address: &str, tell: impl Fn(f64, Option<f64>)) -> Result<Vec<u8>, Trouble> {
    tell(0.0, None);
    let fetch = global("fetch").ok_or_else(|| Trouble::Broken("this browser has no fetch".into()))?;
    let promise: Promise = fetch.call1(&JsValue::NULL, &address.into())?.unchecked_into();
    let response = within(PATIENCE, JsFuture::from(promise)).await;
    let response: Response = response.ok_or(Trouble::Silent { received: 0 })??.unchecked_into();
    if !response.ok() {
        return Err(Trouble::Answered { status: response.status(), text: response.status_text() });
    }
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let result = read(&reader, total(&response), &mut bytes, tell).await;
    if result.is_err() {
        // The rest is not wanted, and where the connection broke there is none.
        let cancelled = JsFuture::from(reader.cancel());
        spawn_local(async move { drop(cancelled.await) });
    }
    result.map(|()| bytes)
}

async fn read(
    reader: &ReadableStreamDefaultReader,
    total: Option<f64>,
    bytes: &mut Vec<u8>,
    tell: impl Fn(f64, Option<f64>),
) -> Result<(), Trouble> {
    admit(total, 0).map_err(Trouble::TooLarge)?;
    loop {
        let chunk = within(PATIENCE, JsFuture::from(reader.read())).await;
        let chunk = chunk.ok_or(Trouble::Silent { received: bytes.len() })??;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(());
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &"value".into())?.unchecked_into();
        let begin = bytes.len();
        let end = begin + chunk.length() as usize;
        admit(None, end).map_err(Trouble::TooLarge)?;
        bytes.resize(end, 0);
        chunk.copy_to(&mut bytes[begin..]);
        tell(end as f64, total);
    }
}

/// The size the server announces. A compressed answer announces the compressed size, which says nothing here.
fn total(response: &Response) -> Option<f64> {
    let header = |name| response.headers().get(name).ok().flatten();
    if header("content-encoding").is_some_and(|coding| coding != "identity") {
        return None;
    }
    header("content-length")?.parse().ok()
}
