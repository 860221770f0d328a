//! The maze: plans to look at, handles on start and goal, walls to build.

use std::rc::Rc;
use std::sync::Arc;

use diar_core::agent::{Scenario, Trace};
use diar_core::maze::{Layout, MazeId};
use web_sys::{HtmlCanvasElement, HtmlElement, PointerEvent};
use yew::prelude::*;

use super::{Same, perhaps};
use crate::geometry::{self, extent, nearest_free, percent, position};
use crate::messages::{Trail, ValueField};
use crate::scale::{Ground, Quantity};
use crate::state::{Action, InsightAction, Layers, RunAction, Tool, WorldAction};
use crate::story::Highlight;
use crate::timeline::Glimpse;
use crate::{describe, draw, keys, scale};

/// How near the pointer must be to a plan to look at it, in metres.
const REACH: f64 = 0.12;

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub maze: MazeId,
    pub scenario: Rc<Scenario>,
    pub trace: Option<Same<Trace>>,
    pub moment: usize,
    pub field: Option<Same<ValueField>>,
    /// The ways that the candidates on display would take.
    #[prop_or_default]
    pub ways: Option<Same<Vec<Vec<[f64; 2]>>>>,
    /// The sampler step that is looked at, and all of them.
    #[prop_or_default]
    pub denoising: Option<(usize, Same<Trail>)>,
    #[prop_or_default]
    pub looked: Option<usize>,
    /// The run it is compared with, and its moment.
    #[prop_or_default]
    pub rival: Option<(Same<Trace>, usize)>,
    #[prop_or_default]
    pub start: [f64; 2],
    /// What the pointer does; without, the maze is only to be seen.
    #[prop_or_default]
    pub tool: Option<Tool>,
    pub layers: Layers,
    #[prop_or_default]
    pub highlight: Option<Highlight>,
    pub paint: u32,
    pub dispatch: Callback<Action>,
}

/// What is being dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handle {
    Start,
    Goal,
}

fn layout_of(maze: MazeId, scenario: &Scenario) -> Arc<Layout> {
    scenario.world.layout(maze).unwrap_or_else(|_| Arc::clone(maze.layout()))
}

