//! Components: what the page looks like. They draw from a trace and hold no tensor.

mod candidate;
mod chart;
mod compare;
mod controls;
mod decision;
mod decisions;
mod field;
mod gauge;
mod help;
mod latents;
mod maze;
mod notices;
mod score;
mod settings;
mod share;
mod terms;
mod top;
mod tour;
mod weights;
mod world;

use std::rc::Rc;

use yew::prelude::*;

use crate::describe;
use crate::state::{Action, SharingAction, State};

/// A shared value in properties: equal only to itself, so that comparing is cheap.
#[derive(Debug)]
pub struct Same<T>(pub Rc<T>);

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// A callback that dispatches the action of an event, if it has one.
fn perhaps<E: 'static>(
    dispatch: &Callback<Action>,
    action: impl Fn(E) -> Option<Action> + 'static,
) -> Callback<E> {
    let dispatch = dispatch.clone();
    Callback::from(move |event| {
        if let Some(action) = action(event) {
            dispatch.emit(action);
        }
    })
}

/// The whole page. `paint` changes when everything must be painted anew; `address` is the link to the moment shown.
pub fn page(state: &State, paint: u32, address: &str, dispatch: &Callback<Action>) -> Html {
    if state.view.embed() {
        return embedded(state, paint, address, dispatch);
    }
    let trace = state.trace().map(|trace| Same(Rc::clone(trace)));
    let glimpse = state.glimpse();
    html! {
        <>
            { top::top(state, dispatch) }
            { notices::notices(state, dispatch) }
            <main>
                { top::claim(dispatch) }
                { stage(state, paint, dispatch) }
                <div class="shelf">
                    { compare::compare(state, dispatch) }
                    { world::world(state, dispatch) }
                    { score::score(state, dispatch) }
                    { settings::settings(state, dispatch) }
                    { share::share(state, address, dispatch) }
                    { weights::weights(state, dispatch) }
                </div>
                <section class="card" aria-labelledby="decisions-title">
                    <h2 id="decisions-title">{ "Decisions" }</h2>
                    { decision::numbers(state, glimpse.as_ref()) }
                    if let Some(trace) = trace {
                        <decisions::Decisions {trace} current={glimpse.map_or(0, |glimpse| glimpse.index)}
                            dispatch={dispatch.clone()} />
                    } else {
                        <p class="quiet">{ "The decisions of a run appear here." }</p>
                    }
                </section>
            </main>
            { help::about(state) }
            <terms::Cards />
            <help::Help open={state.view.help()} dispatch={dispatch.clone()} />
        </>
    }
}

