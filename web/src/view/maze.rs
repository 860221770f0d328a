//! The maze, with a handle on the start that can be dragged or moved by the arrow keys.

use diar_core::agent::Trace;
use diar_core::maze::{Layout, MazeId};
use web_sys::{HtmlCanvasElement, HtmlElement, PointerEvent};
use yew::prelude::*;

use super::{Same, perhaps};
use crate::geometry::{extent, nearest_free, percent, position};
use crate::messages::ValueField;
use crate::state::Action;
use crate::{describe, draw, keys, scale};

#[derive(PartialEq, Properties)]
pub struct Props {
    pub maze: MazeId,
    pub trace: Option<Same<Trace>>,
    pub moment: usize,
    pub field: Option<Same<ValueField>>,
    pub start: [f64; 2],
    pub paint: u32,
    pub dispatch: Callback<Action>,
}

#[component]
pub fn Maze(props: &Props) -> Html {
    let ground = use_node_ref();
    let figure = use_node_ref();
    let frame = use_node_ref();
    let dragged = use_state_eq(|| None::<[f64; 2]>);
    let layout = props.maze.layout();

    use_effect_with((props.maze, props.field.clone(), props.paint), {
        let ground = ground.clone();
        move |(maze, field, _)| {
            if let Some(canvas) = ground.cast::<HtmlCanvasElement>() {
                draw::maze::ground(&canvas, maze.layout(), field.as_ref().map(|field| &*field.0));
            }
        }
    });
    use_effect_with((props.maze, props.trace.clone(), props.moment, props.paint), {
        let figure = figure.clone();
        move |(maze, trace, moment, _)| {
            if let (Some(canvas), Some(trace)) = (figure.cast::<HtmlCanvasElement>(), trace) {
                draw::maze::figure(&canvas, maze.layout(), &trace.0, *moment);
            }
        }
    });

    let onkeydown = perhaps(&props.dispatch, |event: KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key() {
            return None;
        }
        let shift = keys::shift(&event.key())?;
        event.prevent_default();
        event.stop_propagation();
        Some(Action::MoveStart(shift))
    });
    let place = {
        let frame = frame.clone();
        move |event: &PointerEvent| place(&frame.cast::<HtmlElement>()?, layout, event)
    };
    let onpointerdown = {
        let dragged = dragged.clone();
        let place = place.clone();
        Callback::from(move |event: PointerEvent| {
            if let Some(handle) = event.target_dyn_into::<HtmlElement>() {
                // Without the capture a fast drag would lose the handle; then the drag just ends early.
                let _ = handle.set_pointer_capture(event.pointer_id());
            }
            dragged.set(place(&event));
        })
    };
    let onpointermove = {
        let dragged = dragged.clone();
        Callback::from(move |event: PointerEvent| {
            if dragged.is_some() {
                dragged.set(place(&event));
            }
        })
    };
    let onpointerup = {
        let (dragged, dispatch) = (dragged.clone(), props.dispatch.clone());
        Callback::from(move |_: PointerEvent| {
            if let Some(place) = *dragged {
                dispatch.emit(Action::Start(Some(place)));
            }
            dragged.set(None);
        })
    };
    let onpointercancel = {
        let dragged = dragged.clone();
        Callback::from(move |_: PointerEvent| dragged.set(None))
    };

    let start = dragged.unwrap_or(props.start);
    let [left, top] = percent(layout, start);
    let [across, down] = extent(layout);
    let ratio = format!("aspect-ratio: {across} / {down}");
    html! {
        <figure class="maze">
            <div class="maze__frame" style={ratio} ref={frame} id="maze" tabindex="0" role="group" {onkeydown}
                aria-label="The maze, seen from above. Arrow keys move the start by 0.1 metres and restart the run.">
                <canvas ref={ground} aria-hidden="true" />
                <canvas ref={figure} aria-hidden="true" />
                <span id="start" class={classes!("maze__start", dragged.is_some().then_some("maze__start--dragged"))}
                    style={format!("left: {left:.3}%; top: {top:.3}%")} title="Drag to start somewhere else"
                    {onpointerdown} {onpointermove} {onpointerup} {onpointercancel}>
                    <span aria-hidden="true">{ "start" }</span>
                </span>
                <span class="maze__axes" aria-hidden="true">{ "x \u{2193} \u{a0} y \u{2192}" }</span>
            </div>
            <figcaption>{ legend(props) }</figcaption>
        </figure>
    }
}

/// Where a pointer is on the maze, moved to where the ball fits.
fn place(frame: &HtmlElement, layout: &Layout, event: &PointerEvent) -> Option<[f64; 2]> {
    let area = frame.get_bounding_client_rect();
    if area.width() <= 0.0 || area.height() <= 0.0 {
        return None;
    }
    let left = (f64::from(event.client_x()) - area.left()) / area.width();
    let top = (f64::from(event.client_y()) - area.top()) / area.height();
    Some(nearest_free(layout, position(layout, left, top)))
}

fn legend(props: &Props) -> Html {
    let glimpse = props.trace.as_ref().and_then(|trace| crate::timeline::Glimpse::at(&trace.0, props.moment));
    let q = glimpse.and_then(|glimpse| scale::range(glimpse.ranking()?.0.iter().copied()));
    let v = props.field.as_ref().and_then(|field| field.0.range());
    let stops: Vec<String> = (0_u8..=8).map(|stop| scale::css(f32::from(stop) / 8.0)).collect();
    let bar = format!("background: linear-gradient(to right, {})", stops.join(", "));
    let scale = |name: &'static str, range: Option<(f32, f32)>| {
        let (low, high) = range.map_or(("–".into(), "–".into()), |(low, high)| {
            (describe::number(low), describe::number(high))
        });
        html! {
            <span class="legend__scale">
                <span>{ name }</span>
                <span class="legend__number">{ low }</span>
                <span class="legend__bar" style={bar.clone()} aria-hidden="true"></span>
                <span class="legend__number">{ high }</span>
            </span>
        }
    };
    html! {
        <div class="legend">
            { scale("V at rest", v) }
            { scale("Q of the plans", q) }
            <p class="quiet">
                { "Each line leads straight to the end that the state decoder predicts for one sampled plan; the way \
                   there is not predicted. The thick one was chosen. " }
                <span class="entry"><span class="key key--end"></span>{ "predicted end" }</span>
                <span class="entry"><span class="key key--break"></span>{ "plan dropped" }</span>
                <span class="entry"><span class="key key--goal"></span>{ "goal" }</span>
            </p>
        </div>
    }
}
