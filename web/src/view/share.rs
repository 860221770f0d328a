//! The link to the moment shown, and files of it.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::state::{Action, Export, SharingAction, State};

pub(crate) fn share(state: &State, address: &str, dispatch: &Callback<Action>) -> Html {
    let onfocus = Callback::from(|event: FocusEvent| {
        if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
            field.select();
        }
    });
    let told = match state.sharing.copied() {
        None => "",
        Some(true) => "Copied.",
        Some(false) => "The browser does not allow copying: select the link above and copy it.",
    };
    let nothing = state.trace().is_none();
    let save = |export: Export, id: &'static str, words: &'static str| {
        html! {
            <button {id} type="button" class="small" disabled={nothing}
                onclick={dispatch.reform(move |_| SharingAction::Export(export).into())}>{ words }</button>
        }
    };
    let fragment = address.split_once('#').map(|(_, fragment)| fragment.to_owned());
    let embed = address.split_once('#').map(|(page, fragment)| {
        let (page, query) = page.split_once('?').unwrap_or((page, ""));
        let query = if query.is_empty() { String::new() } else { format!("&{query}") };
        format!("<iframe src=\"{page}?embed{query}#{fragment}\" width=\"720\" height=\"820\" title=\"DIAR\"></iframe>")
    });
    html! {
        <section class="card" aria-labelledby="share-title">
            <h2 id="share-title">{ "Share" }</h2>
            <p class="quiet">{ "The link holds the settings, the start, every decision and the moment shown: it replays exactly anywhere, and is computed anew to see whether the decisions agree." }</p>
            <div class="share">
                <input id="link-field" data-testid="link-field" type="text" readonly=true value={address.to_owned()} onfocus={onfocus.clone()}
                    aria-label="Link to this moment" />
                <button id="copy-link" data-testid="copy-link" type="button" class="primary" disabled={nothing}
                    onclick={dispatch.reform(|_| SharingAction::CopyLink.into())}>{ "Copy link" }</button>
            </div>
            <p class="quiet" role="status">{ told }</p>
            <div class="row" role="group" aria-label="Save">
                { save(Export::Svg, "save-svg", "SVG") }
                { save(Export::Png, "save-png", "PNG") }
                { save(Export::Gif, "save-gif", "GIF of the episode") }
                { save(Export::Json, "save-json", "Trace, JSON") }
            </div>
            if let (Some(fragment), Some(embed)) = (fragment, embed) {
                <details>
                    <summary>{ "In your page, or on your command line" }</summary>
                    <label class="field"><span>{ "Embed" }</span>
                        <input id="embed-code" type="text" readonly=true value={embed} onfocus={onfocus.clone()} /></label>
                    <label class="field"><span>{ "Open in diar" }</span>
                        <input id="replay-command" type="text" readonly=true value={format!("diar replay '{fragment}'")} {onfocus} /></label>
                </details>
            }
        </section>
    }
}