/// Maze, decision and timeline: the figure that everything else is about.
fn stage(state: &State, paint: u32, dispatch: &Callback<Action>) -> Html {
    let trace = state.trace().map(|trace| Same(Rc::clone(trace)));
    let glimpse = state.glimpse();
    let rival = state.trace().and_then(|main| state.comparison.run()?.glance(main, state.cursor.at()));
    html! {
        <div class={classes!("stage", rival.is_some().then_some("stage--two"))}>
            <section class="card stage__maze" aria-labelledby="maze-title">
                <h2 id="maze-title" class="hidden">{ "The maze" }</h2>
                { maze(state, paint, dispatch) }
                <div class="stage__foot">
                    <p id="outcome" class="outcome" data-testid="outcome">{ describe::outcome(state) }</p>
                    { controls::layers(state, dispatch) }
                </div>
                if let Some(agreement) = describe::agreement(state) {
                    <p id="agreement" class="agreement" data-testid="agreement">
                        { agreement }
                        if state.run.can_show_recomputed() {
                            <button id="show-recomputed" type="button" class="small"
                                onclick={dispatch.reform(|_| SharingAction::ShowRecomputed.into())}>{ "Show the run computed here" }</button>
                        }
                    </p>
                }
            </section>
            if let (Some((other, moment)), Some(beside)) = (rival, state.comparison.run()) {
                <section class="card stage__rival" aria-labelledby="rival-title" id="rival">
                    <h2 id="rival-title">{ format!("Other run: {}", describe::versus(beside)) }</h2>
                    <maze::Maze maze={state.task().maze()} scenario={Rc::new(other.run.scenario.clone())} trace={Some(Same(Rc::clone(other)))}
                        {moment} field={field(state).filter(|_| other.run.settings.plan().is_some())} layers={state.view.layers()} {paint} dispatch={dispatch.clone()} />
                    <p class="outcome">{ describe::other_outcome(state, other, moment) }</p>
                </section>
            }
            <div class="stage__side">
                { tour::tour(state, dispatch) }
                <section class="card" aria-labelledby="decision-title">
                    { decision::decision(state, glimpse.as_ref(), dispatch) }
                    { candidate::candidate(state, dispatch) }
                    if let Some(trace) = trace.clone() {
                        <latents::Latents {trace} index={glimpse.map_or(0, |glimpse| glimpse.index)}
                            parts={glimpse.map_or(0, |glimpse| glimpse.parts.min(3))}
                            trail={state.insight.trail().map(|trail| Same(Rc::clone(trail)))}
                            step={state.insight.step()} looked={state.insight.looked()} can_denoise={state.can_look()}
                            ground={state.ground()} dispatch={dispatch.clone()} />
                    }
                </section>
            </div>
            <section class="card stage__time" aria-labelledby="chart-title">
                <h2 id="chart-title" class="hidden">{ "Timeline" }</h2>
                { controls::controls(state, dispatch) }
                if let Some(trace) = trace {
                    <chart::Chart {trace} moment={state.cursor.at()} narrow={narrow()} dispatch={dispatch.clone()}
                        rival={rival.map(|(other, _)| Same(Rc::clone(other)))} />
                } else {
                    <p class="quiet">{ "The values of a run appear here." }</p>
                }
            </section>
        </div>
    }
}

/// Whether the page is as narrow as a phone. A change of size renders the page anew.
fn narrow() -> bool {
    let width = web_sys::window().and_then(|window| window.inner_width().ok()?.as_f64());
    width.is_some_and(|width| width < 600.0)
}

fn field(state: &State) -> Option<Same<crate::messages::ValueField>> {
    state.field().map(|field| Same(Rc::clone(field)))
}

fn maze(state: &State, paint: u32, dispatch: &Callback<Action>) -> Html {
    let insight = &state.insight;
    let denoising = insight.step().zip(insight.trail()).map(|(step, trail)| (step, Same(Rc::clone(trail))));
    html! {
        <maze::Maze
            maze={state.task().maze()}
            scenario={Rc::new(state.scenario().clone())}
            trace={state.trace().map(|trace| Same(Rc::clone(trace)))}
            moment={state.cursor.at()}
            field={field(state)}
            ways={insight.ways().map(|ways| Same(Rc::clone(ways)))}
            {denoising}
            looked={insight.looked()}
            rival={state.trace().and_then(|main| {
                let (trace, moment) = state.comparison.run()?.glance(main, state.cursor.at())?;
                Some((Same(Rc::clone(trace)), moment))
            })}
            start={state.start()}
            tool={Some(state.world.tool())}
            layers={state.view.layers()}
            highlight={state.tour.scene().map(|scene| scene.highlight)}
            {paint}
            dispatch={dispatch.clone()}
        />
    }
}

/// The figure alone, for other pages.
fn embedded(state: &State, paint: u32, address: &str, dispatch: &Callback<Action>) -> Html {
    html! {
        <main class="embed">
            { notices::notices(state, dispatch) }
            { stage(state, paint, dispatch) }
            <terms::Cards />
            <p class="embed__foot">
                { top::works(state, dispatch) }
                <a id="embed-open" href={describe::whole_page(address)} target="_blank" rel="noopener">{ "Open in the whole page" }</a>
            </p>
        </main>
    }
}
