//! The weights in use, and how to bring others.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::perhaps;
use crate::describe;
use crate::host::browser;
use crate::state::{Action, DecidingAction, State};

pub(crate) fn weights(state: &State, dispatch: &Callback<Action>) -> Html {
    let onchange = perhaps(dispatch, |event: Event| {
        let field: HtmlInputElement = event.target_dyn_into()?;
        browser::address_of(field.files()).map(|address| DecidingAction::Weights(address).into())
    });
    html! {
        <section class="card" aria-labelledby="weights-title">
            <h2 id="weights-title">{ "Weights" }</h2>
            if let Some((_, weights)) = state.ready() {
                <dl class="figures" id="weights">
                    { for describe::weights(weights).into_iter().map(|(label, value)| html! {
                        <div><dt>{ label }</dt><dd>{ value }</dd></div>
                    }) }
                </dl>
            } else {
                <p class="quiet">{ "Not loaded yet." }</p>
            }
            <label class="field drop">
                <span>{ "Your own: drop a bundle of " }<code>{ "diar export" }</code>{ " anywhere on the page, choose a file, or add ?bundle= and its address." }</span>
                <input id="bring" type="file" accept=".safetensors" {onchange} />
            </label>
        </section>
    }
}
