//! One candidate of the decision on display: the one looked at, or the chosen one.

use yew::prelude::*;

use crate::describe::{self, number};
use crate::state::{Action, InsightAction, RunAction, State, neighbour};

pub(crate) fn candidate(state: &State, dispatch: &Callback<Action>) -> Html {
    let Some(glimpse) = state.glimpse() else { return html! {} };
    let Some((q, chosen)) = glimpse.ranking().filter(|(q, _)| glimpse.has_parts() && !q.is_empty()) else {
        return html! {};
    };
    let subject = state.subject_candidate().filter(|&subject| subject < q.len()).unwrap_or(chosen);
    let rank = 1 + q.iter().filter(|&&other| other > q[subject]).count();
    let latent = glimpse.latents().and_then(|latents| latents.get(subject));
    let end = glimpse.prediction().and_then(|(ends, _)| ends.get(subject));
    let value = state.insight.values().and_then(|values| values.get(subject).copied());
    let go = |better: bool| {
        let action = neighbour(q, Some(subject), better);
        dispatch.reform(move |_: MouseEvent| action.unwrap_or(InsightAction::Look(None)).into())
    };
    let own = subject == chosen;
    html! {
        <div class="candidate" id="candidate" aria-live="off">
            <div class="candidate__head">
                <h3>
                    { format!("Plan {} of {}", subject + 1, q.len()) }
                    <span class="quiet">{ if own { format!(" · chosen, {} by Q", describe::ordinal(rank)) } else { format!(" · {} by Q", describe::ordinal(rank)) } }</span>
                </h3>
                <span class="candidate__walk">
                    <button id="better" type="button" class="small" title="The next better plan by Q" disabled={rank == 1}
                        onclick={go(true)}>{ "better" }</button>
                    <button id="worse" type="button" class="small" title="The next worse plan by Q" disabled={rank >= q.len()}
                        onclick={go(false)}>{ "worse" }</button>
                </span>
            </div>
            <dl class="figures">
                <div><dt>{ "Q(s, z)" }</dt><dd class="is-quality">{ number(q[subject]) }</dd></div>
                <div><dt>{ "V(predicted end)" }</dt><dd class="is-value">{ value.map_or_else(|| "–".to_owned(), number) }</dd></div>
                <div><dt>{ "predicted end" }</dt><dd>{ end.map_or_else(|| "–".to_owned(), |end| describe::place(end)) }</dd></div>
            </dl>
            if let Some(latent) = latent {
                { bars(latent) }
            }
            if !own && state.ready().is_some() {
                <button id="take" type="button" class="small" onclick={dispatch.reform(move |_| RunAction::Take(subject).into())}>
                    { "Follow this plan instead" }
                </button>
            }
        </div>
    }
}

/// The numbers of a latent as bars around a middle line.
fn bars(latent: &[f32]) -> Html {
    let most = latent.iter().fold(1.0_f32, |most, z| most.max(z.abs()));
    let words: Vec<String> = latent.iter().map(|z| format!("{z:.2}")).collect();
    html! {
        <svg class="candidate__latent" viewBox={format!("0 -22 {} 44", latent.len() * 12)} preserveAspectRatio="none" role="img"
            aria-label={format!("latent z: {}", words.join(", "))}>
            <path d={format!("M0 0H{}", latent.len() * 12)} />
            { for latent.iter().enumerate().map(|(index, z)| {
                let height = 20.0 * z.abs() / most;
                let top = if *z > 0.0 { -height } else { 0.0 };
                html! {
                    <rect x={(index * 12 + 2).to_string()} y={format!("{top:.1}")} width="8" height={format!("{height:.1}")}>
                        <title>{ format!("z{} = {z:.3}", index + 1) }</title>
                    </rect>
                }
            }) }
        </svg>
    }
}
