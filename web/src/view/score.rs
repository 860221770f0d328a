//! The scoreboard.

use diar_core::task::Task;
use yew::prelude::*;

use crate::state::{Action, Mean, Scoreboard, State};

/// Episodes of a press of the button.
const EPISODES: usize = 96;

pub fn score(state: &State, dispatch: &Callback<Action>) -> Html {
    let running = state.scoreboard.as_ref().is_some_and(|scoreboard| !scoreboard.done);
    html! {
        <section class="card" aria-labelledby="score-title">
            <h2 id="score-title">{ "Scoreboard" }</h2>
            <p class="quiet">{ "Many episodes with the settings on this page, with and without revaluation, from the same starts." }</p>
            if let Some(scoreboard) = &state.scoreboard {
                { table(scoreboard, state.task()) }
            }
            <div class="row">
                if running {
                    <button id="score-stop" type="button" class="small" onclick={dispatch.reform(|_| Action::Stop)}>{ "Stop" }</button>
                } else {
                    <button id="score" type="button" class="small" disabled={state.ready().is_none()}
                        onclick={dispatch.reform(|_| Action::Score(EPISODES))}>{ format!("Play {EPISODES} episodes") }</button>
                }
            </div>
        </section>
    }
}

fn table(scoreboard: &Scoreboard, task: &Task) -> Html {
    let words = |values: &[f64], sign: bool| {
        Mean::of(values).map_or_else(
            || "–".to_owned(),
            |Mean { mean, half }| {
                let text =
                    if sign { format!("{mean:+.1} ± {half:.1}") } else { format!("{mean:.1} ± {half:.1}") };
                text.replace('-', "\u{2212}")
            },
        )
    };
    let row = |name: &'static str, which: usize| {
        let (reached, of) = scoreboard.reached(which);
        html! {
            <tr>
                <th scope="row">{ name }</th>
                <td>{ words(&scoreboard.scores(which, task), false) }</td>
                <td>{ format!("{reached} of {of}") }</td>
            </tr>
        }
    };
    let played = scoreboard.contacts[0].len();
    html! {
        <>
            <table id="scoreboard" class="plain-table">
                <thead><tr><td></td><th scope="col">{ "first contact" }</th><th scope="col">{ "at the goal" }</th></tr></thead>
                <tbody>
                    { row("with", 0) }
                    { row("without", 1) }
                    <tr><th scope="row">{ "gain" }</th><td>{ words(&scoreboard.gains(task), true) }</td><td></td></tr>
                </tbody>
            </table>
            <p class="quiet" role="status">{ format!("{played} of {} episodes; mean and 95 % interval.", scoreboard.episodes) }</p>
        </>
    }
}
