//! Fetching weights, with progress in bytes, and windows.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

use super::{post, scope};
use crate::messages::ToPage;

/// The weights at an address; the page is told how far they have come.
pub async fn weights(address: &str) -> Result<Vec<u8>, String> {
    bytes("weights", address, |loaded, total| post(&ToPage::Progress { loaded, total })).await
}

/// What is at an address.
#[cfg(feature = "train")]
pub async fn quietly(what: &str, address: &str) -> Result<Vec<u8>, String> {
    bytes(what, address, |_, _| ()).await
}

async fn bytes(what: &str, address: &str, tell: impl Fn(f64, Option<f64>)) -> Result<Vec<u8>, String> {
    let failed = |error: JsValue| {
        let reason = error
            .dyn_ref::<js_sys::Error>()
            .map_or_else(|| format!("{error:?}"), |error| error.message().into());
        format!(
            "The {what} could not be fetched from {address}: {reason}. Check the connection and try again."
        )
    };
    tell(0.0, None);
    let response: Response =
        JsFuture::from(scope().fetch_with_str(address)).await.map_err(failed)?.unchecked_into();
    if !response.ok() {
        return Err(format!(
            "The {what} are not there: {address} answered {} {}. Check the address, or open the page without ?bundle=.",
            response.status(),
            response.status_text()
        ));
    }
    let total = total(&response);
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(failed)?;
        if Reflect::get(&chunk, &"done".into()).map_err(failed)?.is_truthy() {
            return Ok(bytes);
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &"value".into()).map_err(failed)?.unchecked_into();
        let begin = bytes.len();
        bytes.resize(begin + chunk.length() as usize, 0);
        chunk.copy_to(&mut bytes[begin..]);
        tell(bytes.len() as f64, total);
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
