//! Playing, stepping and speed.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::perhaps;
use crate::messages::Unit;
use crate::state::{Action, SPEEDS, State};
use crate::timeline;

pub fn controls(state: &State, dispatch: &Callback<Action>) -> Html {
    let act = |action: fn() -> Action| dispatch.reform(move |_: MouseEvent| action());
    let nothing = state.trace().is_none() && state.ready().is_none();
    let at_end =
        state.trace().is_some_and(|trace| timeline::finished(trace) && state.at >= timeline::length(trace));
    let chosen = |unit: Unit| classes!((state.unit == unit).then_some("chosen"));
    let onspeed = perhaps(dispatch, |event: Event| {
        event.target_dyn_into::<HtmlSelectElement>()?.value().parse().ok().map(Action::Speed)
    });
    html! {
        <div class="controls" role="group" aria-label="Playing and stepping">
            <div class="controls__row">
                <button id="restart" type="button" title="Restart (r)" onclick={act(|| Action::Restart)}>
                    <span aria-hidden="true">{ "\u{21BB} " }</span>{ "Restart" }
                </button>
                <button id="back" type="button" title="Back by the grain of the last step (\u{2190})" disabled={state.at == 0}
                    onclick={act(|| Action::Back)}>
                    <span aria-hidden="true">{ "\u{2039} " }</span>{ "Back" }
                </button>
                if state.playing {
                    <button id="pause" type="button" class="primary" title="Pause (space)" onclick={act(|| Action::Pause)}>
                        { "Pause" }
                    </button>
                } else {
                    <button id="play" type="button" class="primary" title="Play (space)" disabled={nothing}
                        onclick={act(|| Action::Play)}>{ "Play" }</button>
                }
                <label class="controls__speed">
                    { "Speed" }
                    <select id="speed" onchange={onspeed}>
                        { for SPEEDS.into_iter().map(|speed| html! {
                            <option value={speed.to_string()} selected={speed == state.speed}>{ format!("{speed}\u{d7}") }</option>
                        }) }
                    </select>
                </label>
            </div>
            <div class="controls__row">
                <span class="controls__label" id="step-label">{ "Step one" }</span>
                <button id="step-part" type="button" class={chosen(Unit::Part)} title="One part of a decision (p)"
                    disabled={nothing || at_end} aria-describedby="step-label"
                    onclick={act(|| Action::Forward(Unit::Part))}>{ "Part" }</button>
                <button id="step-env" type="button" class={chosen(Unit::Step)} title="One environment step (s)"
                    disabled={nothing || at_end} aria-describedby="step-label"
                    onclick={act(|| Action::Forward(Unit::Step))}>{ "Env step" }</button>
                <button id="step-decision" type="button" class={chosen(Unit::Decision)} title="One decision (d)"
                    disabled={nothing || at_end} aria-describedby="step-label"
                    onclick={act(|| Action::Forward(Unit::Decision))}>{ "Decision" }</button>
            </div>
            <div class="controls__row">
                <span class="controls__label" id="jump-label">{ "Revaluation" }</span>
                <button id="previous-revaluation" type="button" title="Previous revaluation (Shift + \u{2190})"
                    aria-describedby="jump-label" onclick={act(|| Action::PreviousRevaluation)}>{ "Previous" }</button>
                <button id="next-revaluation" type="button" title="Next revaluation (Shift + \u{2192})"
                    aria-describedby="jump-label" onclick={act(|| Action::NextRevaluation)}>{ "Next" }</button>
                <button id="help" type="button" class="plain controls__help" title="Keys (?)" aria-label="Keys"
                    onclick={act(|| Action::Help(true))}>{ "?" }</button>
            </div>
        </div>
    }
}
