//! The weights in use.

use yew::prelude::*;

use crate::describe;
use crate::state::State;

pub fn weights(state: &State) -> Html {
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
            <p class="quiet">{ "Other weights: add ?bundle= and the address of a bundle that diar export made." }</p>
        </section>
    }
}
