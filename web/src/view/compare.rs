//! Two runs side by side: what differs, and what came of it.

use diar_core::settings::{Sampler, SamplerSettings};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::perhaps;
use crate::host::{browser, build};
use crate::state::{Action, ComparedRun, ComparisonAction, Critic, State, Versus};
use crate::{describe, share};

/// The choices of the menu: value and words.
const CHOICES: [(&str, &str); 8] = [
    ("none", "nothing"),
    ("revaluation", "revaluation the other way"),
    ("fewer", "8 candidates"),
    ("more", "512 candidates"),
    ("sde", "sampler: SDE, 10 steps"),
    ("one", "sampler: DDIM, 1 step"),
    ("ldcq", "weights: LDCQ's critic"),
    ("shipped", "the critic the weights came with"),
];

pub(crate) fn compare(state: &State, dispatch: &Callback<Action>) -> Html {
    let ldcq = share::shipped_rival(state.task().id());
    let wanted = ldcq.clone();
    let onchange = perhaps(dispatch, move |event: Event| {
        let sampler = |kind, steps| Versus::Sampler(SamplerSettings { kind, steps, extra_steps: 0 });
        Some(
            ComparisonAction::Choose(match event.target_dyn_into::<HtmlSelectElement>()?.value().as_str() {
                "revaluation" => Some(Versus::Revaluation),
                "fewer" => Some(Versus::Candidates(8)),
                "more" => Some(Versus::Candidates(512)),
                "sde" => Some(sampler(Sampler::Sde, 10)),
                "one" => Some(sampler(Sampler::Ddim, 1)),
                "ldcq" => Some(Versus::Weights(wanted.clone())),
                "shipped" => Some(Versus::ShippedCritic),
                _ => None,
            })
            .into(),
        )
    });
    let bring = perhaps(dispatch, |event: Event| {
        let field: HtmlInputElement = event.target_dyn_into()?;
        browser::address_of(field.files())
            .map(|address| ComparisonAction::Choose(Some(Versus::Weights(address))).into())
    });
    let plans = state.run.plan().run.settings.plan().is_some();
    let offered = |value: &str| match value {
        // Where no critic was trained here, it would be the run itself.
        "shipped" => state.retraining.critic() != Critic::Shipped,
        "ldcq" => build::contains(&ldcq),
        "none" => true,
        _ => plans,
    };
    let chosen = match state.comparison.run().map(ComparedRun::versus) {
        None => "none",
        Some(Versus::Revaluation) => "revaluation",
        Some(Versus::Candidates(n)) if *n <= 8 => "fewer",
        Some(Versus::Candidates(_)) => "more",
        Some(Versus::Sampler(sampler)) if sampler.kind == Sampler::Sde => "sde",
        Some(Versus::Sampler(_)) => "one",
        Some(Versus::Weights(address)) if *address == ldcq => "ldcq",
        Some(Versus::ShippedCritic) => "shipped",
        Some(Versus::Weights(_) | Versus::WhatIf { .. } | Versus::LeftAlone | Versus::Linked) => "other",
    };
    html! {
        <section class="card" aria-labelledby="compare-title">
            <h2 id="compare-title">{ "Compare" }</h2>
            <p class="quiet">{ "A second run from the same start and the same noise, in step with the first." }</p>
            <label class="field">
                <span>{ "with the same, but" }</span>
                <select id="compare" {onchange} disabled={state.ready().is_none()}>
                    if chosen == "other" {
                        <option value="other" selected=true>{ state.comparison.run().map(describe::versus).unwrap_or_default() }</option>
                    }
                    { for CHOICES.iter().filter(|(value, _)| offered(value)).map(|&(value, words)| html! {
                        <option {value} selected={value == chosen}>{ words }</option>
                    }) }
                </select>
            </label>
            <label class="field drop">
                <span>{ "or other weights for this maze: choose a file, or add " }<code>{ "?other=" }</code>{ " and its address" }</span>
                <input id="compare-bring" type="file" accept=".safetensors" onchange={bring} disabled={state.ready().is_none()} />
            </label>
            if chosen == "ldcq" {
                <p class="quiet">
                    { "LDCQ, which DIAR grew out of: the same plans, rated by another critic. Over many episodes it scores \
                       one to three points less here, so that a single one may go either way." }
                </p>
            }
            if let Some(weights) = state.comparison.second_weights() {
                <dl class="figures" id="guest">
                    { for describe::weights(weights).into_iter().map(|(label, value)| html! {
                        <div><dt>{ label }</dt><dd>{ value }</dd></div>
                    }) }
                </dl>
            }
            if state.comparison.run().is_some() {
                if let Some(missing) = state.comparison.run().and_then(|run| describe::missing(run.trace()?)) {
                    <p id="other-missing" class="quiet">{ missing }</p>
                }
                <p id="difference" class="difference" role="status" data-testid="difference">{ describe::difference(state) }</p>
                <button id="compare-end" type="button" class="small" onclick={dispatch.reform(|_| ComparisonAction::Choose(None).into())}>
                    { "Stop comparing" }
                </button>
            } else if plans {
                <p class="quiet">{ "At a dropped plan, \u{201c}What if not?\u{201d} follows it all the same." }</p>
            }
        </section>
    }
}
