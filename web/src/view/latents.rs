//! The candidates in latent space, and how they came out of noise.

use std::rc::Rc;

use diar_core::agent::Trace;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{Same, perhaps};
use crate::messages::Trail;
use crate::projection::Plane;
use crate::scale::{self, Ground, Quantity};
use crate::state::{Action, InsightAction};
use crate::timeline::Glimpse;

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub trace: Same<Trace>,
    pub index: usize,
    /// Parts of the decision that have happened; beyond three nothing changes here.
    pub parts: usize,
    pub trail: Option<Same<Trail>>,
    /// The sampler step that is looked at.
    pub step: Option<usize>,
    pub looked: Option<usize>,
    /// Whether the worker can sample the decision again, step by step.
    pub can_denoise: bool,
    pub ground: Ground,
    pub dispatch: Callback<Action>,
}

/// Half the side of the cloud, in units of the picture.
const HALF: f64 = 100.0;

#[component]
pub(crate) fn Latents(props: &Props) -> Html {
    let whole = Glimpse::whole(&props.trace.0, props.index);
    let decision = whole.map(|whole| whole.after(props.parts));
    let Some(latents) =
        decision.and_then(|decision| decision.latents()).filter(|latents| !latents.is_empty())
    else {
        return html! {};
    };
    // The plane of the finished latents, for every step on the way to them.
    let plane = Plane::of(latents).map(Rc::new);
    let Some(plane) = plane else { return html! {} };
    let scrubbed = props.step.zip(props.trail.as_ref()).and_then(|(step, trail)| {
        Some((trail.0.latents.get(step)?.as_slice(), trail.0.q.get(step)?.as_slice()))
    });
    let ranking = decision.and_then(|decision| decision.ranking());
    let (points, q) = match scrubbed {
        Some((latents, q)) => (latents, Some(q)),
        None => (latents, ranking.map(|(q, _)| q)),
    };
    let chosen = ranking.map(|(_, chosen)| chosen);
    let range = q.and_then(|q| scale::range(q.iter().copied()));
    // One scale for all steps while they are scrubbed: noise has a deviation of one in every direction.
    let least = if scrubbed.is_some() { 3.0 } else { 0.1 };
    let reach =
        latents.iter().map(|z| plane.place(z)).flat_map(|place| place.map(f64::abs)).fold(least, f64::max);
    let mut order: Vec<usize> = (0..points.len()).collect();
    if let Some(q) = q {
        order.retain(|&index| index < q.len());
        order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    }
    let plan = props.trace.0.run.settings.plan();
    let steps = plan.map_or(0, |plan| plan.sampler.steps + plan.sampler.extra_steps);
    let shown = props.step.unwrap_or(steps).min(steps);
    let oninput = perhaps(&props.dispatch, move |event: InputEvent| {
        let step: usize = event.target_dyn_into::<HtmlInputElement>()?.value().parse().ok()?;
        Some(InsightAction::Denoise(Some(step)).into())
    });
    html! {
        <figure class="latents">
            <svg viewBox="-112 -112 224 224" role="img"
                aria-label={format!("{} latents on the plane of their largest variance, after {shown} of {steps} denoising steps", points.len())}>
                { for order.into_iter().map(|index| {
                    let [x, y] = plane.place(&points[index]).map(|place| (place / reach * HALF).clamp(-110.0, 110.0));
                    let fill = match (q, range) {
                        (Some(q), Some(range)) =>
                            scale::css(Quantity::Quality, props.ground, scale::fraction(q[index], range)),
                        _ => "var(--quiet)".into(),
                    };
                    let class = if chosen == Some(index) {
                        Some("latents__chosen")
                    } else {
                        (props.looked == Some(index)).then_some("latents__looked")
                    };
                    let radius = if class.is_some() { "6" } else { "3.2" };
                    let look = props.dispatch.reform(move |_: PointerEvent| InsightAction::Look(Some(index)).into());
                    html! {
                        <circle {class} cx={format!("{x:.1}")} cy={format!("{:.1}", -y)} r={radius} {fill}
                            onpointerenter={look} />
                    }
                }) }
            </svg>
            <figcaption>
                <p class="quiet">
                    { format!("The {} latents z of this decision, on the plane in which they differ most (neighbours are plans alike, the axes mean nothing by themselves); ", points.len()) }
                    { if q.is_some() { "stronger violet is a higher Q, the ring is the chosen one." } else { "not ranked yet." } }
                </p>
                if props.can_denoise {
                    <label class="latents__scrub">
                        <span>{ if shown == 0 { "pure noise".to_owned() } else { format!("denoising step {shown} of {steps}") } }</span>
                        <input id="denoise" type="range" min="0" max={steps.to_string()} value={shown.to_string()} {oninput}
                            aria-valuetext={format!("after {shown} of {steps} denoising steps")} />
                    </label>
                    if props.step.is_some() {
                        <button id="denoise-end" type="button" class="small"
                            onclick={props.dispatch.reform(|_| InsightAction::Denoise(None).into())}>{ "Back to the finished plans" }</button>
                    }
                }
            </figcaption>
        </figure>
    }
}
