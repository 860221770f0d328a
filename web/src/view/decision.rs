//! The decision under the cursor: its parts, a sentence, the comparison, its numbers.

use diar_core::agent::{Outcome, Phase};
use yew::prelude::*;

use super::gauge;
use crate::describe;
use crate::state::{Action, ComparisonAction, RunAction, State, Versus};
use crate::timeline::Glimpse;

pub(crate) fn decision(state: &State, glimpse: Option<&Glimpse>, dispatch: &Callback<Action>) -> Html {
    let title =
        glimpse.map_or_else(|| "Decision".into(), |glimpse| format!("Decision {}", glimpse.index + 1));
    let phase = glimpse.and_then(Glimpse::phase);
    // While playing, only ends of decisions are spoken: more would be a torrent.
    let spoken = glimpse
        .filter(|glimpse| !state.cursor.playing() || glimpse.outcome().is_some())
        .map(describe::sentence)
        .unwrap_or_default();
    html! {
        <>
            <h2 id="decision-title">{ title }</h2>
            if glimpse.is_none_or(Glimpse::has_parts) {
            <ol class="parts" aria-label="Parts of a decision">
                { for describe::PARTS.iter().map(|&(part, name, purpose)| {
                    let current = phase == Some(part);
                    html! {
                        <li class={classes!("parts__part", current.then_some("parts__part--current"))} title={purpose}
                            aria-current={current.then_some("step")}>{ name }</li>
                    }
                }) }
            </ol>
            }
            <p id="sentence" class="sentence" data-testid="sentence">
                { glimpse.map_or_else(|| "No decision yet.".into(), describe::sentence) }
            </p>
            <p class="hidden" aria-live="polite" id="live">{ spoken }</p>
            if let (Some(trace), Some(glimpse)) = (state.trace(), glimpse) {
                if let Some(missing) = describe::missing(trace) {
                    <p id="missing" class="quiet">{ missing }</p>
                } else {
                    { gauge::gauge(trace, glimpse) }
                    { choices(state, glimpse, dispatch) }
                }
            }
        </>
    }
}

/// What the user may decide instead.
fn choices(state: &State, glimpse: &Glimpse, dispatch: &Callback<Action>) -> Html {
    if state.ready().is_none() {
        return html! {};
    }
    let index = glimpse.index;
    let dropped = matches!(glimpse.outcome(), Some(Outcome::Revalued { .. }));
    let followed = glimpse.phase() == Some(Phase::Follow) && glimpse.outcome().is_none();
    let alone = state.scenario().interventions.is_empty();
    html! {
        <div class="row choices">
            if dropped {
                <button id="what-if" type="button" class="small primary"
                    onclick={dispatch.reform(move |_| ComparisonAction::Choose(Some(Versus::WhatIf { decision: index })).into())}>
                    { "What if not?" }
                </button>
            }
            if followed {
                <button id="drop-here" type="button" class="small" onclick={dispatch.reform(|_| RunAction::DropHere.into())}>
                    { "Drop the plan here" }
                </button>
            }
            if !alone {
                <button id="leave-alone" type="button" class="small" onclick={dispatch.reform(|_| RunAction::LeaveAlone.into())}>
                    { "Let the agent decide again" }
                </button>
            }
        </div>
    }
}

/// The numbers of the decision under the cursor.
pub(crate) fn numbers(state: &State, glimpse: Option<&Glimpse>) -> Html {
    html! {
        if let Some(glimpse) = glimpse {
            <dl class="figures" id="figures">
                { for describe::figures(glimpse, state.task()).into_iter().map(|(label, value, meaning)| html! {
                    <div title={meaning}><dt>{ label }</dt><dd>{ value }</dd></div>
                }) }
            </dl>
        }
    }
}
