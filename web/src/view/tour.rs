//! The guided tour: one card, one sentence at a time, each with its scene on the figure.

use yew::prelude::*;

use super::terms;
use crate::share;
use crate::state::{Action, State};
use crate::story::STEPS;

pub(crate) fn tour(state: &State, dispatch: &Callback<Action>) -> Html {
    let Some(index) = state.tour.step() else { return html! {} };
    let step = &STEPS[index];
    let last = index + 1 == STEPS.len();
    let to = |step: Option<usize>| dispatch.reform(move |_: MouseEvent| Action::Tour(step));
    html! {
        <section class="tour" id="tour" aria-labelledby="tour-title" aria-live="polite">
            <p class="tour__count">{ format!("{} of {}", index + 1, STEPS.len()) }</p>
            <h2 id="tour-title">{ step.title }</h2>
            <p class="tour__text">{ terms::text(step.text) }</p>
            <div class="row">
                <button id="tour-back" type="button" class="small" disabled={index == 0} onclick={to(index.checked_sub(1))}>{ "Back" }</button>
                <button id="tour-next" type="button" class="small primary" onclick={to((!last).then_some(index + 1))}>
                    { if last { "Done" } else { "Next" } }
                </button>
                <span class="tour__dots" aria-hidden="true">
                    { for (0..STEPS.len()).map(|dot| html! {
                        <span class={classes!("tour__dot", (dot == index).then_some("tour__dot--here"))}></span>
                    }) }
                </span>
                <a class="tour__link" href={format!("#{}", share::tour_fragment(index))}>{ "Link to this step" }</a>
                if !last {
                    <button id="tour-skip" type="button" class="small plain" onclick={to(None)}>{ "Skip" }</button>
                }
            </div>
        </section>
    }
}
