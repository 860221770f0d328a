//! The maze itself: move the goal, build walls, and train the critic for what has changed.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::describe;
use crate::state::{Action, Critic, RetrainingAction, RetrainingJob, State, Tool, ViewAction, WorldAction};

pub(crate) fn world(state: &State, dispatch: &Callback<Action>) -> Html {
    let tool = |tool: Tool, id: &'static str, words: &'static str| {
        html! {
            <button {id} type="button" class={classes!("small", (state.world.tool() == tool).then_some("chosen"))}
                aria-pressed={(state.world.tool() == tool).to_string()} onclick={dispatch.reform(move |_| WorldAction::Tool(tool).into())}>{ words }</button>
        }
    };
    let [x, y] = state.layout().goal_position();
    let changed = state.scenario().world.clone() != diar_core::maze::World::default();
    html! {
        <section class="card" aria-labelledby="world-title">
            <h2 id="world-title">{ "World" }</h2>
            <div class="row" role="group" aria-label="What the pointer does on the maze">
                { tool(Tool::Start, "tool-move", "Move start and goal") }
                { tool(Tool::Walls, "tool-walls", "Build walls") }
                <button id="reset-world" type="button" class="small" disabled={!changed}
                    onclick={dispatch.reform(|_| WorldAction::Restore.into())}>{ "As it was" }</button>
            </div>
            <p class="quiet" id="world-words">
                { match state.world.tool() {
                    Tool::Start => format!("Drag the start or the ring of the goal; with the keyboard, focus one of them and use the arrows. Goal: x {x:.2} m, y {y:.2} m."),
                    Tool::Walls => "Click a cell to make it wall or floor; with the keyboard, focus the maze, move with the arrows and press Enter.".to_owned(),
                } }
            </p>
            if let Some(warning) = describe::world_warning(state) {
                <p class="honest" role="note" id="world-warning">{ warning }</p>
            }
            <Critics job={state.retraining.job().cloned()} critic={state.retraining.critic()} misled={state.critic_misled()}
                ready={state.ready().is_some_and(|(_, weights)| weights.settings.plan().is_some())} dispatch={dispatch.clone()} />
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct CriticsProps {
    job: Option<RetrainingJob>,
    critic: Critic,
    /// The goal is not where the critic thinks it is.
    misled: bool,
    ready: bool,
    dispatch: Callback<Action>,
}

/// Training Q and V in the page.
#[component]
fn Critics(props: &CriticsProps) -> Html {
    let (expectile, discount, target) = (use_node_ref(), use_node_ref(), use_node_ref());
    let dispatch = &props.dispatch;
    // Given once: what is chosen here stays while training and goal change.
    use_effect_with((), {
        let fields = [(expectile.clone(), "0.9"), (discount.clone(), "0.99")];
        move |()| {
            for (field, value) in fields {
                if let Some(field) = field.cast::<HtmlInputElement>() {
                    field.set_value(value);
                }
            }
        }
    });
    let begin = {
        let (expectile, discount, target) = (expectile.clone(), discount.clone(), target.clone());
        super::perhaps(dispatch, move |_: MouseEvent| {
            let number = |field: &NodeRef| field.cast::<HtmlInputElement>()?.value().parse::<f64>().ok();
            let ldcq = target.cast::<HtmlSelectElement>()?.value() == "ldcq";
            let within = |value: &f64| (0.0..1.0).contains(value);
            Some(match (number(&expectile).filter(within), number(&discount).filter(within)) {
                (Some(expectile), Some(discount)) => {
                    RetrainingAction::Begin { expectile, discount, ldcq }.into()
                }
                _ => ViewAction::Invalid("Expectile and discount must be numbers between 0 and 1.".into())
                    .into(),
            })
        })
    };
    let learned = matches!(props.critic, Critic::Retrained { .. });
    html! {
        <details class="lessons" open={props.misled || props.job.is_some() || learned}>
            <summary>{ "Train Q and V here" }</summary>
            <p class="quiet">
                { "Where the goal is matters to stage 3 alone. The recorded windows that come with the weights get new rewards, and Q and V \
                   are trained on them in your browser, with latents drawn from the diffusion model." }
            </p>
            <div class="settings">
                <label><span>{ "Expectile τ" }</span>
                    <input id="lesson-expectile" type="number" min="0.5" max="0.99" step="0.01" ref={expectile.clone()} /></label>
                <label><span>{ "Discount γ" }</span>
                    <input id="lesson-discount" type="number" min="0.9" max="0.999" step="0.001" ref={discount.clone()} /></label>
                <label><span>{ "Target of Q" }</span>
                    <select id="lesson-target" ref={target}>
                        <option value="diar">{ "DIAR: R + γV" }</option>
                        <option value="ldcq">{ "LDCQ: R + γ max Q" }</option>
                    </select></label>
            </div>
            if let Some(job) = &props.job {
                <progress id="lesson-progress" max="1" aria-label="Training"
                    value={(job.total > 0).then(|| (job.step as f64 / job.total as f64).to_string())} />
                <p class="quiet" id="lesson-words">{ describe::retraining(job) }</p>
                { losses(&job.losses) }
                <button id="lesson-stop" type="button" class="small" onclick={dispatch.reform(|_| RetrainingAction::Stop.into())}>{ "Stop" }</button>
            } else {
                <div class="row">
                    <button id="lesson-begin" type="button" class={classes!("small", props.misled.then_some("primary"))}
                        disabled={!props.ready} onclick={begin}>{ "Train for this goal" }</button>
                    if learned {
                        <button id="unlearn" type="button" class="small" onclick={dispatch.reform(|_| RetrainingAction::Revert.into())}>
                            { "Back to the shipped critic" }</button>
                    }
                </div>
                if let Critic::Retrained { settings, seconds } = props.critic {
                    <p class="quiet" id="lesson-done">{ describe::retrained(&settings, seconds) }</p>
                }
            }
        </details>
    }
}

/// Both losses over the steps, each scaled to its own largest.
fn losses(losses: &[[f64; 2]]) -> Html {
    if losses.len() < 2 {
        return html! {};
    }
    let line = |which: usize| {
        let most = losses.iter().map(|pair| pair[which]).fold(1e-12, f64::max);
        let points = losses.iter().enumerate().map(|(index, pair)| {
            let x = 200.0 * index as f64 / (losses.len() - 1) as f64;
            format!("{x:.1},{:.1}", 48.0 - 46.0 * pair[which] / most)
        });
        points.collect::<Vec<_>>().join(" ")
    };
    html! {
        <svg class="losses" viewBox="0 0 200 50" preserveAspectRatio="none" role="img" aria-label="Losses of V and Q so far">
            <polyline class="losses__value" points={line(0)} />
            <polyline class="losses__quality" points={line(1)} />
        </svg>
    }
}
