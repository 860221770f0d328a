//! The comparison that revaluation makes: what the state is worth now, and what the plan has promised.

use diar_core::agent::{Outcome, Trace};
use yew::prelude::*;

use crate::describe::number;
use crate::scale;
use crate::timeline::Glimpse;

pub(crate) fn gauge(trace: &Trace, glimpse: &Glimpse) -> Html {
    let all =
        trace.decisions.iter().flat_map(|decision| decision.v_now.iter().chain(&decision.v_end).copied());
    let Some((low, high)) = scale::range(all) else { return html! {} };
    let room = (high - low).max(1e-3) * 0.08;
    let share = |value: f32| 100.0 * scale::fraction(value, (low - room, high + room));
    let now = glimpse.v_now().last().copied();
    let end = glimpse.prediction().map(|(_, value)| value);
    let dropped = matches!(glimpse.outcome(), Some(Outcome::Revalued { .. }));
    let row = |id: &'static str, name: &'static str, value: Option<f32>| {
        html! {
            <div class={format!("gauge__row gauge__row--{id}")}>
                <span class="gauge__name">{ name }</span>
                <span class="gauge__track" aria-hidden="true">
                    if let Some(value) = value {
                        <span class="gauge__bar" style={format!("width: {:.2}%", share(value))}></span>
                    }
                    if let Some(end) = end {
                        <span class="gauge__mark" style={format!("left: {:.2}%", share(end))}></span>
                    }
                </span>
                <span class="gauge__value">{ value.map_or_else(|| "–".to_owned(), number) }</span>
            </div>
        }
    };
    let verdict = match (now, end) {
        (Some(now), Some(end)) if dropped => {
            format!("{} more than promised: the plan is dropped.", number(now - end))
        }
        (Some(now), Some(end)) if now > end => format!("{} more than promised.", number(now - end)),
        (Some(now), Some(end)) => format!("The plan still promises {} more.", number(end - now)),
        _ => "Not compared yet.".to_owned(),
    };
    html! {
        <div class={classes!("gauge", dropped.then_some("gauge--dropped"))} id="gauge">
            { row("now", "V(now)", now) }
            { row("end", "V(promised end)", end) }
            <p class="gauge__verdict">{ verdict }</p>
        </div>
    }
}
