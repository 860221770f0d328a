//! Components: what the page looks like. They draw from a trace and hold no tensor.

mod chart;
mod controls;
mod decision;
mod decisions;
mod help;
mod latents;
mod maze;
mod notices;
mod settings;
mod share;
pub mod terms;
mod top;
mod weights;

use std::rc::Rc;

use yew::prelude::*;

use crate::describe;
use crate::state::{Action, State};

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
    let trace = state.trace().map(|trace| Same(Rc::clone(trace)));
    let glimpse = state.glimpse();
    html! {
        <>
            { top::top(state, dispatch) }
            { notices::notices(state, dispatch) }
            <main class="columns">
                <section class="card" aria-labelledby="maze-title">
                    <h2 id="maze-title" class="hidden">{ "The maze" }</h2>
                    <maze::Maze
                        maze={state.task().maze}
                        trace={trace.clone()}
                        moment={state.at}
                        field={state.field.as_ref().map(|field| Same(Rc::clone(field)))}
                        start={state.start()}
                        {paint}
                        dispatch={dispatch.clone()}
                    />
                    <p id="outcome" class="outcome" data-testid="outcome">{ describe::outcome(state) }</p>
                    if let Some(agreement) = describe::agreement(state) {
                        <p id="agreement" class="agreement" data-testid="agreement">{ agreement }</p>
                    }
                    { controls::controls(state, dispatch) }
                </section>
                <div class="column">
                    <section class="card" aria-labelledby="decision-title">
                        { decision::decision(state, glimpse.as_ref()) }
                        if let Some(trace) = trace.clone() {
                            <latents::Latents {trace} index={glimpse.map_or(0, |glimpse| glimpse.index)}
                                parts={glimpse.map_or(0, |glimpse| glimpse.parts.min(3))} />
                        }
                    </section>
                    <section class="card" aria-labelledby="chart-title">
                        <h2 id="chart-title">{ "Timeline" }</h2>
                        if let Some(trace) = trace.clone() {
                            <chart::Chart {trace} moment={state.at} dispatch={dispatch.clone()} />
                        } else {
                            <p class="quiet">{ "The values of a run appear here." }</p>
                        }
                    </section>
                </div>
                { settings::settings(state, dispatch) }
                <div class="column">
                    { share::share(state, address, dispatch) }
                    { weights::weights(state) }
                </div>
            </main>
            <section class="card" aria-labelledby="decisions-title">
                <h2 id="decisions-title">{ "Decisions" }</h2>
                if let Some(trace) = trace {
                    <decisions::Decisions {trace} current={glimpse.map_or(0, |glimpse| glimpse.index)}
                        dispatch={dispatch.clone()} />
                } else {
                    <p class="quiet">{ "The decisions of a run appear here." }</p>
                }
            </section>
            { help::about() }
            <help::Help open={state.help} dispatch={dispatch.clone()} />
        </>
    }
}
