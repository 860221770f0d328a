//! The few things asked of the browser.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Event, EventTarget, Response, Window};

use super::build;
use crate::messages::Backend;
use crate::scale::Ground;
use crate::share;
use crate::state::{Launch, Theme};

/// The window.
///
/// # Panics
/// In a worker, where the page never runs.
pub fn window() -> Window {
    web_sys::window().expect("the page runs in a window")
}

/// The document.
///
/// # Panics
/// In a worker, where the page never runs.
pub fn document() -> Document {
    window().document().expect("the page runs in a document")
}

/// How the page was opened: `?bundle=`, `?other=`, `?backend=`, the fragment, and what the user prefers.
pub fn launch() -> Launch {
    let search = window().location().search().unwrap_or_default();
    let query = web_sys::UrlSearchParams::new_with_str(&search).ok();
    let parameter =
        |name: &str| query.as_ref().and_then(|query| query.get(name)).filter(|value| !value.is_empty());
    let fragment = fragment();
    Launch {
        bundle: parameter("bundle").unwrap_or_else(|| match build::task() {
            // A link is for a task of its own.
            Some(task) if fragment.is_empty() => share::shipped_weights(&task),
            _ => share::first_weights(&fragment),
        }),
        other: parameter("other"),
        backend: parameter("backend").and_then(|name| Backend::parse(&name)).unwrap_or_default(),
        fragment,
        reduced_motion: matches("(prefers-reduced-motion: reduce)"),
        dark: matches(super::app::DARK),
        theme: remembered_theme(),
        embed: query.as_ref().is_some_and(|query| query.has("embed")),
    }
}

/// Where the theme is remembered.
const THEME: &str = "diar-theme";

fn remembered_theme() -> Theme {
    // Storage may be forbidden; then nothing is remembered.
    let stored =
        window().local_storage().ok().flatten().and_then(|storage| storage.get_item(THEME).ok().flatten());
    match stored.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}

/// Remembers a theme for the next visit, when `web/ground.js` applies it.
pub fn remember_theme(theme: Theme) {
    let Some(storage) = window().local_storage().ok().flatten() else { return };
    let _ = match theme {
        Theme::System => storage.remove_item(THEME),
        Theme::Light => storage.set_item(THEME, "light"),
        Theme::Dark => storage.set_item(THEME, "dark"),
    };
}

/// Turns the page light or dark.
pub fn show_ground(ground: Ground) {
    let name = match ground {
        Ground::Light => "light",
        Ground::Dark => "dark",
    };
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-ground", name);
    }
}

/// Gives the tab a title.
pub fn set_title(title: &str) {
    document().set_title(title);
}

/// An address for the first of the files that were chosen or dropped.
pub fn address_of(files: Option<web_sys::FileList>) -> Option<String> {
    let file = files?.get(0)?;
    web_sys::Url::create_object_url_with_blob(&file).ok()
}

/// Offers bytes as a file to be saved.
pub fn save(name: &str, kind: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let blob = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let anchor: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&address);
    anchor.set_download(name);
    anchor.click();
    // The click has taken hold of it; what is saved stays.
    web_sys::Url::revoke_object_url(&address)
}

/// The fragment of the address, without `#`.
pub fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The address of the page, up to the fragment.
pub fn address() -> String {
    let href = window().location().href().unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// Puts a fragment into the address bar, without an entry in the history.
pub fn replace_fragment(fragment: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// An address relative to the page, or the plain name of a file that came with it, made absolute.
pub fn absolute(address: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let address = build::file(address);
    web_sys::Url::new_with_base(&address, &base).map_or(address, |url| url.href())
}

/// Whether a media query holds.
pub fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// The bytes at an address, as [`absolute`] takes it.
pub async fn bytes(address: &str) -> Result<Vec<u8>, String> {
    let failed = |_| "it could not be fetched".to_owned();
    let response: Response =
        JsFuture::from(window().fetch_with_str(&absolute(address))).await.map_err(failed)?.unchecked_into();
    if !response.ok() {
        return Err(format!("{address} answered {}", response.status()));
    }
    let buffer = JsFuture::from(response.array_buffer().map_err(failed)?).await.map_err(failed)?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Puts a text on the clipboard; answers whether that worked.
pub async fn copy(text: &str) -> bool {
    // Without a secure context there is no clipboard, and asking for it would throw.
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
    if clipboard.is_ok_and(|clipboard| clipboard.is_undefined()) {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Calls back at each event of a kind, for as long as the page is open.
pub fn listen<E: JsCast + 'static>(target: &EventTarget, kind: &str, mut heard: impl FnMut(E) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| heard(event.unchecked_into()));
    let _ = target.add_event_listener_with_callback(kind, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Makes a panic visible: a message and a button, where there would be a page that no longer answers.
pub fn show_panics() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
        if let Some(reason) = document.get_element_by_id("fatal-reason") {
            reason.set_text_content(Some(&info.to_string()));
        }
        if let Some(fatal) = document.get_element_by_id("fatal") {
            let _ = fatal.remove_attribute("hidden");
        }
    }));
}
