//! Playing, stepping and speed.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::perhaps;
use crate::messages::Unit;
use crate::state::{Action, CursorAction, Layers, RunAction, SPEEDS, State, ViewAction};
use crate::timeline;

pub(crate) fn controls(state: &State, dispatch: &Callback<Action>) -> Html {
    let act = |action: fn() -> Action| dispatch.reform(move |_: MouseEvent| action());
    let nothing = state.trace().is_none() && state.ready().is_none();
    let at_end = state
        .trace()
        .is_some_and(|trace| timeline::finished(trace) && state.cursor.at() >= timeline::length(trace));
    let chosen = |unit: Unit| classes!("small", (state.cursor.unit() == unit).then_some("chosen"));
    let onspeed = perhaps(dispatch, |event: Event| {
        event
            .target_dyn_into::<HtmlSelectElement>()?
            .value()
            .parse()
            .ok()
            .map(|speed| CursorAction::Speed(speed).into())
    });
    html! {
        <div class="controls" role="group" aria-label="Playing and stepping">
            if state.cursor.playing() {
                <button id="pause" type="button" class="primary" title="Pause (space)" onclick={act(|| CursorAction::Pause.into())}>
                    <span aria-hidden="true">{ "\u{275A}\u{275A} " }</span>{ "Pause" }
                </button>
            } else {
                <button id="play" type="button" class="primary" title="Play (space)" disabled={nothing}
                    onclick={act(|| CursorAction::Play.into())}><span aria-hidden="true">{ "\u{25B6} " }</span>{ "Play" }</button>
            }
            <button id="restart" type="button" class="small" title="Restart (r)" onclick={act(|| RunAction::Restart.into())}>
                { "Restart" }
            </button>
            <span class="group" role="group" aria-label="Step">
                <button id="back" type="button" class="small" title="Back by the grain of the last step (\u{2190})" disabled={state.cursor.at() == 0}
                    onclick={act(|| CursorAction::Back.into())}><span aria-hidden="true">{ "\u{2039} " }</span>{ "Back" }</button>
                <button id="step-part" type="button" class={chosen(Unit::Part)} title="On by one part of a decision (p)"
                    disabled={nothing || at_end} onclick={act(|| CursorAction::Forward(Unit::Part).into())}>{ "Part" }</button>
                <button id="step-env" type="button" class={chosen(Unit::Step)} title="On by one environment step (s)"
                    disabled={nothing || at_end} onclick={act(|| CursorAction::Forward(Unit::Step).into())}>{ "Step" }</button>
                <button id="step-decision" type="button" class={chosen(Unit::Decision)} title="On by one decision (d)"
                    disabled={nothing || at_end} onclick={act(|| CursorAction::Forward(Unit::Decision).into())}>{ "Decision" }</button>
            </span>
            <span class="group" role="group" aria-label="Revaluation">
                <button id="previous-revaluation" type="button" class="small" title="Previous revaluation (Shift + \u{2190})"
                    aria-label="Previous revaluation" onclick={act(|| CursorAction::PreviousRevaluation.into())}>
                    <span aria-hidden="true">{ "\u{2039} " }</span><span class="key key--break" aria-hidden="true"></span></button>
                <button id="next-revaluation" type="button" class="small" title="Next revaluation (Shift + \u{2192})"
                    aria-label="Next revaluation" onclick={act(|| CursorAction::NextRevaluation.into())}>
                    <span class="key key--break" aria-hidden="true"></span><span aria-hidden="true">{ " \u{203A}" }</span></button>
            </span>
            <label class="controls__speed">
                <span class="hidden">{ "Speed" }</span>
                <select id="speed" onchange={onspeed}>
                    { for SPEEDS.into_iter().map(|speed| html! {
                        <option value={speed.to_string()} selected={speed == state.cursor.speed()}>{ format!("{speed}\u{d7}") }</option>
                    }) }
                </select>
            </label>
            <button id="undo" type="button" class="small" title="Take the last choice back" disabled={!state.run.can_undo()}
                onclick={act(|| RunAction::Undo.into())}>{ "Undo" }</button>
        </div>
    }
}

/// What is drawn on the maze.
pub(crate) fn layers(state: &State, dispatch: &Callback<Action>) -> Html {
    let Layers { values, plans } = state.view.layers();
    let switch = |id: &'static str, on: bool, words: &'static str, layers: Layers| {
        html! {
            <button {id} type="button" class={classes!("small", "layer", on.then_some("chosen"))} aria-pressed={on.to_string()}
                onclick={dispatch.reform(move |_| ViewAction::Layers(layers).into())}>{ words }</button>
        }
    };
    html! {
        <span class="layers" role="group" aria-label="Drawn on the maze">
            { switch("layer-values", values, "Values", Layers { values: !values, plans }) }
            { switch("layer-plans", plans, "Plans", Layers { values, plans: !plans }) }
        </span>
    }
}
