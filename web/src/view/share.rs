//! The link to the moment shown.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::state::{Action, State};

pub fn share(state: &State, address: &str, dispatch: &Callback<Action>) -> Html {
    let onfocus = Callback::from(|event: FocusEvent| {
        if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
            field.select();
        }
    });
    let told = match state.copied {
        None => "",
        Some(true) => "Copied.",
        Some(false) => "The browser does not allow copying: select the link above and copy it.",
    };
    html! {
        <section class="card" aria-labelledby="share-title">
            <h2 id="share-title">{ "Share" }</h2>
            <p class="quiet">{ "The link holds the settings, the start, every decision and the moment shown. Opened elsewhere, the run is computed anew and compared." }</p>
            <div class="share">
                <input id="link-field" data-testid="link-field" type="text" readonly=true value={address.to_owned()} {onfocus}
                    aria-label="Link to this moment" />
                <button id="copy-link" data-testid="copy-link" type="button" disabled={state.trace().is_none()}
                    onclick={dispatch.reform(|_| Action::CopyLink)}>{ "Copy link" }</button>
            </div>
            <p class="quiet" role="status">{ told }</p>
        </section>
    }
}
