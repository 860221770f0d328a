//! The head of the page: title, mazes, theme, and what the worker is doing.

use diar_core::benchmark::MAZE2D;
use yew::prelude::*;

use crate::describe;
use crate::share;
use crate::state::{Action, DecidingAction, Source, State, Theme, ViewAction, Worker};

pub(crate) fn top(state: &State, dispatch: &Callback<Action>) -> Html {
    html! {
        <header class="top">
            <div class="top__title">
                { logo() }
                <h1>{ "DIAR" }</h1>
                <nav aria-label="Mazes" class="mazes">
                    { for MAZE2D.iter().map(|task| html! {
                        <a href={share::page_of(task.maze())}
                            aria-current={(state.task().id() == task.id()).then_some("true")}>{ describe::maze_name(task.maze()) }</a>
                    }) }
                </nav>
            </div>
            { works(state, dispatch) }
            <div class="top__buttons">
                <button id="tour-begin" type="button" class="small" onclick={dispatch.reform(|_| Action::Tour(Some(0)))}>{ "Tour" }</button>
                { theme(state, dispatch) }
                <button id="help" type="button" class="small" title="Keys (?)" aria-label="Keys"
                    onclick={dispatch.reform(|_| ViewAction::Help(true).into())}>{ "?" }</button>
            </div>
        </header>
    }
}

/// What decides, and how far it has come.
pub(crate) fn works(state: &State, dispatch: &Callback<Action>) -> Html {
    let live = matches!(state.run.source(), Some(Source::Computed(_)));
    // Spoken while it loads; after that it changes with every decision.
    let loading =
        matches!(state.deciding.worker(), Worker::Starting | Worker::Fetching { .. } | Worker::Preparing(_));
    let progress = describe::progress(state);
    html! {
        <div class="top__state">
            <p id="badge" data-testid="badge" class={classes!("badge", live.then_some("badge--live"))}>
                { describe::badge(state) }
            </p>
            <p id="status" data-testid="status" class="status" role={loading.then_some("status")}>{ describe::status(state) }</p>
            if loading {
                <progress aria-label="Loading" max="1" value={progress.map(|value| value.to_string())} />
            }
            if state.deciding.failed() {
                <button id="retry" type="button" class="small" onclick={dispatch.reform(|_| DecidingAction::Retry.into())}>{ "Try again" }</button>
            }
        </div>
    }
}

/// Light, dark, or as the system has it, in turn.
fn theme(state: &State, dispatch: &Callback<Action>) -> Html {
    let (next, sign, words) = match state.view.theme() {
        Theme::System => (Theme::Light, "\u{25D0}", "as the system has it"),
        Theme::Light => (Theme::Dark, "\u{25CB}", "light"),
        Theme::Dark => (Theme::System, "\u{25CF}", "dark"),
    };
    html! {
        <button id="theme" type="button" class="small" title={format!("Theme: {words}")} aria-label={format!("Theme: {words}")}
            onclick={dispatch.reform(move |_| ViewAction::Theme(next).into())}>
            <span aria-hidden="true">{ sign }</span>
        </button>
    }
}

/// A plan, dropped for a better one.
fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <path class="logo__plan" d="M4 25C12 25 10 9 21 8" />
            <path class="logo__way" d="M4 25C9 25 10 19 14 17C19 14.500 24 18 27 22" />
            <circle class="logo__break" cx="13.500" cy="17.300" r="3.400" />
            <circle class="logo__end" cx="27" cy="22" r="2.600" />
        </svg>
    }
}

/// What this is, in one sentence.
pub(crate) fn claim(dispatch: &Callback<Action>) -> Html {
    html! {
        <p class="claim">
            { "An agent that has only ever seen recordings imagines many plans, follows the best one, and " }
            <strong>{ "drops it" }</strong>
            { " as soon as it stands somewhere better than where the plan would end. " }
            <button id="claim-tour" type="button" class="link" onclick={dispatch.reform(|_| Action::Tour(Some(0)))}>
                { "Why? A minute's tour" }
            </button>
        </p>
    }
}
