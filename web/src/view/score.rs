//! The scoreboard.

use yew::prelude::*;

use crate::state::{Action, Mean, Scoreboard, ScoringAction, State};

/// Episodes of a press of the button.
const EPISODES: usize = 96;

pub(crate) fn score(state: &State, dispatch: &Callback<Action>) -> Html {
    let running = state.scoring.under_way();
    html! {
        <section class="card" aria-labelledby="score-title">
            <h2 id="score-title">{ "Scoreboard" }</h2>
            <p class="quiet">{ "Many episodes with the settings on this page, with and without revaluation, from the same starts." }</p>
            if let Some(scoreboard) = state.scoring.board() {
                { table(scoreboard) }
            }
            <div class="row">
                if running {
                    <button id="score-stop" type="button" class="small" onclick={dispatch.reform(|_| ScoringAction::Stop.into())}>{ "Stop" }</button>
                } else {
                    <button id="score" type="button" class="small" disabled={state.ready().is_none_or(|(_, weights)| weights.settings.plan().is_none())}
                        onclick={dispatch.reform(|_| ScoringAction::Play(EPISODES).into())}>{ format!("Play {EPISODES} episodes") }</button>
                }
            </div>
        </section>
    }
}

fn table(scoreboard: &Scoreboard) -> Html {
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
                <td>{ words(&scoreboard.scores(which), false) }</td>
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
                    <tr><th scope="row">{ "gain" }</th><td>{ words(&scoreboard.gains(), true) }</td><td></td></tr>
                </tbody>
            </table>
            <p class="quiet" role="status">{ format!("{played} of {} episodes; mean and 95 % interval.", scoreboard.episodes) }</p>
        </>
    }
}