#[component]
pub(crate) fn Maze(props: &Props) -> Html {
    let ground = use_node_ref();
    let figure = use_node_ref();
    let frame = use_node_ref();
    let dragged = use_state_eq(|| None::<(Handle, [f64; 2])>);
    let cell = use_state_eq(|| None::<(usize, usize)>);
    let layout =
        use_memo((props.maze, Rc::clone(&props.scenario)), |(maze, scenario)| layout_of(*maze, scenario));

    use_effect_with(
        (props.maze, Rc::clone(&props.scenario), props.field.clone(), props.layers.values, props.paint),
        {
            let ground = ground.clone();
            move |(maze, scenario, field, values, _)| {
                if let Some(sheet) =
                    ground.cast::<HtmlCanvasElement>().and_then(|canvas| draw::Sheet::clear(&canvas))
                {
                    let field = field.as_ref().filter(|_| *values).map(|field| &*field.0);
                    draw::maze::ground(&sheet, &layout_of(*maze, scenario), maze.layout(), field);
                }
            }
        },
    );
    let scene = (
        (props.maze, Rc::clone(&props.scenario)),
        (props.trace.clone(), props.moment),
        (props.ways.clone(), props.denoising.clone(), props.looked),
        props.rival.clone(),
        (props.layers.plans, props.highlight, props.paint),
    );
    use_effect_with(scene, {
        let figure = figure.clone();
        move |((maze, scenario), (trace, moment), (ways, denoising, looked), rival, (plans, highlight, _))| {
            let sheet = figure.cast::<HtmlCanvasElement>().and_then(|canvas| draw::Sheet::clear(&canvas));
            if let (Some(sheet), Some(trace)) = (sheet, trace) {
                let figure = draw::maze::Figure {
                    trace: &trace.0,
                    moment: *moment,
                    ways: ways.as_ref().map(|ways| ways.0.as_slice()),
                    denoising: denoising.as_ref().map(|(step, trail)| (*step, &*trail.0)),
                    looked: *looked,
                    rival: rival.as_ref().map(|(trace, moment)| (&*trace.0, *moment)),
                    show_plans: *plans,
                    highlight: *highlight,
                };
                draw::maze::figure(&sheet, &layout_of(*maze, scenario), &figure);
            }
        }
    });

    let [across, down] = extent(&layout);
    let ratio = format!("aspect-ratio: {across} / {down}; --across: {across}; --down: {down}");
    let label = if props.tool == Some(Tool::Walls) {
        "The maze, seen from above. Arrow keys move from cell to cell, Enter makes a cell wall or floor."
    } else {
        "The maze, seen from above. Arrow keys move the start by 0.1 metres and restart the run."
    };
    let Some(tool) = props.tool else {
        return html! {
            <figure class="maze">
                <div class="maze__frame" style={ratio} role="img" aria-label="The maze of the other run, seen from above.">
                    <canvas ref={ground} aria-hidden="true" />
                    <canvas ref={figure} aria-hidden="true" />
                </div>
            </figure>
        };
    };

    let onkeydown = {
        let (cell, layout) = (cell.clone(), Rc::clone(&layout));
        perhaps(&props.dispatch, move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key() {
                return None;
            }
            if tool == Tool::Walls {
                let here = cell.unwrap_or((1, 1));
                if event.key() == "Enter" || event.key() == " " {
                    event.prevent_default();
                    event.stop_propagation();
                    return Some(WorldAction::ToggleWall(here).into());
                }
                let direction = keys::direction(&event.key())?;
                event.prevent_default();
                event.stop_propagation();
                cell.set(Some(geometry::neighbour(&layout, here, direction)));
                return None;
            }
            let shift = keys::shift(&event.key())?;
            event.prevent_default();
            event.stop_propagation();
            let on_goal = event.target_dyn_into::<HtmlElement>().is_some_and(|target| target.id() == "goal");
            Some(if on_goal {
                WorldAction::MoveGoal(shift).into()
            } else {
                RunAction::MoveStart(shift).into()
            })
        })
    };
    let place = {
        let (frame, layout) = (frame.clone(), Rc::clone(&layout));
        move |event: &PointerEvent| place(&frame.cast::<HtmlElement>()?, &layout, event)
    };
    let grab = |handle: Handle| {
        let (dragged, place, layout) = (dragged.clone(), place.clone(), Rc::clone(&layout));
        Callback::from(move |event: PointerEvent| {
            event.stop_propagation();
            if let Some(target) = event.target_dyn_into::<HtmlElement>() {
                // Without the capture a fast drag would lose the handle; then the drag just ends early.
                let _ = target.set_pointer_capture(event.pointer_id());
            }
            dragged.set(place(&event).map(|wish| (handle, nearest_free(&layout, wish))));
        })
    };
    let onpointermove = {
        let (dragged, place, layout) = (dragged.clone(), place.clone(), Rc::clone(&layout));
        Callback::from(move |event: PointerEvent| {
            if let Some((handle, _)) = *dragged {
                dragged.set(place(&event).map(|wish| (handle, nearest_free(&layout, wish))));
            }
        })
    };
    let release = {
        let (dragged, dispatch) = (dragged.clone(), props.dispatch.clone());
        Callback::from(move |_: PointerEvent| {
            match *dragged {
                Some((Handle::Start, place)) => dispatch.emit(RunAction::Start(Some(place)).into()),
                Some((Handle::Goal, place)) => dispatch.emit(WorldAction::Goal(place).into()),
                None => {}
            }
            dragged.set(None);
        })
    };
    let cancel = {
        let dragged = dragged.clone();
        Callback::from(move |_: PointerEvent| dragged.set(None))
    };
    // Pointing at a plan looks at it; in the other tool a press builds.
    let look = {
        let place = place.clone();
        let (trace, moment, ways) = (props.trace.clone(), props.moment, props.ways.clone());
        let (looked, dragging) = (props.looked, dragged.is_some());
        perhaps(&props.dispatch, move |event: PointerEvent| {
            if tool == Tool::Walls || dragging || event.pointer_type() == "touch" {
                return None;
            }
            let at = place(&event)?;
            let found = trace.as_ref().and_then(|trace| {
                let glimpse = Glimpse::at(&trace.0, moment)?;
                let (ends, _) = glimpse.prediction()?;
                geometry::nearest_plan(ends, ways.as_ref().map(|ways| ways.0.as_slice()), at, REACH)
            });
            (found != looked).then_some(InsightAction::Look(found).into())
        })
    };
    let press = {
        let (place, trace, moment, ways) =
            (place.clone(), props.trace.clone(), props.moment, props.ways.clone());
        perhaps(&props.dispatch, move |event: PointerEvent| {
            let at = place(&event)?;
            if tool == Tool::Walls {
                return geometry::cell_of(at).map(|cell| WorldAction::ToggleWall(cell).into());
            }
            // A finger cannot hover: it taps.
            let glimpse = trace.as_ref().and_then(|trace| Glimpse::at(&trace.0, moment))?;
            let (ends, _) = glimpse.prediction()?;
            let found =
                geometry::nearest_plan(ends, ways.as_ref().map(|ways| ways.0.as_slice()), at, 2.0 * REACH);
            Some(InsightAction::Look(found).into())
        })
    };

    let at = |handle: Handle, place: [f64; 2]| match *dragged {
        Some((held, wish)) if held == handle => wish,
        _ => place,
    };
    let style = |place: [f64; 2]| {
        let [left, top] = percent(&layout, place);
        format!("left: {left:.3}%; top: {top:.3}%")
    };
    let held = |handle: Handle| dragged.is_some_and(|(held, _)| held == handle).then_some("handle--dragged");
    html! {
        <figure class="maze">
            <div class={classes!("maze__frame", (tool == Tool::Walls).then_some("maze__frame--walls"))} style={ratio} ref={frame} id="maze"
                tabindex="0" role="group" aria-label={label} {onkeydown} onpointermove={look} onpointerdown={press}>
                <canvas ref={ground} aria-hidden="true" />
                <canvas ref={figure} aria-hidden="true" />
                if tool == Tool::Walls {
                    if let Some(cell) = *cell {
                        <span class="maze__cell" style={geometry::cell_style(&layout, cell)} aria-live="polite">
                            <span class="hidden">{ describe::cell(&layout, cell) }</span>
                        </span>
                    }
                } else {
                    <span id="goal" class={classes!("handle", "handle--goal", held(Handle::Goal))} style={style(at(Handle::Goal, layout.goal_position()))}
                        title="Drag the goal somewhere else" tabindex="0" role="button" aria-label="Goal: arrow keys move it by 0.1 metres"
                        onpointerdown={grab(Handle::Goal)} onpointermove={onpointermove.clone()} onpointerup={release.clone()}
                        onpointercancel={cancel.clone()}></span>
                    <span id="start" class={classes!("handle", "handle--start", held(Handle::Start))} style={style(at(Handle::Start, props.start))}
                        title="Drag to start somewhere else" onpointerdown={grab(Handle::Start)} {onpointermove} onpointerup={release}
                        onpointercancel={cancel}><span aria-hidden="true">{ "start" }</span></span>
                }
            </div>
            <figcaption>{ legend(props) }</figcaption>
        </figure>
    }
}

