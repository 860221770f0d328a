//! Explanations: the list of keys, and what one sees.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::terms;
use crate::describe::PARTS;
use crate::keys::KEYS;
use crate::state::{Action, State, ViewAction};

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub open: bool,
    pub dispatch: Callback<Action>,
}

/// The list of keys, in a dialog.
#[component]
pub(crate) fn Help(props: &Props) -> Html {
    let dialog = use_node_ref();
    use_effect_with(props.open, {
        let dialog = dialog.clone();
        move |&open| {
            let Some(dialog) = dialog.cast::<HtmlDialogElement>() else { return };
            if open && !dialog.open() {
                let _ = dialog.show_modal();
            } else if !open && dialog.open() {
                dialog.close();
            }
        }
    });
    let close = props.dispatch.reform(|_: MouseEvent| ViewAction::Help(false).into());
    let onclose = props.dispatch.reform(|_: Event| ViewAction::Help(false).into());
    html! {
        <dialog ref={dialog} id="keys" aria-labelledby="keys-title" {onclose}>
            <h2 id="keys-title">{ "Keys" }</h2>
            <dl class="keys">
                { for KEYS.iter().map(|(key, effect)| html! { <div><dt><kbd>{ *key }</kbd></dt><dd>{ *effect }</dd></div> }) }
            </dl>
            <button type="button" onclick={close}>{ "Close" }</button>
        </dialog>
    }
}

/// What one sees, in words, and what it is in formulas.
pub(crate) fn about(state: &State) -> Html {
    html! {
        <>
            <section class="card about" aria-labelledby="about-title">
                <h2 id="about-title">{ "What you see" }</h2>
                <p>
                    { "A ball has learned, from recordings alone, to reach the ring in a maze. It never searches: for each decision a \
                       diffusion model imagines many plans, each a short list of numbers (a latent z). Q says what each is worth, a \
                       decoder turns the best one into forces, and a state decoder predicts where it leads." }
                </p>
                <p>
                    { "While it follows a plan, it keeps comparing: is the state it is in now already worth more than the end it was \
                       promised? Then it drops the plan and decides anew. This is Adaptive Revaluation; switch it off to see the \
                       difference. On the maze, a darker (in the dark, a brighter) teal is a higher V of a ball at rest; each violet line \
                       is one plan, decoded into forces and played through the physics, the ring is where the state decoder promises \
                       that the chosen one will end." }
                </p>
                <dl class="about__parts">
                    { for PARTS.iter().map(|&(_, name, purpose)| html! { <div><dt>{ name }</dt><dd>{ purpose }</dd></div> }) }
                </dl>
            </section>
            <terms::Formulas phase={state.glimpse().and_then(|glimpse| glimpse.phase())} />
        </>
    }
}
