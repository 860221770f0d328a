//! The weights in use.

use diar_core::task::TASKS;
use yew::prelude::*;

use crate::describe;
use crate::share;
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
            <nav aria-label="Mazes" class="mazes">
                { for TASKS.iter().map(|task| html! {
                    <a href={format!("?bundle={}", share::shipped_weights(task.id))}
                        aria-current={(state.task().id == task.id).then_some("true")}>{ task.id }</a>
                }) }
            </nav>
            <p class="quiet">{ "Other weights: add ?bundle= and the address of a bundle that diar export made." }</p>
        </section>
    }
}