/// Where a pointer is on the maze, in metres.
fn place(frame: &HtmlElement, layout: &Layout, event: &PointerEvent) -> Option<[f64; 2]> {
    let area = frame.get_bounding_client_rect();
    if area.width() <= 0.0 || area.height() <= 0.0 {
        return None;
    }
    let left = (f64::from(event.client_x()) - area.left()) / area.width();
    let top = (f64::from(event.client_y()) - area.top()) / area.height();
    Some(position(layout, left, top))
}

fn legend(props: &Props) -> Html {
    let glimpse = props.trace.as_ref().and_then(|trace| Glimpse::at(&trace.0, props.moment));
    let q = glimpse.and_then(|glimpse| scale::range(glimpse.ranking()?.0.iter().copied()));
    let v = props.field.as_ref().and_then(|field| field.0.range());
    let bar = |quantity: Quantity, ground: Ground| {
        let stops: Vec<String> =
            (0_u8..=8).map(|stop| scale::css(quantity, ground, f32::from(stop) / 8.0)).collect();
        format!("linear-gradient(to right, {})", stops.join(", "))
    };
    let entry = |name: &'static str, quantity: Quantity, range: Option<(f32, f32)>| {
        let (low, high) = range.map_or(("–".into(), "–".into()), |(low, high)| {
            (describe::short(low), describe::short(high))
        });
        let style =
            format!("--light: {}; --dark: {}", bar(quantity, Ground::Light), bar(quantity, Ground::Dark));
        html! {
            <span class="legend__scale">
                <span>{ name }</span>
                <span class="legend__number">{ low }</span>
                <span class="legend__bar" {style} aria-hidden="true"></span>
                <span class="legend__number">{ high }</span>
            </span>
        }
    };
    let ways = if props.denoising.is_some() {
        "straight to where each half-made plan would end"
    } else if props.ways.is_some() {
        "each plan decoded into forces and played through the physics"
    } else {
        "straight to each predicted end"
    };
    html! {
        <div class="legend">
            { entry("V of a ball at rest", Quantity::Value, v) }
            { entry("Q of the plans", Quantity::Quality, q) }
            <span class="entry" title={ways}><span class="key key--plan"></span>{ "plans" }<span class="hidden">{ format!(": {ways}") }</span></span>
            <span class="entry"><span class="key key--end"></span>{ "promised end" }</span>
            <span class="entry"><span class="key key--break"></span>{ "plan dropped" }</span>
            <span class="entry"><span class="key key--goal"></span>{ "goal" }</span>
        </div>
    }
}
