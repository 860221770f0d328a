//! The page around the state: carries out commands, listens to the browser, keeps time.

mod app;
mod export;
mod hook;
mod running;

use wasm_bindgen::JsCast;

use crate::host::browser;

/// Mounts the page.
pub fn start() {
    browser::show_panics();
    let Some(root) = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("app"))
        .and_then(|element| element.dyn_into().ok())
    else {
        return;
    };
    yew::Renderer::<app::App>::with_root(root).render();
}
