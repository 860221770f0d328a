//! The table of decisions.

use diar_core::agent::Trace;
use yew::prelude::*;

use super::Same;
use crate::describe::{HEADS, rows};
use crate::state::{Action, CursorAction};

#[derive(PartialEq, Properties)]
pub(crate) struct Props {
    pub trace: Same<Trace>,
    pub current: usize,
    pub dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Decisions(props: &Props) -> Html {
    let rows = use_memo(props.trace.clone(), |trace| rows(&trace.0));
    html! {
        <div class="scroll" tabindex="0" role="region" aria-label="Table of decisions">
            <table id="decisions" data-testid="decisions">
                <thead>
                    <tr><th scope="col">{ "#" }</th>{ for HEADS.iter().map(|head| html! { <th scope="col">{ *head }</th> }) }</tr>
                </thead>
                <tbody>
                    { for rows.iter().map(|row| {
                        let moment = row.moment;
                        let current = row.index == props.current;
                        html! {
                            <tr key={row.index} aria-current={current.then_some("true")}
                                class={classes!(row.dropped.then_some("dropped"), current.then_some("current"))}>
                                <th scope="row">
                                    <button type="button" class="plain" onclick={props.dispatch.reform(move |_| CursorAction::Seek(moment).into())}
                                        aria-label={format!("Go to decision {}", row.index + 1)}>{ row.index + 1 }</button>
                                </th>
                                { for row.cells.iter().map(|cell| html! { <td>{ cell }</td> }) }
                            </tr>
                        }
                    }) }
                </tbody>
            </table>
        </div>
    }
}
