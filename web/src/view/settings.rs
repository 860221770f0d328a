//! What the next run is made of.

use diar_core::settings::{PlanSettings, Sampler};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::field::{Field, Number};
use super::perhaps;
use crate::messages::Backend;
use crate::state::{Action, DecidingAction, RunAction, State};

const SAMPLERS: [(Sampler, &str, &str); 3] = [
    (Sampler::Sde, "sde", "SDE-DPM-Solver++ (1)"),
    (Sampler::Ddim, "ddim", "DDIM"),
    (Sampler::Ddpm, "ddpm", "DDPM (all steps)"),
];

pub(crate) fn settings(state: &State, dispatch: &Callback<Action>) -> Html {
    let plan = state.run.plan();
    let plans = plan.run.settings.plan();
    let [x, y] = state.start();
    let onsampler = perhaps(dispatch, |event: Event| {
        let value = event.target_dyn_into::<HtmlSelectElement>()?.value();
        SAMPLERS.iter().find(|(_, name, _)| *name == value).map(|&(kind, ..)| RunAction::Sampler(kind).into())
    });
    let onbackend = perhaps(dispatch, |event: Event| {
        Backend::parse(&event.target_dyn_into::<HtmlSelectElement>()?.value())
            .map(|backend| DecidingAction::Backend(backend).into())
    });
    let onrevalue = perhaps(dispatch, |event: Event| {
        Some(RunAction::Revalue(event.target_dyn_into::<HtmlInputElement>()?.checked()).into())
    });
    html! {
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">{ "Settings" }</h2>
            <p class="quiet">{ "A change starts the run anew. To start somewhere else, drag the start or focus the maze and use the arrow keys." }</p>
            <div class="settings">
                if let Some(PlanSettings { revalue, candidates, sampler, .. }) = plans.copied() {
                    <label class="settings__check">
                        <input id="revalue" type="checkbox" checked={revalue} onchange={onrevalue} />
                        { "Adaptive revaluation" }
                    </label>
                    <Field number={Number::Candidates} value={candidates as u64}
                        max={PlanSettings::MAX_CANDIDATES} dispatch={dispatch.clone()} />
                    <label>
                        <span>{ "Sampler" }</span>
                        <select id="sampler" onchange={onsampler}>
                            { for SAMPLERS.iter().map(|&(kind, name, label)| html! {
                                <option value={name} selected={kind == sampler.kind}>{ label }</option>
                            }) }
                        </select>
                    </label>
                    <Field number={Number::SamplerSteps} value={sampler.steps as u64} max={state.diffusion_steps()}
                        disabled={sampler.kind == Sampler::Ddpm} dispatch={dispatch.clone()} />
                }
                <Field number={Number::Seed} value={plan.run.seed} dispatch={dispatch.clone()} />
                <label>
                    <span>{ "Device" }</span>
                    <select id="backend" onchange={onbackend}>
                        { for Backend::ALL.into_iter().map(|backend| html! {
                            <option value={backend.name()} selected={backend == state.deciding.backend()}>
                                { match backend {
                                    Backend::Auto => "Automatic",
                                    Backend::Cpu => "CPU",
                                    Backend::Webgpu => "WebGPU",
                                } }
                            </option>
                        }) }
                    </select>
                </label>
                <div class="settings__start">
                    <span id="start-place">{ format!("Start: x {x:.2} m, y {y:.2} m") }</span>
                    <button id="random-start" type="button" disabled={plan.run.start.is_none()}
                        onclick={dispatch.reform(|_| RunAction::Start(None).into())}>{ "Draw it from the seed" }</button>
                </div>
            </div>
        </section>
    }
}
