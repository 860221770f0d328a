//! The head of the page: title, badge, what the worker is doing.

use yew::prelude::*;

use crate::describe;
use crate::state::{Action, Source, State, Worker};

pub fn top(state: &State, dispatch: &Callback<Action>) -> Html {
    let live = matches!(state.shown.as_ref().map(|shown| &shown.source), Some(Source::Computed(_)));
    // Spoken while it loads; after that it changes with every decision.
    let loading = matches!(state.worker, Worker::Starting | Worker::Fetching { .. } | Worker::Preparing(_));
    let progress = describe::progress(state);
    html! {
        <header class="top">
            <div class="top__title">
                <h1>{ "DIAR" }</h1>
                <p>{ "An agent that samples plans, follows the best one, and drops it when the world turns out better." }</p>
            </div>
            <div class="top__state">
                <p id="badge" data-testid="badge" class={classes!("badge", live.then_some("badge--live"))}>
                    { describe::badge(state) }
                </p>
                <p id="status" data-testid="status" class="status" role={loading.then_some("status")}>{ describe::status(state) }</p>
                if loading {
                    <progress aria-label="Loading" max="1" value={progress.map(|value| value.to_string())} />
                }
                if matches!(state.worker, Worker::Failed(_)) {
                    <button id="retry" type="button" onclick={dispatch.reform(|_| Action::Retry)}>{ "Try again" }</button>
                }
            </div>
        </header>
    }
}
