//! What the user must know: one line each, to be put away.

use yew::prelude::*;

use crate::state::{Action, Level, State, ViewAction};

pub(crate) fn notices(state: &State, dispatch: &Callback<Action>) -> Html {
    let first = |level| state.view.notices().iter().position(|notice| notice.level == level);
    let gravest = first(Level::Error).or_else(|| first(Level::Warning));
    html! {
        <div class="notices" aria-live="polite">
            { for state.view.notices().iter().enumerate().map(|(index, notice)| {
                let (class, role) = match notice.level {
                    Level::Info => ("notice", None),
                    Level::Warning => ("notice notice--warning", None),
                    Level::Error => ("notice notice--error", Some("alert")),
                };
                let id = (gravest == Some(index)).then_some("error");
                html! {
                    <div key={notice.text.clone()} {class} {role} {id} data-testid={id}>
                        <p>{ &notice.text }</p>
                        <button type="button" class="plain" aria-label="Put this message away"
                            onclick={dispatch.reform(move |_| ViewAction::Dismiss(index).into())}>{ "\u{2715}" }</button>
                    </div>
                }
            }) }
        </div>
    }
}
