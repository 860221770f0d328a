//! The decision timeline, to look at and to scrub.

use diar_core::agent::Trace;
use web_sys::{Element, HtmlInputElement, PointerEvent};
use yew::prelude::*;

use super::{Same, perhaps};
use crate::describe::short;
use crate::plot::{NARROW, Plot, WIDE, area};
use crate::state::{Action, CursorAction};
use crate::timeline;

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub trace: Same<Trace>,
    pub moment: usize,
    /// There is little room.
    pub narrow: bool,
    /// The run it is compared with.
    #[prop_or_default]
    pub rival: Option<Same<Trace>>,
    pub dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Chart(props: &Props) -> Html {
    let plot =
        use_memo((props.trace.clone(), props.rival.clone(), props.narrow), |(trace, rival, narrow)| {
            let size = if *narrow { NARROW } else { WIDE };
            Plot::of(&trace.0, rival.as_ref().map(|rival| &*rival.0), size)
        });
    let [top, bottom] = area(plot.size);
    let picture = use_node_ref();
    let held = use_mut_ref(|| false);
    let step = timeline::step_at(&props.trace.0, props.moment);
    let last = props.trace.0.steps();
    let cursor = plot.x(step);

    let seek = {
        let (plot, picture, dispatch) = (plot.clone(), picture.clone(), props.dispatch.clone());
        move |event: &PointerEvent| {
            let area = picture.cast::<Element>().map(|picture| picture.get_bounding_client_rect());
            let Some(area) = area.filter(|area| area.width() > 0.0) else { return };
            let fraction = (f64::from(event.client_x()) - area.left()) / area.width();
            dispatch.emit(CursorAction::SeekStep(plot.step(fraction)).into());
        }
    };
    let onpointerdown = {
        let (held, picture, seek) = (held.clone(), picture.clone(), seek.clone());
        Callback::from(move |event: PointerEvent| {
            *held.borrow_mut() = true;
            if let Some(picture) = picture.cast::<Element>() {
                // Without the capture scrubbing just ends at the border.
                let _ = picture.set_pointer_capture(event.pointer_id());
            }
            seek(&event);
        })
    };
    let onpointermove = {
        let held = held.clone();
        Callback::from(move |event: PointerEvent| {
            if *held.borrow() {
                seek(&event);
            }
        })
    };
    let release = Callback::from(move |_: PointerEvent| *held.borrow_mut() = false);
    let oninput = perhaps(&props.dispatch, |event: InputEvent| {
        event
            .target_dyn_into::<HtmlInputElement>()?
            .value()
            .parse()
            .ok()
            .map(|step| CursorAction::SeekStep(step).into())
    });
    let decision = timeline::Glimpse::at(&props.trace.0, props.moment).map_or(0, |glimpse| glimpse.index + 1);
    let lines = |class: &'static str| {
        html! {
            <g {class}>
                <path class="chart__ends" d={plot.ends.clone()} />
                <path class="chart__now" d={plot.now.clone()} />
                { for plot.breaks.iter().map(|x| html! {
                    <g class="chart__break">
                        <path d={format!("M{x:.1} {top}V{bottom}")} />
                        <path d={format!("M{x:.1} {top}l5 -8h-10z")} />
                    </g>
                }) }
            </g>
        }
    };
    html! {
        <div class="chart">
            <svg viewBox={format!("0 0 {} {}", plot.size[0], plot.size[1])} role="img" ref={picture} onpointerup={release.clone()}
                onpointercancel={release} {onpointerdown} {onpointermove}
                aria-label="Value of the current state and of the predicted ends, over environment steps">
                <clipPath id="past"><rect x="0" y="0" width={format!("{:.1}", cursor + 0.5)} height={plot.size[1].to_string()} /></clipPath>
                { for plot.values.iter().map(|&(y, value)| html! {
                    <g class="chart__axis">
                        <path d={format!("M{:.1} {y:.1}H{:.1}", plot.x(0), plot.x(plot.steps))} />
                        <text x={format!("{:.1}", plot.x(0) - 6.0)} y={format!("{:.1}", y + 4.0)} text-anchor="end">{ short(value) }</text>
                    </g>
                }) }
                { for plot.ticks.iter().map(|&(x, step)| html! {
                    <text class="chart__tick" x={format!("{x:.1}")} y={format!("{:.1}", bottom + 18.0)} text-anchor="middle">{ step }</text>
                }) }
                if let Some(rival) = &plot.rival {
                    <path class="chart__rival" d={rival.clone()} />
                }
                { lines("chart__future") }
                <g clip-path="url(#past)">{ lines("chart__past") }</g>
                if let Some(goal) = plot.goal {
                    <path class="chart__goal" d={format!("M{goal:.1} {top}V{bottom}")} />
                }
                <path class="chart__cursor" d={format!("M{cursor:.1} {}V{}", top - 6.0, bottom + 4.0)} />
            </svg>
            <label class="chart__scrub">
                <span class="hidden">{ "Environment step" }</span>
                <input id="scrub" type="range" min="0" max={last.to_string()} value={step.to_string()} {oninput}
                    aria-valuetext={format!("step {step} of {last}, decision {decision}")} />
            </label>
            <p class="quiet">
                <span class="entry"><span class="key key--now"></span>{ "V(now), of the state it is in" }</span>
                <span class="entry"><span class="key key--ends"></span>{ "V(promised end) of the plan" }</span>
                <span class="entry"><span class="key key--break"></span>{ "V(now) is larger: the plan is dropped" }</span>
                if plot.rival.is_some() {
                    <span class="entry"><span class="key key--rival"></span>{ "V(now) of the other run" }</span>
                }
                { "Environment steps across; drag to scrub." }
            </p>
        </div>
    }
}
