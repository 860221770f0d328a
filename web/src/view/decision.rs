//! The decision under the cursor: its parts, a sentence, its numbers.

use yew::prelude::*;

use crate::describe;
use crate::state::State;
use crate::timeline::Glimpse;

pub fn decision(state: &State, glimpse: Option<&Glimpse>) -> Html {
    let title =
        glimpse.map_or_else(|| "Decision".into(), |glimpse| format!("Decision {}", glimpse.index + 1));
    let phase = glimpse.and_then(Glimpse::phase);
    // While playing, only ends of decisions are spoken: more would be a torrent.
    let spoken = glimpse
        .filter(|glimpse| !state.playing || glimpse.outcome().is_some())
        .map(describe::sentence)
        .unwrap_or_default();
    html! {
        <>
            <h2 id="decision-title">{ title }</h2>
            <ol class="parts" aria-label="Parts of a decision">
                { for describe::PARTS.iter().map(|&(part, name, purpose)| {
                    let current = phase == Some(part);
                    html! {
                        <li class={classes!("parts__part", current.then_some("parts__part--current"))} title={purpose}
                            aria-current={current.then_some("step")}>{ name }</li>
                    }
                }) }
            </ol>
            <p id="sentence" class="sentence" data-testid="sentence">
                { glimpse.map_or_else(|| "No decision yet.".into(), describe::sentence) }
            </p>
            <p class="hidden" aria-live="polite" id="live">{ spoken }</p>
            if let Some(glimpse) = glimpse {
                <dl class="figures" id="figures">
                    { for describe::figures(glimpse, state.task()).into_iter().map(|(label, value, meaning)| html! {
                        <div title={meaning}><dt>{ label }</dt><dd>{ value }</dd></div>
                    }) }
                </dl>
            }
        </>
    }
}
