//! The few things asked of the browser.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Clipboard, Document, Event, EventTarget, FileList, Storage, Url, Window};

use super::build;
use crate::fetch;
use crate::messages::Backend;
use crate::scale::Ground;
use crate::share;
use crate::state::{Launch, Theme};

/// Media query that holds where the system is dark.
pub(crate) const DARK: &str = "(prefers-color-scheme: dark)";

/// The window.
///
/// # Panics
/// In a worker, where the page never runs.
pub(crate) fn window() -> Window {
    web_sys::window().expect("the page runs in a window")
}

/// The document.
///
/// # Panics
/// In a worker, where the page never runs.
pub(crate) fn document() -> Document {
    window().document().expect("the page runs in a document")
}

/// How the page was opened: `?bundle=`, `?other=`, `?backend=`, the fragment, and what the user prefers.
pub(crate) fn launch() -> Launch {
    let search = window().location().search().unwrap_or_default();
    let query = web_sys::UrlSearchParams::new_with_str(&search).ok();
    let parameter =
        |name: &str| query.as_ref().and_then(|query| query.get(name)).filter(|value| !value.is_empty());
    let fragment = fragment();
    Launch {
        bundle: parameter("bundle")
            .unwrap_or_else(|| share::first_weights(&fragment, build::task().as_deref())),
        other: parameter("other"),
        backend: parameter("backend").and_then(|name| Backend::parse(&name)).unwrap_or_default(),
        fragment,
        reduced_motion: matches("(prefers-reduced-motion: reduce)"),
        dark: matches(DARK),
        theme: remembered_theme(),
        embed: query.as_ref().is_some_and(|query| query.has("embed")),
    }
}

/// Where the theme is remembered.
const THEME: &str = "diar-theme";

/// Storage that lasts between visits; `None` where the browser refuses it, as with cookies blocked.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn remembered_theme() -> Theme {
    let stored = storage().and_then(|storage| storage.get_item(THEME).ok().flatten());
    match stored.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}

/// Remembers a theme for the next visit, when `web/ground.js` applies it.
pub(crate) fn remember_theme(theme: Theme) {
    let Some(storage) = storage() else { return };
    let _ = match theme {
        Theme::System => storage.remove_item(THEME),
        Theme::Light => storage.set_item(THEME, "light"),
        Theme::Dark => storage.set_item(THEME, "dark"),
    };
}

/// Turns the page light or dark.
pub(crate) fn show_ground(ground: Ground) {
    let name = match ground {
        Ground::Light => "light",
        Ground::Dark => "dark",
    };
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-ground", name);
    }
}

/// Gives the tab a title.
pub(crate) fn set_title(title: &str) {
    document().set_title(title);
}

thread_local! {
    /// Files chosen by hand that are still in use.
    static CHOSEN: RefCell<Vec<ObjectUrl>> = const { RefCell::new(Vec::new()) };
}

/// An address of something in the browser's memory, which is let go of when this is dropped.
pub(crate) struct ObjectUrl(String);

impl ObjectUrl {
    pub(crate) fn of(blob: &Blob) -> Result<Self, JsValue> {
        Url::create_object_url_with_blob(blob).map(Self)
    }

    pub(crate) fn address(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        let _ = Url::revoke_object_url(&self.0);
    }
}

/// An address for the first of the files that were chosen or dropped, good until [`let_go`].
pub(crate) fn address_of(files: Option<FileList>) -> Option<String> {
    let url = ObjectUrl::of(files?.get(0)?.as_ref()).ok()?;
    let address = url.address().to_owned();
    CHOSEN.with_borrow_mut(|chosen| chosen.push(url));
    Some(address)
}

/// Lets go of files chosen by hand that are not in use any more.
pub(crate) fn let_go(in_use: impl Fn(&str) -> bool) {
    CHOSEN.with_borrow_mut(|chosen| chosen.retain(|url| in_use(url.address())));
}

/// Offers bytes as a file to be saved.
pub(crate) fn save(name: &str, kind: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let url = ObjectUrl::of(&Blob::new_with_u8_array_sequence_and_options(&parts, &options)?)?;
    let anchor: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(url.address());
    anchor.set_download(name);
    // The click takes hold of what is saved.
    anchor.click();
    Ok(())
}

/// The fragment of the address, without `#`.
pub(crate) fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The address that brings back what a fragment describes, for others.
pub(crate) fn address(fragment: &str) -> String {
    share::address(&window().location().href().unwrap_or_default(), fragment)
}

/// Loads the page anew, from the address as it is now.
pub(crate) fn reload() {
    let _ = window().location().reload();
}

/// Returns `true` if the page was opened with weights of the reader's choice.
pub(crate) fn has_bundle() -> bool {
    let search = window().location().search().unwrap_or_default();
    web_sys::UrlSearchParams::new_with_str(&search).is_ok_and(|query| query.has("bundle"))
}

/// Returns `true` if the page is in a frame that is kept apart from its own site.
pub(crate) fn is_isolated() -> bool {
    js_sys::Reflect::get(&window(), &"origin".into()).is_ok_and(|origin| origin == "null")
}

/// Returns `true` if the site serves another build of this page by now.
pub(crate) async fn is_outdated() -> bool {
    let Some(version) = build::version() else { return false };
    // With a query of its own, which no cache has an answer for.
    let address = format!("{}?newer-than={version}", window().location().pathname().unwrap_or_default());
    let Ok(page) = fetch::bytes(&address, |_, _| ()).await else { return false };
    let page = String::from_utf8_lossy(&page).into_owned();
    page.contains("id=\"build\"") && !page.contains(&version)
}

/// Puts a fragment into the address bar, without an entry in the history.
pub(crate) fn replace_fragment(fragment: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// An address relative to the page, or the plain name of a file that came with it, made absolute.
pub(crate) fn absolute(address: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let address = build::file(address);
    Url::new_with_base(&address, &base).map_or(address, |url| url.href())
}

/// Returns `true` if a media query holds.
pub(crate) fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// The bytes at an address, as [`absolute`] takes it.
pub(crate) async fn bytes(address: &str) -> Result<Vec<u8>, String> {
    fetch::bytes(&absolute(address), |_, _| ()).await.map_err(|trouble| trouble.to_string())
}

/// Puts a text on the clipboard; answers whether that worked.
pub(crate) async fn copy(text: &str) -> bool {
    // Without a secure context there is no clipboard, and a browser may refuse to give it.
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
    let Some(clipboard) = clipboard.ok().filter(JsValue::is_object) else { return false };
    JsFuture::from(clipboard.unchecked_into::<Clipboard>().write_text(text)).await.is_ok()
}

/// Calls back at each event of a kind, for as long as the page is open.
pub(crate) fn listen<E: JsCast + 'static>(
    target: &EventTarget,
    kind: &str,
    mut heard: impl FnMut(E) + 'static,
) {
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| heard(event.unchecked_into()));
    let _ = target.add_event_listener_with_callback(kind, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Makes a panic visible: a message and a button, where there would be a page that no longer answers.
pub(crate) fn show_panics() {
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
