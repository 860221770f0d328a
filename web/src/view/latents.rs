//! The candidates in latent space: their first two numbers, coloured by Q once ranked.

use diar_core::agent::Trace;
use yew::prelude::*;

use super::Same;
use crate::scale;
use crate::timeline::Glimpse;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub trace: Same<Trace>,
    pub index: usize,
    /// Parts of the decision that have happened; beyond three nothing changes here.
    pub parts: usize,
}

/// Half the side of the cloud, in units of the picture.
const HALF: f64 = 100.0;

#[component]
pub fn Latents(props: &Props) -> Html {
    let decision = Glimpse::whole(&props.trace.0, props.index).map(|whole| whole.after(props.parts));
    let Some(latents) = decision.and_then(|decision| decision.latents()) else { return html! {} };
    let ranking = decision.and_then(|decision| decision.ranking());
    let range = ranking.and_then(|(q, _)| scale::range(q.iter().copied()));
    let points: Vec<[f64; 2]> =
        latents.iter().map(|z| [0, 1].map(|axis| f64::from(z.get(axis).copied().unwrap_or(0.0)))).collect();
    // The cloud fills the picture, with one scale for both numbers.
    let bounds = [0, 1].map(|axis| {
        let values = points.iter().map(|point| point[axis]);
        values.fold([f64::MAX, f64::MIN], |[low, high], value| [low.min(value), high.max(value)])
    });
    let reach = bounds.iter().map(|[low, high]| (high - low) / 2.0).fold(1e-6, f64::max);
    let place = |point: [f64; 2]| {
        let [x, y] =
            [0, 1].map(|axis| (point[axis] - f64::midpoint(bounds[axis][0], bounds[axis][1])) / reach * HALF);
        [x, -y]
    };
    let mut order: Vec<usize> = (0..points.len()).collect();
    if let Some((q, _)) = ranking {
        order.retain(|&index| index < q.len());
        order.sort_by(|&a, &b| q[a].total_cmp(&q[b]));
    }
    html! {
        <figure class="latents">
            <svg viewBox="-112 -112 224 224" role="img" aria-label="Sampled latents, first two of their numbers">
                { for order.into_iter().map(|index| {
                    let [x, y] = place(points[index]);
                    let fill = match (ranking, range) {
                        (Some((q, _)), Some(range)) => scale::css(scale::fraction(q[index], range)),
                        _ => "var(--quiet)".into(),
                    };
                    let chosen = ranking.is_some_and(|(_, chosen)| chosen == index);
                    html! {
                        <circle class={chosen.then_some("latents__chosen")} cx={format!("{x:.1}")} cy={format!("{y:.1}")}
                            r={if chosen { "6" } else { "3.2" }} {fill} />
                    }
                }) }
            </svg>
            <figcaption class="quiet">
                { format!("The {} sampled latents z: first number across, second up; ", latents.len()) }
                { if ranking.is_some() { "coloured by Q, the chosen one ringed." } else { "not ranked yet." } }
            </figcaption>
        </figure>
    }
}
